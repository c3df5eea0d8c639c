//! What may be typed.
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, Parser, Subcommand};
use sendrec::lab::matrix::Only;
use sendrec::view::View;
use sendrec_core::fault::Faults;

use sendrec_names::Name;
use sendrec_trap::SparseId;
use sendrec_trap::Target;

use super::address::{Whom, parse_binder, parse_socket, parse_sparse, parse_whom};
use super::find::{FindArgs, parse_name};
use super::lab::args::{FaultArgs, LabArgs};

/// A message-passing kernel in user space: send, receive, and what is built on them.
#[derive(Debug, Parser)]
#[command(
    name = "sendrec",
    version,
    about = "A message-passing kernel in user space: send, receive, and what is built on them",
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(
    after_help = "Example:\n  sendrec demo\n  sendrec serve --root . --listen 127.0.0.1:7000 &\n  sendrec ls -l --server 127.0.0.1:7000/1"
)]
pub(crate) struct Args {
    /// Say more on stderr (RUST_LOG says even more).
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show it all in seconds: a file goes up and comes back, a call as a ladder, the same with its reply lost
    #[command(after_help = "Example:\n  sendrec demo --keep demo-files")]
    Demo(DemoArgs),
    /// Serve a directory's files
    #[command(
        after_help = "Example:\n  sendrec serve --root /srv/files --listen 127.0.0.1:7000\n  prints: serving /srv/files at 127.0.0.1:7000/1\n  sendrec names serve &\n  sendrec serve --root . --sparse new --name files\n  sendrec ls --server name:files"
    )]
    Serve(ServeArgs),
    /// Copy a local file to the server
    #[command(
        after_help = "Example:\n  sendrec put notes.txt archive/notes.txt --server 127.0.0.1:7000/1\n  tar c . | sendrec put - backup.tar",
        after_long_help = "The file appears under its name when all of it is there; an interrupted copy leaves nothing.\n\nHoles of a sparse file are not sent and stay holes at the server, where its file system has such; other runs of zeros of 4 KiB or more become holes too. A file that grows or shrinks meanwhile is copied up to the end it has when that is read; if that is less than was announced, this is said, and the exit status is 1.\n\nExample:\n  sendrec put notes.txt archive/notes.txt --server 127.0.0.1:7000/1\n  tar c . | sendrec put - backup.tar"
    )]
    Put(PutArgs),
    /// Add a local file to the end of one of the server, by remote procedure call
    #[command(
        after_help = "Example:\n  sendrec serve --root . --listen 127.0.0.1:7000 --journal journal.redb &\n  echo another line | sendrec append - notes.txt --exactly-once --server 127.0.0.1:7000/1",
        after_long_help = "Pieces of up to 1 MiB are each there as a whole, wherever the file ended then. Without --exactly-once a piece is there once or, if the server crashed, perhaps not; with it once, whatever befalls the server while the command waits.\n\nExample:\n  sendrec serve --root . --listen 127.0.0.1:7000 --journal journal.redb &\n  echo another line | sendrec append - notes.txt --exactly-once --server 127.0.0.1:7000/1"
    )]
    Append(AppendArgs),
    /// Copy a file from the server
    #[command(
        after_help = "Example:\n  sendrec get archive/notes.txt --server 127.0.0.1:7000/1\n  sendrec get backup.tar - | tar t",
        after_long_help = "The file appears under its name when all of it is here; an interrupted copy leaves nothing. A device or a pipe is written to.\n\nRuns of zeros of 4 KiB or more are not written and become holes, where the file system has such; holes at the server are not sent. A file that grows or shrinks meanwhile is copied up to the end it has when that is read; if that is less than was announced, the copy stays, this is said, and the exit status is 1.\n\nExample:\n  sendrec get archive/notes.txt --server 127.0.0.1:7000/1\n  sendrec get backup.tar - | tar t"
    )]
    Get(GetArgs),
    /// Write a file of the server, or a part of it, to stdout
    #[command(
        after_help = "Example:\n  sendrec cat notes.txt --offset 100 --count 20 --server 127.0.0.1:7000/1"
    )]
    Cat(CatArgs),
    /// List a directory
    #[command(after_help = "Example:\n  sendrec ls -l archive --server 127.0.0.1:7000/1")]
    Ls(LsArgs),
    /// Show what is known of a file or directory
    #[command(after_help = "Example:\n  sendrec stat notes.txt --json --server 127.0.0.1:7000/1")]
    Stat(StatArgs),
    /// Remove files
    #[command(after_help = "Example:\n  sendrec rm old.txt older.txt --server 127.0.0.1:7000/1")]
    Rm(NamesArgs),
    /// Rename a file or directory; a file of the new name is replaced
    #[command(after_help = "Example:\n  sendrec mv draft.txt final.txt --server 127.0.0.1:7000/1")]
    Mv(MvArgs),
    /// Make directories
    #[command(after_help = "Example:\n  sendrec mkdir archive --server 127.0.0.1:7000/1")]
    Mkdir(NamesArgs),
    /// Remove empty directories
    #[command(after_help = "Example:\n  sendrec rmdir archive --server 127.0.0.1:7000/1")]
    Rmdir(NamesArgs),
    /// Make a file so long: cut it, or fill it up with zeros
    #[command(after_help = "Example:\n  sendrec truncate log.txt 0 --server 127.0.0.1:7000/1")]
    Truncate(TruncateArgs),
    /// Ask whether a process lives (AYA, IAA), and how far away it is
    #[command(
        after_help = "Example:\n  sendrec ping 127.0.0.1:7000/1 -c 5\n  sendrec ping name:files --names 127.0.0.1:7001"
    )]
    Ping(PingArgs),
    /// Ask everyone where a sparse id is (LOCATE, HERE), or the name server where a name is
    #[command(
        after_help = "Example:\n  sendrec locate sparse:9f3c2a0b1d4e5f60\n  sendrec locate sparse:9f3c2a0b1d4e5f60 --discover 127.0.0.1:7000,127.0.0.1:7001\n  sendrec locate name:files --json"
    )]
    Locate(LocateArgs),
    /// Serve names, or ask the name server
    #[command(
        after_help = "Example:\n  sendrec names serve --listen 127.0.0.1:7001 &\n  sendrec serve --root . --name files --names 127.0.0.1:7001 &\n  sendrec names ls --names 127.0.0.1:7001\n  sendrec ls --server name:files --names 127.0.0.1:7001"
    )]
    Names(NamesRootArgs),
    /// The binder, where servers register what they offer and clients look it up: serve as one, or ask one
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Example:\n  sendrec binder --listen 127.0.0.1:7003 --ledger binder.ledger\n  prints: serving as binder at 127.0.0.1:7003/3\n  sendrec binder ls --binder 127.0.0.1:7003"
    )]
    Binder(BinderRootArgs),
    /// Draw the ladder of one or more trace files, in the terminal or as a picture, page, capture or document
    #[command(
        after_help = "Example:\n  sendrec ls --trace client.jsonl --server 127.0.0.1:7000/1\n  sendrec ladder client.jsonl server.jsonl\n  sendrec ladder client.jsonl server.jsonl --as html -o ladder.html\n\nWireshark reads --as pcapng with the help of `sendrec dissector`."
    )]
    Ladder(LadderArgs),
    /// Print the Lua dissector with which Wireshark and tshark read packets, live or from `ladder --as pcapng`
    #[command(
        after_help = "Example:\n  sendrec dissector > sendrec.lua\n  sendrec ladder client.jsonl server.jsonl --as pcapng -o trace.pcapng\n  tshark -X lua_script:sendrec.lua -r trace.pcapng\n\nIn Wireshark's personal Lua plugins folder (Help, About Wireshark, Folders) it is there for good."
    )]
    Dissector,
    /// The lab: the lecture's exchanges and failures as scenarios, run in a world or over UDP, drawn and checked
    #[command(
        after_help = "Example:\n  sendrec lab list\n  sendrec lab run lost-reply\n  sendrec lab slide 22"
    )]
    Lab(LabArgs),
    /// All 81 combinations of slide 20 under one workload: what each costs and loses, and whether it keeps its promises
    #[command(
        after_help = "Example:\n  sendrec matrix --seed 1\n  sendrec matrix --loss 0.2 --only addressing=sparse,blocking=lent --html matrix.html"
    )]
    Matrix(MatrixArgs),
    /// Compile an interface file, in the language of Sun's rpcgen, to Rust: types, client and server stubs
    #[command(
        after_help = "Example:\n  sendrec rpcgen adder.x -o src/adder.rs --templates\n  sendrec rpcgen adder.x -o src/adder.rs --check\n  sendrec rpcgen key_prot.x -D MAXNETNAMELEN=255 --extern-type netobj=crate::NetObj"
    )]
    Rpcgen(RpcgenArgs),
    /// Measurements beside their floors: long messages, round trips, timers, the world
    #[cfg(target_os = "linux")]
    #[command(
        after_help = "Example:\n  sendrec bench bulk --quick\n  sendrec bench bulk --html bulk.html --json bulk.json\n  sendrec bench compare old.json new.json"
    )]
    Bench(BenchArgs),
}

#[cfg(target_os = "linux")]
#[derive(Debug, ClapArgs)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(crate) command: sendrec_benches::Command,
}

/// What every command that runs a node has.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct NodeArgs {
    /// Write what happens to this file, as JSON lines; `sendrec ladder` draws it
    #[arg(long, value_name = "FILE", help_heading = "Study")]
    pub(crate) trace: Option<PathBuf>,
    /// Harm the packets this side sends, e.g. loss=0.1,duplicate=0.05,reorder=0.05,drop=REP#1,seed=7
    #[arg(long, value_name = "RULES", help_heading = "Study")]
    pub(crate) fault: Option<Faults>,
}

/// What every command that asks a file server has.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct ServerArgs {
    /// The file server: HOST:PORT/ID, sparse:ID or name:NAME
    #[arg(long, env = "SENDREC_SERVER", value_name = "ADDRESS", value_parser = parse_whom)]
    pub(crate) server: Whom,
    /// How long to wait for each answer, seconds
    #[arg(long, value_name = "SECONDS", default_value = "25", value_parser = parse_seconds)]
    pub(crate) timeout: Duration,
    /// Ask by remote procedure call (file.x, version 2), not by the lecture's messages
    #[arg(long)]
    pub(crate) rpc: bool,
    /// By remote procedure call, and what must not be done twice is done exactly once, though the server crashes: it keeps a
    /// journal for that
    #[arg(long)]
    pub(crate) exactly_once: bool,
    #[command(flatten)]
    pub(crate) find: FindArgs,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DemoArgs {
    /// Keep the demo's files (traces, the copied file) in this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ServeArgs {
    /// The directory to serve
    #[arg(long, value_name = "DIR")]
    pub(crate) root: PathBuf,
    /// Where to listen; port 0 lets the system choose
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0", value_parser = parse_socket)]
    pub(crate) listen: SocketAddr,
    /// What others are to send to, where that is another address (port 0: the port listened on)
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_socket)]
    pub(crate) advertise: Option<SocketAddr>,
    /// The server's local id, 1 to 999
    #[arg(long, value_name = "ID", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=999))]
    pub(crate) local_id: u32,
    /// A sparse id too, by which the server is found wherever it is; new chooses one at random
    #[arg(long, value_name = "ID|new", num_args = 0..=1, default_missing_value = "new", value_parser = parse_sparse)]
    pub(crate) sparse: Option<SparseId>,
    /// A name too, registered at the name server until the server stops; may be given several times
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub(crate) name: Vec<Name>,
    /// Threads that serve from the one mailbox
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: u16,
    /// Change nothing, whatever is asked
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Keep a journal in this file, made if it is not there: who asks with --exactly-once is served
    #[arg(long, value_name = "FILE", conflicts_with = "read_only")]
    pub(crate) journal: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) find: FindArgs,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PutArgs {
    /// The local file; - is stdin
    pub(crate) local: PathBuf,
    /// Its name at the server; a directory there, or a name ending in /, keeps the local name
    pub(crate) remote: PathBuf,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct AppendArgs {
    /// The local file; - is stdin
    pub(crate) local: PathBuf,
    /// The file at the server
    pub(crate) remote: PathBuf,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct GetArgs {
    /// The file at the server
    pub(crate) remote: PathBuf,
    /// The local name; - is stdout, a directory keeps the file's name [default: the file's name, here]
    pub(crate) local: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CatArgs {
    /// The file at the server
    pub(crate) remote: PathBuf,
    /// Where to begin, bytes
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) offset: u64,
    /// How many bytes [default: to the end]
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LsArgs {
    /// The directory at the server
    #[arg(default_value = ".")]
    pub(crate) remote: PathBuf,
    /// Kind, size and time of last change too
    #[arg(short, long)]
    pub(crate) long: bool,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct StatArgs {
    /// The file or directory at the server
    pub(crate) remote: PathBuf,
    /// As a JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct NamesArgs {
    /// Names at the server
    #[arg(required = true)]
    pub(crate) remote: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct MvArgs {
    /// The name it has at the server
    pub(crate) from: PathBuf,
    /// The name it is to have
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TruncateArgs {
    /// The file at the server
    pub(crate) remote: PathBuf,
    /// How long it is to be, bytes
    pub(crate) length: u64,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PingArgs {
    /// The process to ask: HOST:PORT/ID, sparse:ID or name:NAME; the latter two are found first
    #[arg(value_name = "ADDRESS", value_parser = parse_whom)]
    pub(crate) process: Whom,
    /// How often to ask
    #[arg(short, long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,
    /// Seconds from one to the next
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = parse_seconds)]
    pub(crate) interval: Duration,
    /// Seconds to wait for each answer
    #[arg(short = 'W', long, value_name = "SECONDS", default_value = "2", value_parser = parse_seconds)]
    pub(crate) timeout: Duration,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) find: FindArgs,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LocateArgs {
    /// Whom to find: sparse:ID or name:NAME
    #[arg(value_name = "ADDRESS", value_parser = parse_whom)]
    pub(crate) process: Whom,
    /// How long to search, seconds
    #[arg(short = 'W', long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    pub(crate) timeout: Duration,
    /// As a JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) find: FindArgs,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct NamesRootArgs {
    #[command(subcommand)]
    pub(crate) command: NamesCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NamesCommand {
    /// Serve names: local id 2, and found by broadcast
    #[command(
        after_help = "Example:\n  sendrec names serve --listen 127.0.0.1:7001\n  prints: serving names at 127.0.0.1:7001/2"
    )]
    Serve(NamesServeArgs),
    /// List the names that begin so
    #[command(after_help = "Example:\n  sendrec names ls files --json --names 127.0.0.1:7001")]
    Ls(NamesLsArgs),
    /// Say where a name is
    #[command(after_help = "Example:\n  sendrec names lookup files --names 127.0.0.1:7001")]
    Lookup(NamesOneArgs),
    /// Take a name back whose server is gone
    #[command(
        after_help = "A name whose server lives stays; stopping that server (Ctrl-C) takes it back.\n\nExample:\n  sendrec names rm files --names 127.0.0.1:7001"
    )]
    Rm(NamesOneArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct NamesServeArgs {
    /// Where to listen; port 0 lets the system choose
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0", value_parser = parse_socket)]
    pub(crate) listen: SocketAddr,
    /// What others are to send to, where that is another address (port 0: the port listened on)
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_socket)]
    pub(crate) advertise: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) find: FindArgs,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

/// What every command that asks the name server has.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct NamesAskArgs {
    /// How long to wait for each answer, seconds
    #[arg(short = 'W', long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) find: FindArgs,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct NamesLsArgs {
    /// What the names are to begin with [default: all]
    #[arg(value_parser = parse_name)]
    pub(crate) prefix: Option<Name>,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) ask: NamesAskArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct NamesOneArgs {
    /// The name, with or without name: before it
    #[arg(value_parser = parse_name)]
    pub(crate) name: Name,
    /// As a JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) ask: NamesAskArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BinderRootArgs {
    #[command(subcommand)]
    pub(crate) command: Option<BinderCommand>,
    #[command(flatten)]
    pub(crate) serve: BinderServeArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BinderCommand {
    /// List what is offered: name, version, handle, unique id
    #[command(after_help = "Example:\n  sendrec binder ls --json --binder 127.0.0.1:7003")]
    Ls(BinderLsArgs),
    /// Say who offers a service; of several, each time another one
    #[command(after_help = "Example:\n  sendrec binder lookup adder 1 --binder 127.0.0.1:7003")]
    Lookup(BinderOneArgs),
    /// Print the interface that a service's server has published
    #[command(after_help = "Example:\n  sendrec binder interface adder 1 --binder 127.0.0.1:7003 > adder.x")]
    Interface(BinderOneArgs),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BinderServeArgs {
    /// Where to listen; port 0 lets the system choose
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0", value_parser = parse_socket)]
    pub(crate) listen: SocketAddr,
    /// What others are to send to, where that is another address (port 0: the port listened on)
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_socket)]
    pub(crate) advertise: Option<SocketAddr>,
    /// Keep registrations in this file, so that they survive a restart [default: they are kept in memory alone]
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) find: FindArgs,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

/// What every command that asks the binder has.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct BinderAskArgs {
    /// The binder [default: found by broadcast]
    #[arg(long, env = "SENDREC_BINDER", value_name = "HOST:PORT[/ID]", value_parser = parse_binder)]
    pub(crate) binder: Option<Target>,
    #[command(flatten)]
    pub(crate) find: FindArgs,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BinderLsArgs {
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) ask: BinderAskArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BinderOneArgs {
    /// The service
    pub(crate) name: String,
    /// Its version
    pub(crate) version: u32,
    #[command(flatten)]
    pub(crate) ask: BinderAskArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LadderArgs {
    /// Traces to be drawn together, one of each side
    #[arg(required = true, value_name = "FILE")]
    pub(crate) traces: Vec<PathBuf>,
    /// In which form: text, svg (a picture), html (a page with keys to step through it), pcapng (for Wireshark), json,
    /// mermaid, shiviz
    #[arg(long = "as", value_name = "VIEW", default_value = "text", hide_default_value = true, value_parser = parse_view())]
    pub(crate) view: View,
    /// Write to this file [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The title of a picture, page, document or diagram
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) title: String,
    /// Columns of the drawing [default: the terminal's, at most 120; 80 if there is none]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(60..=400))]
    pub(crate) width: Option<u16>,
    /// Draw with ASCII characters alone [default: where the locale is not UTF-8]
    #[arg(long)]
    pub(crate) ascii: bool,
    /// Draw every piece of a longer message in a row of its own
    #[arg(long)]
    pub(crate) unfold: bool,
    /// Begin at this time of the drawing, milliseconds
    #[arg(long, value_name = "MS")]
    pub(crate) from: Option<f64>,
    /// Draw so many rows at most
    #[arg(long, value_name = "ROWS")]
    pub(crate) limit: Option<usize>,
}

pub(crate) fn parse_view() -> impl TypedValueParser<Value = View> {
    PossibleValuesParser::new(View::ALL.map(View::name)).try_map(|name| name.parse::<View>())
}

#[derive(Debug, ClapArgs)]
pub(crate) struct MatrixArgs {
    /// What decides chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// These rows only, e.g. addressing=sparse,reliability=ack-each
    #[arg(long, value_name = "CHOICES")]
    pub(crate) only: Option<Only>,
    /// Over UDP on this computer, each machine an OS process of its own
    #[arg(long)]
    pub(crate) udp: bool,
    /// Columns of the table [default: the terminal's; 80 if there is none]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(80..=400))]
    pub(crate) width: Option<u16>,
    /// Comma-separated values instead of the table
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// Everything that was seen, as JSON, instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// One page for a browser, into this file, besides
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// What goes wrong, in every row
    #[command(flatten)]
    pub(crate) faults: FaultArgs,
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "expected a number of seconds, not below 0".to_owned())
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RpcgenArgs {
    /// The interface
    #[arg(value_name = "FILE.x")]
    pub(crate) file: PathBuf,
    /// Write the module to this file [default: stdout]
    #[arg(short, long, value_name = "FILE.rs")]
    pub(crate) output: Option<PathBuf>,
    /// Write nothing; fail if the file is not what would be written
    #[arg(long, requires = "output")]
    pub(crate) check: bool,
    /// Also write a server and a client to fill in beside it, NAME_server.rs and NAME_client.rs; those that are there are
    /// kept
    #[arg(long, requires = "output", conflicts_with = "check")]
    pub(crate) templates: bool,
    /// Define a name before the first line is read; its value is 1 if none is given
    #[arg(short = 'D', long = "define", value_name = "NAME[=VALUE]")]
    pub(crate) defines: Vec<String>,
    /// A type that is declared elsewhere, and the Rust type that stands for it
    #[arg(long, value_name = "NAME=PATH")]
    pub(crate) extern_type: Vec<String>,
    /// Print the interface as JSON, names resolved and sizes known, instead of Rust
    #[arg(long, conflicts_with_all = ["output", "check", "templates"])]
    pub(crate) print_model: bool,
}
