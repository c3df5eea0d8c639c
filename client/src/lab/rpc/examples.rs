// Made from examples.x by sendrec rpcgen. Do not edit: change examples.x and make it again.
use sendrec_stubs::Bytes;
use sendrec_stubs::xdr::{DecodeError, Decoder, EncodeError, Encoder, Xdr};

/// `struct pair`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// `int a`
    pub a: i32,
    /// `int b`
    pub b: i32,
}

impl Xdr for Pair {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        self.a.encode(out)?;
        self.b.encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self { a: Xdr::decode(input)?, b: Xdr::decode(input)? })
    }
}

/// Where a variable is.
///
/// `struct pointer`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// the process that has it
    ///
    /// `string process<100>`
    pub process: Bytes,
}

impl Xdr for Pointer {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.string(&self.process, 100)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self { process: input.string(100)? })
    }
}

/// Slide 31.
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
    /// `unsigned int RUNS(void) = 2`
    pub const RUNS: u32 = 2;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: SUM, name: "SUM", is_idempotent: false },
        Procedure { number: RUNS, name: "RUNS", is_idempotent: false },
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

        /// How often SUM has run on this machine, crashes or not.  @idempotent
        ///
        /// `unsigned int RUNS(void) = 2`
        pub fn runs(&self) -> Result<u32, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |_| Ok(()),
                Xdr::decode,
            )
        }

        /// As [`Self::runs`], and does not wait: several calls may be under way.
        pub fn start_runs(&self) -> Result<C::Pending<u32>, CallError>
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
        /// `int SUM(int a, int b) = 1`
        fn sum(&self, context: &Context<'_>, a: i32, b: i32) -> Result<i32, Refusal>;

        /// How often SUM has run on this machine, crashes or not.  @idempotent
        ///
        /// `unsigned int RUNS(void) = 2`
        fn runs(&self, context: &Context<'_>) -> Result<u32, Refusal>;
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
                RUNS => {
                    context.unpacked(input)?;
                    let result = context.performed(self.0.runs(context))?;
                    Ok(result.encode(out)?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}

/// Slide 37: what takes long, and has a lock meanwhile.
///
/// `version JOBS_1 = 1`
/// of `program JOBS = 0x2000_005a`.
pub mod jobs_1 {
    use sendrec_stubs::{Bytes, CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder, Xdr};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_005a;
    /// The version's number.
    pub const VERSION: u32 = 1;
    /// `unsigned int WORK(unsigned int ms) = 1`
    pub const WORK: u32 = 1;
    /// `string<> LOCK(void) = 2`
    pub const LOCK: u32 = 2;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: WORK, name: "WORK", is_idempotent: false },
        Procedure { number: LOCK, name: "LOCK", is_idempotent: false },
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

        /// `unsigned int WORK(unsigned int ms) = 1`
        pub fn work(&self, ms: u32) -> Result<u32, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| ms.encode(out),
                Xdr::decode,
            )
        }

        /// As [`Self::work`], and does not wait: several calls may be under way.
        pub fn start_work(&self, ms: u32) -> Result<C::Pending<u32>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| ms.encode(out),
                Xdr::decode,
            )
        }

        /// Takes the lock and gives it back; who has it, if it is not free.
        ///
        /// `string<> LOCK(void) = 2`
        pub fn lock(&self) -> Result<Bytes, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |_| Ok(()),
                |input| input.string(u32::MAX),
            )
        }

        /// As [`Self::lock`], and does not wait: several calls may be under way.
        pub fn start_lock(&self) -> Result<C::Pending<Bytes>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |_| Ok(()),
                |input| input.string(u32::MAX),
            )
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// `unsigned int WORK(unsigned int ms) = 1`
        fn work(&self, context: &Context<'_>, ms: u32) -> Result<u32, Refusal>;

        /// Takes the lock and gives it back; who has it, if it is not free.
        ///
        /// `string<> LOCK(void) = 2`
        fn lock(&self, context: &Context<'_>) -> Result<Bytes, Refusal>;
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
                    context.unpacked(input)?;
                    let result = context.performed(self.0.work(context, ms))?;
                    Ok(result.encode(out)?)
                }
                LOCK => {
                    context.unpacked(input)?;
                    let result = context.performed(self.0.lock(context))?;
                    Ok(out.string(&result, u32::MAX)?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}

/// What no server has: another program, another version, another procedure, other arguments.
///
/// `version MISSING_1 = 1`
/// of `program MISSING = 0x2000_005b`.
pub mod missing_1 {
    use sendrec_stubs::{CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_005b;
    /// The version's number.
    pub const VERSION: u32 = 1;
    /// `void NOTHING(void) = 1`
    pub const NOTHING: u32 = 1;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: NOTHING, name: "NOTHING", is_idempotent: false },
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

        /// `void NOTHING(void) = 1`
        pub fn nothing(&self) -> Result<(), CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |_| Ok(()),
                |_| Ok(()),
            )
        }

        /// As [`Self::nothing`], and does not wait: several calls may be under way.
        pub fn start_nothing(&self) -> Result<C::Pending<()>, CallError>
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
        /// `void NOTHING(void) = 1`
        fn nothing(&self, context: &Context<'_>) -> Result<(), Refusal>;
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
                NOTHING => {
                    context.unpacked(input)?;
                    Ok(context.performed(self.0.nothing(context))?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}

/// Exercise 2: adds 1 to both parameters, which may be one variable.
///
/// `version COUNTERS_1 = 1`
/// of `program COUNTERS = 0x2000_0053`.
pub mod counters_1 {
    use std::cell::Cell;

    use sendrec_stubs::{CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder, Xdr};

    use super::{Pair, Pointer};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_0053;
    /// The version's number.
    pub const VERSION: u32 = 1;
    /// `void INCR_COPIES(int a, int b) = 1`
    pub const INCR_COPIES: u32 = 1;
    /// `pair INCR(int a, int b) = 2`
    pub const INCR: u32 = 2;
    /// `void INCR_THERE(pointer a, pointer b) = 3`
    pub const INCR_THERE: u32 = 3;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: INCR_COPIES, name: "INCR_COPIES", is_idempotent: false },
        Procedure { number: INCR, name: "INCR", is_idempotent: false },
        Procedure { number: INCR_THERE, name: "INCR_THERE", is_idempotent: false },
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

        /// By value: to copies.
        ///
        /// `void INCR_COPIES(int a, int b) = 1`
        pub fn incr_copies(&self, a: i32, b: i32) -> Result<(), CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| {
                    a.encode(out)?;
                    b.encode(out)
                },
                |_| Ok(()),
            )
        }

        /// As [`Self::incr_copies`], and does not wait: several calls may be under way.
        pub fn start_incr_copies(&self, a: i32, b: i32) -> Result<C::Pending<()>, CallError>
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
                |_| Ok(()),
            )
        }

        /// By copy/restore.
        ///
        /// `pair INCR(int a, int b) = 2`
        ///
        /// What is taken as `&mut` is copied there and, if the call succeeds, back (copy/restore, slide 30).
        pub fn incr(&self, a: &mut i32, b: &mut i32) -> Result<(), CallError> {
            let result: Pair = sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |out| {
                    a.encode(out)?;
                    b.encode(out)
                },
                Xdr::decode,
            )?;
            *a = result.a;
            *b = result.b;
            Ok(())
        }

        /// As [`Self::incr`], with cells: one may be passed twice, and is restored in the order of
        /// the parameters, so that the last one counts (slide 30).
        pub fn incr_cells(&self, a: &Cell<i32>, b: &Cell<i32>) -> Result<(), CallError> {
            let mut a_copy = a.get();
            let mut b_copy = b.get();
            self.incr(&mut a_copy, &mut b_copy)?;
            a.set(a_copy);
            b.set(b_copy);
            Ok(())
        }

        /// By reference: where the pointers point.
        ///
        /// `void INCR_THERE(pointer a, pointer b) = 3`
        pub fn incr_there(&self, a: &Pointer, b: &Pointer) -> Result<(), CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[3],
                |out| {
                    a.encode(out)?;
                    b.encode(out)
                },
                |_| Ok(()),
            )
        }

        /// As [`Self::incr_there`], and does not wait: several calls may be under way.
        pub fn start_incr_there(&self, a: &Pointer, b: &Pointer) -> Result<C::Pending<()>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[3],
                |out| {
                    a.encode(out)?;
                    b.encode(out)
                },
                |_| Ok(()),
            )
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// By value: to copies.
        ///
        /// `void INCR_COPIES(int a, int b) = 1`
        fn incr_copies(&self, context: &Context<'_>, a: i32, b: i32) -> Result<(), Refusal>;

        /// By copy/restore.
        ///
        /// `pair INCR(int a, int b) = 2`
        fn incr(&self, context: &Context<'_>, a: i32, b: i32) -> Result<Pair, Refusal>;

        /// By reference: where the pointers point.
        ///
        /// `void INCR_THERE(pointer a, pointer b) = 3`
        fn incr_there(&self, context: &Context<'_>, a: Pointer, b: Pointer) -> Result<(), Refusal>;
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
                INCR_COPIES => {
                    let a = Xdr::decode(input)?;
                    let b = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    Ok(context.performed(self.0.incr_copies(context, a, b))?)
                }
                INCR => {
                    let a = Xdr::decode(input)?;
                    let b = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.incr(context, a, b))?;
                    Ok(result.encode(out)?)
                }
                INCR_THERE => {
                    let a = Xdr::decode(input)?;
                    let b = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    Ok(context.performed(self.0.incr_there(context, a, b))?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}

/// Slide 32: what a pointer points to, for who follows it.
///
/// `version VARIABLE_1 = 1`
/// of `program VARIABLE = 0x2000_0055`.
pub mod variable_1 {
    use sendrec_stubs::{CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder, Xdr};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_0055;
    /// The version's number.
    pub const VERSION: u32 = 1;
    /// `int GET(void) = 1`
    pub const GET: u32 = 1;
    /// `void PUT(int value) = 2`
    pub const PUT: u32 = 2;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: GET, name: "GET", is_idempotent: true },
        Procedure { number: PUT, name: "PUT", is_idempotent: true },
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

        /// `int GET(void) = 1`
        pub fn get(&self) -> Result<i32, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |_| Ok(()),
                Xdr::decode,
            )
        }

        /// As [`Self::get`], and does not wait: several calls may be under way.
        pub fn start_get(&self) -> Result<C::Pending<i32>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |_| Ok(()),
                Xdr::decode,
            )
        }

        /// `void PUT(int value) = 2`
        pub fn put(&self, value: i32) -> Result<(), CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |out| value.encode(out),
                |_| Ok(()),
            )
        }

        /// As [`Self::put`], and does not wait: several calls may be under way.
        pub fn start_put(&self, value: i32) -> Result<C::Pending<()>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |out| value.encode(out),
                |_| Ok(()),
            )
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// `int GET(void) = 1`
        fn get(&self, context: &Context<'_>) -> Result<i32, Refusal>;

        /// `void PUT(int value) = 2`
        fn put(&self, context: &Context<'_>, value: i32) -> Result<(), Refusal>;
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
                GET => {
                    context.unpacked(input)?;
                    let result = context.performed(self.0.get(context))?;
                    Ok(result.encode(out)?)
                }
                PUT => {
                    let value = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    Ok(context.performed(self.0.put(context, value))?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}
