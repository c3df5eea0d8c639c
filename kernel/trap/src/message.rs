//! What may be sent, and whom it may be sent to.
use bytes::{Bytes, BytesMut};
use sendrec_core::message::copied;
use sendrec_core::{Address, Handing, Source, SparseId, Target};

/// Anything that can be a message. A slice is copied into the kernel; what is owned moves there.
pub trait Message {
    /// Whether [`Message::into_bytes`] copies.
    const HANDING: Handing = Handing::Moved;

    /// The bytes to send.
    fn into_bytes(self) -> Bytes;
}

impl Message for Bytes {
    fn into_bytes(self) -> Bytes {
        self
    }
}

impl Message for BytesMut {
    fn into_bytes(self) -> Bytes {
        self.freeze()
    }
}

impl Message for Vec<u8> {
    fn into_bytes(self) -> Bytes {
        self.into()
    }
}

impl Message for &[u8] {
    const HANDING: Handing = Handing::Copied;

    fn into_bytes(self) -> Bytes {
        copied(self)
    }
}

impl<const N: usize> Message for &[u8; N] {
    const HANDING: Handing = Handing::Copied;

    fn into_bytes(self) -> Bytes {
        copied(self)
    }
}

impl Message for &Vec<u8> {
    const HANDING: Handing = Handing::Copied;

    fn into_bytes(self) -> Bytes {
        copied(self)
    }
}

impl Message for &str {
    const HANDING: Handing = Handing::Copied;

    fn into_bytes(self) -> Bytes {
        copied(self.as_bytes())
    }
}

/// Whom to send to: a process, or the source of a message, which makes it the reply (slide 13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// A request to this process, wherever it is (slide 16).
    Process(Target),
    /// The reply to this source.
    Source(Source),
}

impl From<Address> for To {
    fn from(address: Address) -> Self {
        Self::Process(address.into())
    }
}

impl From<SparseId> for To {
    fn from(sparse: SparseId) -> Self {
        Self::Process(sparse.into())
    }
}

impl From<Target> for To {
    fn from(target: Target) -> Self {
        Self::Process(target)
    }
}

impl From<Source> for To {
    fn from(source: Source) -> Self {
        Self::Source(source)
    }
}
