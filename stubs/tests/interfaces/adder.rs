// Made from adder.x by sendrec rpcgen. Do not edit: change adder.x and make it again.

/// Slide 31: adds two numbers somewhere else.
///
/// `version ADDER_1 = 1`
/// of `program ADDER = 0x2000_0052`.
pub mod adder_1 {
    use sendrec_stubs::{CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder, Xdr};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_0052;
    /// The version's number.
    pub const VERSION: u32 = 1;
    /// `int SUM(int a, int b) = 1`
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

        /// `int SUM(int a, int b) = 1`
        pub fn sum(&self, a: i32, b: i32) -> Result<i32, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| {
                    a.encode(out)?;
                    b.encode(out)
                },
                Xdr::decode,
            )
        }

        /// As [`Self::sum`], and does not wait: several calls may be under way.
        pub fn start_sum(&self, a: i32, b: i32) -> Result<C::Pending<i32>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| {
                    a.encode(out)?;
                    b.encode(out)
                },
                Xdr::decode,
            )
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// `int SUM(int a, int b) = 1`
        fn sum(&self, context: &Context<'_>, a: i32, b: i32) -> Result<i32, Refusal>;
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
                    let a = Xdr::decode(input)?;
                    let b = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.sum(context, a, b))?;
                    Ok(result.encode(out)?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}

/// Slide 31: adds two numbers somewhere else.
///
/// `version ADDER_2 = 2`
/// of `program ADDER = 0x2000_0052`.
pub mod adder_2 {
    use sendrec_stubs::{Bytes, CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder, Xdr};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_0052;
    /// The version's number.
    pub const VERSION: u32 = 2;
    /// `int SUM(int a, int b) = 1`
    pub const SUM: u32 = 1;
    /// `int SUM_ALL(int argument<1000>) = 2`
    pub const SUM_ALL: u32 = 2;
    /// `void FAIL(void) = 3`
    pub const FAIL: u32 = 3;
    /// `string<> ECHO(string argument<>) = 4`
    pub const ECHO: u32 = 4;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: SUM, name: "SUM", is_idempotent: false },
        Procedure { number: SUM_ALL, name: "SUM_ALL", is_idempotent: false },
        Procedure { number: FAIL, name: "FAIL", is_idempotent: false },
        Procedure { number: ECHO, name: "ECHO", is_idempotent: true },
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

        /// `int SUM(int a, int b) = 1`
        pub fn sum(&self, a: i32, b: i32) -> Result<i32, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| {
                    a.encode(out)?;
                    b.encode(out)
                },
                Xdr::decode,
            )
        }

        /// As [`Self::sum`], and does not wait: several calls may be under way.
        pub fn start_sum(&self, a: i32, b: i32) -> Result<C::Pending<i32>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| {
                    a.encode(out)?;
                    b.encode(out)
                },
                Xdr::decode,
            )
        }

        /// as many as one likes @idempotent
        ///
        /// `int SUM_ALL(int argument<1000>) = 2`
        pub fn sum_all(&self, argument: &[i32]) -> Result<i32, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |out| out.array(argument, 1000, Xdr::encode),
                Xdr::decode,
            )
        }

        /// As [`Self::sum_all`], and does not wait: several calls may be under way.
        pub fn start_sum_all(&self, argument: &[i32]) -> Result<C::Pending<i32>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |out| out.array(argument, 1000, Xdr::encode),
                Xdr::decode,
            )
        }

        /// `void FAIL(void) = 3`
        pub fn fail(&self) -> Result<(), CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[3],
                |_| Ok(()),
                |_| Ok(()),
            )
        }

        /// As [`Self::fail`], and does not wait: several calls may be under way.
        pub fn start_fail(&self) -> Result<C::Pending<()>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[3],
                |_| Ok(()),
                |_| Ok(()),
            )
        }

        /// `string<> ECHO(string argument<>) = 4`
        pub fn echo(&self, argument: &[u8]) -> Result<Bytes, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[4],
                |out| out.string(argument, u32::MAX),
                |input| input.string(u32::MAX),
            )
        }

        /// As [`Self::echo`], and does not wait: several calls may be under way.
        pub fn start_echo(&self, argument: &[u8]) -> Result<C::Pending<Bytes>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[4],
                |out| out.string(argument, u32::MAX),
                |input| input.string(u32::MAX),
            )
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// `int SUM(int a, int b) = 1`
        fn sum(&self, context: &Context<'_>, a: i32, b: i32) -> Result<i32, Refusal>;

        /// as many as one likes @idempotent
        ///
        /// `int SUM_ALL(int argument<1000>) = 2`
        fn sum_all(&self, context: &Context<'_>, argument: Vec<i32>) -> Result<i32, Refusal>;

        /// `void FAIL(void) = 3`
        fn fail(&self, context: &Context<'_>) -> Result<(), Refusal>;

        /// `string<> ECHO(string argument<>) = 4`
        fn echo(&self, context: &Context<'_>, argument: Bytes) -> Result<Bytes, Refusal>;
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
                    let a = Xdr::decode(input)?;
                    let b = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.sum(context, a, b))?;
                    Ok(result.encode(out)?)
                }
                SUM_ALL => {
                    let argument = input.array(1000, Xdr::decode)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.sum_all(context, argument))?;
                    Ok(result.encode(out)?)
                }
                FAIL => {
                    context.unpacked(input)?;
                    Ok(context.performed(self.0.fail(context))?)
                }
                ECHO => {
                    let argument = input.string(u32::MAX)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.echo(context, argument))?;
                    Ok(out.string(&result, u32::MAX)?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}
