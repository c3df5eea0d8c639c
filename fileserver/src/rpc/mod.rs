//! The same files by remote procedure call: `file.x`, versions 1 and 2, from the store that the message protocol serves.
//!
//! What is read goes from the file into the answer's message where it is to stand there. What would harm if it were done
//! twice - create, delete, rename, make and remove a directory, append - runs exactly once for clients who want it, if the
//! server keeps a journal: what is to be done is written down with all that it takes, then done, then its result is
//! written down; after a crash what had begun is done again.
/// The interface, compiled.
#[rustfmt::skip]
pub mod file;

use bytes::Bytes;
use parking_lot::Mutex;
use sendrec_stubs::once::{ExactlyOnce, Journal};
use sendrec_stubs::xdr::{Decoder, EncodeError, Encoder, Xdr};
use sendrec_stubs::{Context, Procedure, Refusal, ServeError, Service};

use crate::message::Code;
use crate::name::Name;
use crate::store::{self, FileKind, Store};
use file::{
    AppendResult, Attributes, DATA_BYTES_MAX, ENTRIES_MAX, Entry, FileData, FileName, Intent, Kind,
    ListResult, ReadResult, StatResult, Status, file_1, file_2,
};

/// Bytes of an answer besides its data, at most.
pub(crate) const RPC_HEAD_BYTES: usize = 64;
/// Bytes of an entry in a listing besides its name, at most.
const ENTRY_BYTES: usize = 4 + 3 + 28;

impl From<Code> for Status {
    fn from(code: Code) -> Self {
        match code {
            Code::OK => Self::Done,
            Code::E_BAD_NAME => Self::BadName,
            Code::E_NOT_FOUND => Self::NotFound,
            Code::E_EXISTS => Self::Exists,
            Code::E_IS_DIRECTORY => Self::IsDirectory,
            Code::E_NOT_DIRECTORY => Self::NotDirectory,
            Code::E_NOT_EMPTY => Self::NotEmpty,
            Code::E_ACCESS => Self::Access,
            Code::E_READ_ONLY => Self::ReadOnly,
            Code::E_NO_SPACE => Self::NoSpace,
            Code::E_TOO_LARGE => Self::TooLarge,
            Code::E_NOT_SUPPORTED => Self::NotSupported,
            Code::E_NO_JOURNAL => Self::NoJournal,
            // What a store does not say.
            Code::E_IO | Code::E_BAD_OPCODE | Code::E_BAD_MESSAGE => Self::Io,
        }
    }
}

impl From<Status> for Code {
    fn from(status: Status) -> Self {
        Self::from_u32(status as u32)
    }
}

impl From<store::Attributes> for Attributes {
    fn from(attributes: store::Attributes) -> Self {
        let kind = match attributes.kind {
            FileKind::File => Kind::AFile,
            FileKind::Directory => Kind::ADirectory,
            FileKind::Other => Kind::Other,
        };
        Self { kind, size: attributes.size, modified: attributes.modified, change: 0 }
    }
}

impl From<Attributes> for store::Attributes {
    fn from(attributes: Attributes) -> Self {
        let kind = match attributes.kind {
            Kind::AFile => FileKind::File,
            Kind::ADirectory => FileKind::Directory,
            Kind::Other => FileKind::Other,
        };
        Self { kind, size: attributes.size, modified: attributes.modified }
    }
}

fn status(done: Result<(), Code>) -> Status {
    done.map_or_else(Status::from, |()| Status::Done)
}

/// The procedures, on a store.
#[derive(Clone, Copy)]
struct Procedures<'s> {
    /// As calls see it that the journal has, and as all others do.
    bare: &'s dyn Store,
    store: &'s dyn Store,
    journal: Option<&'s Journal>,
    /// Bytes of data in an answer.
    room: usize,
    /// Held while something is appended, so that its place is its own.
    end: &'s Mutex<()>,
}

/// What is done before anything is written down, and what is written down.
impl Procedures<'_> {
    /// Does what may be done once alone: `check` says why it cannot, and nothing else; then it is written down and done. If it
    /// need not be done exactly once, it is done to `store`.
    fn once(
        &self,
        context: &Context<'_>,
        store: &dyn Store,
        check: impl FnOnce() -> Result<Intent, Code>,
    ) -> Result<Result<u64, Code>, Refusal> {
        if context.is_once() && self.journal.is_none() {
            return Ok(Err(Code::E_NO_JOURNAL));
        }
        let intent = match check() {
            Ok(intent) => intent,
            Err(code) => return Ok(Err(code)),
        };
        if !context.is_once() {
            return Ok(act(store, &intent));
        }
        context.intend(|| encoded(&intent).map_err(|error| Refusal::new(error.to_string())))?;
        Ok(act(self.bare, &intent))
    }

    fn attributes(&self, name: Name<'_>) -> Result<Attributes, Code> {
        // The number first: what changes in between makes another.
        let change = self.store.change(name)?;
        Ok(Attributes { change, ..self.store.stat(name)?.into() })
    }
}

/// Does it; where data went.
fn act(store: &dyn Store, intent: &Intent) -> Result<u64, Code> {
    let (name, offset) = (Name::new(&intent.name)?, intent.offset);
    match intent.procedure {
        file_2::FILE_CREATE => store.create(name),
        file_2::FILE_DEL => store.delete(name),
        file_2::FILE_RENAME => store.rename(name, Name::new(&intent.to)?),
        file_2::FILE_MKDIR => store.make_directory(name),
        file_2::FILE_RMDIR => store.remove_directory(name),
        file_2::FILE_APPEND => store.write(name, offset, &intent.data),
        _ => Err(Code::E_BAD_OPCODE),
    }
    .map(|()| offset)
}

/// Does again what may have been done before a crash: if it was, that is no failure. Nothing else has changed the store
/// since it was intended.
fn act_again(store: &dyn Store, intent: &Intent) -> Result<u64, Code> {
    let code = match act(store, intent) {
        Ok(offset) => return Ok(offset),
        Err(code) => code,
    };
    let is_there = |name: &[u8]| Name::new(name).and_then(|name| store.stat(name)).is_ok();
    let was_done = match (code, intent.procedure) {
        (Code::E_EXISTS, file_2::FILE_CREATE | file_2::FILE_MKDIR) => is_there(&intent.name),
        (Code::E_NOT_FOUND, file_2::FILE_DEL | file_2::FILE_RMDIR) => true,
        (Code::E_NOT_FOUND, file_2::FILE_RENAME) => !is_there(&intent.name) && is_there(&intent.to),
        _ => false,
    };
    if was_done { Ok(intent.offset) } else { Err(code) }
}

fn intent(procedure: u32, name: &Bytes) -> Intent {
    Intent { procedure, name: name.clone(), to: Bytes::new(), offset: 0, data: Bytes::new() }
}

fn encoded(value: &impl Xdr) -> Result<Bytes, EncodeError> {
    let mut out = Encoder::new();
    value.encode(&mut out)?;
    Ok(out.finish())
}

impl file_2::Server for Procedures<'_> {
    fn file_create(&self, context: &Context<'_>, name: FileName) -> Result<Status, Refusal> {
        let check = || match self.store.stat(Name::new(&name)?) {
            Ok(_) => Err(Code::E_EXISTS),
            Err(Code::E_NOT_FOUND) => Ok(intent(file_2::FILE_CREATE, &name)),
            Err(code) => Err(code),
        };
        Ok(status(self.once(context, self.store, check)?.map(drop)))
    }

    fn file_read(
        &self,
        _: &Context<'_>,
        name: FileName,
        offset: u64,
        count: u32,
    ) -> Result<ReadResult, Refusal> {
        let mut data = vec![0; (count.min(DATA_BYTES_MAX) as usize).min(self.room)];
        let filled = Name::new(&name).and_then(|name| self.store.read(name, offset, &mut data));
        Ok(match filled {
            Ok(filled) => {
                data.truncate(filled.count);
                ReadResult::Done(data.into())
            }
            Err(code) => ReadResult::Default(code.into()),
        })
    }

    fn file_write(
        &self,
        _: &Context<'_>,
        name: FileName,
        offset: u64,
        data: FileData,
    ) -> Result<Status, Refusal> {
        Ok(status(Name::new(&name).and_then(|name| self.store.write(name, offset, &data))))
    }

    fn file_del(&self, context: &Context<'_>, name: FileName) -> Result<Status, Refusal> {
        // What a link leads to does not matter: who removes a name that nobody has is told so.
        let check = || Name::new(&name).map(|_| intent(file_2::FILE_DEL, &name));
        Ok(status(self.once(context, self.store, check)?.map(drop)))
    }

    fn file_stat(&self, _: &Context<'_>, name: FileName) -> Result<StatResult, Refusal> {
        Ok(match Name::new(&name).and_then(|name| self.attributes(name)) {
            Ok(attributes) => StatResult::Done(attributes),
            Err(code) => StatResult::Default(code.into()),
        })
    }

    fn file_list(&self, _: &Context<'_>, name: FileName, after: FileName) -> Result<ListResult, Refusal> {
        let listed = Name::new(&name).and_then(|name| self.store.list(name, &after, ENTRIES_MAX as usize));
        Ok(match listed {
            Ok(entries) => {
                let mut room = self.room;
                let entry = |entry: store::Entry| {
                    // A name with its length and what fills it up, and its attributes.
                    room = room.checked_sub(entry.name.len() + ENTRY_BYTES)?;
                    Some(Entry { name: entry.name.into(), attributes: entry.attributes.into() })
                };
                ListResult::Done(entries.into_iter().map_while(entry).collect())
            }
            Err(code) => ListResult::Default(code.into()),
        })
    }

    fn file_rename(&self, context: &Context<'_>, name: FileName, to: FileName) -> Result<Status, Refusal> {
        let check = || {
            let from = Name::new(&name)?;
            Name::new(&to)?;
            if context.is_once() {
                self.store.stat(from)?;
            }
            Ok(Intent { to: to.clone(), ..intent(file_2::FILE_RENAME, &name) })
        };
        Ok(status(self.once(context, self.store, check)?.map(drop)))
    }

    fn file_truncate(&self, _: &Context<'_>, name: FileName, length: u64) -> Result<Status, Refusal> {
        Ok(status(Name::new(&name).and_then(|name| self.store.truncate(name, length))))
    }

    fn file_mkdir(&self, context: &Context<'_>, name: FileName) -> Result<Status, Refusal> {
        let check = || match self.store.stat(Name::new(&name)?) {
            Ok(_) => Err(Code::E_EXISTS),
            Err(Code::E_NOT_FOUND) => Ok(intent(file_2::FILE_MKDIR, &name)),
            Err(code) => Err(code),
        };
        Ok(status(self.once(context, self.store, check)?.map(drop)))
    }

    fn file_rmdir(&self, context: &Context<'_>, name: FileName) -> Result<Status, Refusal> {
        let check = || self.store.stat(Name::new(&name)?).map(|_| intent(file_2::FILE_RMDIR, &name));
        Ok(status(self.once(context, self.store, check)?.map(drop)))
    }

    fn file_append(
        &self,
        context: &Context<'_>,
        name: FileName,
        data: FileData,
    ) -> Result<AppendResult, Refusal> {
        // First what a call that is alone has, then the end: or two calls would wait for each other.
        let _shared = match self.journal.filter(|_| !context.is_once()) {
            Some(journal) => Some(journal.share()?),
            None => None,
        };
        let _alone = self.end.lock();
        let check = || {
            let attributes = self.store.stat(Name::new(&name)?)?;
            match attributes.kind {
                FileKind::File => Ok(Intent {
                    offset: attributes.size,
                    data: data.clone(),
                    ..intent(file_2::FILE_APPEND, &name)
                }),
                FileKind::Directory => Err(Code::E_IS_DIRECTORY),
                FileKind::Other => Err(Code::E_NOT_SUPPORTED),
            }
        };
        Ok(match self.once(context, self.bare, check)? {
            Ok(offset) => AppendResult::Done(offset),
            Err(code) => AppendResult::Default(code.into()),
        })
    }
}

/// The lecture's four do what version 2's do.
impl file_1::Server for Procedures<'_> {
    fn file_create(&self, context: &Context<'_>, name: FileName) -> Result<Status, Refusal> {
        file_2::Server::file_create(self, context, name)
    }

    fn file_read(
        &self,
        context: &Context<'_>,
        name: FileName,
        offset: u64,
        count: u32,
    ) -> Result<ReadResult, Refusal> {
        file_2::Server::file_read(self, context, name, offset, count)
    }

    fn file_write(
        &self,
        context: &Context<'_>,
        name: FileName,
        offset: u64,
        data: FileData,
    ) -> Result<Status, Refusal> {
        file_2::Server::file_write(self, context, name, offset, data)
    }

    fn file_del(&self, context: &Context<'_>, name: FileName) -> Result<Status, Refusal> {
        file_2::Server::file_del(self, context, name)
    }
}

/// A version whose READ puts the file's bytes where they are to stand in the answer.
struct InPlace<'s, D> {
    dispatch: D,
    store: &'s dyn Store,
    room: usize,
}

impl<D: Service> Service for InPlace<'_, D> {
    fn program(&self) -> u32 {
        self.dispatch.program()
    }

    fn version(&self) -> u32 {
        self.dispatch.version()
    }

    fn procedures(&self) -> &'static [Procedure] {
        self.dispatch.procedures()
    }

    fn serve(
        &self,
        context: &Context<'_>,
        procedure: u32,
        input: &mut Decoder,
        out: &mut Encoder,
    ) -> Result<(), ServeError> {
        // In both versions.
        if procedure != file_2::FILE_READ {
            return self.dispatch.serve(context, procedure, input, out);
        }
        let name = input.string(file::NAME_BYTES_MAX)?;
        let (offset, count) = (u64::decode(input)?, u32::decode(input)?);
        input.end()?;
        let before = out.len();
        Status::Done.encode(out)?;
        let read = Name::new(&name).and_then(|name| {
            out.opaque_in_place(count.min(DATA_BYTES_MAX).min(self.room as u32), |buffer| {
                self.store.read(name, offset, buffer).map(|filled| filled.count)
            })
        });
        if let Err(code) = read {
            out.truncate(before);
            ReadResult::Default(code.into()).encode(out)?;
        }
        Ok(())
    }
}

/// The services of a store: both versions.
pub(crate) struct FileServices<'s> {
    procedures: Procedures<'s>,
}

impl<'s> FileServices<'s> {
    /// `store`, and `others`, which is the same as those see it whose calls the journal does not have. An answer may have
    /// `room` bytes of data.
    pub(crate) fn new(
        store: &'s dyn Store,
        others: &'s dyn Store,
        journal: Option<&'s Journal>,
        end: &'s Mutex<()>,
        room: usize,
    ) -> Self {
        Self { procedures: Procedures { bare: store, store: others, journal, room, end } }
    }

    /// Runs `body` with them.
    pub(crate) fn with<R>(&self, body: impl FnOnce(&[&dyn Service]) -> R) -> R {
        let Procedures { store, room, journal, .. } = self.procedures;
        let one = InPlace { dispatch: file_1::Dispatch(self.procedures), store, room };
        let two = InPlace { dispatch: file_2::Dispatch(self.procedures), store, room };
        match journal {
            Some(journal) => {
                body(&[&ExactlyOnce::elsewhere(one, journal), &ExactlyOnce::elsewhere(two, journal)])
            }
            None => body(&[&one, &two]),
        }
    }
}

/// Does again what calls had set out to do when the server stopped. To be called before `store` is served with `journal`. How
/// much there was.
pub fn recover(store: &dyn Store, journal: &Journal) -> Result<usize, Refusal> {
    let strange = |error: &dyn std::fmt::Display| Refusal::new(format!("the journal: {error}"));
    journal.recover(|bytes| {
        let intent = Intent::decode(&mut Decoder::new(bytes)).map_err(|error| strange(&error))?;
        let done = act_again(store, &intent);
        let result = if intent.procedure == file_2::FILE_APPEND {
            encoded(&done.map_or_else(|code| AppendResult::Default(code.into()), AppendResult::Done))
        } else {
            encoded(&status(done.map(drop)))
        };
        result.map_err(|error| strange(&error))
    })
}
