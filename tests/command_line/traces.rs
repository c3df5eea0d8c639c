//! What shows how it works: traces of both sides drawn together, the dissector, the demo.
#[path = "../../client/tests/support/mod.rs"]
mod support;

use std::fs;

use rustix::process::Signal;

use support::{Server, sendrec, stderr};

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
