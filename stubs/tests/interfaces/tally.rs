// Made from tally.x by sendrec rpcgen. Do not edit: change tally.x and make it again.

/// A number that must be right: exactly once (slide 37).
///
/// `version TALLY_1 = 1`
/// of `program TALLY = 0x2000_0057`.
pub mod tally_1 {
    use sendrec_stubs::{CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder, Xdr};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_0057;
    /// The version's number.
    pub const VERSION: u32 = 1;
    /// `hyper ADD(hyper amount) = 1`
    pub const ADD: u32 = 1;
    /// `hyper READ(void) = 2`
    pub const READ: u32 = 2;
    /// `void FAIL(hyper amount) = 3`
    pub const FAIL: u32 = 3;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: ADD, name: "ADD", is_idempotent: false },
        Procedure { number: READ, name: "READ", is_idempotent: true },
        Procedure { number: FAIL, name: "FAIL", is_idempotent: false },
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

        /// what it is then
        ///
        /// `hyper ADD(hyper amount) = 1`
        pub fn add(&self, amount: i64) -> Result<i64, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| amount.encode(out),
                Xdr::decode,
            )
        }

        /// As [`Self::add`], and does not wait: several calls may be under way.
        pub fn start_add(&self, amount: i64) -> Result<C::Pending<i64>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| amount.encode(out),
                Xdr::decode,
            )
        }

        /// `hyper READ(void) = 2`
        pub fn read(&self) -> Result<i64, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |_| Ok(()),
                Xdr::decode,
            )
        }

        /// As [`Self::read`], and does not wait: several calls may be under way.
        pub fn start_read(&self) -> Result<C::Pending<i64>, CallError>
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

        /// adds, and fails
        ///
        /// `void FAIL(hyper amount) = 3`
        pub fn fail(&self, amount: i64) -> Result<(), CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[3],
                |out| amount.encode(out),
                |_| Ok(()),
            )
        }

        /// As [`Self::fail`], and does not wait: several calls may be under way.
        pub fn start_fail(&self, amount: i64) -> Result<C::Pending<()>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[3],
                |out| amount.encode(out),
                |_| Ok(()),
            )
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// what it is then
        ///
        /// `hyper ADD(hyper amount) = 1`
        fn add(&self, context: &Context<'_>, amount: i64) -> Result<i64, Refusal>;

        /// `hyper READ(void) = 2`
        fn read(&self, context: &Context<'_>) -> Result<i64, Refusal>;

        /// adds, and fails
        ///
        /// `void FAIL(hyper amount) = 3`
        fn fail(&self, context: &Context<'_>, amount: i64) -> Result<(), Refusal>;
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
                ADD => {
                    let amount = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.add(context, amount))?;
                    Ok(result.encode(out)?)
                }
                READ => {
                    context.unpacked(input)?;
                    let result = context.performed(self.0.read(context))?;
                    Ok(result.encode(out)?)
                }
                FAIL => {
                    let amount = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    Ok(context.performed(self.0.fail(context, amount))?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}
