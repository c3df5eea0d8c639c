//! Memory for long messages, used again: what a process has dropped, the next message is put together in.
use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use sendrec_core::bulk::Memory;
use sendrec_trap::Bytes;

/// Bytes that are kept for messages to come; the keeper lets go of them when the node falls idle.
const KEPT_BYTES_MAX: usize = 512 << 20;
/// Pieces of memory that are kept: looking for one that fits takes no longer than that.
const KEPT_MAX: usize = 64;
/// A message does not take memory this many times its length: the rest would be held for nothing.
const WASTE_MAX: usize = 2;

#[derive(Debug, Default)]
struct Kept {
    /// The one used last is at the back.
    all: VecDeque<Vec<u8>>,
    bytes: usize,
}

/// A node's pool. Its copies are the same pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool(Arc<Mutex<Kept>>);

impl Pool {
    /// Lets go of what is kept.
    pub(crate) fn clear(&self) {
        let kept = std::mem::take(&mut *self.0.lock());
        drop(kept);
    }

    fn keep(&self, memory: Vec<u8>) {
        let mut kept = self.0.lock();
        if memory.len() > KEPT_BYTES_MAX {
            return;
        }
        kept.bytes += memory.len();
        kept.all.push_back(memory);
        // Sizes that nobody wants any more give way.
        while kept.bytes > KEPT_BYTES_MAX || kept.all.len() > KEPT_MAX {
            kept.bytes -= kept.all.pop_front().map_or(0, |oldest| oldest.len());
        }
    }
}

impl Memory for Pool {
    fn take(&mut self, bytes: usize) -> Vec<u8> {
        let mut kept = self.0.lock();
        let fits = |memory: &Vec<u8>| memory.len() >= bytes && memory.len() / WASTE_MAX <= bytes;
        // The one used last: it is still in the processor's cache.
        match kept.all.iter().rposition(fits) {
            Some(place) => {
                let memory = kept.all.remove(place).unwrap_or_default();
                kept.bytes -= memory.len();
                memory
            }
            None => vec![0; bytes],
        }
    }

    fn seal(&mut self, memory: Vec<u8>, bytes: usize) -> Bytes {
        Bytes::from_owner(Message { memory, pool: self.clone() }).slice(..bytes)
    }

    fn give_back(&mut self, memory: Vec<u8>) {
        self.keep(memory);
    }
}

/// A message's memory, until the last who has it drops it.
struct Message {
    memory: Vec<u8>,
    pool: Pool,
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.memory
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        self.pool.keep(std::mem::take(&mut self.memory));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_dropped_is_used_again_and_nothing_more_than_may_be_is_kept() {
        let mut pool = Pool::default();
        let mut memory = pool.take(1_000);
        memory[..3].copy_from_slice(b"abc");
        let place = memory.as_ptr();
        let message = pool.seal(memory, 3);
        assert_eq!(&message[..], b"abc");
        let copy = message.clone();
        drop(message);
        let other = pool.take(1_000);
        assert_ne!(other.as_ptr(), place, "somebody still has it");
        drop(copy);
        let short = pool.take(400);
        assert_ne!(short.as_ptr(), place, "more than half would be wasted");
        let again = pool.take(900);
        assert_eq!((again.as_ptr(), again.len()), (place, 1_000));
        pool.give_back(again);
        pool.give_back(vec![0; KEPT_BYTES_MAX + 1]);
        assert_eq!(pool.0.lock().bytes, 1_000);
        for bytes in 1..=KEPT_MAX {
            pool.give_back(vec![0; bytes]);
        }
        assert_eq!(pool.0.lock().bytes, KEPT_MAX * (KEPT_MAX + 1) / 2, "the oldest has given way");
        pool.clear();
        assert_eq!(pool.0.lock().bytes, 0);
    }
}
