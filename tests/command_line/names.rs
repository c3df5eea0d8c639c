//! Servers by their place, their sparse id and their name: who is found, who is not, and who is alive.
#[path = "../../client/tests/support/mod.rs"]
mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use rustix::process::Signal;

use support::{Server, run_fails, run_ok, sendrec, stderr};

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

/// The part before the `/`.
fn machine(address: &str) -> &str {
    address.rsplit_once('/').unwrap().0
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
    assert!(!stderr(&output).contains("nobody has answered"), "it was over before that");
    let output = sendrec().args(["ls", "--server", &silent, "--timeout", "3"]).output().unwrap();
    assert!(stderr(&output).contains("nobody has answered for 2 s; is it running"), "{}", stderr(&output));
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
