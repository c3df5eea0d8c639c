//! What client and server agree on.
use bytes::Bytes;
use tokio::net::TcpStream;

/// Whether a short segment waits for others.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Nagle {
    /// As the system does, unless it is told otherwise.
    On,
    /// `TCP_NODELAY`.
    Off,
}

impl Nagle {
    pub(crate) fn set(self, stream: &TcpStream) -> std::io::Result<()> {
        match self {
            Self::On => Ok(()),
            Self::Off => stream.set_nodelay(true),
        }
    }
}

/// Bytes go as bytes, not as a sequence of numbers.
#[tarpc::service]
pub(crate) trait Messages {
    /// There and back.
    async fn exchange(message: Bytes) -> Bytes;
    /// A piece of a message of that length; the last one that comes is answered as the whole message is.
    async fn put(length: u64, offset: u64, piece: Bytes) -> Option<Bytes>;
}
