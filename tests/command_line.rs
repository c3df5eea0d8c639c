//! The command `sendrec` as a person uses it: separate OS processes over UDP.
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

fn sendrec() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sendrec"));
    command
        .env_remove("SENDREC_SERVER")
        .env_remove("SENDREC_NAMES")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    // No test is to find what another one, or anybody else on this network, has started.
    command.env("SENDREC_DISCOVER", "off");
    command
}

/// A server in an OS process of its own; killed when dropped.
struct Server {
    child: Child,
    address: String,
    /// Its other addresses: by sparse id, by name.
    also: Vec<String>,
    /// Always there, until it is handed on.
    root: Option<TempDir>,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        Self::start_on(tempfile::tempdir().unwrap(), options)
    }

    fn start_on(root: TempDir, options: &[&str]) -> Self {
        let mut child = sendrec()
            .args(["serve", "--root"])
            .arg(root.path())
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let forms = 1 + options.iter().filter(|option| ["--sparse", "--name"].contains(option)).count();
        let expected = format!("serving {} at ", root.path().display());
        let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().take(forms);
        let mut addresses = lines.map(|line| {
            let line = line.unwrap();
            line.strip_prefix(&expected).unwrap_or_else(|| panic!("{line:?}")).to_owned()
        });
        let address = addresses.next().expect("the server's address");
        let also = addresses.collect();
        Self { child, address, also, root: Some(root) }
    }

    /// kill -9; what it has left behind comes back.
    fn kill(mut self) -> TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.root.take().unwrap()
    }

    /// Runs a client command against this server.
    fn run(&self, arguments: &[&str]) -> Output {
        sendrec().args(arguments).args(["--server", &self.address]).output().unwrap()
    }

    /// Runs one that must succeed; returns its stdout.
    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.root.as_ref().unwrap().path().join(name)
    }

    /// What lies in the root.
    fn files(&self) -> Vec<String> {
        names_in(self.root.as_ref().unwrap().path())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Bytes that look like nothing, the same for each seed.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut rng = sendrec_core::rng::Rng::new(seed);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&rng.next_u64().to_be_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A file of each length goes up and comes back.
fn there_and_back(lengths: &[usize], server_options: &[&str], client_options: &[&str]) {
    let server = Server::start(server_options);
    let local = tempfile::tempdir().unwrap();
    for &length in lengths {
        let bytes = noise(length, length as u64);
        let up = local.path().join("up");
        let down = local.path().join("down");
        fs::write(&up, &bytes).unwrap();
        server.ok(&[&["put", up.to_str().unwrap(), "file"], client_options].concat());
        assert!(fs::read(server.path("file")).unwrap() == bytes, "{length} bytes differ at the server");
        server.ok(&[&["get", "file", down.to_str().unwrap()], client_options].concat());
        assert!(fs::read(&down).unwrap() == bytes, "{length} bytes differ back here");
        assert_eq!(server.files(), ["file"], "nothing else is left at the server");
        assert_eq!(names_in(local.path()), ["down", "up"], "nothing else is left here");
    }
}

const LENGTHS: [usize; 8] = [0, 1, 1_471, 1_472, 1_473, 65_535, 65_536, 65_537];

#[test]
fn files_of_awkward_lengths_come_back() {
    there_and_back(&LENGTHS, &[], &[]);
    there_and_back(&[1 << 20], &["--threads", "4"], &[]);
}

#[test]
fn a_large_file_comes_back() {
    there_and_back(&[256 << 20], &[], &[]);
}

#[test]
fn files_come_back_through_a_network_that_misbehaves_both_ways() {
    let fault = "loss=0.1,duplicate=0.05,reorder=0.05,seed=7";
    there_and_back(&LENGTHS, &["--fault", fault], &["--fault", fault]);
    there_and_back(&[16 << 20], &["--fault", fault, "--threads", "2"], &["--fault", fault]);
}

#[test]
fn every_command_does_its_work() {
    let server = Server::start(&[]);
    fs::write(server.path("notes.txt"), "hello world").unwrap();
    server.ok(&["mkdir", "archive"]);
    assert_eq!(server.ok(&["ls"]), "archive\nnotes.txt\n");
    let long = server.ok(&["ls", "-l"]);
    assert!(long.starts_with("d ") && long.contains("             11  "), "{long}");
    assert_eq!(server.ok(&["cat", "notes.txt"]), "hello world");
    assert_eq!(server.ok(&["cat", "notes.txt", "--offset", "6", "--count", "3"]), "wor");
    assert_eq!(server.ok(&["cat", "notes.txt", "--offset", "60"]), "");
    let stat: serde_json::Value = serde_json::from_str(&server.ok(&["stat", "notes.txt", "--json"])).unwrap();
    assert_eq!((&stat["kind"], &stat["size"]), (&"file".into(), &11.into()));
    assert!(server.ok(&["stat", "archive"]).contains("kind: directory"));
    server.ok(&["mv", "notes.txt", "archive"]);
    assert_eq!(server.ok(&["ls", "archive"]), "notes.txt\n");
    server.ok(&["truncate", "archive/notes.txt", "5"]);
    assert_eq!(server.ok(&["get", "archive/notes.txt", "-"]), "hello");
    server.ok(&["rm", "archive/notes.txt"]);
    server.ok(&["rmdir", "archive"]);
    assert_eq!(server.ok(&["ls"]), "");
    assert!(server.files().is_empty());
}

#[test]
fn stdin_goes_up_and_a_directory_keeps_the_name() {
    let server = Server::start(&[]);
    let mut put = sendrec()
        .args(["put", "-", "typed", "--server", &server.address])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    put.stdin.take().unwrap().write_all(b"typed in").unwrap();
    assert!(put.wait().unwrap().success());
    assert_eq!(server.ok(&["cat", "typed"]), "typed in");
    server.ok(&["mkdir", "d"]);
    let local = tempfile::tempdir().unwrap();
    let file = local.path().join("name");
    fs::write(&file, "x").unwrap();
    server.ok(&["put", file.to_str().unwrap(), "d"]);
    server.ok(&["put", file.to_str().unwrap(), "d/other"]);
    assert_eq!(server.ok(&["ls", "d"]), "name\nother\n");
    server.ok(&["get", "d/other", local.path().to_str().unwrap()]);
    assert_eq!(names_in(local.path()), ["name", "other"]);
}

#[test]
fn a_directory_of_many_entries_is_listed_whole_and_in_order() {
    let server = Server::start(&[]);
    let names: Vec<_> = (0..1_000).map(|number| format!("file {number:04}")).collect();
    names.iter().for_each(|name| fs::write(server.path(name), "").unwrap());
    assert_eq!(server.ok(&["ls"]).lines().collect::<Vec<_>>(), names);
}

#[test]
fn mistakes_are_named_and_nothing_is_left_half_done() {
    let server = Server::start(&[]);
    fs::write(server.path("there"), "old").unwrap();
    let local = tempfile::tempdir().unwrap();
    let here = local.path().join("here");
    let here = here.to_str().unwrap();
    for (arguments, said) in [
        (&["cat", "missing"][..], "missing: no such file or directory (E_NOT_FOUND)"),
        (&["get", "missing", here], "missing: no such file or directory"),
        (&["put", "/no/such/file", "x"], "/no/such/file: No such file"),
        (&["put", "/", "x"], "/: it is a directory"),
        (&["rm", "../escape"], "../escape: not a name the server accepts"),
        (&["rm", "missing", "there"], "missing: no such file or directory"),
        (&["mkdir", "a/b"], "a/b: no such file or directory"),
    ] {
        let output = server.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
    assert!(server.files().is_empty(), "'rm missing there' removed the one that was there");
    assert!(names_in(local.path()).is_empty());
    for (arguments, said) in [
        (&["ls", "--server", "127.0.0.1:7000"][..], "no local id"),
        (&["ls", "--server", "127.0.0.1/1"], "has no port"),
        (&["ls"], "--server"),
        (&["ls", "--server", "127.0.0.1:7000/1", "--fault", "loss=2"], "a probability is from 0 to 1"),
    ] {
        let output = sendrec().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_server_without_the_process_and_no_server_at_all_are_told_apart() {
    let server = Server::start(&[]);
    let wrong = server.address.replace("/1", "/2");
    let output = sendrec().args(["ls", "--server", &wrong]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no such process"), "{}", stderr(&output));
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent = format!("{}/1", nobody.local_addr().unwrap());
    let output = sendrec().args(["ls", "--server", &silent, "--timeout", "0.2"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("timed out"), "{}", stderr(&output));
    assert!(stderr(&output).contains("is it running? 'sendrec serve"), "{}", stderr(&output));
    let output = sendrec().args(["ping", &silent, "-c", "1", "-W", "0.2"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no sign of life; is it running?"), "{}", stderr(&output));
    let output = sendrec().args(["names", "ls", "-W", "0.2", "--names", &silent]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("the list of names: the name server at") && !said.contains('*'), "{said}");
    assert!(said.contains("is it running? 'sendrec names serve"), "{said}");
}

#[test]
fn a_read_only_server_changes_nothing() {
    let server = Server::start(&["--read-only"]);
    let output = server.run(&["mkdir", "d"]);
    assert!(stderr(&output).contains("the server is read-only"));
    assert!(!server.path("d").exists());
}

#[test]
fn a_server_killed_in_the_middle_of_a_put_leaves_no_half_file_and_serves_again_on_its_port() {
    let server = Server::start(&[]);
    let mut put = sendrec()
        .args(["put", "-", "final", "--server", &server.address, "--timeout", "20"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = put.stdin.take().unwrap();
    // Enough that part of it has been written for certain, and the end has not come.
    stdin.write_all(&noise(1 << 20, 1)).unwrap();
    while server.files().is_empty() {
        std::thread::yield_now();
    }
    let address = server.address.clone();
    let root = server.kill();
    let _ = stdin.write_all(&noise(1 << 20, 2));
    drop(stdin);
    let output = put.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(["server crashed", "no answer"].iter().any(|text| said.contains(text)), "{said}");
    assert!(!root.path().join("final").exists());

    let listen = address.trim_end_matches("/1");
    let again = Server::start_on(root, &["--listen", listen]);
    assert_eq!(again.address, address);
    again.ok(&["mkdir", "served-at-once"]);
    again.ok(&["ls"]);
}

#[test]
fn a_server_told_to_stop_stops_cleanly() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start(&[]);
        server.ok(&["ls"]);
        server.signal(signal);
        assert!(server.child.wait().unwrap().success());
    }
}

#[test]
fn an_interrupted_put_cleans_up_at_the_server() {
    let server = Server::start(&[]);
    let mut put = sendrec()
        .args(["put", "-", "final", "--server", &server.address])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = put.stdin.take().unwrap();
    stdin.write_all(&noise(1 << 20, 1)).unwrap();
    while server.files().is_empty() {
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&put), Signal::INT).unwrap();
    // Though more might come to be read.
    let output = put.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(server.files().is_empty(), "{:?}", server.files());
}

#[test]
fn a_command_that_waits_for_a_silent_server_can_be_stopped() {
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent = format!("{}/1", nobody.local_addr().unwrap());
    let get = sendrec()
        .args(["get", "file", "-", "--server", &silent, "--timeout", "10000"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It has asked: it waits.
    nobody.recv_from(&mut [0; 2_000]).unwrap();
    kill_process(Pid::from_child(&get), Signal::INT).unwrap();
    let output = get.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let server = Server::start(&[]);
    fs::write(server.path("long"), noise(4 << 20, 1)).unwrap();
    let mut cat = sendrec()
        .args(["cat", "long", "--server", &server.address])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 100];
    let mut stdout = cat.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = cat.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(stderr(&output), "");
}

#[test]
fn ping_says_how_far_and_whether_alive() {
    let server = Server::start(&[]);
    let output = sendrec().args(["ping", &server.address, "-c", "3", "-i", "0"]).output().unwrap();
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success());
    assert_eq!(said.matches("IAA from").count(), 3, "{said}");
    assert!(said.contains("3 AYA sent, 3 IAA received") && said.contains("round trip min/"), "{said}");
    let nobody = server.address.replace("/1", "/7");
    let output = sendrec().args(["ping", &nobody, "-c", "1", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["error"], "no such process");
    let said = stderr(&output);
    assert!(said.contains("the machine is there; nobody has local id 7"), "{said}");
}

#[test]
fn traces_of_both_sides_are_drawn_together() {
    let local = tempfile::tempdir().unwrap();
    let path = |name: &str| local.path().join(name).to_str().unwrap().to_owned();
    let (client, served) = (path("client.jsonl"), path("server.jsonl"));
    let mut server = Server::start(&["--trace", &served, "--fault", "drop=REP#1"]);
    server.ok(&["mkdir", "d", "--trace", &client]);
    server.signal(Signal::TERM);
    server.child.wait().unwrap();
    let output = sendrec().args(["ladder", &client, &served]).output().unwrap();
    let drawn = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    for text in ["REQ", "REP", "ACK", "drop=REP#1", "(again)", "(from cache)"] {
        assert!(drawn.contains(text), "no {text} in\n{drawn}");
    }
    assert!(drawn.lines().all(|line| line.chars().count() <= 80), "{drawn}");
    for (view, begins) in [
        ("text", "  "),
        ("svg", "<?xml"),
        ("html", "<!DOCTYPE html>"),
        ("pcapng", "\n\r\r\n"),
        ("json", "{"),
        ("mermaid", "sequenceDiagram"),
        ("shiviz", "(?<event>"),
    ] {
        let output = sendrec().args(["ladder", &client, &served, "--as", view]).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(output.stdout.starts_with(begins.as_bytes()), "{view}");
        let there = path(view);
        let written =
            sendrec().args(["ladder", &client, &served, "--as", view, "-o", &there]).output().unwrap();
        assert!(written.status.success() && written.stdout.is_empty(), "{}", stderr(&written));
        assert_eq!(fs::read(&there).unwrap(), output.stdout, "{view}");
    }
    fs::write(path("not-a-trace"), "hello\n").unwrap();
    let output = sendrec().args(["ladder", &path("not-a-trace")]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("not-a-trace:1"), "{}", stderr(&output));
}

#[test]
fn the_dissector_is_printed() {
    let output = sendrec().arg("dissector").output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), sendrec::view::DISSECTOR);
}

#[test]
fn the_demo_holds() {
    let output = sendrec().arg("demo").output().unwrap();
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(output.status.success(), "{said}\n{}", stderr(&output));
    assert!(said.contains("All held.") && said.contains("drop=REP#1"), "{said}");
}

/// A name server in an OS process of its own; killed when dropped.
struct NameServer {
    child: Child,
    address: String,
}

impl NameServer {
    fn start() -> Self {
        let mut child = sendrec().args(["names", "serve"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("serving names at ").unwrap().to_owned();
        Self { child, address }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command that must succeed; returns its stdout.
fn run_ok(arguments: &[&str]) -> String {
    let output = sendrec().args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs one that must fail; returns what it says.
fn run_fails(arguments: &[&str]) -> String {
    let output = sendrec().args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    stderr(&output)
}

/// The part before the `/`.
fn machine(address: &str) -> &str {
    address.rsplit_once('/').unwrap().0
}

#[test]
fn one_server_is_reached_by_its_place_its_sparse_id_and_its_name() {
    let names = NameServer::start();
    let server = Server::start(&["--sparse", "new", "--name", "files", "--names", &names.address]);
    let [sparse, name] = &server.also[..] else { panic!("{:?}", server.also) };
    assert!(sparse.starts_with("sparse:") && name == "name:files", "{sparse} {name}");
    fs::write(server.path("there"), "hello").unwrap();
    let everyone = format!("{},{}", machine(&names.address), machine(&server.address));
    for (address, options) in [
        (&server.address, &[][..]),
        (sparse, &["--discover", &everyone]),
        (name, &["--names", &names.address]),
        (name, &["--names", machine(&names.address)]),
        // The name server itself is found by broadcast.
        (name, &["--discover", &everyone]),
    ] {
        assert_eq!(run_ok(&[&["cat", "there", "--server", address], options].concat()), "hello");
        let pinged = run_ok(&[&["ping", address, "-c", "1"], options].concat());
        assert!(pinged.contains(&format!("IAA from {}", server.address)), "{pinged}");
    }
    assert_eq!(run_ok(&["locate", sparse, "--discover", &everyone]).trim_end(), server.address);
    let found = run_ok(&["locate", name, "--json", "--names", &names.address]);
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!((&found["name"], &found["address"]), (&"files".into(), &server.address.as_str().into()));
    let listed = run_ok(&["names", "ls", "--names", &names.address]);
    assert_eq!(listed, format!("name:files  {}\n", server.address));
    let said = run_fails(&["names", "rm", "files", "--names", &names.address]);
    assert!(said.contains("name:files: a server has this name, and lives"), "{said}");
}

#[test]
fn who_is_not_found_is_named_with_what_to_do() {
    let names = NameServer::start();
    let said = run_fails(&["ls", "--server", "name:nobody", "--names", &names.address]);
    for part in ["name:nobody", "nobody has registered this name", &names.address, "sendrec names ls"] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    let said = run_fails(&["ls", "--server", "name:files"]);
    assert!(said.contains("no name server was found") && said.contains("--names HOST:PORT"), "{said}");
    let said = run_fails(&["ping", "sparse:7"]);
    assert!(said.contains("sparse:0000000000000007") && said.contains("--discover"), "{said}");
    let root = tempfile::tempdir().unwrap();
    let said = run_fails(&["serve", "--root", root.path().to_str().unwrap(), "--name", "files"]);
    assert!(said.contains("name:files: no name server was found"), "{said}");
    for (arguments, said) in [
        (&["ls", "--server", "name:two words"][..], "printable ASCII"),
        (&["ls", "--server", "sparse:xyz"], "hexadecimal"),
        (&["locate", "sparse:7", "--discover", "0.0.0.0:1"], "is no machine that can be asked"),
        (&["names", "lookup", "files", "--names", "name:names"], "cannot be named by a name"),
    ] {
        let output = sendrec().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_name_goes_to_the_server_that_is_started_after_a_crash_and_is_given_back_at_a_stop() {
    let names = NameServer::start();
    let by_name = ["--name", "files", "--names", &names.address];
    let lookup = ["names", "lookup", "files", "--names", &names.address];
    let first = Server::start(&by_name);
    let stale = first.address.clone();
    fs::write(first.path("there"), "hello").unwrap();
    let root = first.kill();
    assert_eq!(run_ok(&lookup).trim_end(), stale, "nobody has told the name server");
    let mut second = Server::start_on(root, &by_name);
    assert_ne!(second.address, stale);
    assert_eq!(run_ok(&lookup).trim_end(), second.address);
    let read = ["cat", "there", "--server", "name:files", "--names", &names.address];
    assert_eq!(run_ok(&read), "hello");
    second.signal(Signal::INT);
    assert!(second.child.wait().unwrap().success());
    assert!(run_fails(&lookup).contains("nobody has registered this name"));
    assert!(run_fails(&read).contains("nobody has registered this name"));
}

#[test]
fn a_sparse_id_is_found_again_after_its_server_has_moved() {
    let first = Server::start(&["--sparse", "9f3c2a0b1d4e5f60"]);
    assert_eq!(first.also, ["sparse:9f3c2a0b1d4e5f60"]);
    fs::write(first.path("there"), "hello").unwrap();
    let before = machine(&first.address).to_owned();
    let second = Server::start_on(first.kill(), &["--sparse", "9f3c2a0b1d4e5f60"]);
    let both = format!("{before},{}", machine(&second.address));
    let read = ["cat", "there", "--server", "sparse:9f3c2a0b1d4e5f60", "--discover", &both];
    assert_eq!(run_ok(&read), "hello");
}

/// A quick run in a world: no time is looked at but by its model.
#[test]
fn long_messages_are_measured_and_told_as_json_and_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let file = folder.path().join("run.json");
    let run = |arguments: &[&str]| {
        let output = sendrec().args(["bench"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let html = page.to_str().unwrap();
    let text = run(&["bulk", "--world", "--quick", "--json", "-", "--html", html]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rows = document["rows"].as_array().unwrap();
    for place in ["ethernet", "lan", "wan"] {
        assert!(rows.iter().any(|row| row["place"] == place), "{place}");
    }
    assert!(rows.iter().all(|row| row["seconds"]["median"].as_f64().is_some_and(|time| time > 0.0)));
    assert!(document["failed"].as_array().unwrap().is_empty());
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("<svg") && html.contains("stop-and-wait"));

    // The same seed, the same figures.
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    run(&["bulk", "--world", "--quick", "--json", &format!("{file}2")]);
    let compared = run(&["compare", file, &format!("{file}2"), "--changed"]);
    assert!(
        compared.contains(&format!("{} rows in both runs: 0 faster, 0 slower", rows.len())),
        "{compared}"
    );
}

#[test]
fn long_messages_are_measured_over_udp_between_two_os_processes() {
    let arguments = [
        "bench",
        "bulk",
        "--section",
        "table",
        "--message",
        "64KiB",
        "--packet",
        "1472",
        "--quick",
        "--csv",
        "-",
    ];
    let output = sendrec().args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1 + 6, "{text}");
    for way in ["stop-and-wait", "window 64", "blast"] {
        assert!(text.contains(way), "{text}");
    }
}
