//! The serving side.
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use sendrec_measure::{Fallible, Server, Tell};
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use crate::limits::{FRAME_BYTES_MAX, MESSAGE_BYTES_MAX, WINDOW_BYTES};
use crate::messages::Piece;
use crate::messages::messages_server::{Messages, MessagesServer};

/// Of all connections.
#[derive(Default)]
struct Answering(Mutex<Server>);

impl Answering {
    fn answer(&self, message: Bytes) -> Response<Piece> {
        let data = self.0.lock().unwrap_or_else(PoisonError::into_inner).answer(message);
        Response::new(Piece { data })
    }
}

#[tonic::async_trait]
impl Messages for Answering {
    async fn exchange(&self, request: Request<Piece>) -> Result<Response<Piece>, Status> {
        Ok(self.answer(request.into_inner().data))
    }

    async fn send(&self, request: Request<Streaming<Piece>>) -> Result<Response<Piece>, Status> {
        let mut pieces = request.into_inner();
        let mut whole = BytesMut::new();
        while let Some(piece) = pieces.message().await? {
            whole.extend_from_slice(&piece.data);
        }
        Ok(self.answer(whole.freeze()))
    }
}

pub(crate) async fn serve(tell: Tell<'_>) -> Fallible<()> {
    let incoming = TcpIncoming::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?.with_nodelay(Some(true));
    tell(&incoming.local_addr()?.to_string())?;
    let service = MessagesServer::new(Answering::default()).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let server = tonic::transport::Server::builder()
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX);
    Ok(server.serve_with_incoming(service, incoming).await?)
}
