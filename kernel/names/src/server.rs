//! The name server's loop: an ordinary process that receives, does, and answers.
//!
//! # Who gets a name that somebody has
//!
//! Whoever names the same token: it is the owner, and has moved or changed its mind. Anybody else only if the holder is
//! gone: the server asks it by AYA, or by LOCATE if it is registered by its sparse id. *No such process*, or no answer
//! to [`PING_TRIES`] questions in a row, and the name is free. A holder that the server cannot reach for so long can
//! lose its name though it lives; the alternative were that a name stays with a machine that was switched off for ever.
//! The same holds for who takes back a name that is not its own. While a holder is being asked the server answers others.
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sendrec_trap::{
    Address, CallError, Completion, Epoch, From, Instant, PingError, Process, ReceiveError, Received,
    ReplyError, SendFailure, Source, Target, Trap,
};

use crate::message::{
    Code, FIXED_BYTES, NameMessage, Operation, Token, decode_place, encode_entry, encode_place, is_reachable,
};
use crate::name::Name;
use crate::table::{Entry, Table};

/// The most of entries in the answer to a LIST, bytes: a few packets, whatever a message could hold.
const LIST_BYTES_MAX: usize = 4 << 10;
/// Holders that are asked at once whether they live.
const PROBES_MAX: usize = 64;
/// How often a holder is asked before it is held to be gone.
const PING_TRIES: u32 = 4;
/// How long each question waits for its answer.
const PING_WAIT: Duration = Duration::from_millis(250);
/// How often to look for answers to questions, while there are any.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Serves names until the kernel takes no more calls; returns why. Its process is to have
/// [`crate::NAME_SERVER_ID`], and [`crate::NAME_SERVER`] if it is to be found by broadcast.
pub fn serve<T: Trap + ?Sized>(me: &Process<'_, T>) -> ReceiveError {
    let mut server = Server { me, table: Table::default(), probes: Vec::new() };
    loop {
        let received = if server.probes.is_empty() {
            me.receive(From::Any)
        } else {
            me.receive_within(From::Any, LOOK_INTERVAL)
        };
        match received {
            Ok(received) => server.handle(received),
            // Nothing came, or what never was sent has failed: the probes are looked at.
            Err(ReceiveError::TimedOut | ReceiveError::RequestFailed { .. }) => {}
            Err(ended) => return ended,
        }
        server.look();
    }
}

/// A holder is asked whether it lives, since somebody else wants to change its name.
struct Probe {
    /// Who wants to, and is to be answered.
    source: Source,
    name: Name,
    /// Who is to have it; `None` if nobody.
    wanted: Option<Entry>,
    /// As it was when the question began.
    holder: Entry,
    tries: u32,
    deadline: Instant,
    sign: Sign,
}

/// A sign of life that is waited for.
enum Sign {
    Ping(Completion<Result<(Epoch, Duration), PingError>>),
    Place(Completion<Result<Address, CallError>>),
}

/// What is known of a holder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Alive,
    Gone,
    Unknown,
}

struct Server<'m, 't, T: Trap + ?Sized> {
    me: &'m Process<'t, T>,
    table: Table,
    probes: Vec<Probe>,
}

impl<T: Trap + ?Sized> Server<'_, '_, T> {
    fn handle(&mut self, received: Received) {
        let source = received.source;
        let done = match NameMessage::decode(received.message) {
            Err(bad) => Err(bad.into()),
            Ok(m1) => match Operation::from_u8(m1.operation) {
                Some(Operation::Register) => self.do_register(source, &m1),
                Some(Operation::Deregister) => self.do_deregister(source, &m1),
                Some(Operation::Lookup) => self.do_lookup(&m1),
                Some(Operation::List) => self.do_list(&m1),
                None => Err(Code::E_BAD_OPERATION),
            },
        };
        match done {
            Ok(Some(body)) => self.answer(source, Code::OK, body),
            // The holder is being asked; the answer waits for it.
            Ok(None) => {}
            Err(code) => self.answer(source, code, Bytes::new()),
        }
    }

    fn do_register(&mut self, source: Source, m1: &NameMessage) -> Result<Option<Bytes>, Code> {
        let name = Name::new(&m1.name)?;
        let mut body = m1.body.clone();
        let place = decode_place(&mut body)?;
        if !body.is_empty() {
            return Err(Code::E_BAD_MESSAGE);
        }
        if !is_reachable(place) {
            return Err(Code::E_BAD_PLACE);
        }
        if m1.token == Token::NONE {
            return Err(Code::E_BAD_TOKEN);
        }
        let wanted = Entry { place, token: m1.token, registrant: source.address().machine };
        match self.table.get(&name) {
            Some(holder) if holder.token != m1.token => self.ask(source, name, Some(wanted), holder),
            _ => {
                self.table.put(name, wanted)?;
                Ok(Some(Bytes::new()))
            }
        }
    }

    fn do_deregister(&mut self, source: Source, m1: &NameMessage) -> Result<Option<Bytes>, Code> {
        let name = Name::new(&m1.name)?;
        match self.table.get(&name) {
            None => Err(Code::E_NOT_FOUND),
            Some(holder) if holder.token != m1.token => self.ask(source, name, None, holder),
            Some(_) => {
                self.table.remove(&name);
                Ok(Some(Bytes::new()))
            }
        }
    }

    fn do_lookup(&self, m1: &NameMessage) -> Result<Option<Bytes>, Code> {
        let name = Name::new(&m1.name)?;
        let entry = self.table.get(&name).ok_or(Code::E_NOT_FOUND)?;
        let mut body = BytesMut::new();
        encode_place(entry.place, &mut body);
        Ok(Some(body.freeze()))
    }

    /// As many as fit.
    fn do_list(&self, m1: &NameMessage) -> Result<Option<Bytes>, Code> {
        let prefix = match &m1.name[..] {
            b"" => String::new(),
            name => Name::new(name)?.as_str().to_owned(),
        };
        let after = if m1.body.is_empty() { None } else { Some(Name::new(&m1.body)?) };
        let bytes_max = self.me.gate().message_bytes_max().saturating_sub(FIXED_BYTES).min(LIST_BYTES_MAX);
        let mut body = BytesMut::new();
        for (name, place) in self.table.list(&prefix, after.as_ref()) {
            if !encode_entry(name, place, &mut body, bytes_max) {
                if body.is_empty() {
                    // To answer with none would say that there are no more.
                    return Err(Code::E_NO_SPACE);
                }
                break;
            }
        }
        Ok(Some(body.freeze()))
    }

    /// Begins to ask a holder whether it lives.
    fn ask(
        &mut self,
        source: Source,
        name: Name,
        wanted: Option<Entry>,
        holder: Entry,
    ) -> Result<Option<Bytes>, Code> {
        // Nobody waits for what comes of a message that is one-way.
        if self.probes.len() >= PROBES_MAX || !source.wants_reply() {
            return Err(Code::E_BUSY);
        }
        let (sign, deadline) = self.question(holder.place);
        self.probes.push(Probe { source, name, wanted, holder, tries: 1, deadline, sign });
        Ok(None)
    }

    fn question(&self, holder: Target) -> (Sign, Instant) {
        let sign = match holder {
            Target::Place(address) => Sign::Ping(self.me.start_ping(address)),
            Target::Sparse(sparse) => Sign::Place(self.me.start_locate(sparse, true)),
        };
        (sign, self.me.gate().now() + PING_WAIT)
    }

    /// Looks which questions are answered, or have waited long enough.
    fn look(&mut self) {
        for probe in std::mem::take(&mut self.probes) {
            self.look_at(probe);
        }
    }

    fn look_at(&mut self, mut probe: Probe) {
        let is_late = self.me.gate().now() >= probe.deadline;
        let life = match probe.sign {
            Sign::Ping(completion) => match completion.test() {
                Ok(result) => life(result.map(drop)),
                Err(pending) if is_late => match self.me.cancel(pending) {
                    // It came at the last moment.
                    Some(Ok(_)) => Life::Alive,
                    _ if probe.tries >= PING_TRIES => Life::Gone,
                    _ => {
                        let (sign, deadline) = self.question(probe.holder.place);
                        self.probes.push(Probe { tries: probe.tries + 1, sign, deadline, ..probe });
                        return;
                    }
                },
                Err(pending) => {
                    probe.sign = Sign::Ping(pending);
                    self.probes.push(probe);
                    return;
                }
            },
            // A search ends by itself.
            Sign::Place(completion) => match completion.test() {
                Ok(result) => life(result.map(drop)),
                Err(pending) => {
                    probe.sign = Sign::Place(pending);
                    self.probes.push(probe);
                    return;
                }
            },
        };
        let code = match life {
            Life::Alive => Err(Code::E_HELD),
            Life::Unknown => Err(Code::E_BUSY),
            Life::Gone => self.replace(&probe.name, probe.holder, probe.wanted),
        };
        self.answer(probe.source, code.err().unwrap_or(Code::OK), Bytes::new());
    }

    /// The holder is gone: the name goes to who is wanted, unless somebody else was quicker.
    fn replace(&mut self, name: &Name, holder: Entry, wanted: Option<Entry>) -> Result<(), Code> {
        // A copy of the same question may have been quicker.
        let own = |entry: Entry| wanted.is_some_and(|wanted| wanted.token == entry.token);
        if self.table.get(name).is_some_and(|entry| entry != holder && !own(entry)) {
            return Err(Code::E_HELD);
        }
        match wanted {
            Some(wanted) => self.table.put(name.clone(), wanted),
            None => {
                self.table.remove(name);
                Ok(())
            }
        }
    }

    fn answer(&self, source: Source, code: Code, body: Bytes) {
        if !source.wants_reply() {
            return;
        }
        let m2 = NameMessage { code: code as u8, body, ..NameMessage::default() };
        // Not waited for: a client that acknowledges nothing keeps no other waiting. The kernel sees to the rest.
        if let Ok(Err(error)) = self.me.send_copied(source, &m2.encode()).test() {
            match error.failure {
                // The client has given up, or wanted no answer: the next one may.
                SendFailure::Reply(ReplyError::Abandoned | ReplyError::NotWanted | ReplyError::NoAnswer) => {}
                failure => log::warn!("{} was not answered: {failure}", source.address()),
            }
        }
    }
}

/// What the answer to a question says of the holder.
fn life(result: Result<(), CallError>) -> Life {
    match result {
        Ok(()) => Life::Alive,
        Err(CallError::NoSuchProcess | CallError::NotLocated) => Life::Gone,
        Err(_) => Life::Unknown,
    }
}
