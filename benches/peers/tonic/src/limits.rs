//! What is set on both sides: HTTP/2's own limits are made for the world, not for loopback.

/// What may be on its way, of a stream and of a connection.
pub(crate) const WINDOW_BYTES: u32 = 16 << 20;
/// As large as HTTP/2 has them: a long message is cut as rarely as it can be.
pub(crate) const FRAME_BYTES_MAX: u32 = (1 << 24) - 1;
/// Longer ones are not for one call: gRPC's own limit.
pub(crate) const UNARY_BYTES_MAX: usize = 4 << 20;
/// That, and what is written round it.
pub(crate) const MESSAGE_BYTES_MAX: usize = UNARY_BYTES_MAX + 1024;
/// Of a longer one, which is streamed: it is on its way while the rest of it is still being written.
pub(crate) const PIECE_BYTES: usize = 512 << 10;
