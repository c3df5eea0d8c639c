//! The side that serves: the schema's methods.
use std::cell::RefCell;
use std::rc::Rc;

use capnp::Error;
use sendrec_measure::{FACTS, facts};

use crate::answers_capnp::answers::{AddParams, AnswerParams, AnswerResults, EndParams, EndResults, Server};

/// Answers one client as [`sendrec_measure::Server`] does, but takes a long message in pieces.
#[derive(Debug, Default)]
pub(crate) struct Answering {
    long: RefCell<Long>,
}

/// The last long message, or what has come of it so far. Its memory is kept from one to the next.
#[derive(Debug, Default)]
struct Long {
    bytes: Vec<u8>,
    is_whole: bool,
}

impl Long {
    fn add(&mut self, piece: &[u8]) {
        if std::mem::take(&mut self.is_whole) {
            self.bytes.clear();
        }
        self.bytes.extend_from_slice(piece);
    }
}

impl Server for Answering {
    async fn answer(self: Rc<Self>, params: AnswerParams, mut results: AnswerResults) -> Result<(), Error> {
        let message = params.get()?.get_message()?;
        if message == FACTS {
            results.get().set_answer(&facts(&self.long.borrow().bytes));
        } else {
            results.get().set_answer(message);
        }
        Ok(())
    }

    async fn add(self: Rc<Self>, params: AddParams) -> Result<(), Error> {
        self.long.borrow_mut().add(params.get()?.get_piece()?);
        Ok(())
    }

    async fn end(self: Rc<Self>, params: EndParams, mut results: EndResults) -> Result<(), Error> {
        let long = &mut *self.long.borrow_mut();
        long.add(params.get()?.get_piece()?);
        long.is_whole = true;
        results.get().set_answer(&(long.bytes.len() as u64).to_be_bytes());
        Ok(())
    }
}
