//! `sendrec demo`: the whole in seconds, with two OS processes over UDP; succeeds only if everything held.
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use sendrec::Files;
use sendrec::copy::{self, FromFile, ToFile, Watch};
use sendrec::ladder::draw;
use sendrec::trace::{End, Joined, join, read};
use sendrec_core::trace::{Fate, What};
use sendrec_core::wire::PacketType;
use sendrec_core::{Protocol, Transfer};
use sendrec_fileserver::{Code, FileMessage, Opcode};
use sendrec_kernel::Node;
use sendrec_trap::{Address, Process, SpawnOptions};
use sha2::{Digest, Sha256};

use super::Failure;
use super::address::{Whom, parse_place};
use super::args::{DemoArgs, NodeArgs};
use super::find::FindArgs;
use super::ladder::style;
use super::output::say;
use super::session::TracedNode;

/// Longer than anything here takes on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);
const GREETING: &[u8] = b"Hello from the other side of a datagram.\n";

/// A server in an OS process of its own, ended when dropped.
struct Server {
    child: Child,
    address: Address,
}

impl Server {
    /// Starts `sendrec serve` on `root` with further options.
    fn start(root: &Path, options: &[&str]) -> Result<Self, Failure> {
        let binary = std::env::current_exe().map_err(|error| Failure::new("the demo's own binary", error))?;
        let mut child = Command::new(binary)
            .args(["serve", "--root"])
            .arg(root)
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::new("cannot start a server", error))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(|error| Failure::new("the server", error))?;
        }
        let address = line.trim_end().rsplit(" at ").next().map(parse_place);
        match address {
            Some(Ok(address)) => Ok(Self { child, address }),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                Err(Failure::new("the server did not say where it is", line))
            }
        }
    }

    fn whom(&self) -> Whom {
        Whom::Target(self.address.into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn digest(mut from: impl Read) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    std::io::copy(&mut from, &mut HashWriter(&mut hasher))?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn file_digest(path: &Path) -> Result<String, Failure> {
    fs::File::open(path).and_then(digest).map_err(|error| Failure::new(path.display(), error))
}

pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let temporary = tempfile::tempdir().map_err(|error| Failure::new("a temporary directory", error))?;
    let directory = match &args.keep {
        Some(keep) => {
            fs::create_dir_all(keep).map_err(|error| Failure::new(keep.display(), error))?;
            keep.clone()
        }
        None => temporary.path().to_path_buf(),
    };
    let root = directory.join("served");
    fs::create_dir_all(&root).map_err(|error| Failure::new(root.display(), error))?;
    fs::write(root.join("hello.txt"), GREETING).map_err(|error| Failure::new(root.display(), error))?;

    copy_there_and_back(&directory, &root)?;
    say("\n2. One message of a MiB, in packets that fit an Ethernet (slide 38).\n")?;
    under_each_protocol(&root)?;
    say("\n3. One small read (slide 14), as a ladder. The reply acknowledges the request (slide 22c).\n")?;
    let read = one_read(&directory, &root, "read", &[])?;
    check(
        "the read needs REQ, REP and ACK",
        kinds(&read) == [PacketType::Req, PacketType::Rep, PacketType::Ack],
    )?;
    check("the operation ran once", runs(&read) == 1)?;

    say(
        "\n4. The same read with its reply lost. The server does not run it again: its kernel keeps the reply.\n",
    )?;
    let lost = one_read(&directory, &root, "lost-reply", &["--fault", "drop=REP#1"])?;
    let dropped = lost.packets.iter().filter(|packet| packet.end == End::Dropped);
    check("one packet died, a REP", dropped.map(|packet| packet.note.kind).eq([PacketType::Rep]))?;
    check("the operation ran once all the same", runs(&lost) == 1)?;

    let kept = args.keep.as_ref().map(|keep| format!("\nTraces and files are in {}.", keep.display()));
    say(format_args!(
        "\nAll held.{}\n\nTry next:\n  \
         sendrec serve --root . --listen 127.0.0.1:7000 --fault loss=0.1,seed=7\n  \
         sendrec ls -l --server 127.0.0.1:7000/1 --trace client.jsonl && sendrec ladder client.jsonl",
        kept.unwrap_or_default()
    ))
}

fn check(what: &str, holds: bool) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::new("the demo failed: it does not hold that", what)) }
}

/// A real file, this program itself, goes up and comes back.
fn copy_there_and_back(directory: &Path, root: &Path) -> Result<(), Failure> {
    let server = Server::start(root, &[])?;
    say(format_args!(
        "1. A file server (OS process {}) at {} and its client (OS process {}), over UDP.\n",
        server.child.id(),
        server.address,
        std::process::id()
    ))?;
    let original = std::env::current_exe().map_err(|error| Failure::new("the demo's own binary", error))?;
    let length = fs::metadata(&original).map_err(|error| Failure::new(original.display(), error))?.len();
    let back = directory.join("came-back");
    let session = TracedNode::toward(&server.whom(), &FindArgs::default(), &plain())?;
    let mut files = Files::new(&*session.node, server.address, PATIENCE)
        .map_err(|error| Failure::Said(error.to_string()))?;
    let never = AtomicBool::new(false);
    let mut ignore = |_| {};
    let mut watch = Watch { progress: &mut ignore, stop: &never };

    let from = fs::File::open(&original).map_err(|error| Failure::new(original.display(), error))?;
    let mut from = FromFile::new(&from).map_err(|error| Failure::new(original.display(), error))?;
    let start = Instant::now();
    copy::put(&mut files, &mut from, "the original", b"copied", 1, &mut watch)
        .map_err(|error| Failure::of_copy(b"copied", &error))?;
    let put = start.elapsed();
    let to = fs::File::create(&back).map_err(|error| Failure::new(back.display(), error))?;
    let start = Instant::now();
    copy::get(&mut files, b"copied", 0, None, &mut ToFile::new(&to), "came-back", &mut watch)
        .map_err(|error| Failure::of_copy(b"copied", &error))?;
    let get = start.elapsed();
    drop(files);
    session.finish()?;

    let rate = |span: Duration| length as f64 / span.as_secs_f64() / 1e6;
    let digests = [file_digest(&original)?, file_digest(&root.join("copied"))?, file_digest(&back)?];
    let short = |digest: &String| digest[..16].to_owned();
    say(format_args!("   {length} bytes          sha-256 {}...", short(&digests[0])))?;
    say(format_args!(
        "   put  {:>6.2} s  {:>5.0} MB/s  sha-256 {}... at the server",
        put.as_secs_f64(),
        rate(put),
        short(&digests[1])
    ))?;
    say(format_args!(
        "   get  {:>6.2} s  {:>5.0} MB/s  sha-256 {}... back here",
        get.as_secs_f64(),
        rate(get),
        short(&digests[2])
    ))?;
    check("the file's digest is equal on both sides", digests.iter().all(|digest| *digest == digests[0]))
}

/// The same long message under each protocol: how long it takes, and how many packets.
fn under_each_protocol(root: &Path) -> Result<(), Failure> {
    const BYTES: usize = 1 << 20;
    const ROUNDS: usize = 9;
    const ETHERNET_BYTES: u32 = 1_472;
    const NAME: &[u8] = b"moved";
    let server = Server::start(root, &[])?;
    let session = TracedNode::toward(&server.whom(), &FindArgs::default(), &plain())?;
    let node = &*session.node;
    let failed = |error: &dyn std::fmt::Display| Failure::Said(error.to_string());
    Files::new(node, server.address, PATIENCE)
        .and_then(|mut files| files.create(NAME))
        .map_err(|error| failed(&error))?;
    let me = Process::spawn(node, SpawnOptions::default()).map_err(|error| failed(&error))?;
    say("   protocol            time      MB/s   packets there   back")?;
    let protocols = [
        ("stop-and-wait", Protocol::StopAndWait),
        ("sliding window, 32", Protocol::SlidingWindow { packets: 32, ack_every: 1 }),
        ("blast", Protocol::Blast { packets: None }),
    ];
    for (number, (name, protocol)) in protocols.into_iter().enumerate() {
        let mut how = me.how();
        how.timeout = Some(PATIENCE);
        how.options.transfer = Transfer { protocol, packet_bytes: Some(ETHERNET_BYTES), ..Transfer::DEFAULT };
        let mut write = FileMessage::request(Opcode::Write, NAME);
        write.data = vec![number as u8 + 1; BYTES].into();
        write.count = BYTES as u32;
        let message = write.encode();
        let before = Packets::of(node);
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let answer = me
                .call_with(server.address, message.clone(), how)
                .map_err(|error| Failure::new("the demo failed", error))?;
            times.push(start.elapsed());
            let is_done = FileMessage::decode(answer).is_ok_and(|answer| answer.code() == Code::OK);
            check("the server has written it", is_done)?;
        }
        let after = Packets::of(node);
        let written = fs::read(root.join("moved")).map_err(|error| Failure::new("moved", error))?;
        check("what came is what was sent", written == write.data)?;
        times.sort_unstable();
        let time = times[ROUNDS / 2].as_secs_f64();
        say(format_args!(
            "   {name:<18} {:>6.2} ms  {:>6.0}  {:>14}  {:>5}",
            time * 1e3,
            BYTES as f64 / time / 1e6,
            (after.sent - before.sent) / ROUNDS as u64,
            (after.received - before.received) / ROUNDS as u64
        ))?;
    }
    drop(me);
    session.finish()
}

/// Packets so far.
struct Packets {
    sent: u64,
    received: u64,
}

impl Packets {
    fn of(node: &Node) -> Self {
        let counters = node.counters();
        let sent = |kind| counters.as_ref().map_or(0, |counters| counters.sent(kind));
        let fate = |fate| counters.as_ref().map_or(0, |counters| counters.fate(fate));
        Self { sent: PacketType::ALL.map(sent).iter().sum(), received: Fate::ALL.map(fate).iter().sum() }
    }
}

fn plain() -> NodeArgs {
    NodeArgs { trace: None, fault: None }
}

/// Reads the greeting from a server of its own with further options; draws what both sides saw.
fn one_read(directory: &Path, root: &Path, name: &str, options: &[&str]) -> Result<Joined, Failure> {
    let paths = ["client", "server"].map(|role| directory.join(format!("{name}-{role}.jsonl")));
    let server_trace = paths[1].to_string_lossy().into_owned();
    let server = Server::start(root, &[&["--trace", &server_trace], options].concat())?;
    let args = NodeArgs { trace: Some(paths[0].clone()), fault: None };
    let session = TracedNode::toward(&server.whom(), &FindArgs::default(), &args)?;
    let mut buffer = [0; 100];
    let count = {
        let mut files = Files::new(&*session.node, server.address, PATIENCE)
            .map_err(|error| Failure::Said(error.to_string()))?;
        let wanted = buffer.len();
        files
            .read(b"hello.txt", 0, wanted, &mut buffer)
            .map_err(|error| Failure::of_file(b"hello.txt", &error))?
    };
    session.finish()?;
    check("the read brought the file's text", &buffer[..count] == GREETING)?;
    let joined = wait_for_arrivals(&paths)?;
    drop(server);
    say(draw(&joined, &style(None, false)).trim_end())?;
    Ok(joined)
}

/// The traces, once everything that was not lost has come in at the server.
fn wait_for_arrivals(paths: &[PathBuf]) -> Result<Joined, Failure> {
    const STEP: Duration = Duration::from_millis(2);
    let end = Instant::now() + PATIENCE;
    loop {
        let traces = paths.iter().map(read).collect::<Result<Vec<_>, _>>();
        let joined = join(traces.map_err(|error| Failure::Said(error.to_string()))?);
        let missing = joined.packets.iter().any(|packet| packet.end == End::NeverReceived);
        if !missing || Instant::now() > end {
            return Ok(joined);
        }
        std::thread::sleep(STEP);
    }
}

fn kinds(joined: &Joined) -> Vec<PacketType> {
    joined.packets.iter().map(|packet| packet.note.kind).collect()
}

/// How often the operation ran.
fn runs(joined: &Joined) -> usize {
    let ran = |what: &What| matches!(what, What::Taken { request: true, .. });
    joined.moments.iter().filter(|moment| ran(&moment.event.what)).count()
}
