//! The other OS process of a measurement: this program again, ended and reaped with its handle.
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use clap::{Args, Subcommand};
use sendrec_kernel::Node;
use sendrec_trap::Process;

use crate::bulk::{self, BulkServer};
use crate::nodes;
use crate::raw::{Socket, Waiting};
use sendrec_measure::Fallible;
use sendrec_measure::pin;

/// What stands before the subcommand on this program's command line.
static REACH: OnceLock<&'static [&'static str]> = OnceLock::new();

/// Children are reached by these arguments; said once, before the first is started.
pub(crate) fn reach_by(reach: &'static [&'static str]) {
    let _ = REACH.set(reach);
}

/// What a child is to do.
#[derive(Clone, Debug, Args)]
pub struct Role {
    /// Pins it to this core
    #[arg(long)]
    core: Option<usize>,
    #[command(subcommand)]
    task: Task,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Task {
    /// Echoes raw datagrams
    Raw {
        /// How it waits
        #[arg(long, value_enum)]
        waiting: Waiting,
    },
    /// Echoes messages
    Node,
    /// Echoes numbers, through stubs
    Stubs,
    /// Makes one call, and then nothing
    Caller {
        /// Whom to call
        server: String,
    },
    /// Keeps its core busy
    Spin,
    /// Takes long messages, over a node
    Bulk(BulkServer),
    /// Takes raw datagrams by the megabyte, with acknowledgements
    Sink,
    /// Takes what comes over TCP
    Tcp {
        /// With buffers as UDP's, and not as the system grows them
        #[arg(long)]
        enlarged: bool,
    },
}

/// A running child. Dropped, it is killed and reaped; should this program die first, the child sees its standard
/// input end and goes too.
pub(crate) struct Running {
    child: Child,
    greeting: String,
}

impl Running {
    /// Starts a child and waits for its first line.
    pub(crate) fn start(task: &Task, core: Option<usize>) -> Fallible<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(REACH.get().copied().unwrap_or_default()).arg("child");
        if let Some(core) = core {
            command.arg("--core").arg(core.to_string());
        }
        match task {
            Task::Raw { waiting: Waiting::Block } => command.args(["raw", "--waiting", "block"]),
            Task::Raw { waiting: Waiting::Yield } => command.args(["raw", "--waiting", "yield"]),
            Task::Node => command.arg("node"),
            Task::Stubs => command.arg("stubs"),
            Task::Caller { server } => command.args(["caller", server]),
            Task::Spin => command.arg("spin"),
            Task::Bulk(server) => command.arg("bulk").args(server.arguments()),
            Task::Sink => command.arg("sink"),
            Task::Tcp { enlarged: false } => command.arg("tcp"),
            Task::Tcp { enlarged: true } => command.args(["tcp", "--enlarged"]),
        };
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        // From here on dropping it reaps the child.
        let mut running = Self { child, greeting: String::new() };
        let output = running.child.stdout.take().ok_or("the child has no output")?;
        BufReader::new(output).read_line(&mut running.greeting)?;
        if running.greeting.is_empty() {
            return Err(format!("the child ended before it was ready ({task:?})").into());
        }
        Ok(running)
    }

    /// What the child said once it was ready: its address, if it has one.
    pub(crate) fn greeting(&self) -> &str {
        self.greeting.trim_end()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; it is reaped either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process on a node of its own does this, until the node goes down.
fn serve_node(serve: fn(&Process<'_, Node>)) -> Fallible<()> {
    let node = nodes::boot()?;
    let me = nodes::spawn(&node)?;
    watch_parent()?;
    greet(&me.address().to_string())?;
    serve(&me);
    Ok(())
}

/// The child's side.
pub(crate) fn serve(role: Role) -> Fallible<()> {
    pin(role.core)?;
    match role.task {
        Task::Raw { waiting } => {
            let socket = Socket::bind(waiting)?;
            watch_parent()?;
            greet(&socket.address()?.to_string())?;
            socket.echo()
        }
        Task::Node => serve_node(nodes::echo),
        Task::Stubs => serve_node(nodes::serve_numbers),
        Task::Caller { server } => {
            let node = nodes::boot()?;
            let me = nodes::spawn(&node)?;
            nodes::call(&me, server.parse().map_err(|error| format!("{server}: {error:?}"))?, 1)?;
            greet(&me.address().to_string())?;
            await_end();
            Ok(())
        }
        Task::Bulk(server) => bulk::serve_child(&server, |line| {
            watch_parent()?;
            greet(line)
        }),
        Task::Sink => {
            let sink = bulk::Sink::bind()?;
            watch_parent()?;
            greet(&sink.address()?.to_string())?;
            sink.serve()
        }
        Task::Tcp { enlarged } => {
            let listener = bulk::tcp_listener(enlarged)?;
            watch_parent()?;
            greet(&listener.local_addr()?.to_string())?;
            bulk::serve_tcp(&listener)
        }
        Task::Spin => {
            watch_parent()?;
            greet("spinning")?;
            loop {
                std::hint::spin_loop();
            }
        }
    }
}

fn greet(line: &str) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

/// Returns once the parent has closed our standard input, or is gone.
fn await_end() {
    let mut rest = [0; 64];
    let mut input = std::io::stdin().lock();
    while matches!(input.read(&mut rest), Ok(1..)) {}
}

/// Ends this OS process when the parent is gone. The thread sleeps in `read` and costs nothing.
fn watch_parent() -> std::io::Result<()> {
    let watching = || {
        await_end();
        std::process::exit(0);
    };
    std::thread::Builder::new().name("watch".into()).spawn(watching).map(drop)
}
