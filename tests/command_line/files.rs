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
