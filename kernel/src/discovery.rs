//! How LOCATE reaches everyone (slide 16): by IP multicast, or by asking a list of machines one by one.
//!
//! It always leaves by the node's main socket, so that its source is the machine and HERE comes back there. Deliberately
//! not here: how a node hears that it is asked by multicast, which is the ear's business.
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use parking_lot::Mutex;
use sendrec_core::wire::{PacketType, View};
use sendrec_core::{Machine, Path};

use crate::boot::{BootError, is_wildcard};
use crate::socket::Socket;

/// The machines one list may name. Each is sent a packet for every LOCATE.
const MACHINES_MAX: usize = 256;
/// A LOCATE does not leave the local network.
const HOPS: u32 = 1;

/// How a node asks everyone who has a sparse id.
///
/// Written `off`; `239.83.82.1:7083`, a multicast group, `239.83.82.1:7083@192.168.1.5` with the interface to use; or
/// `127.0.0.1:7000,127.0.0.1:7001`, a list of machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Discovery {
    /// Nobody is asked.
    #[default]
    Off,
    /// Who has joined this group is asked.
    Multicast {
        /// The group and its port. The interface of an IPv6 group is its scope id; 0 leaves it to the system.
        group: SocketAddr,
        /// The local address of the interface to use for an IPv4 group. `None` uses the one the node listens on; a node
        /// that listens on all uses loopback and the system's default.
        interface: Option<IpAddr>,
        /// Whether this node hears when it is asked; a node none of whose processes has a sparse id need not.
        listen: bool,
    },
    /// These machines are asked, each with a packet of its own.
    Machines(Vec<SocketAddr>),
}

impl Discovery {
    /// The group used where nothing else is said: administratively scoped, and nobody else's by registration.
    pub const DEFAULT_GROUP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 83, 82, 1)), 7083);

    /// What these addresses mean: one multicast group, or a list of machines.
    pub fn of(addresses: Vec<SocketAddr>) -> Result<Self, DiscoveryError> {
        if let [group] = addresses[..]
            && group.ip().is_multicast()
        {
            if group.port() == 0 {
                return Err(DiscoveryError::NoPort(group));
            }
            return Ok(Self::Multicast { group, interface: None, listen: false });
        }
        if addresses.is_empty() || addresses.len() > MACHINES_MAX {
            return Err(DiscoveryError::Count(addresses.len()));
        }
        for address in &addresses {
            if address.ip().is_multicast() {
                return Err(DiscoveryError::GroupInList(*address));
            }
            if address.port() == 0 || address.ip().is_unspecified() {
                return Err(DiscoveryError::NoMachine(*address));
            }
        }
        Ok(Self::Machines(addresses))
    }

    /// The same, and by multicast the node hears when it is asked.
    #[must_use]
    pub fn listening(self) -> Self {
        match self {
            Self::Multicast { group, interface, .. } => Self::Multicast { group, interface, listen: true },
            other => other,
        }
    }
}

impl fmt::Display for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Multicast { group, interface: None, .. } => group.fmt(f),
            Self::Multicast { group, interface: Some(interface), .. } => write!(f, "{group}@{interface}"),
            Self::Machines(machines) => {
                for (number, machine) in machines.iter().enumerate() {
                    write!(f, "{}{machine}", if number == 0 { "" } else { "," })?;
                }
                Ok(())
            }
        }
    }
}

impl FromStr for Discovery {
    type Err = DiscoveryError;

    fn from_str(text: &str) -> Result<Self, DiscoveryError> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let (addresses, at) = match text.split_once('@') {
            Some((group, interface)) => (group, Some(interface)),
            None => (text, None),
        };
        let read = |text: &str| text.parse().map_err(|_| DiscoveryError::Address(text.to_owned()));
        let discovery = Self::of(addresses.split(',').map(read).collect::<Result<_, _>>()?)?;
        match (discovery, at) {
            (Self::Multicast { group, listen, .. }, Some(at)) => {
                let interface = at.parse().map_err(|_| DiscoveryError::Interface(at.to_owned()))?;
                Ok(Self::Multicast { group, interface: Some(interface), listen })
            }
            (_, Some(at)) => Err(DiscoveryError::Interface(at.to_owned())),
            (discovery, None) => Ok(discovery),
        }
    }
}

/// Why a text or a list says no way to ask everyone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// It is no address.
    #[error(
        "'{0}' is no IP:PORT: write off, a group (239.83.82.1:7083), or machines (127.0.0.1:7000,127.0.0.1:7001)"
    )]
    Address(String),
    /// Behind the @ stands no address, or there is no group before it.
    #[error("'{0}' is no interface: write GROUP:PORT@IP, the IP being this machine's own")]
    Interface(String),
    /// A group without a port.
    #[error("the group {0} needs a port, for example 7083")]
    NoPort(SocketAddr),
    /// A list that names a group.
    #[error("{0} is a multicast group: name one group, or machines alone")]
    GroupInList(SocketAddr),
    /// Nobody can be sent to there.
    #[error("{0} is no machine that can be asked")]
    NoMachine(SocketAddr),
    /// No machines or too many.
    #[error("{0} machines cannot be asked: name 1 to {MACHINES_MAX}")]
    Count(usize),
}

/// The interfaces of an IPv4 group for a node bound to `bound`. Of several those that the system refuses are left out.
pub(crate) fn interfaces(interface: Option<IpAddr>, bound: SocketAddr) -> io::Result<Vec<Ipv4Addr>> {
    let named = interface.or_else(|| (!is_wildcard(bound.ip())).then(|| bound.ip()));
    match named.map(|ip| ip.to_canonical()) {
        Some(IpAddr::V4(ip)) => Ok(vec![ip]),
        Some(IpAddr::V6(ip)) => Err(invalid(format!("an IPv4 group, and {ip} is an IPv6 address"))),
        None => Ok(vec![Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED]),
    }
}

pub(crate) fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why.into())
}

/// Brings a LOCATE to everyone.
pub(crate) enum Caller {
    Nobody,
    Group {
        group: SocketAddr,
        /// Of an IPv4 group, one after the other. The socket has one at a time: who sets it sends under the lock.
        interfaces: Mutex<Vec<Ipv4Addr>>,
    },
    Machines(Vec<Machine>),
}

impl Caller {
    /// Prepares the main socket, bound to `bound`.
    pub(crate) fn new(discovery: &Discovery, socket: &Socket, bound: SocketAddr) -> Result<Self, BootError> {
        match discovery {
            Discovery::Off => Ok(Self::Nobody),
            Discovery::Machines(machines) => {
                Ok(Self::Machines(machines.iter().map(|machine| Machine::new(*machine)).collect()))
            }
            Discovery::Multicast { group, interface, .. } => Self::group(socket, *group, *interface, bound)
                .map_err(|source| BootError::Multicast { group: *group, listen: bound, source }),
        }
    }

    fn group(
        socket: &Socket,
        group: SocketAddr,
        interface: Option<IpAddr>,
        bound: SocketAddr,
    ) -> io::Result<Self> {
        let options = socket.options();
        let interfaces = match group {
            SocketAddr::V4(_) if bound.is_ipv6() => {
                return Err(invalid("an IPv4 group cannot be asked from an IPv6 address"));
            }
            SocketAddr::V4(_) => {
                options.set_multicast_ttl_v4(HOPS)?;
                options.set_multicast_loop_v4(true)?;
                let mut interfaces = interfaces(interface, bound)?;
                if let [only] = interfaces[..] {
                    options.set_multicast_if_v4(&only)?;
                } else {
                    interfaces.retain(|interface| options.set_multicast_if_v4(interface).is_ok());
                }
                interfaces
            }
            SocketAddr::V6(v6) if bound.is_ipv6() => {
                options.set_multicast_hops_v6(HOPS)?;
                options.set_multicast_loop_v6(true)?;
                options.set_multicast_if_v6(v6.scope_id())?;
                Vec::new()
            }
            SocketAddr::V6(_) => return Err(invalid("an IPv6 group cannot be asked from an IPv4 address")),
        };
        Ok(Self::Group { group, interfaces: Mutex::new(interfaces) })
    }

    /// Sends a packet to everyone but this machine. A packet other than LOCATE is not for everyone, and goes nowhere.
    pub(crate) fn call(&self, socket: &Socket, here: Machine, bytes: &[u8]) {
        if !is_locate(bytes) {
            log::debug!("{here}: a packet that is no LOCATE was for everyone, and was not sent");
            return;
        }
        match self {
            Self::Nobody => log::debug!("{here}: LOCATE goes nowhere: discovery is off"),
            Self::Machines(machines) => {
                for machine in machines.iter().filter(|machine| **machine != here) {
                    socket.send(Path::to(*machine), bytes);
                }
            }
            Self::Group { group, interfaces } => {
                let path = Path::to(Machine::new(*group));
                let interfaces = interfaces.lock();
                if interfaces.len() < 2 {
                    socket.send(path, bytes);
                    return;
                }
                for interface in interfaces.iter() {
                    match socket.options().set_multicast_if_v4(interface) {
                        Ok(()) => socket.send(path, bytes),
                        Err(error) => log::debug!("{here}: LOCATE not sent by {interface}: {error}"),
                    }
                }
            }
        }
    }
}

pub(crate) fn is_locate(bytes: &[u8]) -> bool {
    matches!(View::peek(bytes), Some((PacketType::Locate, _)))
}

#[cfg(test)]
mod tests {
    use super::{Discovery, DiscoveryError};

    #[test]
    fn what_is_written_is_read_as_it_was_meant() {
        for text in
            ["off", "239.83.82.1:7083", "239.83.82.1:7083@192.168.1.5", "[ff05::5352]:7083", "127.0.0.1:7000"]
        {
            assert_eq!(text.parse::<Discovery>().unwrap().to_string(), text);
        }
        let list = "127.0.0.1:7000,[::1]:7001";
        let Ok(Discovery::Machines(machines)) = list.parse() else { panic!("it is a list") };
        assert_eq!(machines.len(), 2);
        assert_eq!(Discovery::Machines(machines).to_string(), list);
        assert!(matches!("239.83.82.1:7083".parse(), Ok(Discovery::Multicast { listen: false, .. })));
        let group = Discovery::of(vec![Discovery::DEFAULT_GROUP]).unwrap().listening();
        assert!(matches!(group, Discovery::Multicast { listen: true, .. }));
    }

    #[test]
    fn what_cannot_be_asked_is_named() {
        for (text, said) in [
            ("", "'' is no IP:PORT"),
            ("127.0.0.1", "'127.0.0.1' is no IP:PORT"),
            ("127.0.0.1:7000,", "'' is no IP:PORT"),
            ("239.83.82.1:0", "needs a port"),
            ("239.83.82.1:7083@lo", "'lo' is no interface"),
            ("127.0.0.1:7000@127.0.0.1", "is no interface"),
            ("127.0.0.1:7000,239.83.82.1:7083", "is a multicast group"),
            ("0.0.0.0:7000", "is no machine that can be asked"),
            ("127.0.0.1:0", "is no machine that can be asked"),
        ] {
            let error = text.parse::<Discovery>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
        let many = vec!["127.0.0.1:7000".parse().unwrap(); super::MACHINES_MAX + 1];
        assert_eq!(Discovery::of(many), Err(DiscoveryError::Count(super::MACHINES_MAX + 1)));
    }
}
