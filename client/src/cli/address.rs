//! Addresses as typed: host names are looked up, everything else is read as it stands.
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};

use sendrec_trap::{Address, LocalId, Machine};

/// A process's address, looked up.
pub(crate) type ServerAddress = Address;

/// `HOST:PORT/ID`.
pub(crate) fn parse_server(text: &str) -> Result<ServerAddress, String> {
    const FORM: &str = "write HOST:PORT/ID, for example 127.0.0.1:7000/1";
    let (machine, local) = text.rsplit_once('/').ok_or_else(|| format!("no local id: {FORM}"))?;
    let local = local.parse().map_err(|_| format!("'{local}' is no local id: {FORM}"))?;
    Ok(Address::new(Machine::new(parse_socket(machine)?), LocalId(local)))
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
    let any: SocketAddr = if remote.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let probe = UdpSocket::bind(any)?;
    probe.connect(remote)?;
    let mut local = probe.local_addr()?;
    local.set_port(0);
    Ok(local)
}
