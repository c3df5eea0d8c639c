//! The side that calls.
use std::collections::VecDeque;

use bytes::Bytes;
use iceoryx2::pending_response::PendingResponse;
use iceoryx2::prelude::ipc;
use sendrec_measure::{Check, Client, ECHO_BYTES_MAX, Fallible};

use crate::services::{Requests, Services};
use crate::wake::Wake;

type Answer = PendingResponse<ipc::Service, [u8], (), [u8], ()>;

/// Calls one server.
pub(crate) struct Caller<'a, W> {
    services: &'a Services,
    short: Requests,
    /// Has memory for one long message, from the first one on.
    long: Option<Requests>,
    /// The oldest first.
    outstanding: VecDeque<Answer>,
    wake: W,
}

impl<'a, W: Wake> Caller<'a, W> {
    pub(crate) fn new(services: &'a Services, wake: W) -> Fallible<Self> {
        let short = services.calls.client_builder().initial_max_slice_len(ECHO_BYTES_MAX).create()?;
        Ok(Self { services, short, long: None, outstanding: VecDeque::new(), wake })
    }

    /// Fills memory that the server will see as it is.
    fn ask(&self, requests: &Requests, message: &[u8]) -> Fallible<Answer> {
        let answer = requests.loan_slice_uninit(message.len())?.write_from_slice(message).send()?;
        self.wake.notify()?;
        Ok(answer)
    }

    fn await_answer(&self, answer: &Answer, check: Check<'_>) -> Fallible<()> {
        loop {
            if let Some(answer) = answer.receive()? {
                return check(answer.payload());
            }
            self.wake.wait()?;
        }
    }
}

impl<W: Wake> Client for Caller<'_, W> {
    async fn call(&mut self, message: &[u8], check: Check<'_>) -> Fallible<()> {
        self.await_answer(&self.ask(&self.short, message)?, check)
    }

    fn begin(&mut self, message: &[u8]) -> Fallible<()> {
        self.outstanding.push_back(self.ask(&self.short, message)?);
        Ok(())
    }

    async fn finish(&mut self, check: Check<'_>) -> Fallible<()> {
        let oldest = self.outstanding.pop_front().ok_or("no call is outstanding")?;
        self.await_answer(&oldest, check)
    }

    async fn send(&mut self, message: &Bytes, check: Check<'_>) -> Fallible<()> {
        let long = match self.long.take() {
            Some(long) => long,
            None => {
                let long = self.services.calls.client_builder().initial_max_slice_len(message.len());
                long.override_request_preallocation(|_| 1).create()?
            }
        };
        let answered = self.await_answer(&self.ask(&long, message)?, check);
        self.long = Some(long);
        answered
    }
}
