//! A client and a server, and what is read off their world.
#![allow(dead_code)] // Each suite uses its part.
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use sendrec_core::trace::{Fate, Incident, Verdict, What};
use sendrec_core::wire::PacketType;
use sendrec_sim::{Boot, Link, MachineId, World};
use sendrec_trap::{Address, CallError, Config, From, LocalId, SendFailure, SpawnOptions};

pub(crate) const SERVER: LocalId = LocalId(1);
pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);

pub(crate) fn well_known() -> SpawnOptions {
    SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() }
}

pub(crate) fn traced() -> Config {
    Config { trace: true, ..Config::default() }
}

/// What many may write into and the test reads.
pub(crate) type Shared<T> = Rc<RefCell<T>>;

/// A client's machine and a server's, traced, under these rules.
pub(crate) struct Pair {
    pub(crate) world: World,
    pub(crate) client: MachineId,
    pub(crate) server: MachineId,
    /// The messages the server took, and when by the world's clock.
    pub(crate) executed: Shared<Vec<String>>,
    /// What the client's calls came to, in the order they ended.
    pub(crate) results: Shared<Vec<Result<String, CallError>>>,
}

impl Pair {
    pub(crate) fn new(faults: &str) -> Self {
        Self::with(traced(), Link { faults: faults.parse().unwrap(), ..Link::default() })
    }

    /// The server's program runs at every boot: it takes a request, works for a millisecond and replies.
    pub(crate) fn with(config: Config, link: Link) -> Self {
        let mut world = World::with(1, config, link);
        let client = world.boot_as("client", Boot::default());
        let server = world.boot_as("server", Boot::default());
        let executed: Shared<Vec<String>> = Rc::default();
        let runs = executed.clone();
        world.install(server, well_known(), move |me| {
            while let Ok(request) = me.receive(From::Any) {
                let text = String::from_utf8(request.message.to_vec()).unwrap();
                runs.borrow_mut().push(text);
                me.gate().sleep(MILLISECOND);
                let _ = me.reply(request.source, request.message);
            }
        });
        Self { world, client, server, executed, results: Rc::default() }
    }

    pub(crate) fn address(&self) -> Address {
        Address::new(self.world.machine(self.server), SERVER)
    }

    /// A client process that calls with each of these, one after the other.
    pub(crate) fn call(&mut self, messages: &'static [&'static str]) {
        let (to, results) = (self.address(), self.results.clone());
        self.world.spawn(self.client, SpawnOptions::default(), move |me| {
            for message in messages {
                let result = match me.call(to, *message) {
                    Ok(reply) => Ok(String::from_utf8(reply.to_vec()).unwrap()),
                    Err(error) => match error.failure {
                        SendFailure::Request(error) => Err(error),
                        SendFailure::Reply(error) => panic!("{error}"),
                    },
                };
                results.borrow_mut().push(result);
            }
        });
    }

    pub(crate) fn executed(&self) -> Vec<String> {
        self.executed.borrow().clone()
    }

    pub(crate) fn results(&self) -> Vec<Result<String, CallError>> {
        self.results.borrow().clone()
    }

    /// What the network did: type, verdict and rule.
    pub(crate) fn verdicts(&self) -> Vec<(PacketType, Verdict, String)> {
        verdicts(&self.world)
    }

    pub(crate) fn incidents(&self) -> Vec<(String, Incident, String)> {
        incidents(&self.world)
    }
}

pub(crate) fn verdicts(world: &World) -> Vec<(PacketType, Verdict, String)> {
    let events = world.events().into_iter();
    let network = events.filter_map(|(_, event)| match event.what {
        What::Network { kind, verdict, rule, .. } => Some((kind, verdict, rule)),
        _ => None,
    });
    network.collect()
}

pub(crate) fn incidents(world: &World) -> Vec<(String, Incident, String)> {
    let events = world.events().into_iter();
    let incidents = events.filter_map(|(machine, event)| match event.what {
        What::Incident { incident, rule } => Some((world.name(machine), incident, rule)),
        _ => None,
    });
    incidents.collect()
}

/// What became of packets of a type that came in at a machine.
pub(crate) fn fates(world: &World, of: MachineId, wanted: PacketType) -> Vec<Fate> {
    let events = world.events().into_iter();
    let fates = events.filter_map(|(machine, event)| match event.what {
        What::Received { packet, fate, .. } if machine == of && packet.kind == wanted => Some(fate),
        _ => None,
    });
    fates.collect()
}
