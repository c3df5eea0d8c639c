//! Writing a trace while a node runs: every event is in the file when the next one happens.
use std::fs::File;
use std::io::{self, Write};
use std::mem;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use sendrec_core::trace::{Event, What};
use sendrec_core::{Epoch, Machine};
use sendrec_trap::Recorder;
use sendrec_trap::Trap;

use super::{Header, VERSION};

/// Events kept before the machine is known. A node that has booted has a handful.
const EVENTS_BEFORE_BEGIN_MAX: usize = 65_536;

/// A trace file being written. Clones write the same file: one goes into the node as its recorder, before the boot;
/// the other tells the file whose it is, after the boot, and asks at the end whether all was written.
///
/// Recording never panics: the first error is kept, nothing more is written, and [`TraceWriter::finish`] says it.
#[derive(Clone)]
pub struct TraceWriter {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    file: Box<dyn Write + Send>,
    role: String,
    stage: Stage,
    line: Vec<u8>,
}

enum Stage {
    /// The machine is not known yet.
    Waiting(Vec<Event>),
    Writing,
    Failed(io::Error),
    Reported,
}

impl std::fmt::Debug for TraceWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TraceWriter({})", self.lock().role)
    }
}

impl TraceWriter {
    /// Creates the file, or empties it. `role` says in a word what the node is there for: `client`, `server`.
    pub fn create(path: impl AsRef<Path>, role: &str) -> io::Result<Self> {
        Ok(Self::to(File::create(path)?, role))
    }

    /// Writes to anything that can be written to. Each line is one write, and a flush.
    pub fn to(file: impl Write + Send + 'static, role: &str) -> Self {
        let (role, stage) = (role.to_owned(), Stage::Waiting(Vec::new()));
        let shared = Shared { file: Box::new(file), role, stage, line: Vec::new() };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// What a node's configuration wants.
    pub fn recorder(&self) -> Box<dyn Recorder> {
        Box::new(self.clone())
    }

    /// Says after the boot which machine this is, and when its clock stood at zero ([`origin_of`] tells). The header
    /// is written, then the events so far.
    pub fn begin(&self, machine: Machine, origin: SystemTime) {
        self.lock().begin(machine, origin);
    }

    /// Whether all was written. An error is reported once. Events after this are still written where that works.
    pub fn finish(&self) -> io::Result<()> {
        let mut shared = self.lock();
        if let Stage::Waiting(events) = &shared.stage {
            let count = events.len();
            shared.stage = Stage::Reported;
            let reason = format!("the trace was never told its machine; {count} events were not written");
            return Err(io::Error::other(reason));
        }
        match mem::replace(&mut shared.stage, Stage::Reported) {
            Stage::Failed(error) => Err(error),
            stage => {
                shared.stage = stage;
                Ok(())
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder for TraceWriter {
    fn record(&mut self, event: &Event) {
        self.lock().record(event);
    }
}

impl Shared {
    fn record(&mut self, event: &Event) {
        match &mut self.stage {
            Stage::Waiting(events) if events.len() < EVENTS_BEFORE_BEGIN_MAX => events.push(event.clone()),
            Stage::Waiting(_) => {
                let reason = "the trace was not told its machine before its memory was full";
                self.stage = Stage::Failed(io::Error::other(reason));
            }
            Stage::Writing => self.write(event),
            Stage::Failed(_) | Stage::Reported => {}
        }
    }

    fn begin(&mut self, machine: Machine, origin: SystemTime) {
        let Stage::Waiting(events) = &mut self.stage else { return };
        let events = mem::take(events);
        self.stage = Stage::Writing;
        let since = origin.duration_since(UNIX_EPOCH).unwrap_or_default();
        let header = Header {
            version: VERSION,
            machine,
            epoch: events.iter().find_map(own_epoch).unwrap_or_default(),
            role: self.role.clone(),
            origin_unix_ns: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
        };
        self.write(&header);
        for event in &events {
            self.record(event);
        }
    }

    /// One line, in one write: what a kill can tear is the last line alone.
    fn write(&mut self, line: &impl serde::Serialize) {
        self.line.clear();
        let written = serde_json::to_writer(&mut self.line, line).map_err(io::Error::from).and_then(|()| {
            self.line.push(b'\n');
            self.file.write_all(&self.line)?;
            self.file.flush()
        });
        if let Err(error) = written {
            self.stage = Stage::Failed(error);
        }
    }
}

fn own_epoch(event: &Event) -> Option<Epoch> {
    match &event.what {
        What::Sent { packet, .. } => Some(packet.epoch),
        _ => None,
    }
}

/// The wall clock at which the clock of `node` stood at zero, to some microseconds.
pub fn origin_of<T: Trap + ?Sized>(node: &T) -> SystemTime {
    const SAMPLES: usize = 5;
    let sample = |_| {
        let before = node.now();
        let wall = SystemTime::now();
        let after = node.now();
        let middle = before + after.since(before) / 2;
        (after.since(before), wall - std::time::Duration::from_nanos(middle.as_nanos()))
    };
    let best = (0..SAMPLES).map(sample).min_by_key(|(spread, _)| *spread);
    best.map_or(UNIX_EPOCH, |(_, origin)| origin)
}
