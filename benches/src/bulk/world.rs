//! Rows in a world: the same transfers over a link in virtual time, by seed.
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use sendrec_core::{LocalId, Options, Transfer};
use sendrec_sim::{Link, World};
use sendrec_trap::{Address, From, How, SpawnOptions, Trap};

use super::case::Case;
use super::config::config_over;
use super::document::Round;
use super::kernel::{QUESTION_BYTES_MAX, Sent};
use super::links::LinkName;
use crate::sample::Fallible;

const SERVER: LocalId = LocalId(1);
/// What takes longer in virtual time will never end.
const TIMEOUT: Duration = Duration::from_secs(24 * 3_600);

type Outcome = Rc<Cell<Option<Result<Duration, &'static str>>>>;

/// One message over the link, after a small one that lets both sides know each other.
pub(crate) fn measure(link: LinkName, case: &Case, load: &Bytes, seed: u64) -> Fallible<Round> {
    let mut world = World::with(seed, config_over(link, case.loss.chance > 0.0), link.link());
    world.keep(0, 0);
    let (client, server) = (world.boot(), world.boot());
    world.set_link(server, client, link.link_back());
    let expected = load.clone();
    world.install(server, SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() }, move |me| {
        while let Ok(request) = me.receive(From::Any) {
            let is_right = request.message.len() <= QUESTION_BYTES_MAX || request.message == expected;
            let _ = me.reply(request.source, if is_right { &b"right"[..] } else { b"wrong" });
        }
    });
    let to = Address::new(world.machine(server), SERVER);
    world.spawn(client, SpawnOptions::default(), move |me| drop(me.call(to, "hello")));
    world.run();
    if let Some(faults) = case.loss.faults(seed) {
        world.set_link(client, server, Link { faults: faults.clone(), ..link.link() });
        world.set_link(server, client, Link { faults, ..link.link_back() });
    }
    let sent = |world: &World| {
        let of = |machine| world.counters(machine).as_ref().map(Sent::of).unwrap_or_default();
        of(client).and(of(server))
    };
    let before = sent(&world);
    let outcome = Outcome::default();
    let (told, message, transfer) =
        (outcome.clone(), load.clone(), Transfer { gap: link.gap(case), ..case.transfer() });
    world.spawn(client, SpawnOptions::default(), move |me| {
        let options = Options { transfer, ..me.how().options };
        let begin = me.gate().now();
        let answer = me.call_with(to, message, How { options, timeout: Some(TIMEOUT) });
        let elapsed = me.gate().now().since(begin);
        told.set(Some(match answer {
            Ok(answer) if answer == "right" => Ok(elapsed),
            Ok(_) => Err("the message came out wrong"),
            Err(_) => Err("the message did not arrive"),
        }));
    });
    world.run();
    let failed = |reason: &str| format!("{reason} (seed {seed}, {}: {case})", link.name());
    let elapsed = outcome.take().ok_or_else(|| failed("the call did not end"))?.map_err(failed)?;
    let sent = sent(&world).since(before);
    Ok(Round {
        seconds: vec![elapsed.as_secs_f64()],
        packets: sent.all as f64,
        retransmitted: sent.again as f64,
        acknowledgements: sent.acknowledgements as f64,
    })
}
