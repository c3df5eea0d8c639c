//! How one asks the name server: calls that look local.
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sendrec_trap::{
    Address, CallError, How, Machine, Options, Process, Semantics, SendFailure, Target, Trap,
};

use crate::message::{Code, NameMessage, Operation, Token, decode_entries, decode_place, encode_place};
use crate::name::Name;
use crate::{NAME_SERVER, NAME_SERVER_ID};

/// Why the name server did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamesError {
    /// It answered: not done, and why.
    #[error("{what}: {code}, says the name server at {server}")]
    Server {
        /// The name, or what names were to begin with.
        what: String,
        /// Who was asked.
        server: Target,
        /// Why.
        code: Code,
    },
    /// No name server was found by broadcast. Nothing was done.
    #[error("{what}: no name server was found")]
    NoServer {
        /// The name, or what names were to begin with.
        what: String,
    },
    /// No answer came, and why.
    #[error("{what}: the name server at {server}: {error}")]
    Call {
        /// The name, or what names were to begin with.
        what: String,
        /// Who was asked.
        server: Target,
        /// What became of the call.
        error: CallError,
    },
    /// The answer was none of a name server's.
    #[error("{what}: what answers at {server} is no name server")]
    NoNameServer {
        /// The name, or what names were to begin with.
        what: String,
        /// Who was asked.
        server: Target,
    },
}

/// A name server, as its clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    /// Who is asked.
    pub server: Target,
    /// How long each question may take at most.
    pub timeout: Duration,
}

impl Names {
    /// The name server at this address or with this sparse id.
    pub fn new(server: impl Into<Target>, timeout: Duration) -> Self {
        Self { server: server.into(), timeout }
    }

    /// The name server of `machine`, by its well-known local id.
    pub fn on(machine: Machine, timeout: Duration) -> Self {
        Self::new(Address::new(machine, NAME_SERVER_ID), timeout)
    }

    /// Whichever name server answers a broadcast.
    pub fn anywhere(timeout: Duration) -> Self {
        Self::new(NAME_SERVER, timeout)
    }

    /// Gives `name` to the process at `place`. The token is needed to change or take back the name; the same token
    /// gives it another place. A name that another token holds is given only if its process is gone.
    pub fn register<T: Trap + ?Sized>(
        &self,
        me: &Process<'_, T>,
        name: &Name,
        place: impl Into<Target>,
        token: Token,
    ) -> Result<(), NamesError> {
        let mut m1 = NameMessage::request(Operation::Register, token, name.as_str());
        let mut body = BytesMut::new();
        encode_place(place.into(), &mut body);
        m1.body = body.freeze();
        self.ask(me, &m1, name.to_string()).map(drop)
    }

    /// Takes a name back. With another's token it is taken only if its process is gone.
    pub fn deregister<T: Trap + ?Sized>(
        &self,
        me: &Process<'_, T>,
        name: &Name,
        token: Token,
    ) -> Result<(), NamesError> {
        let m1 = NameMessage::request(Operation::Deregister, token, name.as_str());
        self.ask(me, &m1, name.to_string()).map(drop)
    }

    /// Where the name's process is.
    pub fn lookup<T: Trap + ?Sized>(&self, me: &Process<'_, T>, name: &Name) -> Result<Target, NamesError> {
        let m1 = NameMessage::request(Operation::Lookup, Token::NONE, name.as_str());
        let mut body = self.ask(me, &m1, name.to_string())?;
        let place = decode_place(&mut body);
        place.map_err(|_| NamesError::NoNameServer { what: name.to_string(), server: self.server })
    }

    /// The names that begin with `prefix` in their order, as many as one message has room for, from the first one
    /// behind `after` on. Empty when there are no more.
    pub fn list<T: Trap + ?Sized>(
        &self,
        me: &Process<'_, T>,
        prefix: &str,
        after: Option<&Name>,
    ) -> Result<Vec<(Name, Target)>, NamesError> {
        let mut m1 = NameMessage::request(Operation::List, Token::NONE, prefix);
        if let Some(after) = after {
            m1.body = Bytes::copy_from_slice(after.as_str().as_bytes());
        }
        let what = match prefix {
            "" => "the list of names".to_owned(),
            prefix => format!("names that begin with {}{prefix}", Name::PREFIX),
        };
        let body = self.ask(me, &m1, what.clone())?;
        let entries = decode_entries(body).ok();
        // Names that do not go on would have who lists them all go round for ever.
        let go_on = entries.filter(|entries| entries.first().is_none_or(|(name, _)| Some(name) > after));
        go_on.ok_or(NamesError::NoNameServer { what, server: self.server })
    }

    /// The body of the answer, if it says that all went well.
    fn ask<T: Trap + ?Sized>(
        &self,
        me: &Process<'_, T>,
        m1: &NameMessage,
        what: String,
    ) -> Result<Bytes, NamesError> {
        let server = self.server;
        // A name that was taken back is not there to be taken back again. All else does no harm if it is done twice,
        // and so may follow a server that has moved.
        let semantics = if m1.operation == Operation::Deregister as u8 {
            Semantics::AtMostOnce
        } else {
            Semantics::AtLeastOnce
        };
        let options = Options { semantics, ..me.how().options };
        let how = How { options, timeout: Some(self.timeout) };
        let answer = match me.call_with(server, m1.encode(), how) {
            Ok(answer) => NameMessage::decode(answer),
            Err(error) => {
                return Err(match error.failure {
                    SendFailure::Request(CallError::NotLocated) => NamesError::NoServer { what },
                    SendFailure::Request(error) => NamesError::Call { what, server, error },
                    // Requests are all that is sent here.
                    SendFailure::Reply(_) => NamesError::Call { what, server, error: CallError::Down },
                });
            }
        };
        match answer.map(|m2| (Code::from_u8(m2.code), m2.body)) {
            Ok((Some(Code::OK), body)) => Ok(body),
            Ok((Some(code), _)) => Err(NamesError::Server { what, server, code }),
            _ => Err(NamesError::NoNameServer { what, server }),
        }
    }
}
