//! The server's side: which program, version and procedure a call is for, and what comes of it.
use bytes::Bytes;
use redb::WriteTransaction;
use sendrec_trap::{From as Whom, Process, ReceiveError, Source, Trap};

use crate::Procedure;
use crate::error::ServeError;
use crate::message::{Accepted, Auth, BadCall, CallHeader, RPC_VERSION, Reply, begin_reply};
use crate::xdr::{Decoder, Encoder, Limits};

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
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("credential", self.credential)
            .field("source", &self.source)
            .finish_non_exhaustive()
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
    limits: Limits,
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

    /// With arguments that are decoded within these limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Answers calls, one after the other, until the process ends or its kernel is shut down. Several threads may do so
    /// for one process: then several calls run at once.
    pub fn serve<T: Trap + ?Sized>(&self, me: &Process<'_, T>) -> ReceiveError {
        serve_from(me, &self.each(), self.limits)
    }

    /// The answer to a call; `None` if it is none.
    pub fn answer(&self, call: Bytes, source: Option<Source>) -> Option<Bytes> {
        answer_from(self.each(), self.limits, call, source)
    }

    fn each(&self) -> impl Iterator<Item = &(dyn Service + 's)> + Clone {
        self.list.iter().map(|service| &**service as &(dyn Service + 's))
    }
}

/// As [`Services::serve`], for services of this thread alone, which may use `me` for calls of their own.
pub fn serve<T: Trap + ?Sized>(me: &Process<'_, T>, services: &[&dyn Service]) -> ReceiveError {
    serve_from(me, &services.iter().copied(), Limits::default())
}

fn serve_from<'a, T: Trap + ?Sized>(
    me: &Process<'_, T>,
    services: &(impl Iterator<Item = &'a (dyn Service + 'a)> + Clone),
    limits: Limits,
) -> ReceiveError {
    loop {
        let request = match me.receive(Whom::Any) {
            Ok(request) => request,
            Err(ReceiveError::RequestFailed { .. }) => continue,
            Err(error) => return error,
        };
        let Some(answer) = answer_from(services.clone(), limits, request.message, Some(request.source))
        else {
            log::debug!("{} sent what is no call", request.source.address());
            continue;
        };
        if let Err(error) = me.reply(request.source, answer) {
            log::debug!("the answer to {}: {error}", request.source.address());
        }
    }
}

fn answer_from<'a>(
    services: impl Iterator<Item = &'a (dyn Service + 'a)> + Clone,
    limits: Limits,
    call: Bytes,
    source: Option<Source>,
) -> Option<Bytes> {
    let mut input = Decoder::with_limits(call, limits);
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
    let status = run(services, &header, source, &mut input, &mut out);
    if status != Accepted::Success {
        out.truncate(0);
        begin_reply(header.xid, Reply::Accepted(status), &mut out).ok()?;
    }
    Some(out.finish())
}

/// Runs what is called for; if it succeeds the whole answer is in `out`.
fn run<'a>(
    services: impl Iterator<Item = &'a (dyn Service + 'a)> + Clone,
    header: &CallHeader,
    source: Option<Source>,
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
    let context = Context { credential: &header.credential, source, transaction: None };
    match service.serve(&context, header.procedure, input, out) {
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
