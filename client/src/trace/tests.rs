use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use sendrec_core::trace::{Event, Fate, PacketNote, Verdict, What};
use sendrec_core::wire::PacketType;
use sendrec_core::{Epoch, Instant, LocalId, Machine, PacketNumber, Sequence};
use tempfile::TempDir;

use super::{End, Header, Trace, TraceWriter, VERSION, join, read};

const HEADER: &str = r#"{"sendrec-trace":1,"machine":"10.0.0.1:7000","role":"client","origin_unix_ns":5}"#;
const SPAWNED: &str = r#"{"number":1,"at":7,"event":"spawned","process":3}"#;

fn machine(number: u8) -> Machine {
    Machine::new(([10, 0, 0, number], 7000).into())
}

fn event(number: u64, at: u64, what: What) -> Event {
    Event { number, cause: None, at: Instant::from_nanos(at), what }
}

fn spawned(number: u64) -> Event {
    event(number, number, What::Spawned { process: LocalId(1) })
}

fn note(number: u64) -> PacketNote {
    PacketNote {
        source: LocalId(1),
        destination: LocalId(1),
        sequence: Sequence(1),
        epoch: Epoch(1),
        flags: 0,
        bytes: 3,
        ..PacketNote::bare(PacketType::Req, PacketNumber(number))
    }
}

fn sent(number: u64, at: u64, to: u8) -> Event {
    event(number, at, What::Sent { to: machine(to), packet: note(number) })
}

fn received(packet: u64, at: u64, from: u8) -> Event {
    event(packet, at, What::Received { from: machine(from), packet: note(packet), fate: Fate::Accepted })
}

fn harmed(packet: u64, at: u64, verdict: Verdict) -> Event {
    let (from, to, number, kind) = (machine(1), machine(2), PacketNumber(packet), PacketType::Req);
    event(0, at, What::Network { from, to, number, kind, verdict, rule: "drop=REQ#1".to_owned() })
}

fn trace(of: u8, origin_unix_ns: u64, events: Vec<Event>) -> Trace {
    let header = Header {
        version: VERSION,
        machine: machine(of),
        epoch: Epoch(1),
        role: String::new(),
        origin_unix_ns,
    };
    Trace { header, events, torn: false }
}

fn file(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trace.jsonl");
    fs::write(&path, text).unwrap();
    (directory, path)
}

/// What reading says of a file with this text, its directory left out.
fn complaint(text: &str) -> String {
    let (directory, path) = file(text);
    let said = read(&path).unwrap_err().to_string();
    said.replace(&format!("{}{}", directory.path().display(), std::path::MAIN_SEPARATOR), "")
}

#[test]
fn what_is_written_is_read() {
    let (_directory, path) = file("");
    let writer = TraceWriter::create(&path, "client").unwrap();
    let mut recorder = writer.recorder();
    recorder.record(&spawned(1));
    recorder.record(&sent(2, 2, 2));
    assert_eq!(fs::read_to_string(&path).unwrap(), "", "nothing before the machine is known");
    writer.begin(machine(1), UNIX_EPOCH + Duration::from_secs(1));
    let events = [spawned(1), sent(2, 2, 2), harmed(2, 2, Verdict::Dropped), received(3, 4, 2)];
    for (place, event) in events.iter().enumerate().skip(2) {
        recorder.record(event);
        // Each is there at once, for the writer may be killed.
        assert_eq!(read(&path).unwrap().events, events[..=place]);
    }
    writer.finish().unwrap();
    let trace = read(&path).unwrap();
    assert_eq!(trace.header.machine, machine(1));
    assert_eq!(trace.header.role, "client");
    assert_eq!(trace.header.epoch, Epoch(1));
    assert_eq!(trace.header.origin_unix_ns, 1_000_000_000);
    assert!(!trace.torn);
}

#[test]
fn an_error_while_writing_is_said_once_at_the_end() {
    struct Full(Arc<Mutex<usize>>);
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            *self.0.lock().unwrap() += 1;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let writes = Arc::new(Mutex::new(0));
    let writer = TraceWriter::to(Full(writes.clone()), "client");
    writer.begin(machine(1), UNIX_EPOCH);
    let mut recorder = writer.recorder();
    recorder.record(&spawned(1));
    recorder.record(&spawned(2));
    assert_eq!(writer.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(*writes.lock().unwrap(), 1);
    writer.finish().unwrap();
}

#[test]
fn a_writer_that_never_began_says_so() {
    let writer = TraceWriter::to(io::sink(), "client");
    writer.recorder().record(&spawned(1));
    let said = writer.finish().unwrap_err().to_string();
    assert_eq!(said, "the trace was never told its machine; 1 events were not written");
}

#[test]
fn complaints_name_file_line_and_reason() {
    assert_eq!(complaint(""), "trace.jsonl: the file is empty: its node never began to write");
    assert_eq!(
        complaint("hello\n"),
        "trace.jsonl:1: not a trace file, as its first line is no header: expected value (column 1)"
    );
    assert_eq!(
        complaint("{}\n"),
        "trace.jsonl:1: not a trace file, as its first line is no header: missing field `sendrec-trace` (column 2)"
    );
    assert_eq!(
        complaint("{\"sendrec-trace\":9}\n"),
        "trace.jsonl:1: a trace of version 9, but this program reads versions up to 1"
    );
    assert_eq!(
        complaint(&format!("{HEADER}\n{SPAWNED}\n{{\"number\":2,\"at\":8}}\n{SPAWNED}\n")),
        "trace.jsonl:3: not a trace event: missing field `event` (column 19)"
    );
    let (directory, _) = file("");
    let said = read(directory.path().join("none")).unwrap_err().to_string();
    assert!(said.contains("none: "), "{said}");
}

#[test]
fn a_torn_last_line_is_left_out() {
    let (_directory, path) = file(&format!("{HEADER}\n{SPAWNED}\n{}", &SPAWNED[..20]));
    let trace = read(&path).unwrap();
    assert!(trace.torn);
    assert_eq!(trace.events.len(), 1);
    // A whole one without its line feed is no loss.
    let (_directory, path) = file(&format!("{HEADER}\n{SPAWNED}"));
    let trace = read(&path).unwrap();
    assert!(!trace.torn);
    assert_eq!(trace.events.len(), 1);
}

#[test]
fn two_traces_join_by_packet_number() {
    // The second clock is behind by 500 ns, and the answer shows it.
    let near = trace(
        1,
        1_000,
        vec![sent(1, 0, 2), sent(2, 10, 2), harmed(2, 10, Verdict::Dropped), received(1, 300, 2)],
    );
    let far = trace(2, 500, vec![received(1, 100, 1), sent(1, 150, 1)]);
    let joined = join(vec![near, far]);
    let ends: Vec<_> = joined.packets.iter().map(|packet| packet.end).collect();
    assert_eq!(ends, [End::Delivered, End::Dropped, End::Delivered]);
    let order: Vec<_> = joined.moments.iter().map(|moment| (moment.machine, moment.at.as_nanos())).collect();
    // The way there and the way back take equally long.
    assert_eq!(order, [(0, 0), (0, 10), (0, 10), (1, 125), (1, 175), (0, 300)]);
    assert_eq!(joined.packets[1].network, Some((Verdict::Dropped, "drop=REQ#1".to_owned())));
}

#[test]
fn what_is_not_known_is_not_called_lost() {
    let near = trace(1, 0, vec![sent(1, 0, 2), sent(2, 1, 3)]);
    let far = trace(2, 0, Vec::new());
    let joined = join(vec![near, far]);
    let ends: Vec<_> = joined.packets.iter().map(|packet| packet.end).collect();
    assert_eq!(ends, [End::NeverReceived, End::ReceiverNotTraced]);
    assert!(!joined.machines.iter().find(|seen| seen.machine == machine(3)).unwrap().traced);
}

#[test]
fn a_duplicate_arrives_twice() {
    let near = trace(1, 0, vec![sent(1, 0, 2), harmed(1, 0, Verdict::Duplicated)]);
    let far = trace(2, 0, vec![received(1, 5, 1), received(1, 6, 1)]);
    let joined = join(vec![near, far]);
    assert_eq!(joined.packets.len(), 1);
    assert_eq!(joined.packets[0].arrivals.len(), 2);
}

#[test]
fn two_boots_of_one_machine_are_two_senders() {
    let mut later = sent(1, 0, 2);
    if let What::Sent { packet, .. } = &mut later.what {
        packet.epoch = Epoch(2);
    }
    let first = trace(1, 0, vec![sent(1, 0, 2)]);
    let second = trace(1, 10, vec![later]);
    let far = trace(2, 0, vec![received(1, 5, 1)]);
    let joined = join(vec![first, second, far]);
    assert_eq!(joined.machines.len(), 2);
    let ends: Vec<_> = joined.packets.iter().map(|packet| packet.end).collect();
    assert_eq!(ends, [End::Delivered, End::NeverReceived]);
}

fn broadcast(number: u64, at: u64) -> Event {
    event(number, at, What::Sent { to: Machine::EVERYONE, packet: note(number) })
}

fn copy_dropped(packet: u64, at: u64, to: u8) -> Event {
    let (from, to, number, kind) = (machine(1), machine(to), PacketNumber(packet), PacketType::Req);
    let (verdict, rule) = (Verdict::Dropped, "loss=0.1".to_owned());
    event(0, at, What::Network { from, to, number, kind, verdict, rule })
}

#[test]
fn a_broadcast_is_one_packet_with_an_arrival_at_each_machine() {
    let near = trace(1, 0, vec![broadcast(1, 0), copy_dropped(1, 0, 4), copy_dropped(1, 0, 5)]);
    let far = |of: u8| trace(of, 0, vec![received(1, 5, 1)]);
    let joined = join(vec![near, far(2), far(3), trace(4, 0, Vec::new())]);
    assert_eq!(joined.packets.len(), 1);
    let packet = &joined.packets[0];
    assert_eq!((packet.to, packet.end), (None, End::Delivered));
    assert!(!joined.is_doubled(packet));
    let receivers: Vec<_> =
        packet.arrivals.iter().map(|arrival| joined.machines[joined.receiver(arrival)].machine).collect();
    assert_eq!(receivers, [machine(2), machine(3)]);
    let kept: Vec<_> = packet.lost_copies().map(|(to, rule)| (joined.machines[to].machine, rule)).collect();
    assert_eq!(kept, [(machine(4), "loss=0.1"), (machine(5), "loss=0.1")]);
    assert!(joined.machines.iter().all(|seen| !seen.machine.is_everyone()));
}

#[test]
fn a_broadcast_that_nobody_heard_is_lost() {
    let end = |traces: Vec<Trace>| join(traces).packets[0].end;
    let asks = || trace(1, 0, vec![broadcast(1, 0)]);
    assert_eq!(end(vec![asks(), trace(2, 0, Vec::new())]), End::NeverReceived);
    assert_eq!(end(vec![asks()]), End::ReceiverNotTraced);
    let kept = trace(1, 0, vec![broadcast(1, 0), copy_dropped(1, 0, 2)]);
    assert_eq!(end(vec![kept, trace(2, 0, Vec::new())]), End::Dropped);
}

#[test]
fn a_corrupted_packet_is_lost_or_arrives_as_another() {
    let near = || trace(1, 0, vec![sent(1, 0, 2), harmed(1, 0, Verdict::Corrupted)]);
    let joined = join(vec![near(), trace(2, 0, Vec::new())]);
    assert_eq!(joined.packets[0].end, End::Dropped);
    let mut arrival = received(1, 5, 1);
    if let What::Received { packet, .. } = &mut arrival.what {
        packet.bytes = 4;
    }
    let joined = join(vec![near(), trace(2, 0, vec![arrival])]);
    assert_eq!(joined.packets.len(), 1);
    assert_eq!(joined.packets[0].end, End::Delivered);
}
