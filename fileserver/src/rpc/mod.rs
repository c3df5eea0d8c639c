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

const _: () = assert!(
    DATA_BYTES_MAX as usize == crate::message::DATA_BYTES_MAX
        && file::NAME_BYTES_MAX as usize == crate::name::MAX_PATH_BYTES,
    "file.x says of data and names what the message protocol says"
);

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

/// The procedures of both versions, on a store.
#[derive(Clone, Copy)]
pub(crate) struct FileServices<'s> {
    /// As calls see it that the journal has, and as all others do.
    bare: &'s dyn Store,
    store: &'s dyn Store,
    journal: Option<&'s Journal>,
    /// Bytes of data in an answer.
    room: usize,
    /// Held while something is appended, so that its place is its own.
    end: &'s Mutex<()>,
}

impl FileServices<'_> {
    /// Does to `store` what harms if it is done twice; where data went. Exactly once, it is done to the store as it is, if
    /// `check` finds nothing against it, and is written down before: what is known to fail is not, since done again after a
    /// crash it would look as if it had not failed.
    fn act(
        &self,
        context: &Context<'_>,
        store: &dyn Store,
        intent: &Intent,
        check: impl FnOnce(&dyn Store, Name<'_>) -> Result<(), Code>,
    ) -> Result<Result<u64, Code>, Refusal> {
        if !context.is_once() {
            return Ok(act(store, intent));
        }
        if self.journal.is_none() {
            return Ok(Err(Code::E_NO_JOURNAL));
        }
        if let Err(code) = Name::new(&intent.name).and_then(|name| check(self.bare, name)) {
            return Ok(Err(code));
        }
        context.intend(|| encoded(intent).map_err(|error| Refusal::new(error.to_string())))?;
        Ok(act(self.bare, intent))
    }

    /// As [`Self::act`], where data goes nowhere.
    fn status(
        &self,
        context: &Context<'_>,
        intent: &Intent,
        check: impl FnOnce(&dyn Store, Name<'_>) -> Result<(), Code>,
    ) -> Result<Status, Refusal> {
        Ok(status(self.act(context, self.store, intent, check)?.map(drop)))
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
    let is_there = |name: &[u8]| Name::new(name).and_then(|name| is_there(store, name)).is_ok();
    let was_done = match (code, intent.procedure) {
        (Code::E_EXISTS, file_2::FILE_CREATE | file_2::FILE_MKDIR) => is_there(&intent.name),
        (Code::E_NOT_FOUND, file_2::FILE_DEL | file_2::FILE_RMDIR) => true,
        (Code::E_NOT_FOUND, file_2::FILE_RENAME) => !is_there(&intent.name) && is_there(&intent.to),
        _ => false,
    };
    if was_done { Ok(intent.offset) } else { Err(code) }
}

fn intent(procedure: u32, name: FileName) -> Intent {
    Intent { procedure, name, to: Bytes::new(), offset: 0, data: Bytes::new() }
}

fn encoded(value: &impl Xdr) -> Result<Bytes, EncodeError> {
    let mut out = Encoder::new();
    value.encode(&mut out)?;
    Ok(out.finish())
}

impl file_2::Server for FileServices<'_> {
    fn file_create(&self, context: &Context<'_>, name: FileName) -> Result<Status, Refusal> {
        self.status(context, &intent(file_2::FILE_CREATE, name), is_free)
    }

    fn file_read(
        &self,
        _: &Context<'_>,
        _name: FileName,
        _offset: u64,
        _count: u32,
    ) -> Result<ReadResult, Refusal> {
        // See `InPlace`.
        Err(Refusal::new("READ is answered where its data is to stand"))
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
        // What a link leads to does not matter.
        self.status(context, &intent(file_2::FILE_DEL, name), |_, _| Ok(()))
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
                let any = !entries.is_empty();
                let mut room = self.room;
                let entry = |entry: store::Entry| {
                    // A name with its length and what fills it up, and its attributes.
                    room = room.checked_sub(entry.name.len() + ENTRY_BYTES)?;
                    Some(Entry { name: entry.name.into(), attributes: entry.attributes.into() })
                };
                let fit: Vec<_> = entries.into_iter().map_while(entry).collect();
                // None would say that there are no more.
                if fit.is_empty() && any {
                    ListResult::Default(Status::NoSpace)
                } else {
                    ListResult::Done(fit)
                }
            }
            Err(code) => ListResult::Default(code.into()),
        })
    }

    fn file_rename(&self, context: &Context<'_>, name: FileName, to: FileName) -> Result<Status, Refusal> {
        self.status(context, &Intent { to, ..intent(file_2::FILE_RENAME, name) }, is_there)
    }

    fn file_truncate(&self, _: &Context<'_>, name: FileName, length: u64) -> Result<Status, Refusal> {
        Ok(status(Name::new(&name).and_then(|name| self.store.truncate(name, length))))
    }

    fn file_mkdir(&self, context: &Context<'_>, name: FileName) -> Result<Status, Refusal> {
        self.status(context, &intent(file_2::FILE_MKDIR, name), is_free)
    }

    fn file_rmdir(&self, context: &Context<'_>, name: FileName) -> Result<Status, Refusal> {
        self.status(context, &intent(file_2::FILE_RMDIR, name), is_there)
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
        let offset = match Name::new(&name).and_then(|name| end_of(self.store, name)) {
            Ok(offset) => offset,
            Err(code) => return Ok(AppendResult::Default(code.into())),
        };
        let intent = Intent { offset, data, ..intent(file_2::FILE_APPEND, name) };
        Ok(match self.act(context, self.bare, &intent, |_, _| Ok(()))? {
            Ok(offset) => AppendResult::Done(offset),
            Err(code) => AppendResult::Default(code.into()),
        })
    }
}

fn is_there(store: &dyn Store, name: Name<'_>) -> Result<(), Code> {
    store.stat(name).map(drop)
}

fn is_free(store: &dyn Store, name: Name<'_>) -> Result<(), Code> {
    match store.stat(name) {
        Ok(_) => Err(Code::E_EXISTS),
        Err(Code::E_NOT_FOUND) => Ok(()),
        Err(code) => Err(code),
    }
}

/// Where a file ends.
fn end_of(store: &dyn Store, name: Name<'_>) -> Result<u64, Code> {
    let attributes = store.stat(name)?;
    match attributes.kind {
        FileKind::File => Ok(attributes.size),
        FileKind::Directory => Err(Code::E_IS_DIRECTORY),
        FileKind::Other => Err(Code::E_NOT_SUPPORTED),
    }
}

/// The lecture's four do what version 2's do.
impl file_1::Server for FileServices<'_> {
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
        Self { bare: store, store: others, journal, room, end }
    }

    /// Runs `body` with the services of both versions.
    pub(crate) fn with<R>(&self, body: impl FnOnce(&[&dyn Service]) -> R) -> R {
        let Self { store, room, journal, .. } = *self;
        let one = InPlace { dispatch: file_1::Dispatch(*self), store, room };
        let two = InPlace { dispatch: file_2::Dispatch(*self), store, room };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    fn name(text: &'static str) -> FileName {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn every_code_is_a_status_of_the_same_number() {
        for code in Code::ALL {
            let status = Status::from(code);
            let told = matches!(code, Code::E_BAD_OPCODE | Code::E_BAD_MESSAGE);
            assert_eq!(Code::from(status), if told { Code::E_IO } else { code });
        }
    }

    /// A store with a file `a`, a directory `d`, and another, `full`, with a file.
    fn store() -> Memory {
        let store = Memory::default();
        let of = |text: &'static str| Name::new(text.as_bytes()).unwrap();
        store.create(of("a")).unwrap();
        store.write(of("a"), 0, b"hello").unwrap();
        store.make_directory(of("d")).unwrap();
        store.make_directory(of("full")).unwrap();
        store.create(of("full/b")).unwrap();
        store
    }

    #[test]
    fn what_is_done_again_comes_to_the_same_whether_it_was_done_or_not() {
        let append = Intent { offset: 5, data: name(" world"), ..intent(file_2::FILE_APPEND, name("a")) };
        let intents = [
            intent(file_2::FILE_CREATE, name("new")),
            intent(file_2::FILE_MKDIR, name("new")),
            intent(file_2::FILE_DEL, name("a")),
            intent(file_2::FILE_RMDIR, name("d")),
            Intent { to: name("d/c"), ..intent(file_2::FILE_RENAME, name("a")) },
            append,
        ];
        for intent in intents {
            let store = store();
            for _ in 0..3 {
                assert_eq!(act_again(&store, &intent), Ok(intent.offset), "{intent:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_done_is_not_said_to_have_been() {
        let store = store();
        let nowhere = Intent { to: name("nowhere/b"), ..intent(file_2::FILE_RENAME, name("a")) };
        assert_eq!(act_again(&store, &nowhere), Err(Code::E_NOT_FOUND));
        assert_eq!(act_again(&store, &intent(file_2::FILE_RMDIR, name("full"))), Err(Code::E_NOT_EMPTY));
        assert_eq!(act_again(&store, &intent(file_2::FILE_DEL, name("d"))), Err(Code::E_IS_DIRECTORY));
        let inside = intent(file_2::FILE_CREATE, name("nowhere/new"));
        assert_eq!(act_again(&store, &inside), Err(Code::E_NOT_FOUND));
    }

    #[test]
    fn a_listing_that_has_room_for_no_entry_does_not_say_that_there_are_none() {
        let (store, end) = (store(), Mutex::new(()));
        let listed = |room| {
            let files = FileServices::new(&store, &store, None, &end, room);
            let services = sendrec_stubs::Services::new().with(file_2::Dispatch(files));
            let mut out = Encoder::new();
            for text in ["full", ""] {
                out.string(text.as_bytes(), 100).unwrap();
            }
            let call = sendrec_stubs::message::CallHeader {
                program: file_2::PROGRAM,
                version: file_2::VERSION,
                procedure: file_2::FILE_LIST,
                ..Default::default()
            };
            let mut message = Encoder::new();
            call.encode(&mut message).unwrap();
            let message = [message.finish(), out.finish()].concat();
            let answer = services.answer(message.into()).unwrap();
            let mut input = Decoder::new(answer.slice(sendrec_stubs::message::REPLY_BYTES..));
            ListResult::decode(&mut input).unwrap()
        };
        assert_eq!(listed(10), ListResult::Default(Status::NoSpace));
        assert!(matches!(listed(100), ListResult::Done(entries) if entries.len() == 1));
    }
}
