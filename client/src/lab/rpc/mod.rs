//! Remote procedure calls in scenarios: what steps there are, and how they are played.
mod binding;
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub)]
mod examples;
mod jobs;
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub)]
mod missing;
mod pages;
mod procedures;
mod representation;
pub mod script;

use std::sync::Arc;

use sendrec_stubs::ClientIdentity;
use sendrec_trap::{Process, Target};

use super::cast::Stage;
use super::desk::Desk;
use super::script::Whom;
pub(super) use examples::adder_1;
use pages::Caches;
pub(super) use procedures::words_of_error;
pub use representation::{Form, Peer};
use script::{Calling, Passing, Procedure, RpcStep, Service};

/// What a process has for its calls.
pub(super) struct Calls<'a, 't, T: Stage + ?Sized> {
    me: &'a Process<'t, T>,
    desk: Arc<Desk>,
    identity: ClientIdentity,
    caches: Caches<'t, T>,
}

/// What came of a step: `None` of a server's, which is over when its process is.
type Played = Option<(String, Result<String, String>)>;

impl<'a, 't, T: Stage + ?Sized> Calls<'a, 't, T> {
    pub(super) fn new(me: &'a Process<'t, T>, desk: Arc<Desk>) -> Self {
        let identity = procedures::identity(me, &desk);
        Self { me, desk, identity, caches: Caches::new() }
    }

    /// Plays a step. `find` says where somebody is.
    pub(super) fn play(
        &mut self,
        step: &RpcStep,
        find: &mut dyn FnMut(&Whom) -> Result<Target, String>,
    ) -> Played {
        let (me, desk) = (self.me, &*self.desk);
        Some(match step {
            RpcStep::Procedures { kept } => {
                procedures::serve_procedures(me, desk, *kept);
                return None;
            }
            RpcStep::Variable => {
                procedures::serve_variable(me);
                return None;
            }
            RpcStep::Jobs(cure) => {
                jobs::serve(me, desk, *cure);
                return None;
            }
            RpcStep::Warden(cure) => {
                jobs::serve_warden(me, desk, *cure);
                return None;
            }
            RpcStep::Binder => {
                binding::serve(me);
                return None;
            }
            RpcStep::ReadsAs(peer) => {
                representation::serve(me, *peer);
                return None;
            }
            RpcStep::Call(whom, procedure, calling) => {
                let result = find(whom).and_then(|server| self.call(server, procedure, *calling, find));
                (procedures::words_of(procedure), result)
            }
            RpcStep::ComeBack(cure, whom) => {
                let result = find(whom).and_then(|server| jobs::start(me, &self.desk, *cure, server));
                ("comes back".to_owned(), result)
            }
            RpcStep::Offer(service) => {
                let handle = service.at.as_ref().map_or_else(|| Ok(me.address().into()), &mut *find);
                let result = handle.and_then(|handle| {
                    let binder = find(&service.binder)?;
                    binding::offer(me, binder, service, handle)
                });
                (with("register", service), result)
            }
            RpcStep::Withdraw(service) => {
                let result = find(&service.binder).and_then(|binder| binding::withdraw(me, binder, service));
                (with("deregister", service), result)
            }
            RpcStep::Find(service) => {
                let result = find(&service.binder).and_then(|binder| binding::find(me, binder, service));
                (with("lookup", service), result.map(|_| "found".to_owned()))
            }
            RpcStep::Interface(service) => {
                let result = find(&service.binder).and_then(|binder| binding::interface(me, binder, service));
                (with("fetch", service), result)
            }
            RpcStep::Import(service, procedure) => {
                let found = find(&service.binder).and_then(|binder| binding::find(me, binder, service));
                let result = found.and_then(|server| self.call(server, procedure, Calling::default(), find));
                (format!("{} of {}", procedures::words_of(procedure), service.name), result)
            }
            RpcStep::Write { whom, file, text } => {
                let result = find(whom).and_then(|server| {
                    pages::write(me.gate(), server, file, text).map_err(|error| error.to_string())
                });
                (format!("write {file}"), result)
            }
            RpcStep::Browse { whom, file, checked } => {
                let gate = me.gate();
                let result = find(whom).and_then(|server| {
                    let page = self.caches.browse(gate, server, file, *checked);
                    page.map_err(|error| error.to_string())
                });
                (format!("read {file}"), result)
            }
            RpcStep::Convey { whom, number, text, peer, form } => {
                let mut letters = [b' '; 4];
                for (place, letter) in letters.iter_mut().zip(text.bytes()) {
                    *place = letter;
                }
                let record = representation::Record { number: *number, letters };
                let result =
                    find(whom).and_then(|server| representation::convey(me, server, record, *peer, *form));
                (format!("{record}, {}", form.name()), result)
            }
        })
    }

    fn call(
        &self,
        server: Target,
        procedure: &Procedure,
        calling: Calling,
        find: &mut dyn FnMut(&Whom) -> Result<Target, String>,
    ) -> Result<String, String> {
        let variable = match procedure {
            Procedure::Incr(_, Passing::Reference(at)) => Some(find(at)?),
            _ => None,
        };
        procedures::call(self.me, server, (procedure, calling), variable, &self.identity)
            .map_err(|error| words_of_error(&error))
    }
}

fn with(verb: &str, service: &Service) -> String {
    format!("{verb} {} {}", service.name, service.version)
}
