//! The server's loop: slide 13, line by line.
use std::time::Duration;

use parking_lot::Mutex;
use sendrec_stubs::once::Journal;
use sendrec_stubs::{Service, is_call, serve_one};
use sendrec_trap::{From, Process, ReceiveError, ReplyError, SendFailure, Trap};

use crate::answer::{Answer, Spare};
use crate::journaled::Journaled;
use crate::message::{Code, DATA_BYTES_MAX, FIXED_BYTES, FileMessage, LIST_BYTES_MAX, Opcode, encode_entry};
use crate::name::Name;
use crate::rpc::{FileServices, RPC_HEAD_BYTES};
use crate::store::Store;

/// A server that nobody has asked for so long gives back the memory of its answers.
const IDLE: Duration = Duration::from_secs(1);

/// Serves until the kernel takes no more calls; returns why. Several threads may serve from one mailbox.
///
/// Memory is bounded whatever is asked: an answer has at most [`DATA_BYTES_MAX`] bytes of data, and the memory of a few
/// is kept for those to come while clients keep asking.
pub fn serve<T: Trap + ?Sized>(me: &Process<'_, T>, store: &dyn Store) -> ReceiveError {
    FileServer::new(store).serve(me)
}

/// A store and what it takes to serve it, to several threads at once.
pub struct FileServer<'s> {
    store: &'s dyn Store,
    journal: Option<&'s Journal>,
    /// Held while something is appended.
    end: Mutex<()>,
}

impl std::fmt::Debug for FileServer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileServer").field("has_journal", &self.journal.is_some()).finish_non_exhaustive()
    }
}

impl<'s> FileServer<'s> {
    /// Of `store`, without a journal: nothing is done exactly once.
    pub const fn new(store: &'s dyn Store) -> Self {
        Self { store, journal: None, end: Mutex::new(()) }
    }

    /// And with one, from which [`crate::recover`] has done what was left.
    #[must_use]
    pub fn with_journal(self, journal: &'s Journal) -> Self {
        Self { journal: Some(journal), ..self }
    }

    /// Serves messages and calls ([`crate::rpc`]) until the kernel takes no more; returns why.
    pub fn serve<T: Trap + ?Sized>(&self, me: &Process<'_, T>) -> ReceiveError {
        let room = data_bytes_max(me);
        let others = Journaled::new(self.store, self.journal);
        FileServices::new(self.store, &others, self.journal, &self.end, room)
            .with(|services| serve_both(me, &others, services, room))
    }
}

/// Bytes of data that an answer has at most, of either kind: the head of one is longer than that of the other.
fn data_bytes_max<T: Trap + ?Sized>(me: &Process<'_, T>) -> usize {
    me.gate().message_bytes_max().saturating_sub(FIXED_BYTES.max(RPC_HEAD_BYTES)).min(DATA_BYTES_MAX)
}

fn serve_both<T: Trap + ?Sized>(
    me: &Process<'_, T>,
    store: &dyn Store,
    services: &[&dyn Service],
    data_bytes_max: usize,
) -> ReceiveError {
    let mut spare = Spare::default();
    loop {
        let received =
            if spare.is_empty() { me.receive(From::Any) } else { me.receive_within(From::Any, IDLE) };
        let received = match received {
            Ok(received) => received,
            Err(ReceiveError::TimedOut) => {
                spare.clear();
                continue;
            }
            // This process sends no requests, so none can have failed.
            Err(ReceiveError::RequestFailed { .. }) => continue,
            Err(ended) => return ended,
        };
        if is_call(&received.message) {
            serve_one(me, services, received);
            continue;
        }
        let mut m2 = Answer::new(&mut spare);
        let r = match FileMessage::decode(received.message) {
            Err(_) => Err(Code::E_BAD_MESSAGE),
            Ok(m1) => match Opcode::from_u32(m1.opcode) {
                Some(Opcode::Create) => do_create(store, &m1),
                Some(Opcode::Read) => do_read(store, &m1, &mut m2, data_bytes_max),
                Some(Opcode::Write) => do_write(store, &m1, &mut m2),
                Some(Opcode::Delete) => do_delete(store, &m1),
                Some(Opcode::Stat) => do_stat(store, &m1, &mut m2),
                Some(Opcode::List) => do_list(store, &m1, &mut m2, data_bytes_max.min(LIST_BYTES_MAX)),
                Some(Opcode::Rename) => do_rename(store, &m1),
                Some(Opcode::Truncate) => do_truncate(store, &m1),
                Some(Opcode::MakeDirectory) => do_make_directory(store, &m1),
                Some(Opcode::RemoveDirectory) => do_remove_directory(store, &m1),
                None => Err(Code::E_BAD_OPCODE),
            },
        };
        if let Err(error) = me.send(received.source, m2.seal(r)) {
            match error.failure {
                // The client has given up, or wanted no answer: the next one may.
                SendFailure::Reply(ReplyError::Abandoned | ReplyError::NotWanted | ReplyError::NoAnswer) => {}
                failure => log::warn!("{} was not answered: {failure}", received.source.address()),
            }
        }
    }
}

fn do_create(store: &dyn Store, m1: &FileMessage) -> Result<(), Code> {
    store.create(Name::new(&m1.filename)?)
}

fn do_read(
    store: &dyn Store,
    m1: &FileMessage,
    m2: &mut Answer<'_>,
    data_bytes_max: usize,
) -> Result<(), Code> {
    let name = Name::new(&m1.filename)?;
    m2.offset = m1.offset;
    m2.fill((m1.count as usize).min(data_bytes_max), |buffer| store.read(name, m1.offset, buffer))
}

fn do_write(store: &dyn Store, m1: &FileMessage, m2: &mut Answer<'_>) -> Result<(), Code> {
    store.write(Name::new(&m1.filename)?, m1.offset, &m1.data)?;
    m2.offset = m1.offset;
    m2.count = m1.data.len() as u32;
    Ok(())
}

fn do_delete(store: &dyn Store, m1: &FileMessage) -> Result<(), Code> {
    store.delete(Name::new(&m1.filename)?)
}

fn do_stat(store: &dyn Store, m1: &FileMessage, m2: &mut Answer<'_>) -> Result<(), Code> {
    let attributes = store.stat(Name::new(&m1.filename)?)?;
    m2.append(|data| attributes.encode(data));
    Ok(())
}

/// As many entries as fit.
fn do_list(
    store: &dyn Store,
    m1: &FileMessage,
    m2: &mut Answer<'_>,
    data_bytes_max: usize,
) -> Result<(), Code> {
    // An entry takes 20 bytes at least: more than this need not be looked up.
    let fit = data_bytes_max / 20 + 1;
    let wanted = (m1.count as usize).clamp(1, fit);
    let entries = store.list(Name::new(&m1.filename)?, &m1.data, wanted)?;
    let fits = |entry: &&_| m2.append(|data| encode_entry(entry, data, FIXED_BYTES + data_bytes_max));
    let count = entries.iter().take_while(fits).count();
    if count == 0 && !entries.is_empty() {
        // Messages of this kernel are too small for the entry: to answer with none would say that it is the last.
        return Err(Code::E_NO_SPACE);
    }
    m2.count = count as u32;
    Ok(())
}

fn do_rename(store: &dyn Store, m1: &FileMessage) -> Result<(), Code> {
    store.rename(Name::new(&m1.filename)?, Name::new(&m1.data)?)
}

fn do_truncate(store: &dyn Store, m1: &FileMessage) -> Result<(), Code> {
    store.truncate(Name::new(&m1.filename)?, m1.offset)
}

fn do_make_directory(store: &dyn Store, m1: &FileMessage) -> Result<(), Code> {
    store.make_directory(Name::new(&m1.filename)?)
}

fn do_remove_directory(store: &dyn Store, m1: &FileMessage) -> Result<(), Code> {
    store.remove_directory(Name::new(&m1.filename)?)
}
