//! The message of slide 12, and how it goes into bytes.
//!
//! | bytes | field | meaning |
//! |---|---|---|
//! | 0-3 | opcode | [`Opcode`]; 0 in an answer |
//! | 4-7 | result | [`Code`]; 0 in a request |
//! | 8-15 | offset | where to read or write; the new length for TRUNCATE |
//! | 16-19 | count | bytes wanted, read or written; of LIST, entries |
//! | 20-21 | length of filename | bytes |
//! | 22- | filename | bytes, relative to the server's root, `/` between its parts; none in an answer |
//! | then | data | what is written or was read; the new name for RENAME; where to go on for LIST; attributes, entries |
//!
//! The answer to a READ has `count` bytes read, and may leave out zeros at the end of its data, a block or more of them:
//! what `data` is shorter than `count` is zeros. So the holes of a sparse file cost nothing on the way.
//!
//! Network byte order. Source and destination, the other two fields of the slide, are the kernel's: they come with
//! every message.
use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::store::{Attributes, Entry, FileKind};

/// Bytes of a message without filename and data.
pub const FIXED_BYTES: usize = 22;
/// The most data in the answer to a READ, and the most a client is to put into a WRITE, bytes. What a message costs
/// whatever its length - two system calls, a file opened, an acknowledgement - is a few per cent of what so many bytes
/// cost, so more would gain little; and a client and its server can hold several of them and need no memory to speak of.
pub const DATA_BYTES_MAX: usize = 1 << 20;
/// The most in the answer to a LIST, bytes: each entry is looked up, and the next client waits meanwhile.
pub const LIST_BYTES_MAX: usize = 64 << 10;
/// A run of zeros this long is not sent and not written, bytes: what file systems can leave out of a file.
pub const BLOCK_BYTES: usize = 4_096;

/// What is to be done (slide 12: read, write, create, delete; and what a person needs besides).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Opcode {
    /// Make an empty file; it must not exist.
    Create = 1,
    /// Read at most `count` bytes at `offset`. Fewer come at the end of the file, none behind it, and no more than
    /// [`DATA_BYTES_MAX`] at once.
    Read = 2,
    /// Write `data` at `offset`, past the end if need be.
    Write = 3,
    /// Remove a file.
    Delete = 4,
    /// Attributes of a file or directory.
    Stat = 5,
    /// Entries of a directory, in the order of their names, those behind the name in `data`.
    List = 6,
    /// Give it the name in `data`; a file of that name is replaced in one step.
    Rename = 7,
    /// Make a file `offset` bytes long.
    Truncate = 8,
    /// Make a directory.
    MakeDirectory = 9,
    /// Remove an empty directory.
    RemoveDirectory = 10,
}

impl Opcode {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Create,
        Self::Read,
        Self::Write,
        Self::Delete,
        Self::Stat,
        Self::List,
        Self::Rename,
        Self::Truncate,
        Self::MakeDirectory,
        Self::RemoveDirectory,
    ];

    /// The opcode of this number.
    pub fn from_u32(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|opcode| *opcode as u32 == number)
    }
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
#[allow(non_camel_case_types)] // The lecture's names.
pub enum Code {
    /// Done.
    OK = 0,
    /// No such operation.
    E_BAD_OPCODE = 1,
    /// The message is not of the form of slide 12.
    E_BAD_MESSAGE = 2,
    /// The name is empty, absolute, too long, or has `..` or a zero byte in it.
    E_BAD_NAME = 3,
    /// No such file or directory.
    E_NOT_FOUND = 4,
    /// There is one already.
    E_EXISTS = 5,
    /// A file was meant, and it is a directory.
    E_IS_DIRECTORY = 6,
    /// A directory was meant, and it is a file.
    E_NOT_DIRECTORY = 7,
    /// The directory has entries.
    E_NOT_EMPTY = 8,
    /// It leads out of the root, or the system forbids it.
    E_ACCESS = 9,
    /// The server changes nothing.
    E_READ_ONLY = 10,
    /// No space is left, on the disk or in an answer.
    E_NO_SPACE = 11,
    /// Longer than files may be.
    E_TOO_LARGE = 12,
    /// Neither a file nor a directory.
    E_NOT_SUPPORTED = 13,
    /// The server's disk or system failed; its log says more.
    E_IO = 14,
    /// It was to be done exactly once, and the server keeps no journal.
    E_NO_JOURNAL = 15,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::OK,
        Self::E_BAD_OPCODE,
        Self::E_BAD_MESSAGE,
        Self::E_BAD_NAME,
        Self::E_NOT_FOUND,
        Self::E_EXISTS,
        Self::E_IS_DIRECTORY,
        Self::E_NOT_DIRECTORY,
        Self::E_NOT_EMPTY,
        Self::E_ACCESS,
        Self::E_READ_ONLY,
        Self::E_NO_SPACE,
        Self::E_TOO_LARGE,
        Self::E_NOT_SUPPORTED,
        Self::E_IO,
        Self::E_NO_JOURNAL,
    ];

    /// The code of this number; a number nobody knows is the server's failure.
    pub fn from_u32(number: u32) -> Self {
        Self::ALL.into_iter().find(|code| *code as u32 == number).unwrap_or(Self::E_IO)
    }

    /// In words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::OK => "done",
            Self::E_BAD_OPCODE => "the server has no such operation",
            Self::E_BAD_MESSAGE => "the server did not understand the message",
            Self::E_BAD_NAME => {
                "not a name the server accepts here (relative, without .. and zero bytes, not too long, not inside itself)"
            }
            Self::E_NOT_FOUND => "no such file or directory",
            Self::E_EXISTS => "it exists already",
            Self::E_IS_DIRECTORY => "it is a directory",
            Self::E_NOT_DIRECTORY => "it is not a directory",
            Self::E_NOT_EMPTY => "the directory is not empty",
            Self::E_ACCESS => "access denied",
            Self::E_READ_ONLY => "the server is read-only",
            Self::E_NO_SPACE => "no space left on the server",
            Self::E_TOO_LARGE => "larger than files may be",
            Self::E_NOT_SUPPORTED => "neither a file nor a directory",
            Self::E_IO => "input or output failed at the server",
            Self::E_NO_JOURNAL => {
                "the server keeps no journal, without which nothing is done exactly once; start it with --journal FILE"
            }
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({self:?})", self.text())
    }
}

impl std::error::Error for Code {}

/// `struct message` of slide 12, but for source and destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileMessage {
    /// What is to be done; any number can be sent.
    pub opcode: u32,
    /// How it went, in an answer.
    pub result: u32,
    /// Where.
    pub offset: u64,
    /// How much.
    pub count: u32,
    /// Of which file.
    pub filename: Bytes,
    /// With what.
    pub data: Bytes,
}

/// The bytes are no message of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadMessage;

impl fmt::Display for BadMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a message of the file server")
    }
}

impl std::error::Error for BadMessage {}

impl FileMessage {
    /// A request.
    pub fn request(opcode: Opcode, filename: &[u8]) -> Self {
        Self { opcode: opcode as u32, filename: Bytes::copy_from_slice(filename), ..Self::default() }
    }

    /// What is of the same length in every message, to stand before the filename and the data.
    pub fn head(&self) -> [u8; FIXED_BYTES] {
        let mut head = [0; FIXED_BYTES];
        let mut rest = &mut head[..];
        rest.put_u32(self.opcode);
        rest.put_u32(self.result);
        rest.put_u64(self.offset);
        rest.put_u32(self.count);
        rest.put_u16(self.filename.len().min(usize::from(u16::MAX)) as u16);
        head
    }

    /// The bytes to send. A filename over 65,535 bytes is cut there, which no server accepts anyway.
    pub fn encode(&self) -> BytesMut {
        self.encode_with(&self.data)
    }

    /// As [`FileMessage::encode`], with this data, which is copied once.
    pub fn encode_with(&self, data: &[u8]) -> BytesMut {
        let name = &self.filename[..self.filename.len().min(usize::from(u16::MAX))];
        let mut bytes = BytesMut::with_capacity(FIXED_BYTES + name.len() + data.len());
        bytes.put_slice(&self.head());
        bytes.put_slice(name);
        bytes.put_slice(data);
        bytes
    }

    /// The message in `bytes`, nothing copied.
    pub fn decode(mut bytes: Bytes) -> Result<Self, BadMessage> {
        if bytes.len() < FIXED_BYTES {
            return Err(BadMessage);
        }
        let (opcode, result) = (bytes.get_u32(), bytes.get_u32());
        let (offset, count) = (bytes.get_u64(), bytes.get_u32());
        let name_bytes = usize::from(bytes.get_u16());
        if bytes.len() < name_bytes {
            return Err(BadMessage);
        }
        let filename = bytes.split_to(name_bytes);
        Ok(Self { opcode, result, offset, count, filename, data: bytes })
    }

    /// Whether it can be a server's: no request sent back is.
    pub fn is_answer(&self) -> bool {
        self.opcode == 0 && self.filename.is_empty()
    }

    /// The answer's code.
    pub fn code(&self) -> Code {
        Code::from_u32(self.result)
    }
}

const ATTRIBUTES_BYTES: usize = 1 + 8 + 8;

impl Attributes {
    /// 17 bytes: kind (1 file, 2 directory, 3 other), size, seconds since 1970 of the last change.
    pub fn encode(&self, into: &mut BytesMut) {
        into.put_u8(self.kind as u8);
        into.put_u64(self.size);
        into.put_i64(self.modified);
    }

    /// Takes them from the front of `bytes`.
    pub fn decode(bytes: &mut Bytes) -> Result<Self, BadMessage> {
        if bytes.len() < ATTRIBUTES_BYTES {
            return Err(BadMessage);
        }
        let kind = match bytes.get_u8() {
            1 => FileKind::File,
            2 => FileKind::Directory,
            3 => FileKind::Other,
            _ => return Err(BadMessage),
        };
        Ok(Self { kind, size: bytes.get_u64(), modified: bytes.get_i64() })
    }
}

/// Appends an entry of a directory, if all is no longer than `bytes_max` then: attributes, length of the name, name. False
/// if it would be.
pub fn encode_entry(entry: &Entry, into: &mut BytesMut, bytes_max: usize) -> bool {
    let name = &entry.name[..entry.name.len().min(usize::from(u16::MAX))];
    if into.len() + ATTRIBUTES_BYTES + 2 + name.len() > bytes_max {
        return false;
    }
    entry.attributes.encode(into);
    into.put_u16(name.len() as u16);
    into.put_slice(name);
    true
}

/// The entries of an answer to LIST.
pub fn decode_entries(mut bytes: Bytes) -> Result<Vec<Entry>, BadMessage> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let attributes = Attributes::decode(&mut bytes)?;
        if bytes.len() < 2 {
            return Err(BadMessage);
        }
        let name_bytes = usize::from(bytes.get_u16());
        if bytes.len() < name_bytes {
            return Err(BadMessage);
        }
        entries.push(Entry { name: bytes.split_to(name_bytes).to_vec(), attributes });
    }
    Ok(entries)
}
