//! `sendrec serve`: a directory's files, until Ctrl-C or SIGTERM.
use std::thread;
use std::time::Duration;

use sendrec_core::trace::Fate;
use sendrec_core::wire::{Malformed, PacketType};
use sendrec_fileserver::{Directory, ReadOnly, Store, serve};
use sendrec_kernel::{Node, NodeConfig};
use sendrec_trap::{LocalId, Process, SpawnOptions};

use super::Failure;
use super::args::ServeArgs;
use super::output::say;
use super::session::{TracedNode, on_stop};

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

pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let root = Directory::open(&args.root).map_err(|error| Failure::new(args.root.display(), error))?;
    let store: Box<dyn Store> = if args.read_only { Box::new(ReadOnly(root)) } else { Box::new(root) };
    let config = NodeConfig { listen: args.listen, advertise: args.advertise, ..NodeConfig::default() };
    let session = TracedNode::boot(config, &args.node, "server")?;
    let node = session.node.clone();
    on_stop(Duration::ZERO, move || {
        report(&node);
        node.shut_down();
    })?;

    let options = SpawnOptions {
        local_id: Some(LocalId(args.local_id)),
        threads: args.threads > 1,
        ..SpawnOptions::default()
    };
    {
        let me = Process::spawn(&*session.node, options)
            .map_err(|error| Failure::new("cannot start the server's process", error))?;
        say(format_args!("serving {} at {}", args.root.display(), me.address()))?;
        thread::scope(|scope| {
            for _ in 1..args.threads {
                scope.spawn(|| serve(&me, &*store));
            }
            let ended = serve(&me, &*store);
            log::info!("the server ends: {ended}");
        });
    }
    session.finish()
}
