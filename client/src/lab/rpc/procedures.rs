//! The examples' procedures, served and called through generated stubs, and three ways to pass a parameter.
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use sendrec_stubs::once::ExactlyOnce;
use sendrec_stubs::{
    Bytes, CallError, CallOptions, CallSemantics, ClientIdentity, Context, Refusal, Remote, Retries, serve,
};
use sendrec_trap::{Address, Process, SendError, SendFailure, Target, Trap};

use super::examples::{Pair, Pointer, adder_1, counters_1, jobs_1, missing_1, variable_1};
use super::missing::{other_1, other_7};
use super::script::{Calling, Passing, Procedure};
use crate::lab::desk::{Desk, Log};

/// How often a call is sent again that may be.
const RETRIES: u32 = 20;

/// What procedures there are; those that follow pointers call with `me`.
struct Procedures<'p, 't, T: Trap + ?Sized> {
    me: &'p Process<'t, T>,
    desk: &'p Desk,
}

impl<T: Trap + ?Sized> adder_1::Server for Procedures<'_, '_, T> {
    fn sum(&self, _: &Context<'_>, a: i32, b: i32) -> Result<i32, Refusal> {
        self.desk.count_run();
        a.checked_add(b).ok_or_else(|| Refusal::new("more than an int holds"))
    }

    fn runs(&self, _: &Context<'_>) -> Result<u32, Refusal> {
        Ok(self.desk.runs())
    }
}

impl<T: Trap + ?Sized> counters_1::Server for Procedures<'_, '_, T> {
    fn incr_copies(&self, _: &Context<'_>, _a: i32, _b: i32) -> Result<(), Refusal> {
        // What it does to its copies nobody sees.
        Ok(())
    }

    fn incr(&self, _: &Context<'_>, a: i32, b: i32) -> Result<Pair, Refusal> {
        Ok(Pair { a: a.wrapping_add(1), b: b.wrapping_add(1) })
    }

    fn incr_there(&self, _: &Context<'_>, a: Pointer, b: Pointer) -> Result<(), Refusal> {
        for pointer in [a, b] {
            let text = std::str::from_utf8(&pointer.process).unwrap_or_default();
            let place: Address = text.parse().map_err(|_| Refusal::new("a pointer to nowhere"))?;
            let variable = variable_1::Client::new(Remote::new(self.me, place));
            variable.put(variable.get()?.wrapping_add(1))?;
        }
        Ok(())
    }
}

/// A variable, and who may look at it and change it: everybody.
struct Variable(Cell<i32>);

impl variable_1::Server for Variable {
    fn get(&self, _: &Context<'_>) -> Result<i32, Refusal> {
        Ok(self.0.get())
    }

    fn put(&self, _: &Context<'_>, value: i32) -> Result<(), Refusal> {
        self.0.set(value);
        Ok(())
    }
}

/// Serves the procedures until the kernel takes no more calls; with a journal if they are to be `kept`.
pub(super) fn serve_procedures<T: Trap + ?Sized>(me: &Process<'_, T>, desk: &Desk, kept: bool) {
    let adder = adder_1::Dispatch(Procedures { me, desk });
    let counters = counters_1::Dispatch(Procedures { me, desk });
    match desk.journal().filter(|_| kept) {
        Some(journal) => serve(me, &[&ExactlyOnce::new(adder, journal), &counters]),
        None => serve(me, &[&adder, &counters]),
    };
}

/// Serves a variable until the kernel takes no more calls.
pub(super) fn serve_variable<T: Trap + ?Sized>(me: &Process<'_, T>) {
    serve(me, &[&variable_1::Dispatch(Variable(Cell::new(0)))]);
}

/// The call as one would write it.
pub(super) fn words_of(procedure: &Procedure) -> String {
    match procedure {
        Procedure::Sum(a, b) => format!("sum({a}, {b})"),
        Procedure::Incr(i, passing) => {
            let how = match passing {
                Passing::Value => "value",
                Passing::Restore => "restore",
                Passing::Reference(_) => "reference",
            };
            format!("incr(i, i), i = {i}, by {how}")
        }
        Procedure::Runs => "runs()".to_owned(),
        Procedure::MissingProgram => "nothing(), of a program that is not there".to_owned(),
        Procedure::MissingVersion => "sum(), of version 7".to_owned(),
        Procedure::MissingProcedure => "multiply()".to_owned(),
        Procedure::Mistyped(text) => format!("sum(\"{text}\")"),
        Procedure::Work(span) => format!("work({} ms)", span.as_millis()),
        Procedure::Lock => "lock()".to_owned(),
    }
}

/// As [`words_of_error`], of a message.
pub(super) fn outcome_of(error: &SendError) -> String {
    match error.failure {
        SendFailure::Request(error) => error.to_string(),
        SendFailure::Reply(error) => error.to_string(),
    }
}

/// A failure without the address of who was asked, which a scenario does not know.
pub(in crate::lab) fn words_of_error(error: &CallError) -> String {
    match error {
        CallError::Kernel { error, .. } => error.to_string(),
        error => error.to_string(),
    }
}

/// Who calls, in this incarnation.
pub(super) fn identity<T: Trap + ?Sized>(me: &Process<'_, T>, desk: &Arc<Desk>) -> ClientIdentity {
    // Unique enough for a lab: the process, and when it was.
    let now = u128::from(me.gate().now().as_nanos());
    let place = me
        .address()
        .to_string()
        .bytes()
        .fold(7_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    ClientIdentity::new(now << 64 | u128::from(place)).logging(Log(desk.clone()))
}

/// Calls it; says what came of it.
pub(super) fn call<T: Trap + ?Sized>(
    me: &Process<'_, T>,
    server: Target,
    (procedure, calling): (&Procedure, Calling),
    variable: Option<Target>,
    identity: &ClientIdentity,
) -> Result<String, CallError> {
    let default = CallOptions::default();
    let semantics = calling.semantics.unwrap_or_default();
    let retries =
        if semantics == CallSemantics::AtLeastOnce { Retries::up_to(RETRIES) } else { Retries::NONE };
    let timeout = calling.within.unwrap_or(default.timeout);
    let plain = Remote::new(me, server).with(CallOptions { timeout, semantics, ..default });
    let remote = plain.with(CallOptions { retries, ..plain.options() });
    let remote = match (procedure, semantics) {
        (Procedure::Work(_), _) | (_, CallSemantics::ExactlyOnce) => remote.known_as(identity),
        _ => remote,
    };
    let adder = adder_1::Client::new(remote);
    let client = counters_1::Client::new(remote);
    match *procedure {
        Procedure::Sum(a, b) => adder.sum(a, b).map(|sum| sum.to_string()),
        Procedure::Runs => adder.runs().map(|runs| runs.to_string()),
        Procedure::Incr(i, Passing::Value) => {
            client.incr_copies(i, i)?;
            Ok(format!("i = {i}"))
        }
        Procedure::Incr(i, Passing::Restore) => {
            let i = Cell::new(i);
            client.incr_cells(&i, &i)?;
            Ok(format!("i = {}", i.get()))
        }
        Procedure::Incr(i, Passing::Reference(_)) => {
            let Some(place) = variable else { return Ok("no variable".to_owned()) };
            let variable = variable_1::Client::new(Remote::new(me, place));
            variable.put(i)?;
            let pointer = Pointer { process: place.to_string().into() };
            client.incr_there(&pointer, &pointer)?;
            Ok(format!("i = {}", variable.get()?))
        }
        Procedure::MissingProgram => missing_1::Client::new(remote).nothing().map(|()| "done".to_owned()),
        Procedure::MissingVersion => other_7::Client::new(remote).sum().map(|()| "done".to_owned()),
        Procedure::MissingProcedure => other_1::Client::new(remote).multiply().map(|()| "done".to_owned()),
        Procedure::Mistyped(ref argument) => {
            other_1::Client::new(remote).sum(argument.as_bytes()).map(|bytes| text(&bytes))
        }
        Procedure::Work(span) => {
            let steps = jobs_1::Client::new(remote).work(span.as_millis() as u32)?;
            Ok(format!("{} ms done", u64::from(steps) * STEP.as_millis() as u64))
        }
        Procedure::Lock => jobs_1::Client::new(remote).lock().map(|bytes| text(&bytes)),
    }
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How long a step of work takes; after each it is looked whether anybody waits.
pub(super) const STEP: Duration = Duration::from_millis(10);
