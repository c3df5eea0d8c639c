// Made from jobs.x by sendrec rpcgen. Do not edit: change jobs.x and make it again.

/// What servers do that take their time.
///
/// `version JOBS_1 = 1`
/// of `program JOBS = 0x2000_0059`.
pub mod jobs_1 {
    use sendrec_stubs::{Bytes, CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder, Xdr};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_0059;
    /// The version's number.
    pub const VERSION: u32 = 1;
    /// `unsigned int WORK(unsigned int ms, string lock<16>) = 1`
    pub const WORK: u32 = 1;
    /// `int LOOK(void) = 2`
    pub const LOOK: u32 = 2;
    /// `int CHANGE(void) = 3`
    pub const CHANGE: u32 = 3;
    /// `unsigned int ASK(string server<>, unsigned int ms) = 4`
    pub const ASK: u32 = 4;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: WORK, name: "WORK", is_idempotent: false },
        Procedure { number: LOOK, name: "LOOK", is_idempotent: true },
        Procedure { number: CHANGE, name: "CHANGE", is_idempotent: false },
        Procedure { number: ASK, name: "ASK", is_idempotent: false },
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

        /// Works so many milliseconds, with the lock; how many times it was looked whether anybody waits.
        ///
        /// `unsigned int WORK(unsigned int ms, string lock<16>) = 1`
        pub fn work(&self, ms: u32, lock: &[u8]) -> Result<u32, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| {
                    ms.encode(out)?;
                    out.string(lock, 16)
                },
                Xdr::decode,
            )
        }

        /// As [`Self::work`], and does not wait: several calls may be under way.
        pub fn start_work(&self, ms: u32, lock: &[u8]) -> Result<C::Pending<u32>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| {
                    ms.encode(out)?;
                    out.string(lock, 16)
                },
                Xdr::decode,
            )
        }

        /// `int LOOK(void) = 2`
        pub fn look(&self) -> Result<i32, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |_| Ok(()),
                Xdr::decode,
            )
        }

        /// As [`Self::look`], and does not wait: several calls may be under way.
        pub fn start_look(&self) -> Result<C::Pending<i32>, CallError>
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

        /// `int CHANGE(void) = 3`
        pub fn change(&self) -> Result<i32, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[3],
                |_| Ok(()),
                Xdr::decode,
            )
        }

        /// As [`Self::change`], and does not wait: several calls may be under way.
        pub fn start_change(&self) -> Result<C::Pending<i32>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[3],
                |_| Ok(()),
                Xdr::decode,
            )
        }

        /// Has another server work so long, within the time that is left to this.
        ///
        /// `unsigned int ASK(string server<>, unsigned int ms) = 4`
        pub fn ask(&self, server: &[u8], ms: u32) -> Result<u32, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[4],
                |out| {
                    out.string(server, u32::MAX)?;
                    ms.encode(out)
                },
                Xdr::decode,
            )
        }

        /// As [`Self::ask`], and does not wait: several calls may be under way.
        pub fn start_ask(&self, server: &[u8], ms: u32) -> Result<C::Pending<u32>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[4],
                |out| {
                    out.string(server, u32::MAX)?;
                    ms.encode(out)
                },
                Xdr::decode,
            )
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// Works so many milliseconds, with the lock; how many times it was looked whether anybody waits.
        ///
        /// `unsigned int WORK(unsigned int ms, string lock<16>) = 1`
        fn work(&self, context: &Context<'_>, ms: u32, lock: Bytes) -> Result<u32, Refusal>;

        /// `int LOOK(void) = 2`
        fn look(&self, context: &Context<'_>) -> Result<i32, Refusal>;

        /// `int CHANGE(void) = 3`
        fn change(&self, context: &Context<'_>) -> Result<i32, Refusal>;

        /// Has another server work so long, within the time that is left to this.
        ///
        /// `unsigned int ASK(string server<>, unsigned int ms) = 4`
        fn ask(&self, context: &Context<'_>, server: Bytes, ms: u32) -> Result<u32, Refusal>;
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
                WORK => {
                    let ms = Xdr::decode(input)?;
                    let lock = input.string(16)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.work(context, ms, lock))?;
                    Ok(result.encode(out)?)
                }
                LOOK => {
                    context.unpacked(input)?;
                    let result = context.performed(self.0.look(context))?;
                    Ok(result.encode(out)?)
                }
                CHANGE => {
                    context.unpacked(input)?;
                    let result = context.performed(self.0.change(context))?;
                    Ok(result.encode(out)?)
                }
                ASK => {
                    let server = input.string(u32::MAX)?;
                    let ms = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.ask(context, server, ms))?;
                    Ok(result.encode(out)?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}
