//! Where answers are put together: what is read goes straight into the message, and its memory is used again.
//!
//! Deliberately not here: what an answer says.
use bytes::{Bytes, BytesMut};

use crate::message::{BLOCK_BYTES, Code, DATA_BYTES_MAX, FIXED_BYTES, FileMessage};
use crate::store::Filled;

/// Answers whose memory is kept, for the kernel may have them yet: as many as a client has under way.
const SPARE_MAX: usize = 8;
/// Longer answers take memory from there, bytes.
const SHORT_BYTES: usize = 64 << 10;
const LONG_BYTES: usize = FIXED_BYTES + DATA_BYTES_MAX;

/// Memory of long answers. New memory is zeroed, and each of its pages costs a fault.
#[derive(Debug, Default)]
pub(crate) struct Spare(Vec<Bytes>);

impl Spare {
    /// Memory with room for a head and so many bytes of data, whatever it holds.
    fn take(&mut self, data_bytes: usize) -> BytesMut {
        let bytes = FIXED_BYTES + data_bytes;
        if !(SHORT_BYTES..=LONG_BYTES).contains(&bytes) {
            return BytesMut::zeroed(bytes);
        }
        let free = self.0.iter().position(Bytes::is_unique).map(|place| self.0.swap_remove(place));
        free.and_then(|memory| memory.try_into_mut().ok()).unwrap_or_else(|| BytesMut::zeroed(LONG_BYTES))
    }

    /// The message at the front of `memory`.
    fn seal(&mut self, memory: BytesMut, bytes: usize) -> Bytes {
        let memory = memory.freeze();
        // An answer that is much shorter than its memory would hold that until it is acknowledged.
        let message = if bytes < memory.len() / 2 {
            Bytes::copy_from_slice(&memory[..bytes])
        } else {
            memory.slice(..bytes)
        };
        if memory.len() == LONG_BYTES && self.0.len() < SPARE_MAX {
            self.0.push(memory);
        }
        message
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// An answer that is being put together.
#[derive(Debug)]
pub(crate) struct Answer<'s> {
    spare: &'s mut Spare,
    pub(crate) offset: u64,
    pub(crate) count: u32,
    /// The message; its head is written last.
    message: BytesMut,
    /// Bytes of it that are to go.
    length: usize,
}

impl<'s> Answer<'s> {
    pub(crate) fn new(spare: &'s mut Spare) -> Self {
        Self { spare, offset: 0, count: 0, message: BytesMut::new(), length: FIXED_BYTES }
    }

    /// Lets `read` fill at most so many bytes, and leaves out what need not be sent of it.
    pub(crate) fn fill(
        &mut self,
        bytes: usize,
        read: impl FnOnce(&mut [u8]) -> Result<Filled, Code>,
    ) -> Result<(), Code> {
        self.message = self.spare.take(bytes);
        let filled = read(&mut self.message[FIXED_BYTES..FIXED_BYTES + bytes])?;
        self.count = filled.count as u32;
        let data = &self.message[FIXED_BYTES..FIXED_BYTES + filled.count];
        self.length += if filled.is_hole { 0 } else { without_zeros(data) };
        Ok(())
    }

    /// Lets `write` append data.
    pub(crate) fn append<R>(&mut self, write: impl FnOnce(&mut BytesMut) -> R) -> R {
        self.message.resize(self.length, 0);
        let written = write(&mut self.message);
        self.length = self.message.len();
        written
    }

    /// The message to send. One that tells of a failure has nothing but a head.
    pub(crate) fn seal(mut self, result: Result<(), Code>) -> Bytes {
        let mut head = FileMessage { offset: self.offset, count: self.count, ..FileMessage::default() };
        if let Err(code) = result {
            head = FileMessage { result: code as u32, ..FileMessage::default() };
            self.length = FIXED_BYTES;
        }
        if self.message.len() < FIXED_BYTES {
            self.message.resize(FIXED_BYTES, 0);
        }
        self.message[..FIXED_BYTES].copy_from_slice(&head.head());
        self.spare.seal(self.message, self.length)
    }
}

/// Bytes of `data` without the zeros at its end, if those are a block or more.
fn without_zeros(data: &[u8]) -> usize {
    let mut length = data.len();
    while let Some(from) = length.checked_sub(BLOCK_BYTES)
        && is_zero(&data[from..length])
    {
        length = from;
    }
    length
}

/// Whether there is nothing but zeros.
pub fn is_zero(bytes: &[u8]) -> bool {
    // In pieces, each without a branch: a processor looks at many bytes at once then.
    const PIECE_BYTES: usize = 64;
    bytes.chunks(PIECE_BYTES).all(|piece| piece.iter().fold(0, |all, byte| all | byte) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_when_nobody_has_the_answer_any_more() {
        let mut spare = Spare::default();
        let memory = spare.take(DATA_BYTES_MAX);
        let place = memory.as_ptr();
        let message = spare.seal(memory, LONG_BYTES - 1);
        assert_eq!((message.as_ptr(), message.len()), (place, LONG_BYTES - 1), "it was not copied");
        let other = spare.take(DATA_BYTES_MAX);
        assert_ne!(other.as_ptr(), place, "somebody still has it");
        drop(message);
        let again = spare.take(DATA_BYTES_MAX);
        assert_eq!((again.as_ptr(), again.len()), (place, LONG_BYTES));
        let short = spare.seal(again, 100);
        assert_ne!(short.as_ptr(), place, "a short answer does not hold the memory of a long one");
        assert_eq!(spare.take(DATA_BYTES_MAX).as_ptr(), place);
    }

    #[test]
    fn no_more_is_kept_than_may_be() {
        let mut spare = Spare::default();
        let answers: Vec<_> = (0..3 * SPARE_MAX)
            .map(|_| {
                let memory = spare.take(DATA_BYTES_MAX);
                spare.seal(memory, LONG_BYTES)
            })
            .collect();
        assert_eq!(spare.0.len(), SPARE_MAX);
        drop(answers);
        spare.clear();
        assert!(spare.is_empty());
        let memory = spare.take(10);
        assert_eq!(memory.len(), FIXED_BYTES + 10, "a short answer has memory of its own");
        spare.seal(memory, 10);
        assert!(spare.is_empty());
    }

    #[test]
    fn zeros_at_the_end_are_left_out_by_the_block() {
        let data = |used: usize, zeros: usize| [vec![1; used], vec![0; zeros]].concat();
        for (used, zeros, left) in [
            (10, 0, 10),
            (10, BLOCK_BYTES - 1, 10 + BLOCK_BYTES - 1),
            (10, BLOCK_BYTES, 10),
            (10, 2 * BLOCK_BYTES + 5, 10 + 5),
            (0, 2 * BLOCK_BYTES, 0),
            (0, BLOCK_BYTES - 1, BLOCK_BYTES - 1),
            (0, 0, 0),
        ] {
            assert_eq!(without_zeros(&data(used, zeros)), left, "{used} {zeros}");
        }
        assert!(is_zero(&[0; 1_000]) && is_zero(&[]));
        for place in [0, 63, 64, 999] {
            let mut bytes = [0; 1_000];
            bytes[place] = 1;
            assert!(!is_zero(&bytes), "{place}");
        }
    }
}
