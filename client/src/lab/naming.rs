//! Names in scenarios: a name server among the processes, asked as any program asks one.
use std::time::Duration;

use sendrec_names::{Name, Names, Resolver, Token};
use sendrec_trap::{Address, Bytes, How, Process, Target, Trap};

/// How long a question to the name server may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Whoever is the same server elsewhere has the same token: processes of a scenario trust each other.
const TOKEN: Token = Token(0x7365_6e64_7265_6331);

/// What one process remembers of names.
#[derive(Debug)]
pub(super) struct Book(Option<Resolver>);

impl Book {
    pub(super) fn new(server: Option<Address>) -> Self {
        Self(server.map(|server| Resolver::new(names(server))))
    }

    fn resolver(&mut self) -> Result<&mut Resolver, String> {
        self.0.as_mut().ok_or_else(|| "there is no name server".to_owned())
    }

    /// Where a name is: as remembered, or as the name server says.
    pub(super) fn place<T: Trap + ?Sized>(
        &mut self,
        me: &Process<'_, T>,
        name: &str,
    ) -> Result<Target, String> {
        let name = parse(name)?;
        self.resolver()?.place(me, &name).map_err(|error| error.to_string())
    }

    /// Calls whoever has the name, and looks again if it is not where it was.
    pub(super) fn call<T: Trap + ?Sized>(
        &mut self,
        me: &Process<'_, T>,
        name: &str,
        message: &[u8],
        how: How,
    ) -> Result<Bytes, String> {
        let name = parse(name)?;
        let resolver = self.resolver()?;
        let call = resolver.call(me, &name, message, how);
        call.map_err(|error| match error {
            sendrec_names::NamedError::Call { error, .. } => error.to_string(),
            error => error.to_string(),
        })
    }
}

fn parse(name: &str) -> Result<Name, String> {
    Name::new(name.as_bytes()).map_err(|error| format!("'{name}': {error}"))
}

fn names(server: Address) -> Names {
    Names::new(server, PATIENCE)
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
    let server = server.ok_or("there is no name server")?;
    let done = names(server).register(me, &parse(name)?, me.address(), TOKEN);
    done.map_err(|error| error.to_string())
}

pub(super) fn unregister<T: Trap + ?Sized>(
    me: &Process<'_, T>,
    server: Option<Address>,
    name: &str,
) -> Result<(), String> {
    let server = server.ok_or("there is no name server")?;
    names(server).deregister(me, &parse(name)?, TOKEN).map_err(|error| error.to_string())
}
