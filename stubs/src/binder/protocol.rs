// Made from protocol.x by sendrec rpcgen. Do not edit: change protocol.x and make it again.
use sendrec_stubs::Bytes;
use sendrec_stubs::xdr::{DecodeError, Decoder, EncodeError, Encoder, Xdr};

/// Letters, digits, \`-\`, \`\_\` and \`.\`.
///
/// `typedef string name<64>`
pub type Name = Bytes;

/// Where it is: an address, or a sparse id.
///
/// `typedef string handle<100>`
pub type Handle = Bytes;

/// Known to who registered alone: proof that an entry is its own.
///
/// `typedef opaque credential[16]`
pub type Credential = [u8; 16];

/// `struct entry`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `name name`
    pub name: Name,
    /// `unsigned int vers`
    pub vers: u32,
    /// `handle handle`
    pub handle: Handle,
    /// tells instances of one service apart
    ///
    /// `unsigned hyper unique_id`
    pub unique_id: u64,
}

impl Xdr for Entry {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.string(&self.name, 64)?;
        self.vers.encode(out)?;
        out.string(&self.handle, 100)?;
        self.unique_id.encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self {
            name: input.string(64)?,
            vers: Xdr::decode(input)?,
            handle: input.string(100)?,
            unique_id: Xdr::decode(input)?,
        })
    }
}

/// `struct offer`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// `entry entry`
    pub entry: Entry,
    /// `credential credential`
    pub credential: Credential,
}

impl Xdr for Offer {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        self.entry.encode(out)?;
        out.fixed(&self.credential)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self { entry: Xdr::decode(input)?, credential: input.fixed()? })
    }
}

/// An interface file's text.
///
/// `typedef string interface<65536>`
pub type Interface = Bytes;

/// `enum status`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Status {
    /// `OK`
    Ok = 0,
    /// nobody offers the service
    ///
    /// `NOT_FOUND`
    NotFound = 1,
    /// it is offered, in other versions
    ///
    /// `VERSION_MISMATCH`
    VersionMismatch = 2,
    /// the credential is not the one it was registered with
    ///
    /// `NOT_YOURS`
    NotYours = 3,
    /// not a service's name, or not a handle
    ///
    /// `BAD_NAME`
    BadName = 4,
    /// as many entries as there may be
    ///
    /// `FULL`
    Full = 5,
    /// the entry could not be written down: nothing has changed
    ///
    /// `NOT_KEPT`
    NotKept = 6,
}

impl Xdr for Status {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        (*self as i32).encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        match i32::decode(input)? {
            0 => Ok(Self::Ok),
            1 => Ok(Self::NotFound),
            2 => Ok(Self::VersionMismatch),
            3 => Ok(Self::NotYours),
            4 => Ok(Self::BadName),
            5 => Ok(Self::Full),
            6 => Ok(Self::NotKept),
            other => Err(input.unknown("status", i64::from(other))),
        }
    }
}

/// `struct versions`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    /// `unsigned int low`
    pub low: u32,
    /// `unsigned int high`
    pub high: u32,
}

impl Xdr for Versions {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        self.low.encode(out)?;
        self.high.encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self { low: Xdr::decode(input)?, high: Xdr::decode(input)? })
    }
}

/// `union found switch (status status)`
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)]
pub enum Found {
    /// `case OK: entry entry`
    Ok(Entry),
    /// `case VERSION_MISMATCH: versions versions`
    VersionMismatch(Versions),
    /// `default: void`
    Default(Status),
}

impl Xdr for Found {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        match self {
            Self::Ok(value) => {
                Status::Ok.encode(out)?;
                value.encode(out)
            }
            Self::VersionMismatch(value) => {
                Status::VersionMismatch.encode(out)?;
                value.encode(out)
            }
            Self::Default(other) => {
                if matches!(other, Status::Ok | Status::VersionMismatch) {
                    return Err(EncodeError::Case);
                }
                other.encode(out)
            }
        }
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        match <Status as Xdr>::decode(input)? {
            Status::Ok => Ok(Self::Ok(Xdr::decode(input)?)),
            Status::VersionMismatch => Ok(Self::VersionMismatch(Xdr::decode(input)?)),
            other => Ok(Self::Default(other)),
        }
    }
}

/// `union text switch (status status)`
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)]
pub enum Text {
    /// `case OK: interface text`
    Ok(Interface),
    /// `case VERSION_MISMATCH: versions versions`
    VersionMismatch(Versions),
    /// `default: void`
    Default(Status),
}

impl Xdr for Text {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        match self {
            Self::Ok(value) => {
                Status::Ok.encode(out)?;
                out.string(value, 65536)
            }
            Self::VersionMismatch(value) => {
                Status::VersionMismatch.encode(out)?;
                value.encode(out)
            }
            Self::Default(other) => {
                if matches!(other, Status::Ok | Status::VersionMismatch) {
                    return Err(EncodeError::Case);
                }
                other.encode(out)
            }
        }
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        match <Status as Xdr>::decode(input)? {
            Status::Ok => Ok(Self::Ok(input.string(65536)?)),
            Status::VersionMismatch => Ok(Self::VersionMismatch(Xdr::decode(input)?)),
            other => Ok(Self::Default(other)),
        }
    }
}

/// `typedef entry entries<256>`
pub type Entries = Vec<Entry>;

/// What is written down.
///
/// `struct kept`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// `offer offer`
    pub offer: Offer,
    /// `interface text`
    pub text: Interface,
}

impl Xdr for Kept {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        self.offer.encode(out)?;
        out.string(&self.text, 65536)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self { offer: Xdr::decode(input)?, text: input.string(65536)? })
    }
}

/// `struct registrations`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registrations {
    /// `kept kept<4096>`
    pub kept: Vec<Kept>,
}

impl Xdr for Registrations {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.array(&self.kept, 4096, Xdr::encode)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self { kept: input.array(4096, Xdr::decode)? })
    }
}

/// `version BINDER_1 = 1`
/// of `program BINDER = 0x2000_0050`.
pub mod binder_1 {
    use sendrec_stubs::{CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder, Xdr};

    use super::{Entries, Found, Interface, Name, Offer, Status, Text};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_0050;
    /// The version's number.
    pub const VERSION: u32 = 1;
    /// `status REGISTER(offer argument) = 1`
    pub const REGISTER: u32 = 1;
    /// `status DEREGISTER(offer argument) = 2`
    pub const DEREGISTER: u32 = 2;
    /// `found LOOKUP(name name, unsigned int vers) = 3`
    pub const LOOKUP: u32 = 3;
    /// `status PUBLISH(offer offer, interface text) = 4`
    pub const PUBLISH: u32 = 4;
    /// `text FETCH(name name, unsigned int vers) = 5`
    pub const FETCH: u32 = 5;
    /// `entries LIST(unsigned int from) = 6`
    pub const LIST: u32 = 6;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: REGISTER, name: "REGISTER", is_idempotent: true },
        Procedure { number: DEREGISTER, name: "DEREGISTER", is_idempotent: true },
        Procedure { number: LOOKUP, name: "LOOKUP", is_idempotent: true },
        Procedure { number: PUBLISH, name: "PUBLISH", is_idempotent: true },
        Procedure { number: FETCH, name: "FETCH", is_idempotent: true },
        Procedure { number: LIST, name: "LIST", is_idempotent: true },
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

        /// Offers a service; again, at another place.
        ///
        /// `status REGISTER(offer argument) = 1`
        pub fn register(&self, argument: &Offer) -> Result<Status, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| argument.encode(out),
                Xdr::decode,
            )
        }

        /// As [`Self::register`], and does not wait: several calls may be under way.
        pub fn start_register(&self, argument: &Offer) -> Result<C::Pending<Status>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| argument.encode(out),
                Xdr::decode,
            )
        }

        /// And no longer.
        ///
        /// `status DEREGISTER(offer argument) = 2`
        pub fn deregister(&self, argument: &Offer) -> Result<Status, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |out| argument.encode(out),
                Xdr::decode,
            )
        }

        /// As [`Self::deregister`], and does not wait: several calls may be under way.
        pub fn start_deregister(&self, argument: &Offer) -> Result<C::Pending<Status>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |out| argument.encode(out),
                Xdr::decode,
            )
        }

        /// One who offers it: of several each in turn. Who is dead is found out and forgotten.
        ///
        /// `found LOOKUP(name name, unsigned int vers) = 3`
        pub fn lookup(&self, name: &[u8], vers: u32) -> Result<Found, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[3],
                |out| {
                    out.string(name, 64)?;
                    vers.encode(out)
                },
                Xdr::decode,
            )
        }

        /// As [`Self::lookup`], and does not wait: several calls may be under way.
        pub fn start_lookup(&self, name: &[u8], vers: u32) -> Result<C::Pending<Found>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[3],
                |out| {
                    out.string(name, 64)?;
                    vers.encode(out)
                },
                Xdr::decode,
            )
        }

        /// Publishes an offer's interface.
        ///
        /// `status PUBLISH(offer offer, interface text) = 4`
        pub fn publish(&self, offer: &Offer, text: &[u8]) -> Result<Status, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[4],
                |out| {
                    offer.encode(out)?;
                    out.string(text, 65536)
                },
                Xdr::decode,
            )
        }

        /// As [`Self::publish`], and does not wait: several calls may be under way.
        pub fn start_publish(&self, offer: &Offer, text: &[u8]) -> Result<C::Pending<Status>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[4],
                |out| {
                    offer.encode(out)?;
                    out.string(text, 65536)
                },
                Xdr::decode,
            )
        }

        /// The interface of a service.
        ///
        /// `text FETCH(name name, unsigned int vers) = 5`
        pub fn fetch(&self, name: &[u8], vers: u32) -> Result<Text, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[5],
                |out| {
                    out.string(name, 64)?;
                    vers.encode(out)
                },
                Xdr::decode,
            )
        }

        /// As [`Self::fetch`], and does not wait: several calls may be under way.
        pub fn start_fetch(&self, name: &[u8], vers: u32) -> Result<C::Pending<Text>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[5],
                |out| {
                    out.string(name, 64)?;
                    vers.encode(out)
                },
                Xdr::decode,
            )
        }

        /// Entries in order, without the first so many.
        ///
        /// `entries LIST(unsigned int from) = 6`
        pub fn list(&self, from: u32) -> Result<Entries, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[6],
                |out| from.encode(out),
                |input| input.array(256, Xdr::decode),
            )
        }

        /// As [`Self::list`], and does not wait: several calls may be under way.
        pub fn start_list(&self, from: u32) -> Result<C::Pending<Entries>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[6],
                |out| from.encode(out),
                |input| input.array(256, Xdr::decode),
            )
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// Offers a service; again, at another place.
        ///
        /// `status REGISTER(offer argument) = 1`
        fn register(&self, context: &Context<'_>, argument: Offer) -> Result<Status, Refusal>;

        /// And no longer.
        ///
        /// `status DEREGISTER(offer argument) = 2`
        fn deregister(&self, context: &Context<'_>, argument: Offer) -> Result<Status, Refusal>;

        /// One who offers it: of several each in turn. Who is dead is found out and forgotten.
        ///
        /// `found LOOKUP(name name, unsigned int vers) = 3`
        fn lookup(&self, context: &Context<'_>, name: Name, vers: u32) -> Result<Found, Refusal>;

        /// Publishes an offer's interface.
        ///
        /// `status PUBLISH(offer offer, interface text) = 4`
        fn publish(&self, context: &Context<'_>, offer: Offer, text: Interface) -> Result<Status, Refusal>;

        /// The interface of a service.
        ///
        /// `text FETCH(name name, unsigned int vers) = 5`
        fn fetch(&self, context: &Context<'_>, name: Name, vers: u32) -> Result<Text, Refusal>;

        /// Entries in order, without the first so many.
        ///
        /// `entries LIST(unsigned int from) = 6`
        fn list(&self, context: &Context<'_>, from: u32) -> Result<Entries, Refusal>;
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
                REGISTER => {
                    let argument = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.register(context, argument))?;
                    Ok(result.encode(out)?)
                }
                DEREGISTER => {
                    let argument = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.deregister(context, argument))?;
                    Ok(result.encode(out)?)
                }
                LOOKUP => {
                    let name = input.string(64)?;
                    let vers = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.lookup(context, name, vers))?;
                    Ok(result.encode(out)?)
                }
                PUBLISH => {
                    let offer = Xdr::decode(input)?;
                    let text = input.string(65536)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.publish(context, offer, text))?;
                    Ok(result.encode(out)?)
                }
                FETCH => {
                    let name = input.string(64)?;
                    let vers = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.fetch(context, name, vers))?;
                    Ok(result.encode(out)?)
                }
                LIST => {
                    let from = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.list(context, from))?;
                    Ok(out.array(&result, 256, Xdr::encode)?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}
