// Made from incr.x by sendrec rpcgen. Do not edit: change incr.x and make it again.
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

/// Exercise 2: adds 1 to each of its parameters.
///
/// `version COUNTERS_1 = 1`
/// of `program COUNTERS = 0x2000_0053`.
pub mod counters_1 {
    use std::cell::Cell;

    use sendrec_stubs::{CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder, Xdr};

    use super::{Pair};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_0053;
    /// The version's number.
    pub const VERSION: u32 = 1;
    /// `pair BY_VALUE(pair argument) = 1`
    pub const BY_VALUE: u32 = 1;
    /// `pair INCR(int a, int b) = 2`
    pub const INCR: u32 = 2;
    /// `pair INCR_PAIR(pair argument) = 3`
    pub const INCR_PAIR: u32 = 3;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: BY_VALUE, name: "BY_VALUE", is_idempotent: false },
        Procedure { number: INCR, name: "INCR", is_idempotent: false },
        Procedure { number: INCR_PAIR, name: "INCR_PAIR", is_idempotent: false },
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

        /// `pair BY_VALUE(pair argument) = 1`
        pub fn by_value(&self, argument: &Pair) -> Result<Pair, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| argument.encode(out),
                Xdr::decode,
            )
        }

        /// As [`Self::by_value`], and does not wait: several calls may be under way.
        pub fn start_by_value(&self, argument: &Pair) -> Result<C::Pending<Pair>, CallError>
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

        /// `pair INCR_PAIR(pair argument) = 3`
        ///
        /// What is taken as `&mut` is copied there and, if the call succeeds, back (copy/restore, slide 30).
        pub fn incr_pair(&self, a: i32, b: &mut i32) -> Result<Pair, CallError> {
            let result: Pair = sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[3],
                |out| {
                    a.encode(out)?;
                    b.encode(out)
                },
                Xdr::decode,
            )?;
            *b = result.b;
            Ok(result)
        }

        /// As [`Self::incr_pair`], with cells: one may be passed twice, and is restored in the order of
        /// the parameters, so that the last one counts (slide 30).
        pub fn incr_pair_cells(&self, a: i32, b: &Cell<i32>) -> Result<Pair, CallError> {
            let mut b_copy = b.get();
            let result = self.incr_pair(a, &mut b_copy)?;
            b.set(b_copy);
            Ok(result)
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// `pair BY_VALUE(pair argument) = 1`
        fn by_value(&self, context: &Context<'_>, argument: Pair) -> Result<Pair, Refusal>;

        /// `pair INCR(int a, int b) = 2`
        fn incr(&self, context: &Context<'_>, a: i32, b: i32) -> Result<Pair, Refusal>;

        /// `pair INCR_PAIR(pair argument) = 3`
        fn incr_pair(&self, context: &Context<'_>, argument: Pair) -> Result<Pair, Refusal>;
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
                BY_VALUE => {
                    let argument = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.by_value(context, argument))?;
                    Ok(result.encode(out)?)
                }
                INCR => {
                    let a = Xdr::decode(input)?;
                    let b = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.incr(context, a, b))?;
                    Ok(result.encode(out)?)
                }
                INCR_PAIR => {
                    let argument = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.incr_pair(context, argument))?;
                    Ok(result.encode(out)?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}
