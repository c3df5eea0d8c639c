//! Short plays for the world, and their traces.
use std::net::IpAddr;
use std::time::Duration;

use sendrec_sim::{Link, MachineId, World};
use sendrec_trap::{Address, Buffering, Config, From, LocalId, Machine, SpawnOptions};

use crate::trace::{Trace, split};

pub(super) const SERVER: LocalId = LocalId(1);

/// A world in which acknowledgements go at once, as on slide 22. Its times are its own, so that tuning the defaults
/// changes no drawing.
pub(super) fn world(faults: &str) -> World {
    let config = Config {
        trace: true,
        ack_delay: Duration::ZERO,
        late_ack: Some(Duration::from_millis(20)),
        retransmit_first: Duration::from_millis(100),
        probe_interval: Duration::from_secs(1),
        try_again: Duration::from_millis(5),
        sweep_interval: Duration::from_millis(1),
        ..Config::default()
    };
    World::with(1, config, Link { faults: faults.parse().unwrap(), ..Link::default() })
}

/// A server that answers so many requests, each after so long.
pub(super) fn serve(
    world: &mut World,
    machine: MachineId,
    buffering: Option<Buffering>,
    rounds: usize,
    takes: Duration,
) {
    let options = SpawnOptions { local_id: Some(SERVER), buffering, ..SpawnOptions::default() };
    world.spawn(machine, options, move |me| {
        for _ in 0..rounds {
            let request = me.receive(From::Any).unwrap();
            me.gate().sleep(takes);
            let _ = me.reply(request.source, "answer");
        }
    });
}

pub(super) fn call(world: &mut World, machine: MachineId, to: Address) {
    world.spawn(machine, SpawnOptions::default(), move |me| {
        let _ = me.call(to, "question");
    });
}

/// The traces of a world whose machines have these roles.
pub(super) fn traces(world: &World, roles: &[&str]) -> Vec<Trace> {
    let events = world.events().into_iter().map(|(machine, event)| (world.machine(machine), event));
    let role = |machine: Machine| match machine.socket_addr().ip() {
        IpAddr::V4(ip) => roles[usize::from(ip.octets()[3])].to_owned(),
        IpAddr::V6(_) => unreachable!(),
    };
    split(events, role)
}

/// One call of a client to a server on another machine.
pub(super) fn one_call(faults: &str, takes: Duration) -> Vec<Trace> {
    let mut world = world(faults);
    let (near, far) = (world.boot(), world.boot());
    let server = Address::new(world.machine(far), SERVER);
    call(&mut world, near, server);
    serve(&mut world, far, None, 1, takes);
    world.run();
    traces(&world, &["client", "server"])
}
