//! Who is who: machines, processes, incarnations, transactions.
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::str::FromStr;

use alloc::string::String;

/// A machine number (slide 15): the address and port at which a kernel is reached, normalised.
///
/// An IPv4-mapped IPv6 address is the IPv4 address; flow label and scope do not count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(into = "String", try_from = "String"))]
pub struct Machine {
    ip: IpAddr,
    port: u16,
    scope: u32,
}

impl Machine {
    /// The machine reached at `address`.
    pub fn new(address: SocketAddr) -> Self {
        let scope = match address {
            SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => v6.scope_id(),
            _ => 0,
        };
        Self { ip: address.ip().to_canonical(), port: address.port(), scope }
    }

    /// Where to send a datagram for this machine.
    pub fn socket_addr(self) -> SocketAddr {
        match self.ip {
            IpAddr::V4(ip) => SocketAddr::new(IpAddr::V4(ip), self.port),
            IpAddr::V6(ip) => SocketAddr::V6(core::net::SocketAddrV6::new(ip, self.port, 0, self.scope)),
        }
    }
}

impl Machine {
    /// Not a machine but all of them: whom a broadcast is sent to (slide 16).
    pub const EVERYONE: Self = Self { ip: IpAddr::V4(core::net::Ipv4Addr::BROADCAST), port: 0, scope: 0 };

    /// Whether this is [`Machine::EVERYONE`].
    pub fn is_everyone(self) -> bool {
        self == Self::EVERYONE
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket_addr().fmt(f)
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket_addr().fmt(f)
    }
}

impl FromStr for Machine {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        text.parse().map(Self::new).map_err(|_| AddressError::Machine)
    }
}

impl From<Machine> for String {
    fn from(machine: Machine) -> Self {
        alloc::format!("{machine}")
    }
}

impl TryFrom<String> for Machine {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

/// A process's number on its machine: well known (a file server is 1) or handed out upward, never reused in one boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LocalId(pub u32);

impl LocalId {
    /// The kernel itself, which asks on behalf of requests that were forwarded to other machines.
    pub const KERNEL: Self = Self(0);
    /// Ids from here on are handed out; those below, from 1 up, are chosen and well known.
    pub const FIRST_HANDED_OUT: Self = Self(1_000);

    /// Whether the kernel has chosen it: then another boot gives it to somebody else.
    pub const fn is_handed_out(self) -> bool {
        self.0 >= Self::FIRST_HANDED_OUT.0
    }
}

impl fmt::Display for LocalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Machine number and local id (slide 15): where a process is, written `127.0.0.1:7000/1`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Address {
    /// The kernel it lives on.
    pub machine: Machine,
    /// Its number there.
    pub local: LocalId,
}

impl Address {
    /// Process `local` of `machine`.
    pub const fn new(machine: Machine, local: LocalId) -> Self {
        Self { machine, local }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.machine, self.local)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (machine, local) = text.rsplit_once('/').ok_or(AddressError::NoLocalId)?;
        let local = local.parse().map_err(|_| AddressError::LocalId)?;
        Ok(Self { machine: machine.parse()?, local: LocalId(local) })
    }
}

/// A globally unique number of a process, chosen at random from so many that no two are equal (slide 16). It says
/// nothing about the process's place, which is found by broadcast. Written `sparse:9f3c2a0b1d4e5f60`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(into = "String", try_from = "String"))]
pub struct SparseId(pub u64);

impl SparseId {
    /// What an address by sparse id begins with.
    pub const PREFIX: &str = "sparse:";
}

impl fmt::Display for SparseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:016x}", Self::PREFIX, self.0)
    }
}

impl fmt::Debug for SparseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SparseId {
    type Err = AddressError;

    /// Takes the number with or without its prefix: 1 to 16 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let digits = text.strip_prefix(Self::PREFIX).unwrap_or(text);
        let right = (1..=16).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = if right { u64::from_str_radix(digits, 16).ok() } else { None };
        number.map(Self).ok_or(AddressError::Sparse)
    }
}

impl From<SparseId> for String {
    fn from(sparse: SparseId) -> Self {
        alloc::format!("{sparse}")
    }
}

impl TryFrom<String> for SparseId {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

/// Whom a request is for: a process in a known place, or one that is to be found (slide 16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The process at this address.
    Place(Address),
    /// The process with this sparse id, wherever it is.
    Sparse(SparseId),
}

impl From<Address> for Target {
    fn from(address: Address) -> Self {
        Self::Place(address)
    }
}

impl From<SparseId> for Target {
    fn from(sparse: SparseId) -> Self {
        Self::Sparse(sparse)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(address) => address.fmt(f),
            Self::Sparse(sparse) => sparse.fmt(f),
        }
    }
}

impl FromStr for Target {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.starts_with(SparseId::PREFIX) {
            return text.parse().map(Self::Sparse);
        }
        text.parse().map(Self::Place)
    }
}

/// Why a text is no address. The caller's mistake; nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `/ID` at its end.
    #[error("no local id: write HOST:PORT/ID, for example 127.0.0.1:7000/1")]
    NoLocalId,
    /// What follows the `/` is no number.
    #[error("the local id behind the '/' is not a number from 0 to 4294967295")]
    LocalId,
    /// What stands before the `/` is no `HOST:PORT`.
    #[error("the machine is not IP:PORT: write 127.0.0.1:7000 or [::1]:7000")]
    Machine,
    /// What should be a sparse id is none.
    #[error("a sparse id is 1 to 16 hexadecimal digits: write sparse:9f3c2a0b1d4e5f60")]
    Sparse,
}

/// One number per boot of a machine, larger than the last. 0 is *blank*: not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch of a machine of which none is known.
    pub const BLANK: Self = Self(0);

    /// Whether this says nothing.
    pub const fn is_blank(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_blank() { f.write_str("-") } else { self.0.fmt(f) }
    }
}

/// The number of a request, counted per client process and server machine. 0 belongs to no request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sequence(pub u64);

impl Sequence {
    /// The number of a packet that belongs to no request.
    pub const NONE: Self = Self(0);

    /// The one `steps` further on.
    #[must_use]
    pub const fn plus(self, steps: u64) -> Self {
        Self(self.0.saturating_add(steps))
    }

    /// How far this stands above `floor`; `None` below it.
    pub const fn above(self, floor: Self) -> Option<u64> {
        self.0.checked_sub(floor.0)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a packet, counted per machine, every copy its own: two traces are joined by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PacketNumber(pub u64);

impl fmt::Display for PacketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Random bits that only one who received our packet can echo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Nonce(pub u64);

/// Where a datagram came from, or goes: the machine, and our own address it was sent to where the driver knows it,
/// so that one answers from the address one was asked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The machine at the other end.
    pub remote: Machine,
    /// Our address at this end; `None` where the socket has but one.
    pub local: Option<IpAddr>,
}

impl Path {
    /// The path to `remote` from a socket with one address.
    pub const fn to(remote: Machine) -> Self {
        Self { remote, local: None }
    }
}
