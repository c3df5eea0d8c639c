// Made from numbers.x by sendrec rpcgen. Do not edit: change numbers.x and make it again.
use sendrec_stubs::Bytes;

/// What a call through stubs costs.
///
/// `typedef opaque data<1048576>`
pub type Data = Bytes;

/// `version NUMBERS_1 = 1`
/// of `program NUMBERS = 0x2000_0056`.
pub mod numbers_1 {
    use sendrec_stubs::{CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder, Xdr};

    use super::{Data};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_0056;
    /// The version's number.
    pub const VERSION: u32 = 1;
    /// `unsigned hyper ECHO(unsigned hyper number) = 1`
    pub const ECHO: u32 = 1;
    /// `data COPY(data data) = 2`
    pub const COPY: u32 = 2;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: ECHO, name: "ECHO", is_idempotent: true },
        Procedure { number: COPY, name: "COPY", is_idempotent: true },
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

        /// `unsigned hyper ECHO(unsigned hyper number) = 1`
        pub fn echo(&self, number: u64) -> Result<u64, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| number.encode(out),
                Xdr::decode,
            )
        }

        /// As [`Self::echo`], and does not wait: several calls may be under way.
        pub fn start_echo(&self, number: u64) -> Result<C::Pending<u64>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| number.encode(out),
                Xdr::decode,
            )
        }

        /// `data COPY(data data) = 2`
        pub fn copy(&self, data: &[u8]) -> Result<Data, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |out| out.opaque(data, 1048576),
                |input| input.opaque(1048576),
            )
        }

        /// As [`Self::copy`], and does not wait: several calls may be under way.
        pub fn start_copy(&self, data: &[u8]) -> Result<C::Pending<Data>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |out| out.opaque(data, 1048576),
                |input| input.opaque(1048576),
            )
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// `unsigned hyper ECHO(unsigned hyper number) = 1`
        fn echo(&self, context: &Context<'_>, number: u64) -> Result<u64, Refusal>;

        /// `data COPY(data data) = 2`
        fn copy(&self, context: &Context<'_>, data: Data) -> Result<Data, Refusal>;
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
                ECHO => {
                    let number = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.echo(context, number))?;
                    Ok(result.encode(out)?)
                }
                COPY => {
                    let data = input.opaque(1048576)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.copy(context, data))?;
                    Ok(out.opaque(&result, 1048576)?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}
