//! The calling side.
use std::collections::VecDeque;

use bytes::Bytes;
use futures::{StreamExt, stream};
use sendrec_measure::{Check, Client, Fallible, Outcome, Workload, drive};
use tarpc::client::{Config, RpcError};
use tarpc::context;
use tarpc::serde_transport::tcp;
use tarpc::tokio_serde::formats::Bincode;
use tokio::task::JoinHandle;

use crate::service::{MessagesClient, Nagle};

/// A longer message is cut; tarpc's own limit is eight times that.
const WHOLE_BYTES_MAX: usize = 1 << 20;
/// Of a message that is cut.
const PIECE_BYTES: usize = 512 << 10;
/// One is on its way while the next is being written.
const PIECES_OUTSTANDING: usize = 2;

struct Caller {
    client: MessagesClient,
    outstanding: VecDeque<JoinHandle<Result<Bytes, RpcError>>>,
}

impl Client for Caller {
    async fn call(&mut self, message: &[u8], check: Check<'_>) -> Fallible<()> {
        self.send(&Bytes::copy_from_slice(message), check).await
    }

    fn begin(&mut self, message: &[u8]) -> Fallible<()> {
        let client = self.client.clone();
        let message = Bytes::copy_from_slice(message);
        let call = async move { client.exchange(context::current(), message).await };
        self.outstanding.push_back(tokio::spawn(call));
        Ok(())
    }

    async fn finish(&mut self, check: Check<'_>) -> Fallible<()> {
        let oldest = self.outstanding.pop_front().ok_or("no call is outstanding")?;
        check(&oldest.await??)
    }

    async fn send(&mut self, message: &Bytes, check: Check<'_>) -> Fallible<()> {
        if message.len() <= WHOLE_BYTES_MAX {
            return check(&self.client.exchange(context::current(), message.clone()).await?);
        }
        let length = message.len();
        let put = |start: usize| {
            let piece = message.slice(start..length.min(start + PIECE_BYTES));
            self.client.put(context::current(), length as u64, start as u64, piece)
        };
        let starts = (0..length).step_by(PIECE_BYTES);
        let mut answers = stream::iter(starts).map(put).buffer_unordered(PIECES_OUTSTANDING);
        while let Some(answer) = answers.next().await {
            if let Some(answer) = answer? {
                return check(&answer);
            }
        }
        Err("a message in pieces was not answered".into())
    }
}

pub(crate) async fn call(address: &str, workload: Workload, nagle: Nagle) -> Fallible<Outcome> {
    let transport = tcp::connect(address, Bincode::default).await?;
    nagle.set(transport.get_ref())?;
    let client = MessagesClient::new(Config::default(), transport).spawn();
    drive(Caller { client, outstanding: VecDeque::new() }, workload).await
}
