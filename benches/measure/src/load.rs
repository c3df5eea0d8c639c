//! What is sent, and what a server does with it: short messages come back, long ones are answered with their length.
//!
//! A server keeps the last long message until it is asked what it was, outside of what is measured.
use bytes::Bytes;

use crate::Fallible;

/// What is longer is a long message, answered with its length: eight bytes, big-endian.
pub const ECHO_BYTES_MAX: usize = 1 << 16;
/// The message that asks for the [`facts`] of the last long one.
pub const FACTS: &[u8] = b"?";

/// What a server says of a long message: its length and the CRC-32 of its bytes, big-endian.
pub fn facts(message: &[u8]) -> [u8; 12] {
    facts_of(message.len(), crc32fast::hash(message))
}

/// The same, where the checksum is known.
pub fn facts_of(length: usize, checksum: u32) -> [u8; 12] {
    let mut facts = [0; 12];
    facts[..8].copy_from_slice(&(length as u64).to_be_bytes());
    facts[8..].copy_from_slice(&checksum.to_be_bytes());
    facts
}

/// A server's side, for peers that hand it whole messages.
#[derive(Debug, Default)]
pub struct Server {
    last: Bytes,
}

impl Server {
    /// The answer to a message.
    pub fn answer(&mut self, message: impl Into<Bytes> + AsRef<[u8]>) -> Bytes {
        match message.as_ref() {
            question if question == FACTS => Bytes::copy_from_slice(&facts(&self.last)),
            short if short.len() <= ECHO_BYTES_MAX => message.into(),
            long => {
                let length = long.len() as u64;
                self.last = message.into();
                Bytes::copy_from_slice(&length.to_be_bytes())
            }
        }
    }
}

/// A long message to be sent again and again, and what its receiver must find.
#[derive(Clone, Debug)]
pub struct Load {
    /// No two pieces of it are the same.
    pub bytes: Bytes,
    /// The CRC-32 of them.
    pub checksum: u32,
}

impl Load {
    /// So many bytes.
    pub fn new(bytes: u64) -> Self {
        let bytes = bytes as usize;
        // Marsaglia's xorshift: good enough for bytes that must differ.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let words = (0..bytes.div_ceil(8)).flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_ne_bytes()
        });
        let mut whole: Vec<u8> = words.collect();
        whole.truncate(bytes);
        Self { checksum: crc32fast::hash(&whole), bytes: whole.into() }
    }

    /// The answer to it must be its length.
    pub fn check_answer(&self, answer: &[u8]) -> Fallible<()> {
        if answer == (self.bytes.len() as u64).to_be_bytes() {
            return Ok(());
        }
        Err(format!("a message of {} bytes was answered with {answer:?}", self.bytes.len()).into())
    }

    /// The answer to the question for its facts must be those.
    pub fn check_facts(&self, answer: &[u8]) -> Fallible<()> {
        let facts = facts_of(self.bytes.len(), self.checksum);
        if answer == facts {
            return Ok(());
        }
        Err(format!("a message of {} bytes came out wrong: {answer:?}, not {facts:?}", self.bytes.len())
            .into())
    }
}
