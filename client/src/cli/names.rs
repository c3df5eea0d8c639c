//! `sendrec names serve`, `ls`, `lookup`, `rm`; and `sendrec locate`.
use std::time::Duration;

use sendrec_kernel::{Node, NodeConfig};
use sendrec_names::{NAME_SERVER, NAME_SERVER_ID, Name, Names, NamesError, Token, serve};
use sendrec_trap::{Process, SpawnOptions, Target};
use serde::Serialize;

use super::Failure;
use super::address::Whom;
use super::args::{LocateArgs, NamesAskArgs, NamesCommand, NamesLsArgs, NamesOneArgs, NamesServeArgs};
use super::find::resolve;
use super::output::say;
use super::session::{TracedNode, on_stop};

pub(crate) fn run(command: &NamesCommand) -> Result<(), Failure> {
    match command {
        NamesCommand::Serve(args) => serve_names(args),
        NamesCommand::Ls(args) => ls(args),
        NamesCommand::Lookup(args) => lookup(args),
        NamesCommand::Rm(args) => rm(args),
    }
}

/// What `--json` prints of a name or a sparse id.
#[derive(Serialize)]
struct Found<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sparse: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

impl<'a> Found<'a> {
    fn new(name: &'a Name, place: Target) -> Self {
        let name = Some(name.as_str());
        match place {
            Target::Place(address) => Self { name, sparse: None, address: Some(address.to_string()) },
            Target::Sparse(sparse) => Self { name, sparse: Some(sparse.to_string()), address: None },
        }
    }

    fn say(&self) -> Result<(), Failure> {
        say(serde_json::to_string(self).map_err(|error| Failure::new("JSON", error))?)
    }
}

fn serve_names(args: &NamesServeArgs) -> Result<(), Failure> {
    let discovery = args.find.discovery(args.listen).listening();
    let config =
        NodeConfig { listen: args.listen, advertise: args.advertise, discovery, ..NodeConfig::default() };
    let session = TracedNode::boot(config, &args.node, "names")?;
    let node = session.node.clone();
    on_stop(Duration::ZERO, move || node.shut_down())?;
    let options =
        SpawnOptions { local_id: Some(NAME_SERVER_ID), sparse: Some(NAME_SERVER), ..SpawnOptions::default() };
    {
        let me = Process::spawn(&*session.node, options)
            .map_err(|error| Failure::new("cannot start the name server's process", error))?;
        say(format_args!("serving names at {}", me.address()))?;
        say(format_args!("serving names at {NAME_SERVER}"))?;
        let ended = serve(&me);
        log::info!("the name server ends: {ended}");
    }
    session.finish()
}

/// Runs `body` with a process that can ask the name server that was typed.
fn with_names<R>(
    args: &NamesAskArgs,
    body: impl FnOnce(&Process<'_, Node>, Names) -> Result<R, NamesError>,
) -> Result<R, Failure> {
    let names = args.find.names(args.timeout);
    let config = args.find.node_toward(&Whom::Target(names.server))?;
    let session = TracedNode::boot(config, &args.node, "client")?;
    let node = session.node.clone();
    on_stop(Duration::ZERO, move || node.shut_down())?;
    let result = match Process::spawn(&*session.node, SpawnOptions::default()) {
        Ok(me) => body(&me, names).map_err(|error| Failure::of_names(&error)),
        Err(error) => Err(Failure::new("cannot ask", error)),
    };
    session.conclude(result)
}

fn ls(args: &NamesLsArgs) -> Result<(), Failure> {
    let prefix = args.prefix.as_ref().map_or("", Name::as_str);
    let mut after = None;
    let mut all = Vec::new();
    with_names(&args.ask, |me, names| {
        loop {
            let some = names.list(me, prefix, after.as_ref())?;
            let Some((last, _)) = some.last() else { return Ok(()) };
            after = Some(last.clone());
            all.extend(some);
        }
    })?;
    for (name, place) in &all {
        if args.json { Found::new(name, *place).say()? } else { say(format_args!("{name}  {place}"))? }
    }
    Ok(())
}

fn lookup(args: &NamesOneArgs) -> Result<(), Failure> {
    let place = with_names(&args.ask, |me, names| names.lookup(me, &args.name))?;
    if args.json { Found::new(&args.name, place).say() } else { say(place) }
}

/// With a token that is nobody's: the name goes only if its process is gone.
fn rm(args: &NamesOneArgs) -> Result<(), Failure> {
    with_names(&args.ask, |me, names| names.deregister(me, &args.name, Token::NONE))?;
    if args.json {
        Found { name: Some(args.name.as_str()), sparse: None, address: None }.say()
    } else {
        Ok(())
    }
}

pub(crate) fn locate(args: &LocateArgs) -> Result<(), Failure> {
    let session = TracedNode::boot(args.find.node_toward(&args.process)?, &args.node, "client")?;
    let node = session.node.clone();
    on_stop(Duration::ZERO, move || node.shut_down())?;
    let found = resolve(&session.node, &args.process, &args.find, args.timeout);
    let address = session.conclude(found)?;
    if !args.json {
        return say(address);
    }
    let address = Some(address.to_string());
    match &args.process {
        Whom::Named(name) => Found { name: Some(name.as_str()), sparse: None, address }.say(),
        Whom::Target(Target::Sparse(sparse)) => {
            Found { name: None, sparse: Some(sparse.to_string()), address }.say()
        }
        Whom::Target(Target::Place(_)) => Found { name: None, sparse: None, address }.say(),
    }
}
