//! `sendrec serve`: a directory's files, until Ctrl-C or SIGTERM.
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sendrec_core::trace::Fate;
use sendrec_core::wire::{Malformed, PacketType};
use sendrec_fileserver::{Directory, FileServer, ReadOnly, Store, Versioned, recover};
use sendrec_kernel::{Discovery, Node, NodeConfig};
use sendrec_names::{Name, Names, NamesError, Token};
use sendrec_stubs::once::Journal;
use sendrec_stubs::serve_by_threads;
use sendrec_trap::{Address, LocalId, Process, SpawnOptions};

use super::Failure;
use super::address::random;
use super::args::ServeArgs;
use super::output::say;
use super::session::{TracedNode, is_stopped, on_stop};

/// Says what happened to packets, by fate, for those who want to know (-v).
fn report(node: &Node) {
    let Some(counters) = node.counters() else { return };
    for kind in PacketType::ALL.into_iter().filter(|kind| counters.sent(*kind) > 0) {
        log::info!("sent {kind}: {}", counters.sent(kind));
    }
    for fate in Fate::ALL.into_iter().filter(|fate| counters.fate(*fate) > 0) {
        log::info!("received, {fate:?}: {}", counters.fate(fate));
    }
    for reason in Malformed::ALL.into_iter().filter(|reason| counters.malformed(*reason) > 0) {
        log::info!("dropped, {reason}: {}", counters.malformed(reason));
    }
}

/// How long the name server may take for a name: it may have to find out first whether who holds it is gone.
const REGISTER_TIMEOUT: Duration = Duration::from_secs(10);
/// And when the server stops.
const DEREGISTER_TIMEOUT: Duration = Duration::from_secs(2);

/// The names this server has, and how they are given back.
struct Registered {
    names: Names,
    token: Token,
    held: Mutex<Vec<Name>>,
}

impl Registered {
    fn held(&self) -> MutexGuard<'_, Vec<Name>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives `names` to the process at `address`: all or none.
    fn register(&self, node: &Node, names: &[Name], address: Address) -> Result<(), Failure> {
        let me = Process::spawn(node, SpawnOptions::default())
            .map_err(|error| Failure::new("cannot ask the name server", error))?;
        for name in names {
            // Held before it is registered: a stop in between gives it back.
            self.held().push(name.clone());
            if let Err(error) = self.names.register(&me, name, address, self.token) {
                if matches!(error, NamesError::Server { .. }) {
                    self.held().pop();
                }
                self.give_back(node);
                return Err(if is_stopped() { Failure::Interrupted } else { Failure::of_names(&error) });
            }
        }
        Ok(())
    }

    /// Says to the name server that nobody has them any more.
    fn give_back(&self, node: &Node) {
        let held = std::mem::take(&mut *self.held());
        if held.is_empty() {
            return;
        }
        let Ok(me) = Process::spawn(node, SpawnOptions::default()) else { return };
        let names = Names { timeout: DEREGISTER_TIMEOUT, ..self.names };
        for name in held {
            if let Err(error) = names.deregister(&me, &name, self.token) {
                log::info!("not taken back: {error}");
            }
        }
    }
}

/// Whether everyone is asked for the name server, and whether the server itself hears when it is asked for.
fn discovery(args: &ServeArgs) -> Discovery {
    let discovery = args.find.discovery(args.listen);
    match (args.sparse.is_some(), args.name.is_empty()) {
        (true, _) => discovery.listening(),
        (false, false) => discovery,
        (false, true) => Discovery::Off,
    }
}

/// The journal in that file; what was not finished there is.
fn open_journal(path: &Path, store: &dyn Store) -> Result<Journal, Failure> {
    let journal = Journal::open(path).map_err(|error| Failure::new(path.display(), error))?;
    let again = recover(store, &journal).map_err(|error| Failure::new(path.display(), error))?;
    if again > 0 {
        log::info!("{again} of the calls that the last server had begun are finished");
    }
    Ok(journal)
}

pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let root = Directory::open(&args.root).map_err(|error| Failure::new(args.root.display(), error))?;
    let root = Versioned::new(root);
    let store: Box<dyn Store> = if args.read_only { Box::new(ReadOnly(root)) } else { Box::new(root) };
    let journal = args.journal.as_deref().map(|path| open_journal(path, &*store)).transpose()?;
    let server = FileServer::new(&*store);
    let server = match &journal {
        Some(journal) => server.with_journal(journal),
        None => server,
    };
    let discovery = discovery(args);
    let config =
        NodeConfig { listen: args.listen, advertise: args.advertise, discovery, ..NodeConfig::default() };
    let session = TracedNode::boot(config, &args.node, "server")?;
    let registered = Arc::new(Registered {
        names: args.find.names(REGISTER_TIMEOUT),
        token: Token(random().map_err(Failure::Said)?),
        held: Mutex::default(),
    });
    let (node, stopping) = (session.node.clone(), registered.clone());
    on_stop(Duration::ZERO, move || {
        stopping.give_back(&node);
        report(&node);
        node.shut_down();
    })?;

    let options = SpawnOptions {
        local_id: Some(LocalId(args.local_id)),
        sparse: args.sparse,
        threads: args.threads > 1,
        ..SpawnOptions::default()
    };
    {
        let me = Process::spawn(&*session.node, options)
            .map_err(|error| Failure::new("cannot start the server's process", error))?;
        registered.register(&session.node, &args.name, me.address())?;
        let root = args.root.display();
        say(format_args!("serving {root} at {}", me.address()))?;
        if let Some(sparse) = args.sparse {
            say(format_args!("serving {root} at {sparse}"))?;
        }
        for name in &args.name {
            say(format_args!("serving {root} at {name}"))?;
        }
        let ended = serve_by_threads(usize::from(args.threads), || server.serve(&me));
        log::info!("the server ends: {ended}");
    }
    session.finish()
}
