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
use super::udp::MESSAGES_MAX;
use sendrec_measure::Fallible;

const SERVER: LocalId = LocalId(1);
/// What takes longer in virtual time will never end.
const TIMEOUT: Duration = Duration::from_secs(24 * 3_600);

/// Of all messages of a row's round.
const PIECES_A_ROUND: f64 = 32_000.0;
/// A round's messages have seeds that no row's and no round's other messages have.
const SEED_SHIFT: u32 = 48;

type Outcome = Rc<Cell<Option<Result<Duration, String>>>>;

/// One round of a row: one message, or where packets are lost several, by a seed each. They are the fewer, the more packets one
/// is expected to take, so that a round takes about as long as the others'.
pub(crate) fn measure(
    link: LinkName,
    case: &Case,
    load: &Bytes,
    seed: u64,
    expected_pieces: f64,
) -> Fallible<Round> {
    let seeds = if case.loss.chance > 0.0 { seeds(expected_pieces) } else { 1 };
    let mut seconds = Vec::new();
    let mut counts = [0.0; 3];
    for number in 0..seeds {
        let round = transfer(link, case, load, seed.wrapping_add(number << SEED_SHIFT))?;
        seconds.extend(round.seconds);
        for (count, each) in
            counts.iter_mut().zip([round.packets, round.retransmitted, round.acknowledgements])
        {
            *count += each / seeds as f64;
        }
    }
    let [packets, retransmitted, acknowledgements] = counts;
    Ok(Round { seconds, packets, retransmitted, acknowledgements })
}

fn seeds(expected_pieces: f64) -> u64 {
    ((PIECES_A_ROUND / expected_pieces.max(1.0)) as u64).clamp(1, MESSAGES_MAX as u64)
}

/// One message over the link, after a small one that lets both sides know each other.
pub(crate) fn transfer(link: LinkName, case: &Case, load: &Bytes, seed: u64) -> Fallible<Round> {
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
            Ok(_) => Err("the message came out wrong".into()),
            Err(error) => Err(format!("the message did not arrive: {error}")),
        }));
    });
    world.run();
    let failed = |reason: String| format!("{reason} (seed {seed}, {}: {case})", link.name());
    let elapsed = outcome.take().ok_or_else(|| failed("the call did not end".into()))?.map_err(failed)?;
    let sent = sent(&world).since(before);
    Ok(Round {
        seconds: vec![elapsed.as_secs_f64()],
        packets: sent.all as f64,
        retransmitted: sent.again as f64,
        acknowledgements: sent.acknowledgements as f64,
    })
}
