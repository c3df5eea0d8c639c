//! Where messages that come in pieces are put together.
//!
//! Memory that has been used is worth more than new memory, whose every page costs a fault; but only a driver can share it
//! with the threads that give it back. So the kernel asks for it, and this room has the plain answer.
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

/// Who has memory for messages on their way here.
pub trait Memory: fmt::Debug + Send {
    /// At least so many bytes, whatever they hold.
    fn take(&mut self, bytes: usize) -> Vec<u8>;

    /// The first so many bytes of it have become a message.
    fn seal(&mut self, memory: Vec<u8>, bytes: usize) -> Bytes;

    /// No message has become of it.
    fn give_back(&mut self, memory: Vec<u8>);
}

/// New memory for each message.
#[derive(Debug)]
pub(crate) struct Fresh;

impl Memory for Fresh {
    fn take(&mut self, bytes: usize) -> Vec<u8> {
        vec![0; bytes]
    }

    fn seal(&mut self, mut memory: Vec<u8>, bytes: usize) -> Bytes {
        memory.truncate(bytes);
        memory.into()
    }

    fn give_back(&mut self, memory: Vec<u8>) {
        drop(memory);
    }
}
