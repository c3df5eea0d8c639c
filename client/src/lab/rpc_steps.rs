//! The steps `procedures`, `variable` and `rpc` of a script: calls through generated stubs, and three ways to pass a
//! parameter.
use std::cell::Cell;

use sendrec_stubs::{CallError, Context, Refusal, Remote, serve};
use sendrec_trap::{Address, Process, Target, Trap};

use super::examples::{Pointer, adder_1, counters_1, variable_1};
use super::script::{Passing, Procedure};

/// What procedures there are; those that follow pointers call with `me`.
struct Procedures<'p, 't, T: Trap + ?Sized>(&'p Process<'t, T>);

impl<T: Trap + ?Sized> adder_1::Server for Procedures<'_, '_, T> {
    fn sum(&self, _: &Context<'_>, a: i32, b: i32) -> Result<i32, Refusal> {
        a.checked_add(b).ok_or_else(|| Refusal::new("more than an int holds"))
    }
}

impl<T: Trap + ?Sized> counters_1::Server for Procedures<'_, '_, T> {
    fn incr_copies(&self, _: &Context<'_>, _a: i32, _b: i32) -> Result<(), Refusal> {
        // What it does to its copies nobody sees.
        Ok(())
    }

    fn incr(&self, _: &Context<'_>, a: i32, b: i32) -> Result<super::examples::Pair, Refusal> {
        Ok(super::examples::Pair { a: a.wrapping_add(1), b: b.wrapping_add(1) })
    }

    fn incr_there(&self, _: &Context<'_>, a: Pointer, b: Pointer) -> Result<(), Refusal> {
        for pointer in [a, b] {
            let text = std::str::from_utf8(&pointer.process).unwrap_or_default();
            let place: Address = text.parse().map_err(|_| Refusal::new("a pointer to nowhere"))?;
            let variable = variable_1::Client::new(Remote::new(self.0, place));
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

/// Serves the procedures until the kernel takes no more calls.
pub(super) fn serve_procedures<T: Trap + ?Sized>(me: &Process<'_, T>) {
    let adder = adder_1::Dispatch(Procedures(me));
    let counters = counters_1::Dispatch(Procedures(me));
    serve(me, &[&adder, &counters]);
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
    }
}

/// Calls it; says what came of it.
pub(super) fn call<T: Trap + ?Sized>(
    me: &Process<'_, T>,
    server: Target,
    procedure: &Procedure,
    variable: Option<Target>,
) -> Result<String, CallError> {
    let remote = Remote::new(me, server);
    let client = counters_1::Client::new(remote);
    match *procedure {
        Procedure::Sum(a, b) => adder_1::Client::new(remote).sum(a, b).map(|sum| sum.to_string()),
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
    }
}
