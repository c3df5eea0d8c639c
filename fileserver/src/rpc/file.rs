// Made from file.x by sendrec rpcgen. Do not edit: change file.x and make it again.
use sendrec_stubs::Bytes;
use sendrec_stubs::xdr::{DecodeError, Decoder, EncodeError, Encoder, Xdr};

/// `const NAME_BYTES_MAX = 1024`
pub const NAME_BYTES_MAX: u32 = 1024;

/// `const DATA_BYTES_MAX = 1048576`
pub const DATA_BYTES_MAX: u32 = 1_048_576;

/// `const ENTRIES_MAX = 256`
pub const ENTRIES_MAX: u32 = 256;

/// Relative to the server's root, \`/\` between its parts; any bytes but zero.
///
/// `typedef string file_name<1024>`
pub type FileName = Bytes;

/// `typedef opaque file_data<1048576>`
pub type FileData = Bytes;

/// How it went. The numbers are those of the message protocol.
///
/// `enum status`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Status {
    /// `DONE`
    Done = 0,
    /// `BAD_NAME`
    BadName = 3,
    /// `NOT_FOUND`
    NotFound = 4,
    /// `EXISTS`
    Exists = 5,
    /// `IS_DIRECTORY`
    IsDirectory = 6,
    /// `NOT_DIRECTORY`
    NotDirectory = 7,
    /// `NOT_EMPTY`
    NotEmpty = 8,
    /// `ACCESS`
    Access = 9,
    /// `READ_ONLY`
    ReadOnly = 10,
    /// `NO_SPACE`
    NoSpace = 11,
    /// `TOO_LARGE`
    TooLarge = 12,
    /// `NOT_SUPPORTED`
    NotSupported = 13,
    /// `IO`
    Io = 14,
    /// exactly once was asked for, and the server keeps no journal
    ///
    /// `NO_JOURNAL`
    NoJournal = 15,
}

impl Xdr for Status {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        (*self as i32).encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        match i32::decode(input)? {
            0 => Ok(Self::Done),
            3 => Ok(Self::BadName),
            4 => Ok(Self::NotFound),
            5 => Ok(Self::Exists),
            6 => Ok(Self::IsDirectory),
            7 => Ok(Self::NotDirectory),
            8 => Ok(Self::NotEmpty),
            9 => Ok(Self::Access),
            10 => Ok(Self::ReadOnly),
            11 => Ok(Self::NoSpace),
            12 => Ok(Self::TooLarge),
            13 => Ok(Self::NotSupported),
            14 => Ok(Self::Io),
            15 => Ok(Self::NoJournal),
            other => Err(input.unknown("status", i64::from(other))),
        }
    }
}

/// `enum kind`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Kind {
    /// `A_FILE`
    AFile = 1,
    /// `A_DIRECTORY`
    ADirectory = 2,
    /// `OTHER`
    Other = 3,
}

impl Xdr for Kind {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        (*self as i32).encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        match i32::decode(input)? {
            1 => Ok(Self::AFile),
            2 => Ok(Self::ADirectory),
            3 => Ok(Self::Other),
            other => Err(input.unknown("kind", i64::from(other))),
        }
    }
}

/// `struct attributes`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// `kind kind`
    pub kind: Kind,
    /// bytes, of a file
    ///
    /// `unsigned hyper size`
    pub size: u64,
    /// seconds since 1970
    ///
    /// `hyper modified`
    pub modified: i64,
    /// another one after each change; 0 in a listing, where it is not looked up
    ///
    /// `unsigned hyper change`
    pub change: u64,
}

impl Xdr for Attributes {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        self.kind.encode(out)?;
        self.size.encode(out)?;
        self.modified.encode(out)?;
        self.change.encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self {
            kind: Xdr::decode(input)?,
            size: Xdr::decode(input)?,
            modified: Xdr::decode(input)?,
            change: Xdr::decode(input)?,
        })
    }
}

/// `struct entry`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `file_name name`
    pub name: FileName,
    /// `attributes attributes`
    pub attributes: Attributes,
}

impl Xdr for Entry {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.string(&self.name, 1024)?;
        self.attributes.encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self { name: input.string(1024)?, attributes: Xdr::decode(input)? })
    }
}

/// `typedef entry entries<256>`
pub type Entries = Vec<Entry>;

/// `union read_result switch (status status)`
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)]
pub enum ReadResult {
    /// less than was asked for only at the end of the file
    ///
    /// `case DONE: file_data data`
    Done(FileData),
    /// `default: void`
    Default(Status),
}

impl Xdr for ReadResult {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        match self {
            Self::Done(value) => {
                Status::Done.encode(out)?;
                out.opaque(value, 1048576)
            }
            Self::Default(other) => {
                if matches!(other, Status::Done) {
                    return Err(EncodeError::Case);
                }
                other.encode(out)
            }
        }
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        match <Status as Xdr>::decode(input)? {
            Status::Done => Ok(Self::Done(input.opaque(1048576)?)),
            other => Ok(Self::Default(other)),
        }
    }
}

/// `union stat_result switch (status status)`
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)]
pub enum StatResult {
    /// `case DONE: attributes attributes`
    Done(Attributes),
    /// `default: void`
    Default(Status),
}

impl Xdr for StatResult {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        match self {
            Self::Done(value) => {
                Status::Done.encode(out)?;
                value.encode(out)
            }
            Self::Default(other) => {
                if matches!(other, Status::Done) {
                    return Err(EncodeError::Case);
                }
                other.encode(out)
            }
        }
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        match <Status as Xdr>::decode(input)? {
            Status::Done => Ok(Self::Done(Xdr::decode(input)?)),
            other => Ok(Self::Default(other)),
        }
    }
}

/// `union list_result switch (status status)`
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)]
pub enum ListResult {
    /// `case DONE: entries entries`
    Done(Entries),
    /// `default: void`
    Default(Status),
}

impl Xdr for ListResult {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        match self {
            Self::Done(value) => {
                Status::Done.encode(out)?;
                out.array(value, 256, Xdr::encode)
            }
            Self::Default(other) => {
                if matches!(other, Status::Done) {
                    return Err(EncodeError::Case);
                }
                other.encode(out)
            }
        }
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        match <Status as Xdr>::decode(input)? {
            Status::Done => Ok(Self::Done(input.array(256, Xdr::decode)?)),
            other => Ok(Self::Default(other)),
        }
    }
}

/// `union append_result switch (status status)`
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)]
pub enum AppendResult {
    /// where the data is now
    ///
    /// `case DONE: unsigned hyper offset`
    Done(u64),
    /// `default: void`
    Default(Status),
}

impl Xdr for AppendResult {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        match self {
            Self::Done(value) => {
                Status::Done.encode(out)?;
                value.encode(out)
            }
            Self::Default(other) => {
                if matches!(other, Status::Done) {
                    return Err(EncodeError::Case);
                }
                other.encode(out)
            }
        }
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        match <Status as Xdr>::decode(input)? {
            Status::Done => Ok(Self::Done(Xdr::decode(input)?)),
            other => Ok(Self::Default(other)),
        }
    }
}

/// What the journal has of a call before it is done, so that it can be done again after a crash.
///
/// `struct intent`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// `unsigned int procedure`
    pub procedure: u32,
    /// `file_name name`
    pub name: FileName,
    /// `file_name to`
    pub to: FileName,
    /// `unsigned hyper offset`
    pub offset: u64,
    /// `file_data data`
    pub data: FileData,
}

impl Xdr for Intent {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        self.procedure.encode(out)?;
        out.string(&self.name, 1024)?;
        out.string(&self.to, 1024)?;
        self.offset.encode(out)?;
        out.opaque(&self.data, 1048576)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self {
            procedure: Xdr::decode(input)?,
            name: input.string(1024)?,
            to: input.string(1024)?,
            offset: Xdr::decode(input)?,
            data: input.opaque(1048576)?,
        })
    }
}

/// The four of the lecture.
///
/// `version FILE_1 = 1`
/// of `program FILE_RPC = 0x2000_0051`.
pub mod file_1 {
    use sendrec_stubs::{CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder, Xdr};

    use super::{FileData, FileName, ReadResult, Status};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_0051;
    /// The version's number.
    pub const VERSION: u32 = 1;
    /// `status FILE_CREATE(file_name name) = 1`
    pub const FILE_CREATE: u32 = 1;
    /// `read_result FILE_READ(file_name name, unsigned hyper offset, unsigned int count) = 2`
    pub const FILE_READ: u32 = 2;
    /// `status FILE_WRITE(file_name name, unsigned hyper offset, file_data data) = 3`
    pub const FILE_WRITE: u32 = 3;
    /// `status FILE_DEL(file_name name) = 4`
    pub const FILE_DEL: u32 = 4;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: FILE_CREATE, name: "FILE_CREATE", is_idempotent: false },
        Procedure { number: FILE_READ, name: "FILE_READ", is_idempotent: true },
        Procedure { number: FILE_WRITE, name: "FILE_WRITE", is_idempotent: true },
        Procedure { number: FILE_DEL, name: "FILE_DEL", is_idempotent: false },
    ];

    /// Calls the procedures of a server; each blocks until the answer is here.
    #[derive(Clone, Debug)]
    pub struct Client<C> {
        caller: C,
    }

    impl<C: Caller> Client<C> {
        /// A client of whatever server `caller` reaches.
        pub const fn new(caller: C) -> Self {
            Self { caller }
        }

        /// What the calls go through, for their options.
        pub const fn caller(&self) -> &C {
            &self.caller
        }

        /// Does nothing, there and back.
        pub fn null(&self) -> Result<(), CallError> {
            sendrec_stubs::call(&self.caller, PROGRAM, VERSION, &Procedure::NULL, |_| Ok(()), |_| Ok(()))
        }

        /// `status FILE_CREATE(file_name name) = 1`
        pub fn file_create(&self, name: &[u8]) -> Result<Status, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| out.string(name, 1024),
                Xdr::decode,
            )
        }

        /// As [`Self::file_create`], and does not wait: several calls may be under way.
        pub fn start_file_create(&self, name: &[u8]) -> Result<C::Pending<Status>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| out.string(name, 1024),
                Xdr::decode,
            )
        }

        /// `read_result FILE_READ(file_name name, unsigned hyper offset, unsigned int count) = 2`
        pub fn file_read(
            &self,
            name: &[u8],
            offset: u64,
            count: u32,
        ) -> Result<ReadResult, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |out| {
                    out.string(name, 1024)?;
                    offset.encode(out)?;
                    count.encode(out)
                },
                Xdr::decode,
            )
        }

        /// As [`Self::file_read`], and does not wait: several calls may be under way.
        pub fn start_file_read(&self, name: &[u8], offset: u64, count: u32) -> Result<C::Pending<ReadResult>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |out| {
                    out.string(name, 1024)?;
                    offset.encode(out)?;
                    count.encode(out)
                },
                Xdr::decode,
            )
        }

        /// `status FILE_WRITE(file_name name, unsigned hyper offset, file_data data) = 3`
        pub fn file_write(
            &self,
            name: &[u8],
            offset: u64,
            data: &[u8],
        ) -> Result<Status, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[3],
                |out| {
                    out.string(name, 1024)?;
                    offset.encode(out)?;
                    out.opaque(data, 1048576)
                },
                Xdr::decode,
            )
        }

        /// As [`Self::file_write`], and does not wait: several calls may be under way.
        pub fn start_file_write(&self, name: &[u8], offset: u64, data: &[u8]) -> Result<C::Pending<Status>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[3],
                |out| {
                    out.string(name, 1024)?;
                    offset.encode(out)?;
                    out.opaque(data, 1048576)
                },
                Xdr::decode,
            )
        }

        /// `status FILE_DEL(file_name name) = 4`
        pub fn file_del(&self, name: &[u8]) -> Result<Status, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[4],
                |out| out.string(name, 1024),
                Xdr::decode,
            )
        }

        /// As [`Self::file_del`], and does not wait: several calls may be under way.
        pub fn start_file_del(&self, name: &[u8]) -> Result<C::Pending<Status>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[4],
                |out| out.string(name, 1024),
                Xdr::decode,
            )
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// `status FILE_CREATE(file_name name) = 1`
        fn file_create(&self, context: &Context<'_>, name: FileName) -> Result<Status, Refusal>;

        /// `read_result FILE_READ(file_name name, unsigned hyper offset, unsigned int count) = 2`
        fn file_read(&self, context: &Context<'_>, name: FileName, offset: u64, count: u32) -> Result<ReadResult, Refusal>;

        /// `status FILE_WRITE(file_name name, unsigned hyper offset, file_data data) = 3`
        fn file_write(&self, context: &Context<'_>, name: FileName, offset: u64, data: FileData) -> Result<Status, Refusal>;

        /// `status FILE_DEL(file_name name) = 4`
        fn file_del(&self, context: &Context<'_>, name: FileName) -> Result<Status, Refusal>;
    }

    /// Finds the procedure that a call asks for, unpacks its arguments, and packs its result.
    #[derive(Clone, Debug)]
    pub struct Dispatch<S>(pub S);

    impl<S: Server> Service for Dispatch<S> {
        fn program(&self) -> u32 {
            PROGRAM
        }

        fn version(&self) -> u32 {
            VERSION
        }

        fn procedures(&self) -> &'static [Procedure] {
            PROCEDURES
        }

        fn serve(
            &self,
            context: &Context<'_>,
            procedure: u32,
            input: &mut Decoder,
            out: &mut Encoder,
        ) -> Result<(), ServeError> {
            match procedure {
                0 => Ok(input.end()?),
                FILE_CREATE => {
                    let name = input.string(1024)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.file_create(context, name))?;
                    Ok(result.encode(out)?)
                }
                FILE_READ => {
                    let name = input.string(1024)?;
                    let offset = Xdr::decode(input)?;
                    let count = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.file_read(context, name, offset, count))?;
                    Ok(result.encode(out)?)
                }
                FILE_WRITE => {
                    let name = input.string(1024)?;
                    let offset = Xdr::decode(input)?;
                    let data = input.opaque(1048576)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.file_write(context, name, offset, data))?;
                    Ok(result.encode(out)?)
                }
                FILE_DEL => {
                    let name = input.string(1024)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.file_del(context, name))?;
                    Ok(result.encode(out)?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}

/// And what a person needs besides.
///
/// `version FILE_2 = 2`
/// of `program FILE_RPC = 0x2000_0051`.
pub mod file_2 {
    use sendrec_stubs::{CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder, Xdr};

    use super::{AppendResult, FileData, FileName, ListResult, ReadResult, StatResult, Status};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_0051;
    /// The version's number.
    pub const VERSION: u32 = 2;
    /// `status FILE_CREATE(file_name name) = 1`
    pub const FILE_CREATE: u32 = 1;
    /// `read_result FILE_READ(file_name name, unsigned hyper offset, unsigned int count) = 2`
    pub const FILE_READ: u32 = 2;
    /// `status FILE_WRITE(file_name name, unsigned hyper offset, file_data data) = 3`
    pub const FILE_WRITE: u32 = 3;
    /// `status FILE_DEL(file_name name) = 4`
    pub const FILE_DEL: u32 = 4;
    /// `stat_result FILE_STAT(file_name name) = 5`
    pub const FILE_STAT: u32 = 5;
    /// `list_result FILE_LIST(file_name name, file_name after) = 6`
    pub const FILE_LIST: u32 = 6;
    /// `status FILE_RENAME(file_name name, file_name to) = 7`
    pub const FILE_RENAME: u32 = 7;
    /// `status FILE_TRUNCATE(file_name name, unsigned hyper length) = 8`
    pub const FILE_TRUNCATE: u32 = 8;
    /// `status FILE_MKDIR(file_name name) = 9`
    pub const FILE_MKDIR: u32 = 9;
    /// `status FILE_RMDIR(file_name name) = 10`
    pub const FILE_RMDIR: u32 = 10;
    /// `append_result FILE_APPEND(file_name name, file_data data) = 11`
    pub const FILE_APPEND: u32 = 11;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: FILE_CREATE, name: "FILE_CREATE", is_idempotent: false },
        Procedure { number: FILE_READ, name: "FILE_READ", is_idempotent: true },
        Procedure { number: FILE_WRITE, name: "FILE_WRITE", is_idempotent: true },
        Procedure { number: FILE_DEL, name: "FILE_DEL", is_idempotent: false },
        Procedure { number: FILE_STAT, name: "FILE_STAT", is_idempotent: true },
        Procedure { number: FILE_LIST, name: "FILE_LIST", is_idempotent: false },
        Procedure { number: FILE_RENAME, name: "FILE_RENAME", is_idempotent: false },
        Procedure { number: FILE_TRUNCATE, name: "FILE_TRUNCATE", is_idempotent: true },
        Procedure { number: FILE_MKDIR, name: "FILE_MKDIR", is_idempotent: false },
        Procedure { number: FILE_RMDIR, name: "FILE_RMDIR", is_idempotent: false },
        Procedure { number: FILE_APPEND, name: "FILE_APPEND", is_idempotent: false },
    ];

    /// Calls the procedures of a server; each blocks until the answer is here.
    #[derive(Clone, Debug)]
    pub struct Client<C> {
        caller: C,
    }

    impl<C: Caller> Client<C> {
        /// A client of whatever server `caller` reaches.
        pub const fn new(caller: C) -> Self {
            Self { caller }
        }

        /// What the calls go through, for their options.
        pub const fn caller(&self) -> &C {
            &self.caller
        }

        /// Does nothing, there and back.
        pub fn null(&self) -> Result<(), CallError> {
            sendrec_stubs::call(&self.caller, PROGRAM, VERSION, &Procedure::NULL, |_| Ok(()), |_| Ok(()))
        }

        /// `status FILE_CREATE(file_name name) = 1`
        pub fn file_create(&self, name: &[u8]) -> Result<Status, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| out.string(name, 1024),
                Xdr::decode,
            )
        }

        /// As [`Self::file_create`], and does not wait: several calls may be under way.
        pub fn start_file_create(&self, name: &[u8]) -> Result<C::Pending<Status>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| out.string(name, 1024),
                Xdr::decode,
            )
        }

        /// `read_result FILE_READ(file_name name, unsigned hyper offset, unsigned int count) = 2`
        pub fn file_read(
            &self,
            name: &[u8],
            offset: u64,
            count: u32,
        ) -> Result<ReadResult, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |out| {
                    out.string(name, 1024)?;
                    offset.encode(out)?;
                    count.encode(out)
                },
                Xdr::decode,
            )
        }

        /// As [`Self::file_read`], and does not wait: several calls may be under way.
        pub fn start_file_read(&self, name: &[u8], offset: u64, count: u32) -> Result<C::Pending<ReadResult>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |out| {
                    out.string(name, 1024)?;
                    offset.encode(out)?;
                    count.encode(out)
                },
                Xdr::decode,
            )
        }

        /// `status FILE_WRITE(file_name name, unsigned hyper offset, file_data data) = 3`
        pub fn file_write(
            &self,
            name: &[u8],
            offset: u64,
            data: &[u8],
        ) -> Result<Status, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[3],
                |out| {
                    out.string(name, 1024)?;
                    offset.encode(out)?;
                    out.opaque(data, 1048576)
                },
                Xdr::decode,
            )
        }

        /// As [`Self::file_write`], and does not wait: several calls may be under way.
        pub fn start_file_write(&self, name: &[u8], offset: u64, data: &[u8]) -> Result<C::Pending<Status>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[3],
                |out| {
                    out.string(name, 1024)?;
                    offset.encode(out)?;
                    out.opaque(data, 1048576)
                },
                Xdr::decode,
            )
        }

        /// `status FILE_DEL(file_name name) = 4`
        pub fn file_del(&self, name: &[u8]) -> Result<Status, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[4],
                |out| out.string(name, 1024),
                Xdr::decode,
            )
        }

        /// As [`Self::file_del`], and does not wait: several calls may be under way.
        pub fn start_file_del(&self, name: &[u8]) -> Result<C::Pending<Status>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[4],
                |out| out.string(name, 1024),
                Xdr::decode,
            )
        }

        /// `stat_result FILE_STAT(file_name name) = 5`
        pub fn file_stat(&self, name: &[u8]) -> Result<StatResult, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[5],
                |out| out.string(name, 1024),
                Xdr::decode,
            )
        }

        /// As [`Self::file_stat`], and does not wait: several calls may be under way.
        pub fn start_file_stat(&self, name: &[u8]) -> Result<C::Pending<StatResult>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[5],
                |out| out.string(name, 1024),
                Xdr::decode,
            )
        }

        /// The entries behind that name, in order; none when there are no more.  @idempotent
        ///
        /// `list_result FILE_LIST(file_name name, file_name after) = 6`
        pub fn file_list(&self, name: &[u8], after: &[u8]) -> Result<ListResult, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[6],
                |out| {
                    out.string(name, 1024)?;
                    out.string(after, 1024)
                },
                Xdr::decode,
            )
        }

        /// As [`Self::file_list`], and does not wait: several calls may be under way.
        pub fn start_file_list(&self, name: &[u8], after: &[u8]) -> Result<C::Pending<ListResult>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[6],
                |out| {
                    out.string(name, 1024)?;
                    out.string(after, 1024)
                },
                Xdr::decode,
            )
        }

        /// `status FILE_RENAME(file_name name, file_name to) = 7`
        pub fn file_rename(&self, name: &[u8], to: &[u8]) -> Result<Status, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[7],
                |out| {
                    out.string(name, 1024)?;
                    out.string(to, 1024)
                },
                Xdr::decode,
            )
        }

        /// As [`Self::file_rename`], and does not wait: several calls may be under way.
        pub fn start_file_rename(&self, name: &[u8], to: &[u8]) -> Result<C::Pending<Status>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[7],
                |out| {
                    out.string(name, 1024)?;
                    out.string(to, 1024)
                },
                Xdr::decode,
            )
        }

        /// `status FILE_TRUNCATE(file_name name, unsigned hyper length) = 8`
        pub fn file_truncate(&self, name: &[u8], length: u64) -> Result<Status, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[8],
                |out| {
                    out.string(name, 1024)?;
                    length.encode(out)
                },
                Xdr::decode,
            )
        }

        /// As [`Self::file_truncate`], and does not wait: several calls may be under way.
        pub fn start_file_truncate(&self, name: &[u8], length: u64) -> Result<C::Pending<Status>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[8],
                |out| {
                    out.string(name, 1024)?;
                    length.encode(out)
                },
                Xdr::decode,
            )
        }

        /// `status FILE_MKDIR(file_name name) = 9`
        pub fn file_mkdir(&self, name: &[u8]) -> Result<Status, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[9],
                |out| out.string(name, 1024),
                Xdr::decode,
            )
        }

        /// As [`Self::file_mkdir`], and does not wait: several calls may be under way.
        pub fn start_file_mkdir(&self, name: &[u8]) -> Result<C::Pending<Status>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[9],
                |out| out.string(name, 1024),
                Xdr::decode,
            )
        }

        /// `status FILE_RMDIR(file_name name) = 10`
        pub fn file_rmdir(&self, name: &[u8]) -> Result<Status, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[10],
                |out| out.string(name, 1024),
                Xdr::decode,
            )
        }

        /// As [`Self::file_rmdir`], and does not wait: several calls may be under way.
        pub fn start_file_rmdir(&self, name: &[u8]) -> Result<C::Pending<Status>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[10],
                |out| out.string(name, 1024),
                Xdr::decode,
            )
        }

        /// Writes at the end of the file, wherever that is.
        ///
        /// `append_result FILE_APPEND(file_name name, file_data data) = 11`
        pub fn file_append(&self, name: &[u8], data: &[u8]) -> Result<AppendResult, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[11],
                |out| {
                    out.string(name, 1024)?;
                    out.opaque(data, 1048576)
                },
                Xdr::decode,
            )
        }

        /// As [`Self::file_append`], and does not wait: several calls may be under way.
        pub fn start_file_append(&self, name: &[u8], data: &[u8]) -> Result<C::Pending<AppendResult>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[11],
                |out| {
                    out.string(name, 1024)?;
                    out.opaque(data, 1048576)
                },
                Xdr::decode,
            )
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// `status FILE_CREATE(file_name name) = 1`
        fn file_create(&self, context: &Context<'_>, name: FileName) -> Result<Status, Refusal>;

        /// `read_result FILE_READ(file_name name, unsigned hyper offset, unsigned int count) = 2`
        fn file_read(&self, context: &Context<'_>, name: FileName, offset: u64, count: u32) -> Result<ReadResult, Refusal>;

        /// `status FILE_WRITE(file_name name, unsigned hyper offset, file_data data) = 3`
        fn file_write(&self, context: &Context<'_>, name: FileName, offset: u64, data: FileData) -> Result<Status, Refusal>;

        /// `status FILE_DEL(file_name name) = 4`
        fn file_del(&self, context: &Context<'_>, name: FileName) -> Result<Status, Refusal>;

        /// `stat_result FILE_STAT(file_name name) = 5`
        fn file_stat(&self, context: &Context<'_>, name: FileName) -> Result<StatResult, Refusal>;

        /// The entries behind that name, in order; none when there are no more.  @idempotent
        ///
        /// `list_result FILE_LIST(file_name name, file_name after) = 6`
        fn file_list(&self, context: &Context<'_>, name: FileName, after: FileName) -> Result<ListResult, Refusal>;

        /// `status FILE_RENAME(file_name name, file_name to) = 7`
        fn file_rename(&self, context: &Context<'_>, name: FileName, to: FileName) -> Result<Status, Refusal>;

        /// `status FILE_TRUNCATE(file_name name, unsigned hyper length) = 8`
        fn file_truncate(&self, context: &Context<'_>, name: FileName, length: u64) -> Result<Status, Refusal>;

        /// `status FILE_MKDIR(file_name name) = 9`
        fn file_mkdir(&self, context: &Context<'_>, name: FileName) -> Result<Status, Refusal>;

        /// `status FILE_RMDIR(file_name name) = 10`
        fn file_rmdir(&self, context: &Context<'_>, name: FileName) -> Result<Status, Refusal>;

        /// Writes at the end of the file, wherever that is.
        ///
        /// `append_result FILE_APPEND(file_name name, file_data data) = 11`
        fn file_append(&self, context: &Context<'_>, name: FileName, data: FileData) -> Result<AppendResult, Refusal>;
    }

    /// Finds the procedure that a call asks for, unpacks its arguments, and packs its result.
    #[derive(Clone, Debug)]
    pub struct Dispatch<S>(pub S);

    impl<S: Server> Service for Dispatch<S> {
        fn program(&self) -> u32 {
            PROGRAM
        }

        fn version(&self) -> u32 {
            VERSION
        }

        fn procedures(&self) -> &'static [Procedure] {
            PROCEDURES
        }

        fn serve(
            &self,
            context: &Context<'_>,
            procedure: u32,
            input: &mut Decoder,
            out: &mut Encoder,
        ) -> Result<(), ServeError> {
            match procedure {
                0 => Ok(input.end()?),
                FILE_CREATE => {
                    let name = input.string(1024)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.file_create(context, name))?;
                    Ok(result.encode(out)?)
                }
                FILE_READ => {
                    let name = input.string(1024)?;
                    let offset = Xdr::decode(input)?;
                    let count = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.file_read(context, name, offset, count))?;
                    Ok(result.encode(out)?)
                }
                FILE_WRITE => {
                    let name = input.string(1024)?;
                    let offset = Xdr::decode(input)?;
                    let data = input.opaque(1048576)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.file_write(context, name, offset, data))?;
                    Ok(result.encode(out)?)
                }
                FILE_DEL => {
                    let name = input.string(1024)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.file_del(context, name))?;
                    Ok(result.encode(out)?)
                }
                FILE_STAT => {
                    let name = input.string(1024)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.file_stat(context, name))?;
                    Ok(result.encode(out)?)
                }
                FILE_LIST => {
                    let name = input.string(1024)?;
                    let after = input.string(1024)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.file_list(context, name, after))?;
                    Ok(result.encode(out)?)
                }
                FILE_RENAME => {
                    let name = input.string(1024)?;
                    let to = input.string(1024)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.file_rename(context, name, to))?;
                    Ok(result.encode(out)?)
                }
                FILE_TRUNCATE => {
                    let name = input.string(1024)?;
                    let length = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.file_truncate(context, name, length))?;
                    Ok(result.encode(out)?)
                }
                FILE_MKDIR => {
                    let name = input.string(1024)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.file_mkdir(context, name))?;
                    Ok(result.encode(out)?)
                }
                FILE_RMDIR => {
                    let name = input.string(1024)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.file_rmdir(context, name))?;
                    Ok(result.encode(out)?)
                }
                FILE_APPEND => {
                    let name = input.string(1024)?;
                    let data = input.opaque(1048576)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.file_append(context, name, data))?;
                    Ok(result.encode(out)?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}
