//! What is killed, interrupted or told to stop: a server, and commands in the middle of their work.
#[path = "../../client/tests/support/mod.rs"]
mod support;

use std::io::Write;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use support::{Server, noise, sendrec, stderr};

#[test]
fn a_server_killed_in_the_middle_of_a_put_leaves_no_half_file_and_serves_again_on_its_port() {
    let server = Server::start(&[]);
    let mut put = server
        .command(&["put", "-", "final", "--timeout", "20"])
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
    let mut put =
        server.command(&["put", "-", "final"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
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
