//! AAL5: a packet is padded to whole cells with a trailer of 8 bytes at its end, and its last cell is marked.
//!
//! The trailer: user byte, common part indicator, length (2 bytes), CRC-32 (4 bytes) over all before it. A cell that
//! is lost, doubled, changed or out of place makes length or CRC wrong, and the packet is thrown away.
use super::cell::{Cell, CellHeader, Circuit, PAYLOAD_BYTES};

/// Bytes of a packet at most.
pub const PACKET_BYTES_MAX: usize = 65_535;
/// Bytes of the trailer.
pub const TRAILER_BYTES: usize = 8;
/// Payload type of a packet's last cell; of all others it is 0.
pub const LAST: u8 = 1;
/// Cells of a packet at most.
pub const CELLS_MAX: usize = (PACKET_BYTES_MAX + TRAILER_BYTES).div_ceil(PAYLOAD_BYTES);

/// CRC-32 with the highest bit first, as AAL5 has it: the reflected one of reflected bytes, reflected.
pub fn crc(bytes: &[u8]) -> u32 {
    const CHUNK: usize = 64;
    let mut hasher = crc32fast::Hasher::new();
    for chunk in bytes.chunks(CHUNK) {
        let mut reflected = [0; CHUNK];
        for (to, from) in reflected.iter_mut().zip(chunk) {
            *to = from.reverse_bits();
        }
        hasher.update(&reflected[..chunk.len()]);
    }
    hasher.finalize().reverse_bits()
}

/// How many cells a packet of so many bytes takes.
pub const fn cells_of(bytes: usize) -> usize {
    (bytes + TRAILER_BYTES).div_ceil(PAYLOAD_BYTES)
}

/// Cuts a packet into cells of a circuit; `None` if it is too long.
pub fn segment(packet: &[u8], circuit: Circuit) -> Option<Vec<Cell>> {
    if packet.len() > PACKET_BYTES_MAX {
        return None;
    }
    let count = cells_of(packet.len());
    let mut bytes = vec![0; count * PAYLOAD_BYTES];
    bytes[..packet.len()].copy_from_slice(packet);
    let end = bytes.len();
    bytes[end - 6..end - 4].copy_from_slice(&(packet.len() as u16).to_be_bytes());
    let sum = crc(&bytes[..end - 4]);
    bytes[end - 4..].copy_from_slice(&sum.to_be_bytes());
    let (payloads, _) = bytes.as_chunks::<PAYLOAD_BYTES>();
    let cell = |(place, payload)| {
        let payload_type = if place + 1 == count { LAST } else { 0 };
        Cell::new(CellHeader { circuit, payload_type, low_priority: false }, payload)
    };
    Some(payloads.iter().enumerate().map(cell).collect())
}

/// Why cells made no packet. They are thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unassembled {
    /// There are more or fewer cells than the length asks for.
    #[error("AAL5 length wrong")]
    Length,
    /// The bytes are not those that were sent.
    #[error("AAL5 CRC-32 wrong")]
    Crc,
    /// No last cell came for longer than any packet is.
    #[error("AAL5 packet without an end")]
    TooLong,
}

/// Puts the packets of one circuit together again.
#[derive(Clone, Debug, Default)]
pub struct Reassembler {
    bytes: Vec<u8>,
}

impl Reassembler {
    /// A cell's payload came; at a packet's end, the packet or why it is none.
    pub fn push(&mut self, payload: &[u8], payload_type: u8) -> Option<Result<Vec<u8>, Unassembled>> {
        self.bytes.extend_from_slice(payload);
        if payload_type & LAST == 0 {
            if self.bytes.len() >= CELLS_MAX * PAYLOAD_BYTES {
                self.bytes.clear();
                return Some(Err(Unassembled::TooLong));
            }
            return None;
        }
        Some(check(std::mem::take(&mut self.bytes)))
    }
}

fn check(mut bytes: Vec<u8>) -> Result<Vec<u8>, Unassembled> {
    let end = bytes.len();
    let [.., high, low, a, b, c, d] = bytes[..] else { return Err(Unassembled::Length) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if crc(&bytes[..end - 4]) != u32::from_be_bytes([a, b, c, d]) {
        return Err(Unassembled::Crc);
    }
    if cells_of(length) * PAYLOAD_BYTES != end {
        return Err(Unassembled::Length);
    }
    bytes.truncate(length);
    Ok(bytes)
}
