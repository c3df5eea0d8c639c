//! What holds for any ladder: it fits its width, and every packet is drawn once.
use sendrec_core::rng::Rng;
use sendrec_core::trace::{Event, Fate, Incident, PacketNote, Verdict, What};
use sendrec_core::wire::{Flags, PacketType, Part, Report};
use sendrec_core::{Epoch, Instant, LocalId, Machine, PacketNumber, Sequence};

use crate::ladder::{Style, draw};
use crate::trace::{End, Header, Joined, Trace, VERSION, join};

fn machine(number: usize) -> Machine {
    Machine::new(([192, 168, 100, number as u8], 65_000).into())
}

/// Machines that send each other and all others packets, which a network harms; some are not traced, and clocks are
/// wrong.
pub(crate) fn traces(rng: &mut Rng) -> Vec<Trace> {
    let machines = 2 + rng.below(7) as usize;
    let mut events: Vec<Vec<(u64, Event)>> = vec![Vec::new(); machines];
    let mut now = 10_000;
    for number in 1..=rng.below(30) {
        now += rng.below(2_000);
        let from = rng.below(machines as u64) as usize;
        let to = (from + 1 + rng.below(machines as u64 - 1) as usize) % machines;
        let packet = packet(rng, number);
        if rng.chance(0.1) {
            let incident = incident(rng, machine(to));
            let what = What::Incident { incident, rule: "crash=server@execute".to_owned() };
            events[from].push((now, Event { number: 0, cause: None, at: Instant::from_nanos(now), what }));
        }
        if rng.chance(0.15) {
            broadcast(rng, &mut events, from, now, packet);
            continue;
        }
        let mut add = |of: usize, at: u64, number: u64, cause: Option<u64>, what: What| {
            events[of].push((at, Event { number, cause, at: Instant::from_nanos(at), what }));
        };
        add(from, now, 10 * number, None, What::Sent { to: machine(to), packet });
        let verdict = [None, Some(Verdict::Dropped), Some(Verdict::Duplicated), Some(Verdict::Delayed)]
            [rng.below(4) as usize];
        if let Some(verdict) = verdict {
            let (from_machine, to, kind, rule) =
                (machine(from), machine(to), packet.kind, "loss=0.125".to_owned());
            let number = packet.number;
            add(from, now, 0, None, What::Network { from: from_machine, to, number, kind, verdict, rule });
        }
        let copies = match verdict {
            Some(Verdict::Dropped) => 0,
            Some(Verdict::Duplicated) => 2,
            _ => u64::from(rng.chance(0.9)),
        };
        for copy in 0..copies {
            let at = now + rng.below(5_000);
            let fate = Fate::ALL[rng.below(Fate::ALL.len() as u64) as usize];
            add(to, at, 10 * number + 1 + copy, None, What::Received { from: machine(from), packet, fate });
            if rng.chance(0.5) {
                let (process, cause) = (LocalId(1), Some(10 * number + 1 + copy));
                add(
                    to,
                    at,
                    10 * number + 5 + copy,
                    cause,
                    What::Taken { process, from: address(from), request: true },
                );
            }
        }
    }
    let mut traces = Vec::new();
    for (place, mut events) in events.into_iter().enumerate() {
        let (skew, traced) = (rng.below(3_000), rng.chance(0.8));
        events.sort_by_key(|(at, _)| *at);
        if traced {
            let header = Header {
                version: VERSION,
                machine: machine(place),
                epoch: Epoch(1),
                role: ["client", "server", "a role with a rather long name", ""][rng.below(4) as usize]
                    .to_owned(),
                origin_unix_ns: 1_000_000 + skew,
            };
            traces.push(Trace {
                header,
                events: events.into_iter().map(|(_, event)| event).collect(),
                torn: false,
            });
        }
    }
    traces
}

fn incident(rng: &mut Rng, to: Machine) -> Incident {
    let incidents = [
        Incident::Crashed,
        Incident::Booted { epoch: Epoch(2) },
        Incident::Killed { process: LocalId(1) },
        Incident::Paused,
        Incident::Resumed,
        Incident::Cut { to },
        Incident::Healed { to },
    ];
    incidents[rng.below(incidents.len() as u64) as usize]
}

/// To everyone: some copies are dropped, some come twice, and some are never heard of.
fn broadcast(rng: &mut Rng, events: &mut [Vec<(u64, Event)>], from: usize, now: u64, packet: PacketNote) {
    let number = packet.number;
    let machines = events.len();
    let mut add = |of: usize, at: u64, number: u64, what: What| {
        events[of].push((at, Event { number, cause: None, at: Instant::from_nanos(at), what }));
    };
    add(from, now, 10 * number.0, What::Sent { to: Machine::EVERYONE, packet });
    let reached = (rng.below(8) as usize).min(machines);
    for to in (0..reached).filter(|to| *to != from) {
        let (copies, verdict) = match rng.below(4) {
            0 => (0, Some(Verdict::Dropped)),
            1 => (2, Some(Verdict::Duplicated)),
            2 => (1, Some(Verdict::Delayed)),
            _ => (1, None),
        };
        if let Some(verdict) = verdict {
            let (from_machine, kind, rule) = (machine(from), packet.kind, "loss=0.25".to_owned());
            add(
                from,
                now,
                0,
                What::Network { from: from_machine, to: machine(to), number, kind, verdict, rule },
            );
        }
        for copy in 0..copies {
            let at = now + rng.below(5_000);
            let (from, fate) = (machine(from), Fate::NotHere);
            add(to, at, 10 * number.0 + 1 + copy, What::Received { from, packet, fate });
        }
    }
}

fn address(of: usize) -> sendrec_core::Address {
    sendrec_core::Address::new(machine(of), LocalId(1))
}

fn packet(rng: &mut Rng, number: u64) -> PacketNote {
    let kind = PacketType::ALL[rng.below(PacketType::ALL.len() as u64) as usize];
    let note = bare(rng, kind, number);
    match kind {
        PacketType::Req | PacketType::Rep if rng.chance(0.5) => piece(rng, note),
        PacketType::Ack if rng.chance(0.5) => report(rng, note),
        _ => note,
    }
}

/// Few transfers and few pieces, so that some go together.
fn piece(rng: &mut Rng, note: PacketNote) -> PacketNote {
    const PIECE: u32 = 1_000;
    let checksum = rng.chance(0.3).then(|| rng.next_u64() as u32);
    let flags = Flags::FRAGMENT.with_if(checksum.is_some(), Flags::MESSAGE_CHECKSUM);
    let flags = flags.with_if(rng.chance(0.2), Flags::REPORT);
    let transfer = 1 + rng.below(2) as u32;
    PacketNote {
        flags: note.flags | flags.bits(),
        bytes: PIECE as usize,
        offset: PIECE * rng.below(12) as u32,
        message_bytes: Some(12 * PIECE),
        blast: 1,
        part: Some(Part { transfer, piece: PIECE, checksum, gap_after: 3 }),
        ..note
    }
}

/// It may contradict what has come, as a trace that somebody has edited does.
fn report(rng: &mut Rng, note: PacketNote) -> PacketNote {
    let mut number = |below: u64| rng.below(below) as u32;
    let (transfer, base, to) = (1 + number(2), number(12), number(13));
    let report = Report {
        newest: PacketNumber(u64::from(number(30))),
        transfer,
        base,
        from: base,
        to,
        window: number(100),
    };
    let bytes = [0, 1, 2, 3, 9, 17][number(6) as usize];
    PacketNote {
        flags: note.flags | Flags::REPORT.bits(),
        bytes,
        report: Some(report),
        destination_epoch: Epoch(1),
        ..note
    }
}

fn bare(rng: &mut Rng, kind: PacketType, number: u64) -> PacketNote {
    PacketNote {
        source: LocalId(1),
        destination: LocalId(1),
        sequence: Sequence(rng.below(1_000_000)),
        epoch: Epoch(1),
        flags: rng.below(0x100) as u16,
        bytes: rng.below(70_000) as usize,
        ..PacketNote::bare(kind, PacketNumber(number))
    }
}

/// How many arrowheads and crosses a drawing of these packets has.
pub(crate) fn ends(joined: &Joined) -> usize {
    let ends = |packet: &crate::trace::Passage| match packet.end {
        // One that nobody heard needs a second line to be drawn towards.
        _ if packet.to.is_none() => {
            let ends = packet.arrivals.len() + packet.lost_copies().count();
            ends.max(usize::from(joined.machines.len() > 1))
        }
        End::Delivered => packet.arrivals.len(),
        End::Dropped | End::NeverReceived | End::ReceiverNotTraced => 1,
    };
    joined.packets.iter().map(ends).sum()
}

fn count(drawn: &str, glyphs: &[char]) -> usize {
    drawn.chars().filter(|character| glyphs.contains(character)).count()
}

#[test]
fn every_ladder_fits_and_draws_every_packet_once() {
    for seed in 0..400 {
        let rng = &mut Rng::new(seed);
        let joined = join(traces(rng));
        for width in [0, 60, 80, 133] {
            let drawn = draw(&joined, &Style { width, unfold: true, ..Style::default() });
            let widest = drawn.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width.max(60), "seed {seed}: {widest} wide\n{drawn}");
            assert_eq!(count(&drawn, &['►', '◄', '╳']), ends(&joined), "seed {seed}\n{drawn}");
            // What goes down comes up again.
            assert_eq!(count(&drawn, &['╮', '╭']), count(&drawn, &['╰', '╯']), "seed {seed}\n{drawn}");
        }
    }
}

/// Pieces of one message, some of which die, arrive twice, ask or go again.
fn transfer(rng: &mut Rng) -> Vec<Trace> {
    let pieces = 8 + rng.below(40);
    let mut events: [Vec<Event>; 2] = [Vec::new(), Vec::new()];
    let mut add = |of: usize, number: u64, at: u64, what: What| {
        events[of].push(Event { number, cause: None, at: Instant::from_nanos(at), what });
    };
    for number in 1..=pieces {
        let flags = Flags::FRAGMENT
            .with_if(rng.chance(0.05), Flags::REPORT)
            .with_if(rng.chance(0.5) && number > 20, Flags::AGAIN);
        let note = bare(rng, PacketType::Req, number);
        let offset = 1_000 * (number as u32 - 1);
        let packet = PacketNote {
            flags: flags.bits(),
            sequence: Sequence(1),
            bytes: 1_000,
            offset,
            message_bytes: Some(1_000 * pieces as u32),
            part: Some(Part { transfer: 1, piece: 1_000, checksum: None, gap_after: 3 }),
            ..note
        };
        let to = machine(1);
        add(0, number, 1_000 * number, What::Sent { to, packet });
        if rng.chance(0.1) {
            let (from, kind, rule) = (machine(0), PacketType::Req, "loss=0.1".to_owned());
            let (number, verdict) = (packet.number, Verdict::Dropped);
            add(0, 0, 1_000 * number.0, What::Network { from, to, number, kind, verdict, rule });
            continue;
        }
        for copy in 0..=u64::from(rng.chance(0.05)) {
            let fate = if rng.chance(0.1) { Fate::DuplicateInProgress } else { Fate::Fragment };
            let what = What::Received { from: machine(0), packet, fate };
            add(1, 2 * number + copy, 1_000 * number + 500_000, what);
        }
    }
    let trace = |(place, events): (usize, Vec<Event>)| {
        let (machine, role) = (machine(place), ["client", "server"][place].to_owned());
        let header = Header { version: VERSION, machine, epoch: Epoch(1), role, origin_unix_ns: 0 };
        Trace { header, events, torn: false }
    };
    events.into_iter().enumerate().map(trace).collect()
}

#[test]
fn what_is_folded_is_counted_and_nothing_lost_is_folded() {
    let mut rows_less = 0;
    for seed in 0..300 {
        let joined = join(transfer(&mut Rng::new(seed)));
        let mut plan = crate::ladder::plan::plan(&joined, &str::to_owned);
        let unfolded = crate::ladder::rows::rows(&plan);
        let rows = unfolded.len();
        let moments: usize = unfolded.iter().map(|row| row.moments.len()).sum();
        let folded = crate::ladder::fold::fold(unfolded, &mut plan, &joined);
        rows_less += rows - folded.len();
        let counted: usize = folded.iter().filter(|row| row.arrow.is_some()).map(|row| row.packets).sum();
        assert_eq!(counted, ends(&joined), "seed {seed}");
        assert_eq!(folded.iter().map(|row| row.moments.len()).sum::<usize>(), moments, "seed {seed}");
        for style in [Style::default(), Style { unfold: true, ..Style::default() }] {
            let drawn = draw(&joined, &style);
            let lost = joined.packets.iter().filter(|packet| packet.end.is_lost());
            assert_eq!(count(&drawn, &['╳']), lost.count(), "seed {seed}\n{drawn}");
            let asking =
                joined.packets.iter().filter(|packet| crate::ladder::words::asks(&packet.note)).count();
            let asked = drawn.matches("(asks)").count();
            // A label without room leaves it out; no row says it that stands for several.
            assert!(
                asked <= asking
                    && !drawn.lines().any(|line| line.contains("pieces ") && line.contains("(asks)"))
            );
        }
    }
    assert!(rows_less > 1_000, "only {rows_less} rows less");
}

#[test]
fn nothing_is_received_before_it_is_sent() {
    for seed in 0..400 {
        let joined = join(traces(&mut Rng::new(seed)));
        assert!(joined.moments.is_sorted_by_key(|moment| moment.at), "seed {seed}");
        for packet in &joined.packets {
            for arrival in &packet.arrivals {
                assert!(packet.departure.is_none_or(|departure| departure < arrival.moment), "seed {seed}");
            }
        }
    }
}

#[test]
fn traces_that_contradict_each_other_are_drawn_all_the_same() {
    for seed in 0..400 {
        let rng = &mut Rng::new(seed);
        let mut traces = traces(rng);
        // Shuffled, cut, and with the same numbers again and again.
        for trace in &mut traces {
            for _ in 0..trace.events.len() {
                let (a, b) = (rng.below(trace.events.len() as u64), rng.below(trace.events.len() as u64));
                trace.events.swap(a as usize, b as usize);
            }
            for event in &mut trace.events {
                if let What::Sent { packet, .. } | What::Received { packet, .. } = &mut event.what {
                    packet.number = PacketNumber(packet.number.0 % 4);
                }
                event.cause = rng.chance(0.5).then(|| rng.below(40));
            }
            trace.header.machine = machine(rng.below(3) as usize);
        }
        let drawn = draw(&join(traces), &Style::default());
        assert!(drawn.lines().all(|line| line.chars().count() <= 80), "seed {seed}\n{drawn}");
    }
}

#[test]
fn more_lines_than_fit_are_cut_with_a_word() {
    let far = |to: usize| {
        let packet = packet(&mut Rng::new(1), to as u64);
        Event {
            number: to as u64,
            cause: None,
            at: Instant::ZERO,
            what: What::Sent { to: machine(to), packet },
        }
    };
    let header = Header {
        version: VERSION,
        machine: machine(0),
        epoch: Epoch(1),
        role: String::new(),
        origin_unix_ns: 0,
    };
    let trace = Trace { header, events: (1..=10).map(far).collect(), torn: false };
    let drawn = draw(&join(vec![trace]), &Style::default());
    assert!(drawn.contains("Cut: 3 more machines with 3 packets not drawn."), "{drawn}");
    assert_eq!(count(&drawn, &['►']), 7, "{drawn}");
}

#[test]
fn an_empty_trace_is_a_ladder_too() {
    assert!(draw(&join(Vec::new()), &Style::default()).contains("none"));
}
