//! Hand-made traces, as small as they can be, with what only worlds and labs make.
use sendrec_core::trace::{BlockedOn, Call, Ending, Event, Fate, Incident, PacketNote, Timer, Verdict, What};
use sendrec_core::wire::{Flags, PacketType};
use sendrec_core::{Address, Epoch, Handing, Instant, LocalId, Machine, PacketNumber, Sequence, SparseId};

use crate::trace::{Header, Joined, Trace, VERSION, join};

const PROCESS: LocalId = LocalId(1);
const SPARSE: SparseId = SparseId(0x9f3c_2a0b_1d4e_5f60);

pub(super) fn machine(number: usize) -> Machine {
    Machine::new(([10, 0, 0, number as u8], 7000).into())
}

/// Traces in the making, of machines with these roles. Times are ms.
pub(super) struct Stage {
    traces: Vec<Trace>,
}

impl Stage {
    pub(super) fn new(roles: &[&str]) -> Self {
        let trace = |(number, role): (usize, &&str)| Trace {
            header: Header {
                version: VERSION,
                machine: machine(number),
                epoch: Epoch(1),
                role: (*role).to_owned(),
                origin_unix_ns: 1_700_000_000_000_000_000,
            },
            events: Vec::new(),
            torn: false,
        };
        Self { traces: roles.iter().enumerate().map(trace).collect() }
    }

    /// Something happens, caused by an earlier event of the same machine. Returns its number.
    pub(super) fn say(&mut self, of: usize, at_ms: u64, cause: Option<u64>, what: What) -> u64 {
        let events = &mut self.traces[of].events;
        let numbered = !matches!(what, What::Network { .. } | What::Incident { .. });
        let number =
            if numbered { events.iter().filter(|event| event.number > 0).count() as u64 + 1 } else { 0 };
        events.push(Event { number, cause, at: Instant::from_nanos(at_ms * 1_000_000), what });
        number
    }

    pub(super) fn join(self) -> Joined {
        join(self.traces)
    }

    fn harm(&mut self, from: usize, to: usize, at_ms: u64, note: &PacketNote, verdict: Verdict, rule: &str) {
        let (number, kind, rule) = (note.number, note.kind, rule.to_owned());
        let (from_machine, to) = (machine(from), machine(to));
        self.say(from, at_ms, None, What::Network { from: from_machine, to, number, kind, verdict, rule });
    }

    fn incident(&mut self, of: usize, at_ms: u64, incident: Incident, rule: &str) {
        self.say(of, at_ms, None, What::Incident { incident, rule: rule.to_owned() });
    }
}

pub(super) fn note(kind: PacketType, number: u64) -> PacketNote {
    PacketNote {
        source: PROCESS,
        destination: PROCESS,
        sequence: Sequence(1),
        epoch: Epoch(1),
        bytes: if matches!(kind, PacketType::Req | PacketType::Rep) { 8 } else { 0 },
        ..PacketNote::bare(kind, PacketNumber(number))
    }
}

fn sent(to: Machine, packet: PacketNote) -> What {
    What::Sent { to, packet }
}

fn received(from: usize, packet: PacketNote, fate: Fate) -> What {
    What::Received { from: machine(from), packet, fate }
}

/// A client looks for a sparse id by broadcast: one machine has it, one does not, and one is kept from the question.
/// Its request is lent; the server crashes while it runs, boots, and says so.
pub(super) fn located_and_crashed() -> Joined {
    let mut stage = Stage::new(&["client", "server", "printer", "disk"]);
    let everyone = Machine::EVERYONE;
    let mut locate = note(PacketType::Locate, 1);
    (locate.sequence, locate.sparse) = (Sequence::NONE, Some(SPARSE));
    let here = PacketNote { kind: PacketType::Here, ..locate };
    let trap = What::Trap {
        process: PROCESS,
        call: Call::Call,
        to: None,
        sparse: Some(SPARSE),
        handing: Handing::Lent,
        copied_bytes: 0,
        runs_on: true,
    };
    let trap = stage.say(0, 0, None, trap);
    stage.say(0, 0, Some(trap), sent(everyone, locate));
    stage.harm(0, 3, 0, &locate, Verdict::Dropped, "loss=0.1");
    let asked = stage.say(1, 1, None, received(0, locate, Fate::Accepted));
    stage.say(1, 1, Some(asked), sent(machine(0), here));
    stage.say(2, 2, None, received(0, locate, Fate::NotHere));
    let found = stage.say(0, 3, None, received(1, here, Fate::Accepted));
    let address = Address::new(machine(1), PROCESS);
    stage.say(0, 3, Some(found), What::Located { sparse: SPARSE, address });
    stage.say(0, 3, Some(trap), What::Blocked { process: PROCESS, on: BlockedOn::Call(address) });
    let request = note(PacketType::Req, 2);
    stage.say(0, 3, Some(found), sent(machine(1), request));
    let from = Address::new(machine(0), PROCESS);
    let came = stage.say(1, 4, None, received(0, request, Fate::Accepted));
    stage.say(1, 4, Some(came), What::Taken { process: PROCESS, from, request: true });
    stage.incident(1, 5, Incident::Crashed, "crash=server@execute");
    stage.incident(2, 5, Incident::Paused, "pause=printer");
    stage.incident(1, 8, Incident::Booted { epoch: Epoch(2) }, "");
    let timer = stage.say(0, 9, None, What::Timer { timer: Timer::Request { sequence: Sequence(1) } });
    let probe = PacketNote { kind: PacketType::Aya, bytes: 0, ..note(PacketType::Aya, 3) };
    stage.say(0, 9, Some(timer), sent(machine(1), probe));
    let asked = stage.say(1, 10, None, received(0, probe, Fate::StaleEpoch));
    let unknown = PacketNote {
        unknown: Some(sendrec_core::wire::AuReason::StaleEpoch),
        epoch: Epoch(2),
        ..note(PacketType::Au, 1)
    };
    stage.say(1, 10, Some(asked), sent(machine(0), unknown));
    let told = stage.say(0, 11, None, received(1, unknown, Fate::Accepted));
    let woken = What::Woken {
        process: PROCESS,
        with: Ending::Failed,
        on: Some(BlockedOn::Call(address)),
        buffer_free: true,
    };
    stage.say(0, 11, Some(told), woken);
    stage.incident(2, 12, Incident::Resumed, "");
    stage.join()
}

/// A request goes again, twice in the same moment; its reply is lost once, then comes from the cache.
pub(super) fn lost_reply(role: &str, rule: &str) -> Joined {
    let mut stage = Stage::new(&[role, "server"]);
    let server = Address::new(machine(1), PROCESS);
    let trap = What::Trap {
        process: PROCESS,
        call: Call::Call,
        to: Some(server),
        sparse: None,
        handing: Handing::Copied,
        copied_bytes: 0,
        runs_on: false,
    };
    let trap = stage.say(0, 0, None, trap);
    stage.say(0, 0, Some(trap), sent(machine(1), note(PacketType::Req, 1)));
    stage.say(0, 0, Some(trap), What::Blocked { process: PROCESS, on: BlockedOn::Call(server) });
    let came = stage.say(1, 1, None, received(0, note(PacketType::Req, 1), Fate::Accepted));
    let from = Address::new(machine(0), PROCESS);
    stage.say(1, 1, Some(came), What::Taken { process: PROCESS, from, request: true });
    stage.say(1, 2, None, sent(machine(0), note(PacketType::Rep, 1)));
    stage.harm(1, 0, 2, &note(PacketType::Rep, 1), Verdict::Dropped, rule);
    let timer = stage.say(0, 9, None, What::Timer { timer: Timer::Request { sequence: Sequence(1) } });
    let again = PacketNote { flags: Flags::AGAIN.bits(), ..note(PacketType::Req, 2) };
    stage.say(0, 9, Some(timer), sent(machine(1), again));
    stage.harm(0, 1, 9, &again, Verdict::Duplicated, "duplicate=REQ#2");
    let came = stage.say(1, 10, None, received(0, again, Fate::DuplicateAnswered));
    let cached = PacketNote { flags: Flags::CACHED.bits(), ..note(PacketType::Rep, 2) };
    stage.say(1, 10, Some(came), sent(machine(0), cached));
    stage.say(1, 11, None, received(0, again, Fate::DuplicateAnswered));
    let reply = stage.say(0, 11, None, received(1, cached, Fate::Accepted));
    let woken = What::Woken {
        process: PROCESS,
        with: Ending::Done,
        on: Some(BlockedOn::Call(server)),
        buffer_free: false,
    };
    stage.say(0, 11, Some(reply), woken);
    stage.join()
}

/// One packet of each type, each with a body.
pub(super) fn every_type() -> Joined {
    let mut stage = Stage::new(&["client", "server"]);
    for (place, kind) in PacketType::ALL.into_iter().enumerate() {
        let number = place as u64 + 1;
        let packet = PacketNote {
            destination_epoch: Epoch(7),
            nonce: sendrec_core::ids::Nonce(0xabcd),
            status: Some(sendrec_core::wire::IaaStatus::Queued),
            refused: Some(sendrec_core::wire::TaReason::WindowFull),
            unknown: Some(sendrec_core::wire::AuReason::DiedExecuting),
            sparse: Some(SPARSE),
            refuses: PacketNumber(3),
            wait_us: 5_000,
            known: Epoch(9),
            uptime_us: 77,
            elapsed_us: 66,
            flags: Flags::CHECKSUM.with(Flags::REPLY_ACKS).bits(),
            ..note(kind, number)
        };
        let to = if kind == PacketType::Locate { Machine::EVERYONE } else { machine(1) };
        stage.say(0, number, None, sent(to, packet));
        stage.say(1, number + 1, None, received(0, packet, Fate::Accepted));
    }
    stage.join()
}
