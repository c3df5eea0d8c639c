//! Names in scenarios: a name server among the processes, asked as any program asks one.
use std::time::Duration;

use sendrec_names::{Name, Names, NamesError, Resolver, Token};
use sendrec_trap::{Address, Bytes, CallError, How, Process, Reliability, SendFailure, Target, Trap};

/// How long a question to the name server may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Where nothing is sent again the user copes: a question does no harm if it is asked again.
const PATIENCE_UNRELIABLE: Duration = Duration::from_millis(30);
const TRIES_UNRELIABLE: u32 = 20;
/// How often a name may turn out to be elsewhere before a call gives up.
const MOVES_MAX: u32 = 4;
/// Whoever is the same server elsewhere has the same token: processes of a scenario trust each other.
const TOKEN: Token = Token(0x7365_6e64_7265_6331);

/// Asks the name server, as often as befits how reliably `me` sends.
fn ask<T: Trap + ?Sized, R>(
    me: &Process<'_, T>,
    mut question: impl FnMut() -> Result<R, NamesError>,
) -> Result<R, String> {
    let mut left = if is_unreliable(me) { TRIES_UNRELIABLE } else { 1 };
    loop {
        left -= 1;
        match question() {
            Err(NamesError::Call { error: CallError::TimedOut, .. }) if left > 0 => {}
            answer => return answer.map_err(|error| error.to_string()),
        }
    }
}

fn is_unreliable<T: Trap + ?Sized>(me: &Process<'_, T>) -> bool {
    me.how().options.reliability == Reliability::Unreliable
}

fn names<T: Trap + ?Sized>(me: &Process<'_, T>, server: Option<Address>) -> Result<Names, String> {
    let server = server.ok_or("there is no name server")?;
    Ok(Names::new(server, if is_unreliable(me) { PATIENCE_UNRELIABLE } else { PATIENCE }))
}

/// What one process remembers of names.
#[derive(Debug)]
pub(super) struct Book {
    server: Option<Address>,
    resolver: Option<Resolver>,
}

impl Book {
    pub(super) const fn new(server: Option<Address>) -> Self {
        Self { server, resolver: None }
    }

    fn resolver<T: Trap + ?Sized>(&mut self, me: &Process<'_, T>) -> Result<&mut Resolver, String> {
        let names = names(me, self.server)?;
        Ok(self.resolver.get_or_insert_with(|| Resolver::new(names)))
    }

    /// Where a name is, as the name server says now: whoever runs on while its message goes cannot follow a name that has
    /// moved.
    pub(super) fn look_up<T: Trap + ?Sized>(
        &self,
        me: &Process<'_, T>,
        name: &str,
    ) -> Result<Target, String> {
        let (names, name) = (names(me, self.server)?, parse(name)?);
        ask(me, || names.lookup(me, &name))
    }

    /// Where a name is: as remembered, or as the name server says.
    fn place<T: Trap + ?Sized>(&mut self, me: &Process<'_, T>, name: &str) -> Result<Target, String> {
        let name = parse(name)?;
        let resolver = self.resolver(me)?;
        ask(me, || resolver.place(me, &name))
    }

    /// Calls whoever has the name, and looks again if it is not where it was.
    pub(super) fn call<T: Trap + ?Sized>(
        &mut self,
        me: &Process<'_, T>,
        name: &str,
        message: &Bytes,
        how: How,
    ) -> Result<Bytes, String> {
        let parsed = parse(name)?;
        for _ in 0..MOVES_MAX {
            let place = self.place(me, name)?;
            let error = match me.call_with(place, message.clone(), how) {
                Ok(reply) => return Ok(reply),
                Err(error) => error.failure,
            };
            let again = match error {
                SendFailure::Request(error) => self.resolver(me)?.on_failed(&parsed, place, error, how),
                SendFailure::Reply(_) => false,
            };
            if !again {
                return Err(error.to_string());
            }
        }
        Err(format!("{name} is never where the name server says"))
    }
}

fn parse(name: &str) -> Result<Name, String> {
    Name::new(name.as_bytes()).map_err(|error| format!("'{name}': {error}"))
}

pub(super) fn serve<T: Trap + ?Sized>(me: &Process<'_, T>) {
    let ended = sendrec_names::serve(me);
    log::debug!("the name server ends: {ended}");
}

pub(super) fn register<T: Trap + ?Sized>(
    me: &Process<'_, T>,
    server: Option<Address>,
    name: &str,
) -> Result<(), String> {
    let (names, name) = (names(me, server)?, parse(name)?);
    ask(me, || names.register(me, &name, me.address(), TOKEN))
}

pub(super) fn unregister<T: Trap + ?Sized>(
    me: &Process<'_, T>,
    server: Option<Address>,
    name: &str,
) -> Result<(), String> {
    let (names, name) = (names(me, server)?, parse(name)?);
    ask(me, || names.deregister(me, &name, TOKEN))
}
