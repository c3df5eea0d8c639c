//! What both sides set: sockets, windows, datagrams, and how a message lies in a stream.
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use quinn::{
    Endpoint, EndpointConfig, MtuDiscoveryConfig, RecvStream, SendStream, ServerConfig, TokioRuntime,
    TransportConfig, VarInt,
};
use sendrec_measure::Fallible;
use socket2::{Domain, Socket, Type};

/// Of whom the certificate is.
pub(crate) const NAME: &str = "localhost";
/// Of each of a socket's buffers, as sendrec asks for.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;
/// What may be on its way, of a stream and in all: half of a socket's buffer, so that nothing is dropped there.
const WINDOW_BYTES: u32 = 2 << 20;
/// Of a datagram, if the link takes it; loopback takes nearly that.
const DATAGRAM_BYTES_MAX: u16 = 65_527;
/// Open at once; more than calls are ever outstanding.
const STREAMS_MAX: u32 = 1024;

/// An endpoint on loopback.
pub(crate) fn endpoint(server: Option<ServerConfig>) -> Fallible<Endpoint> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.set_send_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let mut config = EndpointConfig::default();
    config.max_udp_payload_size(DATAGRAM_BYTES_MAX)?;
    Ok(Endpoint::new(config, server, socket.into(), Arc::new(TokioRuntime))?)
}

/// Of a connection's either side.
pub(crate) fn transport() -> TransportConfig {
    let mut discovery = MtuDiscoveryConfig::default();
    discovery.upper_bound(DATAGRAM_BYTES_MAX);
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS_MAX))
        .stream_receive_window(VarInt::from_u32(WINDOW_BYTES))
        .send_window(WINDOW_BYTES.into())
        .mtu_discovery_config(Some(discovery))
        // A datagram fills what one send may carry: several at once, for the system to cut, would be refused, and lost.
        .enable_segmentation_offload(false);
    transport
}

/// A message is all of a stream.
pub(crate) async fn put(stream: &mut SendStream, message: Bytes) -> Fallible<()> {
    stream.write_chunk(message).await?;
    Ok(stream.finish()?)
}

/// What comes in one chunk is not copied.
pub(crate) async fn take(stream: &mut RecvStream) -> Fallible<Bytes> {
    let Some(first) = stream.read_chunk(usize::MAX, true).await? else { return Ok(Bytes::new()) };
    let Some(second) = stream.read_chunk(usize::MAX, true).await? else { return Ok(first.bytes) };
    let mut whole = BytesMut::with_capacity(2 * (first.bytes.len() + second.bytes.len()));
    whole.extend_from_slice(&first.bytes);
    whole.extend_from_slice(&second.bytes);
    while let Some(next) = stream.read_chunk(usize::MAX, true).await? {
        whole.extend_from_slice(&next.bytes);
    }
    Ok(whole.freeze())
}
