//! `sendrec binder`, `binder ls`, `binder lookup`, `binder interface`.
use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Duration;

use sendrec_kernel::{Node, NodeConfig};
use sendrec_stubs::binder::{BINDER, BINDER_ID, Binder, BinderError, Registry};
use sendrec_stubs::{CallError, Ledger, Unkept, serve_by_threads};
use sendrec_trap::{CallError as KernelError, Process, ReceiveError, SpawnOptions, Target};
use serde::Serialize;

use super::Failure;
use super::address::Whom;
use super::args::{
    BinderAskArgs, BinderCommand, BinderLsArgs, BinderOneArgs, BinderRootArgs, BinderServeArgs,
};
use super::find::hint;
use super::output::{say, write};
use super::replace::{Readers, replace};
use super::session::{TracedNode, on_stop};

pub(crate) fn run(args: &BinderRootArgs) -> Result<(), Failure> {
    match &args.command {
        None => serve_binder(&args.serve),
        Some(BinderCommand::Ls(args)) => ls(args),
        Some(BinderCommand::Lookup(args)) => lookup(args),
        Some(BinderCommand::Interface(args)) => interface(args),
    }
}

/// A file that is replaced whole.
struct Paper(PathBuf);

impl Ledger for Paper {
    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(&self.0) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        // Credentials are in it.
        replace(&self.0, bytes, Readers::Maker)
    }
}

fn serve_binder(args: &BinderServeArgs) -> Result<(), Failure> {
    let discovery = args.find.discovery(args.listen).listening();
    let config =
        NodeConfig { listen: args.listen, advertise: args.advertise, discovery, ..NodeConfig::default() };
    let session = TracedNode::boot(config, &args.node, "binder")?;
    let node = session.node.clone();
    on_stop(Duration::ZERO, move || node.shut_down())?;
    let options = SpawnOptions {
        local_id: Some(BINDER_ID),
        sparse: Some(BINDER),
        threads: true,
        ..SpawnOptions::default()
    };
    let ended = {
        let me = Process::spawn(&*session.node, options)
            .map_err(|error| Failure::new("cannot start the binder's process", error))?;
        say(format_args!("serving as binder at {}", me.address()))?;
        say(format_args!("serving as binder at {BINDER}"))?;
        match &args.ledger {
            Some(path) => Registry::open(Paper(path.clone()))
                .map(|registry| serve_by_all(&me, &registry))
                .map_err(|error| Failure::new(path.display(), error)),
            None => Registry::open(Unkept)
                .map(|registry| serve_by_all(&me, &registry))
                .map_err(|error| Failure::new("the binder", error)),
        }
    };
    session.conclude(ended.map(|ended| log::info!("the binder ends: {ended}")))
}

/// Threads of the binder's process: while some ask whether an instance lives the others go on.
const THREADS: usize = 4;

fn serve_by_all(me: &Process<'_, Node>, registry: &Registry<impl Ledger + Sync>) -> ReceiveError {
    serve_by_threads(THREADS, || registry.serve(me))
}

/// Runs `body` with a process that can ask the binder that was typed.
fn with_binder<R>(
    args: &BinderAskArgs,
    body: impl FnOnce(&Binder<'_, '_, Node>) -> Result<R, BinderError>,
) -> Result<R, Failure> {
    let binder = args.binder.unwrap_or(Target::Sparse(BINDER));
    let config = args.find.node_toward(&Whom::Target(binder))?;
    let session = TracedNode::boot(config, &args.node, "client")?;
    let node = session.node.clone();
    on_stop(Duration::ZERO, move || node.shut_down())?;
    let result = match Process::spawn(&*session.node, SpawnOptions::default()) {
        Ok(me) => body(&Binder::new(&me, binder)).map_err(|error| failed(&error)),
        Err(error) => Err(Failure::new("cannot ask", error)),
    };
    session.conclude(result)
}

fn failed(error: &BinderError) -> Failure {
    match error {
        BinderError::Call(CallError::Kernel {
            error: KernelError::NoAnswer | KernelError::TimedOut, ..
        }) => {
            Failure::Said(format!("{error}; is it running? 'sendrec binder --listen HOST:PORT' starts one"))
        }
        BinderError::Call(CallError::Kernel { error: why, .. }) => {
            Failure::Said(format!("{error}{}", hint(*why)))
        }
        BinderError::NotFound { .. } => {
            Failure::Said(format!("{error}; 'sendrec binder ls' lists what is offered"))
        }
        error => Failure::Said(error.to_string()),
    }
}

/// What `--json` prints of an entry.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    version: u32,
    handle: &'a str,
    unique_id: u64,
}

fn ls(args: &BinderLsArgs) -> Result<(), Failure> {
    for entry in with_binder(&args.ask, |binder| binder.list())? {
        let (name, handle) = (String::from_utf8_lossy(&entry.name), String::from_utf8_lossy(&entry.handle));
        if args.json {
            let listed =
                Listed { name: &name, version: entry.vers, handle: &handle, unique_id: entry.unique_id };
            say(serde_json::to_string(&listed).map_err(|error| Failure::new("JSON", error))?)?;
        } else {
            say(format_args!("{name}  {}  {handle}  {}", entry.vers, entry.unique_id))?;
        }
    }
    Ok(())
}

fn lookup(args: &BinderOneArgs) -> Result<(), Failure> {
    let (handle, _) = with_binder(&args.ask, |binder| binder.lookup(&args.name, args.version))?;
    say(handle)
}

fn interface(args: &BinderOneArgs) -> Result<(), Failure> {
    write(&with_binder(&args.ask, |binder| binder.interface(&args.name, args.version))?)
}
