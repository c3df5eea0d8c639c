//! The commands on files, as a person uses them: what goes up comes back, and mistakes are named.
#[path = "../../client/tests/support/mod.rs"]
mod support;

use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;

use support::{Server, names_in, noise, sendrec, stderr};

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
    let mut put = server.command(&["put", "-", "typed"]).stdin(Stdio::piped()).spawn().unwrap();
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
fn a_read_only_server_changes_nothing() {
    let server = Server::start(&["--read-only"]);
    let output = server.run(&["mkdir", "d"]);
    assert!(stderr(&output).contains("the server is read-only"));
    assert!(!server.path("d").exists());
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let server = Server::start(&[]);
    fs::write(server.path("long"), noise(4 << 20, 1)).unwrap();
    let mut cat =
        server.command(&["cat", "long"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 100];
    let mut stdout = cat.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = cat.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(stderr(&output), "");
}

#[test]
fn every_command_asks_by_remote_procedure_call_too() {
    let server = Server::start(&["--threads", "2"]);
    let local = tempfile::tempdir().unwrap();
    let (up, down) = (local.path().join("up"), local.path().join("down"));
    let bytes = noise(3_000_001, 5);
    fs::write(&up, &bytes).unwrap();
    server.ok(&["put", "--rpc", up.to_str().unwrap(), "file"]);
    assert!(fs::read(server.path("file")).unwrap() == bytes);
    server.ok(&["get", "--rpc", "file", down.to_str().unwrap()]);
    assert!(fs::read(&down).unwrap() == bytes);
    server.ok(&["mkdir", "--rpc", "archive"]);
    server.ok(&["mv", "--rpc", "file", "archive"]);
    server.ok(&["truncate", "--rpc", "archive/file", "0"]);
    assert_eq!(server.ok(&["ls", "--rpc", "archive"]), "file\n");
    assert_eq!(
        server.ok(&["stat", "--rpc", "--json", "archive/file"]),
        server.ok(&["stat", "--json", "archive/file"])
    );
    fs::write(&up, b"and more").unwrap();
    server.ok(&["append", up.to_str().unwrap(), "archive/file"]);
    assert_eq!(server.ok(&["cat", "--rpc", "archive/file"]), "and more");
    server.ok(&["rm", "--rpc", "archive/file"]);
    server.ok(&["rmdir", "--rpc", "archive"]);
    let said = stderr(&server.run(&["rm", "--rpc", "nothing"]));
    assert!(said.contains("nothing: no such file or directory"), "{said}");
    let said = stderr(&server.run(&["mkdir", "--exactly-once", "once"]));
    assert!(said.contains("--journal"), "{said}");
    assert!(server.files().is_empty());
}

#[test]
fn lines_are_appended_exactly_once_though_the_server_is_killed_again_and_again() {
    const KILLS: u32 = 60;
    let root = tempfile::tempdir().unwrap();
    let journals = tempfile::tempdir().unwrap();
    let journal = journals.path().join("journal");
    let start = |listen: &str| {
        let options = ["--journal", journal.to_str().unwrap(), "--listen", listen];
        Server::start_at(root.path(), &options)
    };
    let mut server = start("127.0.0.1:0");
    let address = server.address.clone();
    let listen = address.split('/').next().unwrap().to_owned();
    fs::write(root.path().join("log"), "").unwrap();
    let node = sendrec_kernel::Node::boot(sendrec_kernel::NodeConfig::default()).unwrap();
    let place: sendrec_trap::Address = address.parse().unwrap();
    let patience = std::time::Duration::from_secs(600);
    let files = sendrec::RpcFiles::new(&node, place, patience).unwrap().exactly_once(1234);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let lines = std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            for kill in 0..KILLS {
                // At all moments of a call, some of them before the first.
                std::thread::sleep(std::time::Duration::from_micros(u64::from(kill * 7919 % 40) * 1_000));
                server.child.kill().unwrap();
                server.child.wait().unwrap();
                server = start(&listen);
            }
            is_over.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        let mut lines = 0_u64;
        while !is_over.load(std::sync::atomic::Ordering::SeqCst) {
            assert_eq!(files.append(b"log", format!("{lines:09}\n").as_bytes()), Ok(10 * lines));
            lines += 1;
        }
        killer.join().unwrap();
        lines
    });
    let expected: String = (0..lines).map(|line| format!("{line:09}\n")).collect();
    assert!(fs::read_to_string(root.path().join("log")).unwrap() == expected);
    println!("{lines} lines, {KILLS} kills");
}
