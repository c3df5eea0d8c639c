// Made from protocol.x by sendrec rpcgen. Do not edit: change protocol.x and make it again.
use sendrec_stubs::Bytes;
use sendrec_stubs::xdr::{DecodeError, Decoder, EncodeError, Encoder, Xdr};

/// `const CALLS_MAX = 1024`
pub const CALLS_MAX: u32 = 1024;

/// One call, by the identity that travels with it.
///
/// `struct a_call`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ACall {
    /// `opaque client[16]`
    pub client: [u8; 16],
    /// `unsigned hyper sequence`
    pub sequence: u64,
}

impl Xdr for ACall {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.fixed(&self.client)?;
        self.sequence.encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self { client: input.fixed()?, sequence: Xdr::decode(input)? })
    }
}

/// How many computations were found to be orphans.
///
/// `typedef unsigned int found`
pub type Found = u32;

/// A client's log: its calls that are under way.
///
/// `struct logged`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// `unsigned hyper sequence`
    pub sequence: u64,
    /// `string server<255>`
    pub server: Bytes,
}

impl Xdr for Logged {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        self.sequence.encode(out)?;
        out.string(&self.server, 255)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self { sequence: Xdr::decode(input)?, server: input.string(255)? })
    }
}

/// `struct call_log`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallLog {
    /// `opaque client[16]`
    pub client: [u8; 16],
    /// `logged calls<1024>`
    pub calls: Vec<Logged>,
}

impl Xdr for CallLog {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.fixed(&self.client)?;
        out.array(&self.calls, 1024, Xdr::encode)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self { client: input.fixed()?, calls: input.array(1024, Xdr::decode)? })
    }
}

/// And those of earlier incarnations, which are yet to be seen to.
///
/// `typedef call_log call_logs<64>`
pub type CallLogs = Vec<CallLog>;

/// `version ORPHANS_1 = 1`
/// of `program ORPHANS = 0x2000_0058`.
pub mod orphans_1 {
    use sendrec_stubs::{CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder, Xdr};

    use super::{ACall, Found};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_0058;
    /// The version's number.
    pub const VERSION: u32 = 1;
    /// `found EXTERMINATE(a_call calls<1024>) = 1`
    pub const EXTERMINATE: u32 = 1;
    /// `found REINCARNATE(void) = 2`
    pub const REINCARNATE: u32 = 2;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: EXTERMINATE, name: "EXTERMINATE", is_idempotent: false },
        Procedure { number: REINCARNATE, name: "REINCARNATE", is_idempotent: false },
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

        /// Extermination: these calls were under way when I crashed.  @idempotent
        ///
        /// `found EXTERMINATE(a_call calls<1024>) = 1`
        pub fn exterminate(&self, calls: &[ACall]) -> Result<Found, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| out.array(calls, 1024, Xdr::encode),
                Xdr::decode,
            )
        }

        /// As [`Self::exterminate`], and does not wait: several calls may be under way.
        pub fn start_exterminate(&self, calls: &[ACall]) -> Result<C::Pending<Found>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| out.array(calls, 1024, Xdr::encode),
                Xdr::decode,
            )
        }

        /// A new epoch begins: I am back.  @idempotent
        ///
        /// `found REINCARNATE(void) = 2`
        pub fn reincarnate(&self) -> Result<Found, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |_| Ok(()),
                Xdr::decode,
            )
        }

        /// As [`Self::reincarnate`], and does not wait: several calls may be under way.
        pub fn start_reincarnate(&self) -> Result<C::Pending<Found>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |_| Ok(()),
                Xdr::decode,
            )
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// Extermination: these calls were under way when I crashed.  @idempotent
        ///
        /// `found EXTERMINATE(a_call calls<1024>) = 1`
        fn exterminate(&self, context: &Context<'_>, calls: Vec<ACall>) -> Result<Found, Refusal>;

        /// A new epoch begins: I am back.  @idempotent
        ///
        /// `found REINCARNATE(void) = 2`
        fn reincarnate(&self, context: &Context<'_>) -> Result<Found, Refusal>;
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
                EXTERMINATE => {
                    let calls = input.array(1024, Xdr::decode)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.exterminate(context, calls))?;
                    Ok(result.encode(out)?)
                }
                REINCARNATE => {
                    context.unpacked(input)?;
                    let result = context.performed(self.0.reincarnate(context))?;
                    Ok(result.encode(out)?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}
