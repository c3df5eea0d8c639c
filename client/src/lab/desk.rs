//! What the processes of one machine share: its memory, and its disk, which survives a crash.
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sendrec_stubs::Ledger;
use sendrec_stubs::once::Journal;
use sendrec_stubs::orphans::{Locks, OrphanCure, Works};
use sendrec_stubs::redb::Database;
use sendrec_stubs::redb::backends::InMemoryBackend;

/// A machine's, shared.
#[derive(Debug)]
pub struct Desk {
    /// Where its disk is; `None` keeps that in memory, as a world's machines do.
    folder: Option<PathBuf>,
    journal: OnceLock<Option<Journal>>,
    log: Mutex<Option<Vec<u8>>>,
    works: OnceLock<Works>,
    /// Of whoever watches: how often a procedure has run.
    runs: AtomicU32,
    pub(super) locks: Locks,
}

impl Desk {
    /// With a disk that is there as long as this is.
    pub fn in_memory() -> Arc<Self> {
        Self::new(None)
    }

    /// With a disk in that folder, which is made when it is needed.
    pub fn at(folder: PathBuf) -> Arc<Self> {
        Self::new(Some(folder))
    }

    fn new(folder: Option<PathBuf>) -> Arc<Self> {
        Arc::new(Self {
            folder,
            journal: OnceLock::new(),
            log: Mutex::default(),
            works: OnceLock::new(),
            runs: AtomicU32::new(0),
            locks: Locks::new(),
        })
    }

    /// The servers' journal, if there can be one.
    pub(super) fn journal(&self) -> Option<&Journal> {
        let open = || match &self.folder {
            Some(folder) => {
                std::fs::create_dir_all(folder).ok()?;
                Journal::open(folder.join("journal")).ok()
            }
            None => Some(Journal::new(Database::builder().create_with_backend(InMemoryBackend::new()).ok()?)),
        };
        self.journal.get_or_init(open).as_ref()
    }

    /// A procedure runs; that it has is known to whoever watches, whatever becomes of the machine.
    pub(super) fn count_run(&self) {
        self.runs.fetch_add(1, Ordering::SeqCst);
        if let Some(folder) = &self.folder {
            let noted = std::fs::create_dir_all(folder).and_then(|()| {
                let mut runs = OpenOptions::new().create(true).append(true).open(folder.join("runs"))?;
                runs.write_all(b"x")
            });
            if let Err(error) = noted {
                log::warn!("a run is not noted: {error}");
            }
        }
    }

    pub(super) fn runs(&self) -> u32 {
        match &self.folder {
            Some(folder) => std::fs::metadata(folder.join("runs")).map_or(0, |file| file.len() as u32),
            None => self.runs.load(Ordering::SeqCst),
        }
    }

    /// The calls that run, with what is done about orphans: as whoever asks first says.
    pub(super) fn works(&self, cure: OrphanCure) -> &Works {
        self.works.get_or_init(|| Works::new(cure))
    }
}

/// The clients' log of calls.
#[derive(Debug)]
pub(super) struct Log(pub(super) Arc<Desk>);

impl Ledger for Log {
    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let Some(folder) = &self.0.folder else {
            return Ok(self.0.log.lock().unwrap_or_else(PoisonError::into_inner).clone());
        };
        match std::fs::read(folder.join("log")) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let Some(folder) = &self.0.folder else {
            *self.0.log.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes.to_vec());
            return Ok(());
        };
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("log.new"), bytes)?;
        std::fs::rename(folder.join("log.new"), folder.join("log"))
    }
}
