//! Addresses as typed: host names are looked up, everything else is read as it stands.
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs, UdpSocket};

use sendrec_kernel::Discovery;
use sendrec_names::{NAME_SERVER_ID, Name};
use sendrec_stubs::binder::BINDER_ID;
use sendrec_trap::{Address, LocalId, Machine, SparseId, Target};

const FORM: &str =
    "write HOST:PORT/ID, for example 127.0.0.1:7000/1, or sparse:9f3c2a0b1d4e5f60, or name:files";

/// Whom an address means, in the three forms of slides 15 and 16.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    /// A process at a place, or with a sparse id.
    Target(Target),
    /// Whoever has this name.
    Named(Name),
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(target) => target.fmt(f),
            Self::Named(name) => name.fmt(f),
        }
    }
}

/// `HOST:PORT/ID`, `sparse:ID` or `name:NAME`.
pub(crate) fn parse_whom(text: &str) -> Result<Whom, String> {
    if text.starts_with(Name::PREFIX) {
        return text.parse().map(Whom::Named).map_err(|error| format!("'{text}': {error}"));
    }
    parse_target(text).map(Whom::Target)
}

/// `HOST:PORT/ID` or `sparse:ID`.
fn parse_target(text: &str) -> Result<Target, String> {
    if text.starts_with(SparseId::PREFIX) {
        return text.parse().map(Target::Sparse).map_err(|error| format!("'{text}': {error}"));
    }
    parse_place(text).map(Target::Place)
}

/// `HOST:PORT/ID`.
pub(crate) fn parse_place(text: &str) -> Result<Address, String> {
    let (machine, local) = text.rsplit_once('/').ok_or_else(|| format!("no local id: {FORM}"))?;
    let local = local.parse().map_err(|_| format!("'{local}' is no local id: {FORM}"))?;
    Ok(Address::new(Machine::new(parse_socket(machine)?), LocalId(local)))
}

/// The name server: `sparse:ID`, `HOST:PORT/ID`, or `HOST:PORT` with its well-known id.
pub(crate) fn parse_names(text: &str) -> Result<Target, String> {
    parse_well_known(text, NAME_SERVER_ID, "the name server")
}

/// The binder, by its well-known local id if none is given.
pub(crate) fn parse_binder(text: &str) -> Result<Target, String> {
    parse_well_known(text, BINDER_ID, "the binder")
}

fn parse_well_known(text: &str, id: LocalId, what: &str) -> Result<Target, String> {
    if text.starts_with(Name::PREFIX) {
        return Err(format!("{what} cannot be named by a name: write HOST:PORT"));
    }
    if text.starts_with(SparseId::PREFIX) || text.contains('/') {
        return parse_target(text);
    }
    Ok(Address::new(Machine::new(parse_socket(text)?), id).into())
}

/// A sparse id, or `new` for one chosen at random.
pub(crate) fn parse_sparse(text: &str) -> Result<SparseId, String> {
    if text == "new" {
        return random().map(SparseId);
    }
    text.parse().map_err(|error| format!("{error}, or new"))
}

/// A number that nobody else has chosen.
pub(crate) fn random() -> Result<u64, String> {
    getrandom::u64().map(|number| number.max(1)).map_err(|error| format!("no random number: {error}"))
}

/// How everyone is asked: as [`Discovery`] is written, with host names in a list.
pub(crate) fn parse_discovery(text: &str) -> Result<Discovery, String> {
    if let Ok(discovery) = text.parse() {
        return Ok(discovery);
    }
    if text.contains('@') {
        return text.parse::<Discovery>().map_err(|error| error.to_string());
    }
    let machines = text.split(',').map(parse_socket).collect::<Result<_, _>>()?;
    Discovery::of(machines).map_err(|error| error.to_string())
}

/// `HOST:PORT`.
pub(crate) fn parse_socket(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if !text.contains(':') {
        return Err(format!("'{text}' has no port: write HOST:PORT, for example 127.0.0.1:7000"));
    }
    let mut found = text.to_socket_addrs().map_err(|error| format!("'{text}': {error}"))?;
    found.next().ok_or_else(|| format!("'{text}': no such host"))
}

/// The local address from which `remote` is reached, with a port the system is to choose. Nothing is sent.
pub(crate) fn local_address_toward(remote: Machine) -> std::io::Result<SocketAddr> {
    let remote = remote.socket_addr();
    let probe = UdpSocket::bind(any_like(remote.ip()))?;
    probe.connect(remote)?;
    let mut local = probe.local_addr()?;
    local.set_port(0);
    Ok(local)
}

/// All addresses of the kind of `ip`, with a port the system is to choose.
pub(crate) fn any_like(ip: IpAddr) -> SocketAddr {
    if ip.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { ([0u16; 8], 0).into() }
}

#[cfg(test)]
mod tests {
    use super::{parse_discovery, parse_names, parse_sparse, parse_whom};

    #[test]
    fn all_forms_of_an_address_are_read() {
        for text in ["127.0.0.1:7000/1", "[::1]:7000/12", "sparse:9f3c2a0b1d4e5f60", "name:files"] {
            assert_eq!(parse_whom(text).unwrap().to_string(), text);
        }
        assert_eq!(parse_whom("sparse:7").unwrap().to_string(), "sparse:0000000000000007");
        assert!(parse_whom("localhost:7000/1").unwrap().to_string().ends_with(":7000/1"));
        for (text, said) in [
            ("127.0.0.1:7000", "no local id"),
            ("files", "no local id"),
            ("127.0.0.1/1", "has no port"),
            ("sparse:", "hexadecimal"),
            ("sparse:xyz", "hexadecimal"),
            ("name:", "printable ASCII"),
            ("name:two words", "printable ASCII"),
        ] {
            let error = parse_whom(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn the_name_server_may_be_said_without_its_id() {
        assert_eq!(parse_names("127.0.0.1:7001").unwrap().to_string(), "127.0.0.1:7001/2");
        assert_eq!(parse_names("127.0.0.1:7001/5").unwrap().to_string(), "127.0.0.1:7001/5");
        assert_eq!(parse_names("sparse:7").unwrap().to_string(), "sparse:0000000000000007");
        assert!(parse_names("name:names").is_err());
    }

    #[test]
    fn a_new_sparse_id_is_new_and_a_list_may_have_host_names() {
        assert_ne!(parse_sparse("new"), parse_sparse("new"));
        assert_eq!(parse_sparse("7"), parse_sparse("sparse:7"));
        assert!(parse_sparse("seven").unwrap_err().contains("or new"));
        assert!(parse_discovery("localhost:7000").unwrap().to_string().ends_with(":7000"));
        assert!(parse_discovery("localhost").unwrap_err().contains("has no port"));
    }
}
