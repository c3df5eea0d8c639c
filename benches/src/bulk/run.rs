//! One run: what is asked for is measured in turn, several times, and told in every form asked for.
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use super::buffers::Granted;
use super::case::{Case, Size};
use super::document::{Document, FORMAT, KIND, Model, Peer, Round, Row};
use super::kernel;
use super::links::LinkName;
use super::model::{Constants, Prediction};
use super::options::{
    BulkOptions, CompareOptions, ETHERNET_PACKET_BYTES, LONG_PACKET_BYTES, Section, ServeOptions,
};
use super::output::Outputs;
use super::peers::{self, Carrier, Item};
use super::progress::Progress;
use super::udp::Place;
use super::{classics, compare, config, fairness, show, world};
use crate::machine::Machine;
use crate::output::print;
use sendrec_measure::Fallible;
use sendrec_measure::Load;
use sendrec_measure::{Cores, Placement, allowed_cores};

/// A row that should take so many times a round's time is left out.
const PATIENCE: f64 = 10.0;
/// Over UDP.
const MESSAGES: [u64; 5] = [1 << 10, 16 << 10, 256 << 10, 4 << 20, 64 << 20];
const MESSAGES_QUICK: [u64; 2] = [1 << 10, 1 << 20];

/// Measures and tells; false if a row failed.
pub(crate) fn run(options: &BulkOptions) -> Fallible<bool> {
    if options.classics {
        let (text, all_hold) = classics::run(options)?;
        print(&text)?;
        return Ok(all_hold);
    }
    let outputs = Outputs::open(options)?;
    let allowed = allowed_cores()?;
    let mut document = Document {
        kind: KIND.into(),
        format: FORMAT,
        command: command(),
        machine: Machine::here(allowed.len()),
        rounds: options.rounds(),
        seed: options.seed,
        configured: config::differences(options.world),
        granted: if options.world { None } else { Some(Granted::here()?) },
        models: Vec::new(),
        rows: Vec::new(),
        peers: Vec::new(),
        ratios: Vec::new(),
        fairness: Vec::new(),
        skipped: Vec::new(),
        failed: Vec::new(),
    };
    if options.world {
        measure_worlds(options, &mut document);
    } else {
        measure_here(options, &allowed, &mut document)?;
    }
    print(&outputs.write(&document)?)?;
    Ok(document.failed.is_empty())
}

/// As it was typed, the program's name without its folder.
fn command() -> String {
    let mut words = std::env::args();
    let program = words.next().unwrap_or_default();
    let program = Path::new(&program).file_name().map(|name| name.to_string_lossy().into_owned());
    program.into_iter().chain(words).collect::<Vec<_>>().join(" ")
}

/// Messages by length: all rows send the same.
#[derive(Default)]
struct Loads(BTreeMap<u64, Load>);

impl Loads {
    fn of(&mut self, bytes: u64) -> Load {
        self.0.entry(bytes).or_insert_with(|| Load::new(bytes)).clone()
    }
}

/// The table's rows over UDP, floors and peers, fairness.
fn measure_here(options: &BulkOptions, allowed: &[usize], document: &mut Document) -> Fallible<()> {
    let mut loads = Loads::default();
    if options.wants(Section::Table) {
        let placement = options.table_placement(allowed.len());
        let (name, cores) = match options.server {
            Some(server) => (format!("udp to {server}"), Cores { client: None, server: None }),
            None => (format!("udp {}", placement.name()), placement.cores(allowed)?),
        };
        let (server, listen) = (options.server, options.listen);
        let place = Place { cores, server, listen, time: options.row_time() };
        let constants = place.calibrate(options)?;
        let from = "a calibration before the run: blasts of 4 MiB in packets of two lengths, 64 KiB by stop-and-wait, 1 KiB";
        document.models.push(Model { place: name.clone(), from: from.into(), constants });
        let mut packets = vec![ETHERNET_PACKET_BYTES];
        if place.takes_long_packets() {
            packets.push(LONG_PACKET_BYTES);
        }
        let messages: &[u64] = if options.quick { &MESSAGES_QUICK } else { &MESSAGES };
        let cases = options.cases(&packets, messages);
        let measure = |case: &Case, load: &Load, seed, predicted: Prediction| {
            place.measure(case, load, seed, predicted.seconds)
        };
        table(options, &name, cases, &constants, &mut loads, document, measure);
    }
    if options.server.is_some() {
        if options.wants(Section::Peers) || options.wants(Section::Fairness) {
            document.skipped.push("floors, peers and fairness: both sides must be on this host".into());
        }
        return Ok(());
    }
    for placement in options.placements() {
        match placement.cores(allowed) {
            Ok(cores) => beside_peers(options, placement, cores, &mut loads, document),
            Err(reason) => document.skipped.push(format!("{}: {reason}", placement.name())),
        }
    }
    document.ratios = peers::ratios(&document.peers);
    Ok(())
}

/// The rows in each link of a world.
fn measure_worlds(options: &BulkOptions, document: &mut Document) {
    let links = if options.link.is_empty() { LinkName::ALL.to_vec() } else { options.link.clone() };
    let mut loads = Loads::default();
    for link in links {
        let constants = link.constants();
        let from = format!("the link's parameters: {}", link.explanation());
        document.models.push(Model { place: link.name().into(), from, constants });
        let cases = options.cases(link.packets(), link.messages(options.quick));
        let measure = |case: &Case, load: &Load, seed, predicted: Prediction| {
            world::measure(link, case, &load.bytes, seed, predicted.pieces)
        };
        table(options, link.name(), cases, &constants, &mut loads, document, measure);
    }
}

/// Why a row is left out, and what to do about it.
pub(crate) fn too_long(options: &BulkOptions, predicted: Prediction) -> Option<String> {
    // Virtual time is cheap: what counts there is how many packets there are.
    const PIECES_MAX: f64 = 200_000.0;
    if options.world {
        let pieces = predicted.pieces;
        return (pieces > PIECES_MAX).then(|| {
            format!("it would take {pieces:.0} packets, more than {PIECES_MAX}; give a shorter --message, or longer packets")
        });
    }
    let longest = options.row_time().as_secs_f64() * PATIENCE;
    (predicted.seconds > longest)
        .then(|| format!("it would take {}; give more --seconds-per-row", show::seconds(predicted.seconds)))
}

/// All rows of a place in turn, and that several times.
fn table(
    options: &BulkOptions,
    place: &str,
    cases: Vec<Case>,
    constants: &Constants,
    loads: &mut Loads,
    document: &mut Document,
    mut measure: impl FnMut(&Case, &Load, u64, Prediction) -> Fallible<Round>,
) {
    let mut rows = Vec::new();
    for case in cases {
        let predicted = constants.predict(&case);
        match too_long(options, predicted) {
            Some(reason) => document.skipped.push(format!("{place}: {case}: {reason}")),
            None => rows.push((case, predicted, Vec::new())),
        }
    }
    let rounds = options.rounds();
    let progress = Progress::new(u64::from(rounds) * rows.len() as u64);
    for round in 0..rounds {
        for (number, (case, predicted, found)) in rows.iter_mut().enumerate() {
            progress.step(&format!("{place}: {case}"));
            let seed =
                options.seed.wrapping_mul(1_000_003).wrapping_add(u64::from(round) << 32 | number as u64);
            match measure(case, &loads.of(case.message_bytes), seed, *predicted) {
                Ok(round) => found.push(Some(round)),
                Err(error) => {
                    found.push(None);
                    document.failed.push(format!("{place}: {error}"));
                    progress.say(&format!("failed: {place}: {error}"));
                }
            }
        }
    }
    document
        .rows
        .extend(rows.into_iter().map(|(case, predicted, found)| Row::new(place, case, predicted, found)));
}

fn beside_peers(
    options: &BulkOptions,
    placement: Placement,
    cores: Cores,
    loads: &mut Loads,
    document: &mut Document,
) {
    let messages = options.peer_messages();
    let name = placement.name();
    if options.wants(Section::Peers) {
        let mut items = Vec::new();
        for message in &messages {
            // What is best for one length need not be for another.
            let tcp = Carrier::best_tcp(cores, &loads.of(*message), options.row_time() / 4);
            if let Err(error) = &tcp {
                let message = Size(*message);
                document.failed.push(format!("{name}: TCP, {message}, no write size was found: {error}"));
            }
            items.extend(peers::items(*message, tcp.ok()));
        }
        items.extend(peers::step_items(messages.iter().max().copied().unwrap_or_default()));
        measure_peers(options, name, cores, &items, loads, document);
    }
    if options.wants(Section::Fairness) {
        let load = loads.of(messages[0]);
        let progress = Progress::new(u64::from(options.rounds()) * 2);
        let time = options.row_time();
        match fairness::measure(cores, name, &load, options.rounds(), time, |what| progress.step(what)) {
            Ok(rows) => document.fairness.extend(rows),
            Err(error) => document.failed.push(format!("{name}: small calls beside a long message: {error}")),
        }
    }
}

fn measure_peers(
    options: &BulkOptions,
    placement: &str,
    cores: Cores,
    items: &[Item],
    loads: &mut Loads,
    document: &mut Document,
) {
    let mut found = vec![Vec::new(); items.len()];
    let progress = Progress::new(u64::from(options.rounds()) * items.len() as u64);
    for _ in 0..options.rounds() {
        for (item, found) in items.iter().zip(&mut found) {
            progress.step(&format!("{placement}: {}, {}", item.name, Size(item.message_bytes)));
            match item.carrier.measure(cores, &loads.of(item.message_bytes), options.row_time()) {
                Ok(seconds) => found.push(Some(seconds)),
                Err(error) => {
                    found.push(None);
                    document.failed.push(format!("{placement}: {}: {error}", item.name));
                }
            }
        }
    }
    for (item, found) in items.iter().zip(found) {
        let note = item.carrier.note();
        document.peers.push(Peer::new(&item.name, note, placement, item.message_bytes, found));
    }
}

/// The other side, on another host, until it is ended.
pub(crate) fn serve(options: &ServeOptions) -> Fallible<()> {
    kernel::serve(options.listen, options.advertise, options.fault.clone(), |address| {
        print(&format!("serving at {address}\n"))?;
        std::io::stdout().flush()?;
        Ok(())
    })
}

/// Two runs side by side.
pub(crate) fn compare_files(options: &CompareOptions) -> Fallible<()> {
    let (old, new) = (compare::read(&options.old)?, compare::read(&options.new)?);
    print(&compare::compare(&old, &new, options.changed))
}
