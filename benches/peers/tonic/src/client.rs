//! The calling side.
use std::collections::VecDeque;

use bytes::Bytes;
use sendrec_measure::{Check, Client, Fallible, Outcome, Workload, drive};
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

use crate::limits::{FRAME_BYTES_MAX, MESSAGE_BYTES_MAX, PIECE_BYTES, UNARY_BYTES_MAX, WINDOW_BYTES};
use crate::messages::Piece;
use crate::messages::messages_client::MessagesClient;

struct Caller {
    client: MessagesClient<Channel>,
    outstanding: VecDeque<JoinHandle<Result<Response<Piece>, Status>>>,
}

impl Client for Caller {
    async fn call(&mut self, message: &[u8], check: Check<'_>) -> Fallible<()> {
        let answer = self.client.exchange(Piece { data: Bytes::copy_from_slice(message) }).await?;
        check(&answer.get_ref().data)
    }

    fn begin(&mut self, message: &[u8]) -> Fallible<()> {
        let mut client = self.client.clone();
        let message = Piece { data: Bytes::copy_from_slice(message) };
        self.outstanding.push_back(tokio::spawn(async move { client.exchange(message).await }));
        Ok(())
    }

    async fn finish(&mut self, check: Check<'_>) -> Fallible<()> {
        let oldest = self.outstanding.pop_front().ok_or("no call is outstanding")?;
        check(&oldest.await??.get_ref().data)
    }

    async fn send(&mut self, message: &Bytes, check: Check<'_>) -> Fallible<()> {
        let message = message.clone();
        let answer = if message.len() <= UNARY_BYTES_MAX {
            self.client.exchange(Piece { data: message }).await?
        } else {
            self.client.send(tokio_stream::iter(pieces(message))).await?
        };
        check(&answer.get_ref().data)
    }
}

fn pieces(message: Bytes) -> impl Iterator<Item = Piece> {
    let starts = (0..message.len()).step_by(PIECE_BYTES);
    starts.map(move |start| Piece { data: message.slice(start..message.len().min(start + PIECE_BYTES)) })
}

pub(crate) async fn call(address: &str, workload: Workload) -> Fallible<Outcome> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .tcp_nodelay(true)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX);
    let client = MessagesClient::new(endpoint.connect().await?).max_decoding_message_size(MESSAGE_BYTES_MAX);
    drive(Caller { client, outstanding: VecDeque::new() }, workload).await
}
