// Made from answers.x by sendrec rpcgen. Do not edit: change answers.x and make it again.
use sendrec_stubs::Bytes;

/// What a peer's server does, as an interface.
///
/// `typedef opaque data<1073741824>`
pub type Data = Bytes;

/// `version ANSWERS_1 = 1`
/// of `program ANSWERS = 0x2000_0057`.
pub mod answers_1 {
    use sendrec_stubs::{CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder};

    use super::{Data};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_0057;
    /// The version's number.
    pub const VERSION: u32 = 1;
    /// `data ANSWER(data message) = 1`
    pub const ANSWER: u32 = 1;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: ANSWER, name: "ANSWER", is_idempotent: false },
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

        /// `data ANSWER(data message) = 1`
        pub fn answer(&self, message: &[u8]) -> Result<Data, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| out.opaque(message, 1073741824),
                |input| input.opaque(1073741824),
            )
        }

        /// As [`Self::answer`], and does not wait: several calls may be under way.
        pub fn start_answer(&self, message: &[u8]) -> Result<C::Pending<Data>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| out.opaque(message, 1073741824),
                |input| input.opaque(1073741824),
            )
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// `data ANSWER(data message) = 1`
        fn answer(&self, context: &Context<'_>, message: Data) -> Result<Data, Refusal>;
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
                ANSWER => {
                    let message = input.opaque(1073741824)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.answer(context, message))?;
                    Ok(out.opaque(&result, 1073741824)?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}
