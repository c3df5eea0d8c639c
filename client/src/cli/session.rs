//! What a client command runs on: a node of its own, the files of its server, and a way to be stopped.
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sendrec::trace::{TraceWriter, origin_of};
use sendrec::{FileClient, Files, RpcFiles};
use sendrec_core::trace::Fate;
use sendrec_fileserver::{DATA_BYTES_MAX, FIXED_BYTES, MAX_PATH_BYTES};
use sendrec_kernel::{Node, NodeConfig};
use sendrec_trap::Trap;

use super::Failure;
use super::address::{Whom, random};
use super::args::{NodeArgs, ServerArgs};
use super::find::FindArgs;

/// The exit status of a command that the user has stopped, as a shell has it for Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;
/// The longest message a command sends or takes, bytes: a chunk of a file with its name. What answers with more is no file
/// server, and gets no memory for it.
const MESSAGE_BYTES_MAX: usize = FIXED_BYTES + MAX_PATH_BYTES + DATA_BYTES_MAX;
/// After so long without any packet a command says so.
const SILENCE: Duration = Duration::from_secs(2);
/// How long a stopped command may take to clean up.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// Set by Ctrl-C or SIGTERM.
pub(crate) fn stop_flag() -> &'static Arc<AtomicBool> {
    static STOP: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    STOP.get_or_init(Arc::default)
}

/// Whether the user has stopped the command.
pub(crate) fn is_stopped() -> bool {
    stop_flag().load(Ordering::SeqCst)
}

/// From here on Ctrl-C and SIGTERM set the flag and, after `grace`, call `then`. A second one ends the process at once.
pub(crate) fn on_stop(grace: Duration, then: impl Fn() + Send + 'static) -> Result<(), Failure> {
    let stop = stop_flag().clone();
    ctrlc::set_handler(move || {
        if stop.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(INTERRUPTED));
        }
        std::thread::sleep(grace);
        then();
    })
    .map_err(|error| Failure::new("cannot listen for Ctrl-C", error))
}

/// A node with its trace, if one is wanted.
pub(crate) struct TracedNode {
    pub(crate) node: Arc<Node>,
    trace: Option<TraceWriter>,
}

impl TracedNode {
    /// Boots a node as `config` and the typed options say.
    pub(crate) fn boot(mut config: NodeConfig, args: &NodeArgs, role: &str) -> Result<Self, Failure> {
        config.faults.clone_from(&args.fault);
        let trace = match &args.trace {
            Some(path) => Some(create_trace(path, role)?),
            None => None,
        };
        if let Some(trace) = &trace {
            config.recorder = Some(trace.recorder());
        }
        let node = Node::boot(config).map_err(|error| Failure::Said(error.to_string()))?;
        if let Some(trace) = &trace {
            trace.begin(node.machine(), origin_of(&node));
        }
        let node = Arc::new(node);
        if role == "client" {
            tell_of_silence(&node);
        }
        Ok(Self { node, trace })
    }

    /// A node from which `whom` is reached, and found if need be.
    pub(crate) fn toward(whom: &Whom, find: &FindArgs, args: &NodeArgs) -> Result<Self, Failure> {
        let mut config = find.node_toward(whom)?;
        config.kernel.message_bytes = MESSAGE_BYTES_MAX;
        Self::boot(config, args, "client")
    }

    /// Shuts the node down. A command that failed because the user has stopped it was interrupted; that the trace
    /// could not be written counts after what the command itself has to say.
    pub(crate) fn conclude<R>(self, result: Result<R, Failure>) -> Result<R, Failure> {
        let finished = self.finish();
        if is_stopped() && result.is_err() {
            return Err(Failure::Interrupted);
        }
        let result = result?;
        finished?;
        Ok(result)
    }

    /// Shuts the node down, and reports if the trace could not be written.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        self.node.shut_down();
        drop(self.node);
        match self.trace {
            Some(trace) => trace.finish().map_err(|error| Failure::new("the trace", error)),
            None => Ok(()),
        }
    }
}

/// A first contact is tried for many seconds before it is given up. Who waits for one that nobody answers is told long
/// before that.
fn tell_of_silence(node: &Arc<Node>) {
    let node = Arc::downgrade(node);
    std::thread::spawn(move || {
        std::thread::sleep(SILENCE);
        let counters = node.upgrade().and_then(|node| node.counters());
        if counters.is_some_and(|counters| Fate::ALL.iter().all(|fate| counters.fate(*fate) == 0)) {
            let seconds = SILENCE.as_secs();
            // A stderr that nobody reads is no reason to panic.
            let _ = writeln!(
                anstream::stderr(),
                "sendrec: nobody has answered for {seconds} s; is it running, and is that the right address? Trying on"
            );
        }
    });
}

fn create_trace(path: &Path, role: &str) -> Result<TraceWriter, Failure> {
    TraceWriter::create(path, role).map_err(|error| Failure::new(path.display(), error))
}

/// Runs `body` with the files of the server that was typed, asked the way that was typed.
pub(crate) fn with_files<R>(
    args: &ServerArgs,
    body: impl FnOnce(&mut dyn FileClient) -> Result<R, Failure>,
) -> Result<R, Failure> {
    if args.rpc || args.exactly_once {
        return with_rpc_files(args, |files| body(files));
    }
    with_node(args, |node| {
        let server = args.find.server(&args.server, args.timeout);
        let mut files =
            Files::new(node, server, args.timeout).map_err(|error| Failure::Said(error.to_string()))?;
        body(&mut files)
    })
}

/// Runs `body` with the files of the server that was typed, asked by remote procedure call.
pub(crate) fn with_rpc_files<R>(
    args: &ServerArgs,
    body: impl FnOnce(&mut RpcFiles<'_, Node>) -> Result<R, Failure>,
) -> Result<R, Failure> {
    with_node(args, |node| {
        let server = args.find.server(&args.server, args.timeout);
        let files =
            RpcFiles::new(node, server, args.timeout).map_err(|error| Failure::Said(error.to_string()))?;
        let mut files = match args.exactly_once {
            true => files.exactly_once(random_identity()?),
            false => files,
        };
        body(&mut files)
    })
}

/// A client's number that nobody else has chosen.
fn random_identity() -> Result<u128, Failure> {
    let half = || random().map(u128::from).map_err(Failure::Said);
    Ok(half()? << 64 | half()?)
}

fn with_node<R>(args: &ServerArgs, body: impl FnOnce(&Node) -> Result<R, Failure>) -> Result<R, Failure> {
    let session = TracedNode::toward(&args.server, &args.find, &args.node)?;
    // What is under way may end by itself and clean up; what waits for a silent server is ended.
    let node = session.node.clone();
    on_stop(STOP_GRACE, move || node.shut_down())?;
    let result = body(&session.node);
    session.conclude(result)
}
