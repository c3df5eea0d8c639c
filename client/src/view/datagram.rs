//! Datagrams as they would have been on a network: IP and UDP headers round a packet, with right checksums.
//!
//! Deliberately not here: Ethernet. Nobody knows the stations' addresses, and captures can do without.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sendrec_core::Machine;

const UDP: u8 = 17;
pub(crate) const UDP_HEADER_BYTES: usize = 8;
const IPV4_HEADER_BYTES: usize = 20;
const HOPS: u8 = 64;

/// Bytes that fit into one datagram of either version.
pub(super) const PAYLOAD_BYTES_MAX: usize = u16::MAX as usize - UDP_HEADER_BYTES - IPV4_HEADER_BYTES;

/// The packet from `from` to `to`, at most [`PAYLOAD_BYTES_MAX`] long. A broadcast goes to the port that its sender
/// has, since that of all is not known.
pub(crate) fn datagram(from: Machine, to: Machine, payload: &[u8]) -> Vec<u8> {
    let (source, mut destination) = (from.socket_addr(), to.socket_addr());
    if to.is_everyone() {
        destination.set_port(source.port());
        if source.is_ipv6() {
            destination.set_ip(IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)));
        }
    }
    let mut udp = Vec::with_capacity(UDP_HEADER_BYTES + payload.len());
    udp.extend(source.port().to_be_bytes());
    udp.extend(destination.port().to_be_bytes());
    udp.extend(((UDP_HEADER_BYTES + payload.len()) as u16).to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(payload);
    match (source.ip(), destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => ipv4(source, destination, udp),
        (source, destination) => ipv6(mapped(source), mapped(destination), udp),
    }
}

fn mapped(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

fn ipv4(source: Ipv4Addr, destination: Ipv4Addr, mut udp: Vec<u8>) -> Vec<u8> {
    let pseudo =
        [&source.octets()[..], &destination.octets(), &[0, UDP], &(udp.len() as u16).to_be_bytes()].concat();
    fill_in_checksum(&mut udp, &pseudo);
    let mut bytes = vec![0x45, 0];
    bytes.extend(((IPV4_HEADER_BYTES + udp.len()) as u16).to_be_bytes());
    // No identification is needed of what may not be cut.
    bytes.extend([0, 0, 0x40, 0, HOPS, UDP, 0, 0]);
    bytes.extend(source.octets());
    bytes.extend(destination.octets());
    let sum = checksum(&[&bytes]);
    bytes[10..12].copy_from_slice(&sum.to_be_bytes());
    bytes.extend(udp);
    bytes
}

fn ipv6(source: Ipv6Addr, destination: Ipv6Addr, mut udp: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(udp.len()).unwrap_or(u32::MAX).to_be_bytes();
    let pseudo = [&source.octets()[..], &destination.octets(), &length, &[0, 0, 0, UDP]].concat();
    fill_in_checksum(&mut udp, &pseudo);
    let mut bytes = vec![0x60, 0, 0, 0];
    bytes.extend((udp.len() as u16).to_be_bytes());
    bytes.extend([UDP, HOPS]);
    bytes.extend(source.octets());
    bytes.extend(destination.octets());
    bytes.extend(udp);
    bytes
}

fn fill_in_checksum(udp: &mut [u8], pseudo: &[u8]) {
    // Zero would say that there is none.
    let sum = match checksum(&[pseudo, udp]) {
        0 => u16::MAX,
        sum => sum,
    };
    udp[6..8].copy_from_slice(&sum.to_be_bytes());
}

/// The Internet's checksum over parts of even length; the last may be odd.
pub(super) fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum: u32 = 0;
    for pair in parts.iter().flat_map(|part| part.chunks(2)) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
