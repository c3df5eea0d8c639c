//! The server's loop: slide 13, line by line.
use bytes::BytesMut;
use sendrec_trap::{From, Process, ReceiveError, ReplyError, SendFailure, Trap};

use crate::message::{Code, FIXED_BYTES, FileMessage, Opcode, encode_entry};
use crate::name::Name;
use crate::store::Store;

/// Serves until the kernel takes no more calls; returns why. Several threads may serve from one mailbox.
pub fn serve<T: Trap + ?Sized>(me: &Process<'_, T>, store: &dyn Store) -> ReceiveError {
    let data_bytes_max = me.gate().message_bytes_max().saturating_sub(FIXED_BYTES);
    loop {
        let received = match me.receive(From::Any) {
            Ok(received) => received,
            // This process sends no requests, so none can have failed.
            Err(ReceiveError::RequestFailed { .. }) => continue,
            Err(ended) => return ended,
        };
        let mut m2 = FileMessage::default();
        let r = match FileMessage::decode(received.message) {
            Err(_) => Err(Code::E_BAD_MESSAGE),
            Ok(m1) => match Opcode::from_u32(m1.opcode) {
                Some(Opcode::Create) => do_create(store, &m1),
                Some(Opcode::Read) => do_read(store, &m1, &mut m2, data_bytes_max),
                Some(Opcode::Write) => do_write(store, &m1, &mut m2),
                Some(Opcode::Delete) => do_delete(store, &m1),
                Some(Opcode::Stat) => do_stat(store, &m1, &mut m2),
                Some(Opcode::List) => do_list(store, &m1, &mut m2, data_bytes_max),
                Some(Opcode::Rename) => do_rename(store, &m1),
                Some(Opcode::Truncate) => do_truncate(store, &m1),
                Some(Opcode::MakeDirectory) => do_make_directory(store, &m1),
                Some(Opcode::RemoveDirectory) => do_remove_directory(store, &m1),
                None => Err(Code::E_BAD_OPCODE),
            },
        };
        m2.result = r.err().unwrap_or(Code::OK) as u32;
        if let Err(error) = me.send(received.source, m2.encode()) {
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
    m2: &mut FileMessage,
    data_bytes_max: usize,
) -> Result<(), Code> {
    let mut data = BytesMut::zeroed((m1.count as usize).min(data_bytes_max));
    let count = store.read(Name::new(&m1.filename)?, m1.offset, &mut data)?;
    data.truncate(count);
    m2.offset = m1.offset;
    m2.count = count as u32;
    m2.data = data.freeze();
    Ok(())
}

fn do_write(store: &dyn Store, m1: &FileMessage, m2: &mut FileMessage) -> Result<(), Code> {
    store.write(Name::new(&m1.filename)?, m1.offset, &m1.data)?;
    m2.offset = m1.offset;
    m2.count = m1.data.len() as u32;
    Ok(())
}

fn do_delete(store: &dyn Store, m1: &FileMessage) -> Result<(), Code> {
    store.delete(Name::new(&m1.filename)?)
}

fn do_stat(store: &dyn Store, m1: &FileMessage, m2: &mut FileMessage) -> Result<(), Code> {
    let mut data = BytesMut::new();
    store.stat(Name::new(&m1.filename)?)?.encode(&mut data);
    m2.data = data.freeze();
    Ok(())
}

/// As many entries as fit.
fn do_list(
    store: &dyn Store,
    m1: &FileMessage,
    m2: &mut FileMessage,
    data_bytes_max: usize,
) -> Result<(), Code> {
    // An entry takes 20 bytes at least: more than this need not be looked up.
    let fit = data_bytes_max / 20 + 1;
    let wanted = (m1.count as usize).clamp(1, fit);
    let mut data = BytesMut::new();
    for entry in store.list(Name::new(&m1.filename)?, &m1.data, wanted)? {
        if !encode_entry(&entry, &mut data, data_bytes_max) {
            if m2.count == 0 {
                // Messages of this kernel are too small for the entry: to answer with none would say that it is the last.
                return Err(Code::E_NO_SPACE);
            }
            break;
        }
        m2.count += 1;
    }
    m2.data = data.freeze();
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
