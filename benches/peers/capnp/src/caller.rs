//! The side that calls.
use std::collections::VecDeque;

use bytes::Bytes;
use capnp::capability::{Promise, Response};
use sendrec_measure::{Check, Client, Fallible};

use crate::answers_capnp::answers::{self, answer_results};

/// Of a long message, which goes as a stream: one message of Cap'n Proto's holds half a GiB at most.
pub(crate) const PIECE_BYTES: usize = 4 << 20;

type Answer = Promise<Response<answer_results::Owned>, capnp::Error>;

/// Calls one server.
pub(crate) struct Caller {
    server: answers::Client,
    /// The oldest first.
    outstanding: VecDeque<Answer>,
}

impl Caller {
    pub(crate) fn new(server: answers::Client) -> Self {
        Self { server, outstanding: VecDeque::new() }
    }

    /// It is on its way whether or not its answer is waited for.
    fn ask(&self, message: &[u8]) -> Answer {
        let mut request = self.server.answer_request();
        request.get().set_message(message);
        request.send().promise
    }
}

impl Client for Caller {
    async fn call(&mut self, message: &[u8], check: Check<'_>) -> Fallible<()> {
        check(self.ask(message).await?.get()?.get_answer()?)
    }

    fn begin(&mut self, message: &[u8]) -> Fallible<()> {
        self.outstanding.push_back(self.ask(message));
        Ok(())
    }

    async fn finish(&mut self, check: Check<'_>) -> Fallible<()> {
        let oldest = self.outstanding.pop_front().ok_or("no call is outstanding")?;
        check(oldest.await?.get()?.get_answer()?)
    }

    async fn send(&mut self, message: &Bytes, check: Check<'_>) -> Fallible<()> {
        let mut pieces = message.chunks(PIECE_BYTES);
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            let mut request = self.server.add_request();
            request.get().set_piece(piece);
            request.send().await?;
        }
        let mut request = self.server.end_request();
        request.get().set_piece(last);
        check(request.send().promise.await?.get()?.get_answer()?)
    }
}
