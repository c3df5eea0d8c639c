//! Fault rules under a node: those with names need names, and those about machines are none of its business.
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use sendrec_core::trace::{Event, Verdict, What};
use sendrec_kernel::{BootError, Names, Node, NodeConfig};
use sendrec_trap::{Config, From, LocalId, Process, Recorder, SpawnOptions, Trap};

struct Told(Sender<(Verdict, String)>);

impl Recorder for Told {
    fn record(&mut self, event: &Event) {
        if let What::Network { verdict, rule, .. } = &event.what {
            // Nobody listens once the test has seen what it wants.
            let _ = self.0.send((*verdict, rule.clone()));
        }
    }
}

fn refusal(faults: &str, names: Option<Names>) -> String {
    let config = NodeConfig { faults: Some(faults.parse().unwrap()), names, ..NodeConfig::default() };
    match Node::boot(config) {
        Err(BootError::Faults(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_node_refuses_rules_it_cannot_follow() {
    let error = refusal("drop=REP#1@server>client", None);
    assert!(error.starts_with("'drop=REP#1@server>client': this node knows no machine by name"), "{error}");
    for names in [None, Some(Names::default())] {
        let error = refusal("loss=0.1,crash=server@execute", names);
        assert!(error.starts_with("'crash=server@execute': a node harms packets alone"), "{error}");
    }
}

#[test]
fn a_scope_holds_for_the_machine_of_that_name_alone() {
    let server = Node::boot(NodeConfig::default()).unwrap();
    let (told, heard) = channel();
    let faults = "drop=REQ#1@client>server,corrupt=REQ#2@client>server,delay=REQ#3:1ms@client>server,\
                  drop=REQ#*@client>other,drop=REQ#*@other>server";
    let kernel = Config { retransmit_first: Duration::from_millis(5), checksum: true, ..Config::default() };
    let client = Node::boot(NodeConfig {
        kernel,
        faults: Some(faults.parse().unwrap()),
        names: Some(Names { own: "client".into(), ..Names::default() }),
        recorder: Some(Box::new(Told(told))),
        ..NodeConfig::default()
    })
    .unwrap();
    client.name_machine(server.machine(), "server");
    let serving =
        Process::spawn(&server, SpawnOptions { local_id: Some(LocalId(1)), ..SpawnOptions::default() })
            .unwrap();
    let address = serving.address();
    thread::scope(|scope| {
        scope.spawn(move || {
            let request = serving.receive(From::Any).unwrap();
            serving.reply(request.source, request.message).unwrap();
        });
        let me = Process::spawn(&client, SpawnOptions::default()).unwrap();
        assert_eq!(me.call(address, "through it all").unwrap(), "through it all");
    });
    drop(client);
    let told: Vec<_> = heard.iter().take(3).collect();
    assert_eq!(
        told,
        [
            (Verdict::Dropped, "drop=REQ#1@client>server".to_owned()),
            (Verdict::Corrupted, "corrupt=REQ#2@client>server".to_owned()),
            (Verdict::Delayed, "delay=REQ#3:1ms@client>server".to_owned()),
        ]
    );
}
