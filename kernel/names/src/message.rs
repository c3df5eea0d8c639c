//! The message of the name server, and how it goes into bytes.
//!
//! | bytes | field | meaning |
//! |---|---|---|
//! | 0 | operation | [`Operation`] |
//! | 1 | code | [`Code`]; 0 in a request |
//! | 2-9 | token | of REGISTER and DEREGISTER: who may change the name; else 0 |
//! | 10 | length of name | bytes |
//! | 11- | name | what it begins with, for LIST |
//! | then | body | see below |
//!
//! | operation | body of the request | body of the answer |
//! |---|---|---|
//! | REGISTER | place | - |
//! | DEREGISTER | - | - |
//! | LOOKUP | - | place |
//! | LIST | the name behind which to go on, or nothing | entries: length of name (1), name, place |
//!
//! | place | bytes behind its first, the kind |
//! |---|---|
//! | 4 | IPv4 address (4), port (2), local id (4) |
//! | 6 | IPv6 address (16), port (2), scope (4), local id (4) |
//! | 8 | sparse id (8) |
//!
//! Network byte order. Who asks is the kernel's to say: it comes with every message.
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use sendrec_trap::{Address, LocalId, Machine, SparseId, Target};

use crate::name::{NAME_BYTES_MAX, Name};

/// Bytes of a message without name and body.
pub const FIXED_BYTES: usize = 11;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Operation {
    /// Give the name to the process at the place.
    Register = 1,
    /// Take the name back.
    Deregister = 2,
    /// Say where the name's process is.
    Lookup = 3,
    /// Say which names there are, in their order.
    List = 4,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Register, Self::Deregister, Self::Lookup, Self::List];

    /// The operation of this number.
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| *operation as u8 == number)
    }
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(non_camel_case_types)] // As the file server's, which are the lecture's.
pub enum Code {
    /// Done.
    OK = 0,
    /// No such operation.
    E_BAD_OPERATION = 1,
    /// The message is not of the form above.
    E_BAD_MESSAGE = 2,
    /// It is no name.
    E_BAD_NAME = 3,
    /// Nobody can be reached at the place.
    E_BAD_PLACE = 4,
    /// The token is 0, which is nobody's.
    E_BAD_TOKEN = 5,
    /// Nobody has the name.
    E_NOT_FOUND = 6,
    /// Another token holds the name, and its process lives.
    E_HELD = 7,
    /// As many names are registered as may be, or from this machine.
    E_FULL = 8,
    /// The server asks too many holders already whether they live.
    E_BUSY = 9,
    /// Messages of the server's kernel are too small for the entry of one name.
    E_NO_SPACE = 10,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::OK,
        Self::E_BAD_OPERATION,
        Self::E_BAD_MESSAGE,
        Self::E_BAD_NAME,
        Self::E_BAD_PLACE,
        Self::E_BAD_TOKEN,
        Self::E_NOT_FOUND,
        Self::E_HELD,
        Self::E_FULL,
        Self::E_BUSY,
        Self::E_NO_SPACE,
    ];

    /// The code of this number.
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|code| *code as u8 == number)
    }

    /// In words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::OK => "done",
            Self::E_BAD_OPERATION => "the name server has no such operation",
            Self::E_BAD_MESSAGE => "the name server did not understand the message",
            Self::E_BAD_NAME => "not a name (1 to 255 printable ASCII characters without spaces)",
            Self::E_BAD_PLACE => "nobody can be reached at the place to be registered",
            Self::E_BAD_TOKEN => "the token 0 is nobody's",
            Self::E_NOT_FOUND => "nobody has registered this name",
            Self::E_HELD => "a server has this name, and lives",
            Self::E_FULL => "no more names can be registered there",
            Self::E_BUSY => "the name server is busy; try again",
            Self::E_NO_SPACE => "an entry does not fit into the name server's messages",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({self:?})", self.text())
    }
}

/// Who may change a name: a number that its owner has chosen at random and tells nobody else. 0 is nobody's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Token(pub u64);

impl Token {
    /// Nobody's.
    pub const NONE: Self = Self(0);
}

/// The bytes are no message of the name server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message of the name server")]
pub struct BadMessage;

/// A request or an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameMessage {
    /// What is to be done; any number can be sent.
    pub operation: u8,
    /// How it went, in an answer.
    pub code: u8,
    /// By whom.
    pub token: Token,
    /// With which name, any bytes.
    pub name: Bytes,
    /// And what.
    pub body: Bytes,
}

impl NameMessage {
    /// A request about `name`.
    pub fn request(operation: Operation, token: Token, name: &str) -> Self {
        let name = Bytes::copy_from_slice(name.as_bytes());
        Self { operation: operation as u8, token, name, ..Self::default() }
    }

    /// The bytes to send. A name over 255 bytes is cut there, which no server accepts anyway.
    pub fn encode(&self) -> BytesMut {
        let name = &self.name[..self.name.len().min(NAME_BYTES_MAX)];
        let mut bytes = BytesMut::with_capacity(FIXED_BYTES + name.len() + self.body.len());
        bytes.put_u8(self.operation);
        bytes.put_u8(self.code);
        bytes.put_u64(self.token.0);
        bytes.put_u8(name.len() as u8);
        bytes.put_slice(name);
        bytes.put_slice(&self.body);
        bytes
    }

    /// The message in `bytes`, nothing copied.
    pub fn decode(mut bytes: Bytes) -> Result<Self, BadMessage> {
        if bytes.len() < FIXED_BYTES {
            return Err(BadMessage);
        }
        let (operation, code, token) = (bytes.get_u8(), bytes.get_u8(), Token(bytes.get_u64()));
        let name_bytes = usize::from(bytes.get_u8());
        if bytes.len() < name_bytes {
            return Err(BadMessage);
        }
        let name = bytes.split_to(name_bytes);
        Ok(Self { operation, code, token, name, body: bytes })
    }
}

const KIND_V4: u8 = 4;
const KIND_V6: u8 = 6;
const KIND_SPARSE: u8 = 8;
/// Bytes of the longest place.
pub(crate) const PLACE_BYTES_MAX: usize = 1 + 16 + 2 + 4 + 4;

/// Appends a place.
pub(crate) fn encode_place(place: Target, into: &mut BytesMut) {
    let address = match place {
        Target::Place(address) => address,
        Target::Sparse(sparse) => {
            into.put_u8(KIND_SPARSE);
            into.put_u64(sparse.0);
            return;
        }
    };
    match address.machine.socket_addr() {
        SocketAddr::V4(v4) => {
            into.put_u8(KIND_V4);
            into.put_slice(&v4.ip().octets());
            into.put_u16(v4.port());
        }
        SocketAddr::V6(v6) => {
            into.put_u8(KIND_V6);
            into.put_slice(&v6.ip().octets());
            into.put_u16(v6.port());
            into.put_u32(v6.scope_id());
        }
    }
    into.put_u32(address.local.0);
}

/// Takes a place from the front of `bytes`.
pub(crate) fn decode_place(bytes: &mut Bytes) -> Result<Target, BadMessage> {
    let kind = bytes.try_get_u8().map_err(|_| BadMessage)?;
    let short = |_| BadMessage;
    let socket = match kind {
        KIND_SPARSE => return Ok(Target::Sparse(SparseId(bytes.try_get_u64().map_err(short)?))),
        KIND_V4 => {
            let ip = Ipv4Addr::from(bytes.try_get_u32().map_err(short)?);
            SocketAddr::new(IpAddr::V4(ip), bytes.try_get_u16().map_err(short)?)
        }
        KIND_V6 => {
            let ip = Ipv6Addr::from(bytes.try_get_u128().map_err(short)?);
            let port = bytes.try_get_u16().map_err(short)?;
            SocketAddrV6::new(ip, port, 0, bytes.try_get_u32().map_err(short)?).into()
        }
        _ => return Err(BadMessage),
    };
    let local = LocalId(bytes.try_get_u32().map_err(short)?);
    Ok(Target::Place(Address::new(Machine::new(socket), local)))
}

/// Whether anybody can be reached there at all.
pub(crate) fn is_reachable(place: Target) -> bool {
    let Target::Place(Address { machine, local }) = place else { return true };
    let socket = machine.socket_addr();
    let ip = socket.ip();
    let single = !(ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST));
    single && socket.port() != 0 && local != LocalId::KERNEL
}

/// Appends an entry of a LIST, if it fits. False if it does not.
pub(crate) fn encode_entry(name: &Name, place: Target, into: &mut BytesMut, bytes_max: usize) -> bool {
    let text = name.as_str().as_bytes();
    if into.len() + 1 + text.len() + PLACE_BYTES_MAX > bytes_max {
        return false;
    }
    into.put_u8(text.len() as u8);
    into.put_slice(text);
    encode_place(place, into);
    true
}

/// The entries of an answer to LIST.
pub(crate) fn decode_entries(mut bytes: Bytes) -> Result<Vec<(Name, Target)>, BadMessage> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let name_bytes = usize::from(bytes.get_u8());
        if bytes.len() < name_bytes {
            return Err(BadMessage);
        }
        let name = Name::new(&bytes.split_to(name_bytes)).map_err(|_| BadMessage)?;
        entries.push((name, decode_place(&mut bytes)?));
    }
    Ok(entries)
}

impl From<BadMessage> for Code {
    fn from(_: BadMessage) -> Self {
        Self::E_BAD_MESSAGE
    }
}

impl From<crate::name::BadName> for Code {
    fn from(_: crate::name::BadName) -> Self {
        Self::E_BAD_NAME
    }
}
