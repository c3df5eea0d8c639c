//! The cell: 5 bytes of header, 48 of payload.
use std::fmt;

/// Bytes of a cell.
pub const CELL_BYTES: usize = 53;
/// Of these, the header.
pub const HEADER_BYTES: usize = 5;
/// And the payload.
pub const PAYLOAD_BYTES: usize = 48;
/// Circuits below this are the network's own.
pub const VCI_FIRST: u16 = 32;

/// The numbers a cell is routed by. They mean something on one line alone: the switch writes new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Circuit {
    /// Virtual path.
    pub vpi: u8,
    /// Virtual channel in the path.
    pub vci: u16,
}

impl fmt::Display for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.vpi, self.vci)
    }
}

/// A cell's header at the user-network interface.
///
/// | bits | field |
/// |---|---|
/// | 4 | generic flow control, 0 |
/// | 8 | VPI |
/// | 16 | VCI |
/// | 3 | payload type: the lowest bit marks the last cell of a packet (AAL5) |
/// | 1 | CLP: may be thrown away first |
/// | 8 | HEC: a check of the 32 bits before it |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellHeader {
    /// By what it is routed.
    pub circuit: Circuit,
    /// Payload type, 3 bits.
    pub payload_type: u8,
    /// Whether it may be thrown away before others.
    pub low_priority: bool,
}

/// The header check does not fit: the cell is thrown away, since nobody knows whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadHeader;

impl fmt::Display for BadHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("header check wrong")
    }
}

impl std::error::Error for BadHeader {}

/// The header check: CRC-8 with x^8 + x^2 + x + 1 over the first four bytes, and 0x55 added (ITU-T I.432).
pub fn header_check(bytes: [u8; 4]) -> u8 {
    const POLYNOMIAL: u8 = 0x07;
    let crc = bytes.into_iter().fold(0u8, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc, _| if crc & 0x80 == 0 { crc << 1 } else { crc << 1 ^ POLYNOMIAL })
    });
    crc ^ 0x55
}

/// A cell as it goes over a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cell([u8; CELL_BYTES]);

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cell({:?})", self.header())
    }
}

impl Cell {
    /// A cell of this header and payload.
    pub fn new(header: CellHeader, payload: &[u8; PAYLOAD_BYTES]) -> Self {
        let mut bytes = [0; CELL_BYTES];
        bytes[HEADER_BYTES..].copy_from_slice(payload);
        Self(bytes).with_header(header)
    }

    /// A cell as it came, right or not.
    pub const fn from_bytes(bytes: [u8; CELL_BYTES]) -> Self {
        Self(bytes)
    }

    /// As it goes out.
    pub const fn bytes(&self) -> &[u8; CELL_BYTES] {
        &self.0
    }

    /// The same payload under another header.
    #[must_use]
    pub fn with_header(mut self, header: CellHeader) -> Self {
        let CellHeader { circuit, payload_type, low_priority } = header;
        let bits = u32::from(circuit.vpi) << 20
            | u32::from(circuit.vci) << 4
            | u32::from(payload_type & 0x7) << 1
            | u32::from(low_priority);
        let front = bits.to_be_bytes();
        self.0[..4].copy_from_slice(&front);
        self.0[4] = header_check(front);
        self
    }

    /// The header, if its check fits.
    pub fn header(&self) -> Result<CellHeader, BadHeader> {
        let [a, b, c, d, check, ..] = self.0;
        if header_check([a, b, c, d]) != check {
            return Err(BadHeader);
        }
        let bits = u32::from_be_bytes([a, b, c, d]);
        let circuit = Circuit { vpi: (bits >> 20) as u8, vci: (bits >> 4) as u16 };
        let payload_type = (bits >> 1 & 0x7) as u8;
        Ok(CellHeader { circuit, payload_type, low_priority: bits & 1 == 1 })
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.0[HEADER_BYTES..]
    }

    /// With one of its bits flipped.
    #[must_use]
    pub fn corrupted(mut self, bit: u64) -> Self {
        let bit = (bit % (CELL_BYTES as u64 * 8)) as usize;
        self.0[bit / 8] ^= 1 << (bit % 8);
        self
    }
}
