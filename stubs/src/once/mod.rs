//! Exactly once (slide 37): a call runs once though the server crashes, and its client gets the result after the restart.
//!
//! A call has an identity that is the same in each of its copies, those sent after a crash too. The server writes the
//! call's result down in the same transaction as its effect ([`Journal`]): after a crash both are there or neither is. A
//! copy that comes later is answered from the journal. A procedure that says `@idempotent` runs as often as it comes, and
//! needs none of it.
//!
//! The promise holds while the client lives and waits: one that gives up, at its deadline, cannot know whether it ran.
mod client;
mod journal;

use crate::message::Auth;
use crate::xdr::{DecodeError, Decoder, EncodeError, Encoder, Xdr};

pub use client::Once;
pub use journal::{CALLS_MAX, CLIENTS_MAX, ExactlyOnce, Journal, JournalError};

/// The flavour of a credential that carries a call's identity: `once` in ASCII.
const FLAVOR: u32 = 0x6f6e_6365;

/// Which call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    /// Of which client; chosen at random.
    client: u128,
    /// Which of its calls.
    sequence: u64,
    /// Its calls below this are over: nobody asks for their results any more.
    floor: u64,
}

impl Identity {
    fn credential(&self) -> Result<Auth, EncodeError> {
        let mut out = Encoder::new();
        out.fixed(&self.client.to_be_bytes())?;
        self.sequence.encode(&mut out)?;
        self.floor.encode(&mut out)?;
        Ok(Auth { flavor: FLAVOR, body: out.finish() })
    }

    /// The identity in a credential, if it has one.
    fn of(credential: &Auth) -> Option<Result<Self, DecodeError>> {
        (credential.flavor == FLAVOR).then(|| {
            let mut input = Decoder::new(credential.body.clone());
            let client = u128::from_be_bytes(input.fixed()?);
            Ok(Self { client, sequence: Xdr::decode(&mut input)?, floor: Xdr::decode(&mut input)? })
        })
    }
}
