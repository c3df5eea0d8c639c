//! The server's side: which program, version and procedure a call is for, and what comes of it.
use std::time::Duration;

use bytes::Bytes;
use redb::WriteTransaction;
use sendrec_trap::{
    Address, From as Whom, Instant, Process, ReceiveError, Received, ReplyError, SendError, SendFailure,
    Source, Step, Trap,
};

use crate::Procedure;
use crate::error::{Refusal, ServeError};
use crate::message::{Accepted, Auth, BadCall, CallHeader, RPC_VERSION, Reply, begin_reply};
use crate::once::Intending;
use crate::orphans::{Work, Works};
use crate::pass::Pass;
use crate::xdr::{DecodeError, Decoder, Encoder, Limits};

/// What a procedure may know of the call it runs for.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Who says to be calling.
    pub credential: &'a Auth,
    /// The process that called, if the call came through a kernel.
    pub source: Option<Source>,
    /// Where the call's effect is to go so that it is there together with its result, if it is to run exactly once
    /// ([`crate::once`]).
    pub transaction: Option<&'a WriteTransaction>,
    pub(crate) pass: Option<Pass>,
    pub(crate) intending: Option<Intending<'a>>,
    pub(crate) station: Option<&'a dyn Station>,
    pub(crate) work: Option<&'a Work<'a>>,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("credential", self.credential)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Context<'_> {
    /// How long its client will wait yet, counted from when the call came to this machine; `None` if it has not said.
    pub fn left(&self) -> Option<Duration> {
        let deadline = self.source?.arrived() + self.pass?.left;
        Some(deadline.since(self.station?.now()))
    }

    /// For generated code: all arguments are taken out of the message.
    pub fn unpacked(&self, input: &Decoder) -> Result<(), DecodeError> {
        input.end()?;
        self.step(Step::Unmarshalled);
        Ok(())
    }

    /// For generated code: the procedure has come to this.
    pub fn performed<R>(&self, outcome: Result<R, Refusal>) -> Result<R, Refusal> {
        self.step(Step::Performed);
        outcome
    }

    fn step(&self, step: Step) {
        if let Some(station) = self.station {
            station.step(step);
        }
    }

    /// Whether its client has given up: whatever it would be answered it will not hear.
    pub fn is_late(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    /// Whether it is to run exactly once.
    pub fn is_once(&self) -> bool {
        self.pass.is_some_and(|pass| pass.is_once)
    }

    /// What a procedure with effects outside the journal sets out to do, as `make` says: written down before it is done, if it
    /// is to be done exactly once, so that [`crate::once::Journal::recover`] can do it again after a crash. To do it
    /// twice must be to do it once.
    pub fn intend(&self, make: impl FnOnce() -> Result<Bytes, Refusal>) -> Result<Bytes, Refusal> {
        match self.intending {
            Some(intending) => intending.intend(make),
            None => make(),
        }
    }

    /// Whether its client is known to be gone ([`crate::orphans`]).
    pub fn is_orphan(&self) -> bool {
        self.work.is_some_and(Work::is_orphan)
    }

    /// Refuses to go on for nobody: to be asked now and then by procedures that take long.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.is_orphan() {
            return Err(Refusal::new("an orphan: its client is gone"));
        }
        if self.is_late() {
            return Err(Refusal::new("late: its client has given up"));
        }
        Ok(())
    }

    /// A lock that the call held is free.
    pub(crate) fn lock_released(&self) {
        if let Some(work) = self.work.filter(|work| work.is_orphan()) {
            work.works().lock_released();
        }
    }
}

/// One version of one program. Generated `Dispatch`es are.
pub trait Service {
    /// The program's number.
    fn program(&self) -> u32;

    /// The version's number.
    fn version(&self) -> u32;

    /// All its procedures.
    fn procedures(&self) -> &'static [Procedure];

    /// Runs a procedure: takes its arguments from `input`, appends its result to `out`. What was appended before an
    /// error is dropped.
    fn serve(
        &self,
        context: &Context<'_>,
        procedure: u32,
        input: &mut Decoder,
        out: &mut Encoder,
    ) -> Result<(), ServeError>;
}

/// What one server offers: several programs, each in several versions.
#[derive(Default)]
pub struct Services<'s> {
    list: Vec<Box<dyn Service + Send + Sync + 's>>,
    rules: Rules<'s>,
}

/// How calls are served.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules<'r> {
    /// Arguments are decoded within these limits.
    pub limits: Limits,
    /// Where calls that run are kept, so that orphans among them are found ([`crate::orphans`]).
    pub works: Option<&'r Works>,
}

impl<'s> Services<'s> {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// And this one. Of two with one program and version the first is asked.
    #[must_use]
    pub fn with(mut self, service: impl Service + Send + Sync + 's) -> Self {
        self.list.push(Box::new(service));
        self
    }

    /// Served by these rules.
    #[must_use]
    pub fn by(mut self, rules: Rules<'s>) -> Self {
        self.rules = rules;
        self
    }

    /// Answers calls, one after the other, until the process ends or its kernel is shut down.
    pub fn serve<T: Trap + ?Sized>(&self, me: &Process<'_, T>) -> ReceiveError {
        serve_from(me, &self.each(), &self.rules)
    }

    /// As [`Self::serve`], by so many threads, one of them this: so many calls run at once. The process is to be spawned
    /// as one that has threads ([`sendrec_trap::SpawnOptions::threads`]).
    pub fn serve_by<T: Trap + ?Sized + Sync>(&self, me: &Process<'_, T>, threads: usize) -> ReceiveError {
        serve_by_threads(threads, || self.serve(me))
    }

    /// The answer to a call that came another way than through a kernel; `None` if it is none.
    pub fn answer(&self, call: Bytes) -> Option<Bytes> {
        answer_from(self.each(), &self.rules, call, None)
    }

    fn each(&self) -> impl Iterator<Item = &(dyn Service + 's)> + Clone {
        self.list.iter().map(|service| &**service as &(dyn Service + 's))
    }
}

/// Runs a server's loop on so many threads, one of them this: a pool.
pub fn serve_by_threads(threads: usize, serve: impl Fn() -> ReceiveError + Sync) -> ReceiveError {
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(&serve);
        }
        serve()
    })
}

/// As [`Services::serve`], for services of this thread alone, which may use `me` for calls of their own.
pub fn serve<T: Trap + ?Sized>(me: &Process<'_, T>, services: &[&dyn Service]) -> ReceiveError {
    serve_with(me, services, &Rules::default())
}

/// As [`serve`], by these rules.
pub fn serve_with<T: Trap + ?Sized>(
    me: &Process<'_, T>,
    services: &[&dyn Service],
    rules: &Rules<'_>,
) -> ReceiveError {
    serve_from(me, &services.iter().copied(), rules)
}

fn serve_from<'a, T: Trap + ?Sized>(
    me: &Process<'_, T>,
    services: &(impl Iterator<Item = &'a (dyn Service + 'a)> + Clone),
    rules: &Rules<'_>,
) -> ReceiveError {
    let mut next = me.receive(Whom::Any);
    loop {
        next = match next {
            Ok(request) => {
                let source = request.source;
                match answer_to(me, services.clone(), rules, request) {
                    Some(answer) => {
                        let xid = xid_of(&answer);
                        me.reply_and_receive(source, answer, Whom::Any).unwrap_or_else(|error| {
                            note_failed(me, source, xid, error);
                            me.receive(Whom::Any)
                        })
                    }
                    None => me.receive(Whom::Any),
                }
            }
            Err(ReceiveError::RequestFailed { .. }) => me.receive(Whom::Any),
            Err(error) => return error,
        }
    }
}

/// Where a call is served: a process, whatever its kernel.
pub(crate) trait Station {
    fn now(&self) -> Instant;
    fn step(&self, step: Step);
    fn orphan(&self, client: Address);
    /// Tells a process of this machine that there is something to do.
    fn rouse(&self, warden: Address);
}

impl<T: Trap + ?Sized> Station for Process<'_, T> {
    fn now(&self) -> Instant {
        self.gate().now()
    }

    fn step(&self, step: Step) {
        self.gate().step(self.id(), step);
    }

    fn orphan(&self, client: Address) {
        self.gate().orphan(self.id(), client);
    }

    fn rouse(&self, warden: Address) {
        if let Err(error) = self.send_one_way(warden, Bytes::new(), self.how()) {
            log::debug!("the warden is not woken: {error}");
        }
    }
}

/// Runs the call in a message that was received, and replies: for servers whose loop has more to do.
pub fn serve_one<T: Trap + ?Sized>(me: &Process<'_, T>, services: &[&dyn Service], request: Received) {
    let source = request.source;
    if let Some(answer) = answer_to(me, services.iter().copied(), &Rules::default(), request) {
        let xid = xid_of(&answer);
        if let Err(error) = me.reply(source, answer) {
            note_failed(me, source, xid, error);
        }
    }
}

/// Whether a message that came through a kernel is a call: for servers that understand other messages too.
pub fn is_call(message: &[u8]) -> bool {
    const BEGINNING: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, RPC_VERSION as u8];
    message.starts_with(&BEGINNING)
}

/// Runs the call in a message; its answer, if it is one.
fn answer_to<'a, T: Trap + ?Sized>(
    me: &Process<'_, T>,
    services: impl Iterator<Item = &'a (dyn Service + 'a)> + Clone,
    rules: &Rules<'_>,
    request: Received,
) -> Option<Bytes> {
    me.step(Step::Woken);
    let source = request.source;
    let answer = answer_from(services, rules, request.message, Some((source, me)));
    match &answer {
        Some(_) => me.step(Step::ResultMarshalled),
        None => log::debug!("{} sent what is no call", source.address()),
    }
    answer
}

/// The number of the call that this answers.
fn xid_of(answer: &[u8]) -> u32 {
    answer.first_chunk().copied().map_or(0, u32::from_be_bytes)
}

/// An answer did not go. If it is longer than messages may be here, its client is to hear of it.
#[cold]
fn note_failed<T: Trap + ?Sized>(me: &Process<'_, T>, source: Source, xid: u32, error: SendError) {
    let failed = if error.failure == SendFailure::Reply(ReplyError::TooLong) {
        log::warn!("the answer to {}: {error}", source.address());
        me.reply(source, failed_answer(xid))
    } else {
        Err(error)
    };
    if let Err(error) = failed {
        log::debug!("the answer to {}: {error}", source.address());
    }
}

/// In place of an answer, that there is none.
fn failed_answer(xid: u32) -> Bytes {
    let mut out = Encoder::new();
    let encoded = begin_reply(xid, Reply::Accepted(Accepted::SystemError), &mut out);
    debug_assert_eq!(encoded, Ok(()), "a few numbers are within every bound");
    out.finish()
}

/// Whom a call is from, and where it is served.
type Heard<'a> = (Source, &'a dyn Station);

fn answer_from<'a>(
    services: impl Iterator<Item = &'a (dyn Service + 'a)> + Clone,
    rules: &Rules<'_>,
    call: Bytes,
    heard: Option<Heard<'_>>,
) -> Option<Bytes> {
    let mut input = Decoder::with_limits(call, rules.limits);
    let mut out = Encoder::with_capacity(ANSWER_BYTES);
    let header = match CallHeader::decode(&mut input) {
        Ok(header) => header,
        Err(BadCall::NoCall) => return None,
        Err(BadCall::OtherProtocol { xid }) => {
            let reply = Reply::OtherProtocol { low: RPC_VERSION, high: RPC_VERSION };
            begin_reply(xid, reply, &mut out).ok()?;
            return Some(out.finish());
        }
    };
    let status = run(services, rules.works, &header, heard, &mut input, &mut out);
    if status != Accepted::Success {
        out.truncate(0);
        begin_reply(header.xid, Reply::Accepted(status), &mut out).ok()?;
    }
    Some(out.finish())
}

/// Runs what is called for; if it succeeds the whole answer is in `out`.
fn run<'a>(
    services: impl Iterator<Item = &'a (dyn Service + 'a)> + Clone,
    works: Option<&Works>,
    header: &CallHeader,
    heard: Option<Heard<'_>>,
    input: &mut Decoder,
    out: &mut Encoder,
) -> Accepted {
    let mut of_program = services.filter(|service| service.program() == header.program);
    let versions = of_program.clone().map(|service| service.version());
    let Some(service) = of_program.find(|service| service.version() == header.version) else {
        return match versions.clone().min().zip(versions.max()) {
            Some((low, high)) => Accepted::VersionMismatch { low, high },
            None => Accepted::NoSuchProgram,
        };
    };
    if begin_reply(header.xid, Reply::Accepted(Accepted::Success), out).is_err() {
        return Accepted::SystemError;
    }
    let Ok(pass) = Pass::of(&header.credential).transpose() else { return Accepted::GarbageArguments };
    let identity = pass.and_then(|pass| pass.identity);
    let work = match (works, heard) {
        (Some(works), Some((source, station))) => {
            let work = works.begin(&source, identity, station.now(), |client| station.orphan(client));
            if let Some(warden) = works.sleeper() {
                station.rouse(warden);
            }
            Some(work)
        }
        _ => None,
    };
    let (source, station) = heard.unzip();
    let context = Context {
        credential: &header.credential,
        source,
        transaction: None,
        pass,
        intending: None,
        station,
        work: work.as_ref(),
    };
    // Whoever has given up is not served: it would keep those waiting who have not.
    let served = context
        .check()
        .map_err(ServeError::from)
        .and_then(|()| service.serve(&context, header.procedure, input, out));
    match served {
        Ok(()) => Accepted::Success,
        Err(error) => {
            log::debug!("program {:#x}, procedure {}: {error}", header.program, header.procedure);
            match error {
                ServeError::NoSuchProcedure => Accepted::NoSuchProcedure,
                ServeError::Garbage(_) => Accepted::GarbageArguments,
                ServeError::Failed(_) | ServeError::Result(_) => Accepted::SystemError,
            }
        }
    }
}

/// Room for an answer's beginning and a short result.
const ANSWER_BYTES: usize = 128;
