// Made from missing.x by sendrec rpcgen. Do not edit: change missing.x and make it again.

/// The adder's program as somebody else has it: versions and procedures that its server does not know.
///
/// `version OTHER_1 = 1`
/// of `program OTHER_ADDER = 0x2000_0052`.
pub mod other_1 {
    use sendrec_stubs::{Bytes, CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_0052;
    /// The version's number.
    pub const VERSION: u32 = 1;
    /// `string<> SUM(string a<>) = 1`
    pub const SUM: u32 = 1;
    /// `void MULTIPLY(void) = 9`
    pub const MULTIPLY: u32 = 9;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: SUM, name: "SUM", is_idempotent: false },
        Procedure { number: MULTIPLY, name: "MULTIPLY", is_idempotent: false },
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

        /// `string<> SUM(string a<>) = 1`
        pub fn sum(&self, a: &[u8]) -> Result<Bytes, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| out.string(a, u32::MAX),
                |input| input.string(u32::MAX),
            )
        }

        /// As [`Self::sum`], and does not wait: several calls may be under way.
        pub fn start_sum(&self, a: &[u8]) -> Result<C::Pending<Bytes>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| out.string(a, u32::MAX),
                |input| input.string(u32::MAX),
            )
        }

        /// `void MULTIPLY(void) = 9`
        pub fn multiply(&self) -> Result<(), CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |_| Ok(()),
                |_| Ok(()),
            )
        }

        /// As [`Self::multiply`], and does not wait: several calls may be under way.
        pub fn start_multiply(&self) -> Result<C::Pending<()>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |_| Ok(()),
                |_| Ok(()),
            )
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// `string<> SUM(string a<>) = 1`
        fn sum(&self, context: &Context<'_>, a: Bytes) -> Result<Bytes, Refusal>;

        /// `void MULTIPLY(void) = 9`
        fn multiply(&self, context: &Context<'_>) -> Result<(), Refusal>;
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
                SUM => {
                    let a = input.string(u32::MAX)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.sum(context, a))?;
                    Ok(out.string(&result, u32::MAX)?)
                }
                MULTIPLY => {
                    context.unpacked(input)?;
                    Ok(context.performed(self.0.multiply(context))?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}

/// The adder's program as somebody else has it: versions and procedures that its server does not know.
///
/// `version OTHER_7 = 7`
/// of `program OTHER_ADDER = 0x2000_0052`.
pub mod other_7 {
    use sendrec_stubs::{CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_0052;
    /// The version's number.
    pub const VERSION: u32 = 7;
    /// `void SUM(void) = 1`
    pub const SUM: u32 = 1;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: SUM, name: "SUM", is_idempotent: false },
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

        /// `void SUM(void) = 1`
        pub fn sum(&self) -> Result<(), CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |_| Ok(()),
                |_| Ok(()),
            )
        }

        /// As [`Self::sum`], and does not wait: several calls may be under way.
        pub fn start_sum(&self) -> Result<C::Pending<()>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |_| Ok(()),
                |_| Ok(()),
            )
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// `void SUM(void) = 1`
        fn sum(&self, context: &Context<'_>) -> Result<(), Refusal>;
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
            _out: &mut Encoder,
        ) -> Result<(), ServeError> {
            match procedure {
                0 => Ok(input.end()?),
                SUM => {
                    context.unpacked(input)?;
                    Ok(context.performed(self.0.sum(context))?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}
