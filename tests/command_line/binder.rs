//! `sendrec binder`: what is registered is listed, looked up and fetched, and survives the binder.
#[path = "../../client/tests/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use sendrec_kernel::{Node, NodeConfig};
use sendrec_stubs::binder::Binder;
use sendrec_trap::{Process, SpawnOptions, Target};

use support::{run_fails, run_ok, sendrec};

/// A binder in an OS process of its own; killed when dropped.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(ledger: &Path) -> Self {
        let command = ["binder", "--discover", "off", "--ledger", ledger.to_str().unwrap()];
        let mut child = sendrec().args(command).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("serving as binder at ").unwrap().to_owned();
        Self { child, address }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_is_registered_is_listed_looked_up_fetched_and_survives() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("binder.ledger");
    let node = Node::boot(NodeConfig::default()).unwrap();
    let server = Process::spawn(&node, SpawnOptions::default()).unwrap();
    let handle = server.address().to_string();

    let mut first = Serving::start(&ledger);
    assert_eq!(run_ok(&["binder", "ls", "--binder", &first.address]), "");
    let place: Target = first.address.parse().unwrap();
    let binder = Binder::new(&server, place);
    binder.register("adder", 2, server.address(), 9, [5; 16]).unwrap();
    binder.publish("adder", 2, 9, [5; 16], "program ADDER { ... }\n").unwrap();
    let listed = run_ok(&["binder", "ls", "--binder", &first.address]);
    assert_eq!(listed, format!("adder  2  {handle}  9\n"));
    kill_process(Pid::from_child(&first.child), Signal::TERM).unwrap();
    assert!(first.child.wait().unwrap().success());

    // At another place, since nobody says which port.
    let second = Serving::start(&ledger);
    let at = ["--binder", &second.address];
    let json = run_ok(&["binder", "ls", "--json", at[0], at[1]]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json, serde_json::json!({"name": "adder", "version": 2, "handle": handle, "unique_id": 9}));
    assert_eq!(run_ok(&["binder", "lookup", "adder", "2", at[0], at[1]]), format!("{handle}\n"));
    assert_eq!(run_ok(&["binder", "interface", "adder", "2", at[0], at[1]]), "program ADDER { ... }\n");
    let mismatch = run_fails(&["binder", "lookup", "adder", "1", at[0], at[1]]);
    assert!(mismatch.contains("offered in versions 2 to 2, and not in version 1"), "{mismatch}");
    let absent = run_fails(&["binder", "lookup", "divider", "1", at[0], at[1]]);
    assert!(absent.contains("nobody offers divider; 'sendrec binder ls' lists what is offered"), "{absent}");

    std::fs::write(folder.path().join("letters"), "not a ledger").unwrap();
    let letters = folder.path().join("letters");
    let refused = run_fails(&["binder", "--discover", "off", "--ledger", letters.to_str().unwrap()]);
    assert!(refused.contains("not a binder's ledger"), "{refused}");
}
