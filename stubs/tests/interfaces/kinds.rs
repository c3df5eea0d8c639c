// Made from kinds.x by sendrec rpcgen. Do not edit: change kinds.x and make it again.
use sendrec_stubs::Bytes;
use sendrec_stubs::xdr::{DecodeError, Decoder, EncodeError, Encoder, Xdr};

/// One of each kind.
///
/// `const MOST = 4`
pub const MOST: u32 = 4;

/// `enum colour`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Colour {
    /// as blood
    ///
    /// `RED`
    Red = 1,
    /// `GREEN`
    Green = -2,
    /// `BLUE`
    Blue = -1,
}

impl Colour {
    /// another name for green
    ///
    /// `CYAN`
    pub const CYAN: Self = Self::Green;
}

impl Xdr for Colour {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        (*self as i32).encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        match i32::decode(input)? {
            1 => Ok(Self::Red),
            -2 => Ok(Self::Green),
            -1 => Ok(Self::Blue),
            other => Err(input.unknown("colour", i64::from(other))),
        }
    }
}

/// `typedef opaque digest[20]`
pub type Digest = [u8; 20];

/// `typedef string name<4>`
pub type Name = Bytes;

/// `typedef node *tree`
pub type Tree = Option<Box<Node>>;

/// `struct numbers`
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// `int a`
    pub a: i32,
    /// `unsigned int b`
    pub b: u32,
    /// `hyper c`
    pub c: i64,
    /// `unsigned hyper d`
    pub d: u64,
    /// `float e`
    pub e: f32,
    /// `double f`
    pub f: f64,
    /// `quadruple g`
    pub g: [u8; 16],
    /// `bool h`
    pub h: bool,
    /// `char i`
    pub i: i8,
    /// `unsigned short j`
    pub j: u16,
}

impl Xdr for Numbers {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        self.a.encode(out)?;
        self.b.encode(out)?;
        self.c.encode(out)?;
        self.d.encode(out)?;
        self.e.encode(out)?;
        self.f.encode(out)?;
        out.fixed(&self.g)?;
        self.h.encode(out)?;
        self.i.encode(out)?;
        self.j.encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self {
            a: Xdr::decode(input)?,
            b: Xdr::decode(input)?,
            c: Xdr::decode(input)?,
            d: Xdr::decode(input)?,
            e: Xdr::decode(input)?,
            f: Xdr::decode(input)?,
            g: input.fixed()?,
            h: Xdr::decode(input)?,
            i: Xdr::decode(input)?,
            j: Xdr::decode(input)?,
        })
    }
}

/// `struct arrays`
#[derive(Clone, Debug, PartialEq)]
pub struct Arrays {
    /// `digest bytes`
    pub bytes: Digest,
    /// `opaque some<>`
    pub some: Bytes,
    /// `name names<3>`
    pub names: Vec<Name>,
    /// `int three[3]`
    pub three: [i32; 3],
    /// `colour colours<>`
    pub colours: Vec<Colour>,
    /// `numbers *perhaps`
    pub perhaps: Option<Numbers>,
    /// `opaque large[5000]`
    pub large: Bytes,
}

impl Xdr for Arrays {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.fixed(&self.bytes)?;
        out.opaque(&self.some, u32::MAX)?;
        out.array(&self.names, 3, |item, out| out.string(item, 4))?;
        out.array_of(&self.three, 3, Xdr::encode)?;
        out.array(&self.colours, u32::MAX, Xdr::encode)?;
        out.optional(&self.perhaps, |item, out| item.encode(out))?;
        out.exactly(&self.large, 5000)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self {
            bytes: input.fixed()?,
            some: input.opaque(u32::MAX)?,
            names: input.array(3, |input| input.string(4))?,
            three: input.array_in_place(Xdr::decode)?,
            colours: input.array(u32::MAX, Xdr::decode)?,
            perhaps: input.optional(Xdr::decode)?,
            large: input.exactly(5000)?,
        })
    }
}

/// Linked through its tail.
///
/// `struct link`
///
/// An element of a list: what links it to the next one is left to the list, a `Vec`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// `int value`
    pub value: i32,
}

impl Xdr for Link {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        self.value.encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self { value: Xdr::decode(input)? })
    }
}

/// `struct node`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `tree left`
    pub left: Tree,
    /// `int value`
    pub value: i32,
    /// `tree right`
    pub right: Tree,
}

impl Xdr for Node {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.optional(&self.left, |item, out| item.encode(out))?;
        self.value.encode(out)?;
        out.optional(&self.right, |item, out| item.encode(out))
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self {
            left: input.optional(|input| Xdr::decode(input).map(Box::new))?,
            value: Xdr::decode(input)?,
            right: input.optional(|input| Xdr::decode(input).map(Box::new))?,
        })
    }
}

/// `union expression_body_inner switch (bool more)`
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)]
pub enum ExpressionBodyInner {
    /// `case TRUE: string type<>`
    True(Bytes),
    /// `case FALSE: void`
    False,
}

impl Xdr for ExpressionBodyInner {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        match self {
            Self::True(value) => {
                true.encode(out)?;
                out.string(value, u32::MAX)
            }
            Self::False => false.encode(out),
        }
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        match <bool as Xdr>::decode(input)? {
            true => Ok(Self::True(input.string(u32::MAX)?)),
            false => Ok(Self::False),
        }
    }
}

/// `struct expression_body`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionBody {
    /// `colour which`
    pub which: Colour,
    /// `expression_body_inner inner`
    pub inner: ExpressionBodyInner,
}

impl Xdr for ExpressionBody {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        self.which.encode(out)?;
        self.inner.encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self { which: Xdr::decode(input)?, inner: Xdr::decode(input)? })
    }
}

/// `union expression switch (int kind)`
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)]
pub enum Expression {
    /// `case 0: int number`
    Case0(i32),
    /// `case 1: expression *of`
    Case1(Option<Box<Expression>>),
    /// `case -1: expression *of`
    Minus1(Option<Box<Expression>>),
    /// `case 2: expression_body body`
    Case2(ExpressionBody),
    /// `default: name other`
    Default(i32, Name),
}

impl Xdr for Expression {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        match self {
            Self::Case0(value) => {
                0_i32.encode(out)?;
                value.encode(out)
            }
            Self::Case1(value) => {
                1_i32.encode(out)?;
                out.optional(value, |item, out| item.encode(out))
            }
            Self::Minus1(value) => {
                (-1_i32).encode(out)?;
                out.optional(value, |item, out| item.encode(out))
            }
            Self::Case2(value) => {
                2_i32.encode(out)?;
                value.encode(out)
            }
            Self::Default(other, value) => {
                if matches!(other, -1..=2) {
                    return Err(EncodeError::Case);
                }
                other.encode(out)?;
                out.string(value, 4)
            }
        }
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        match <i32 as Xdr>::decode(input)? {
            0 => Ok(Self::Case0(Xdr::decode(input)?)),
            1 => Ok(Self::Case1(input.optional(|input| Xdr::decode(input).map(Box::new))?)),
            -1 => Ok(Self::Minus1(input.optional(|input| Xdr::decode(input).map(Box::new))?)),
            2 => Ok(Self::Case2(Xdr::decode(input)?)),
            other => Ok(Self::Default(other, input.string(4)?)),
        }
    }
}

/// `union verdict switch (colour is)`
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)]
pub enum Verdict {
    /// `case RED: hyper stop`
    Red(i64),
    /// `case GREEN: void`
    Green,
    /// `default: void`
    Default(Colour),
}

impl Xdr for Verdict {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        match self {
            Self::Red(value) => {
                Colour::Red.encode(out)?;
                value.encode(out)
            }
            Self::Green => Colour::Green.encode(out),
            Self::Default(other) => {
                if matches!(other, Colour::Red | Colour::Green) {
                    return Err(EncodeError::Case);
                }
                other.encode(out)
            }
        }
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        match <Colour as Xdr>::decode(input)? {
            Colour::Red => Ok(Self::Red(Xdr::decode(input)?)),
            Colour::Green => Ok(Self::Green),
            other => Ok(Self::Default(other)),
        }
    }
}

/// `struct everything`
#[derive(Clone, Debug, PartialEq)]
pub struct Everything {
    /// `arrays all`
    pub all: Arrays,
    /// `link chain`
    pub chain: Vec<Link>,
    /// `link *list`
    pub list: Vec<Link>,
    /// `tree root`
    pub root: Tree,
    /// `expression what`
    pub what: Expression,
    /// `verdict so`
    pub so: Verdict,
}

impl Xdr for Everything {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        self.all.encode(out)?;
        out.chain(&self.chain, Xdr::encode)?;
        out.list(&self.list, Xdr::encode)?;
        out.optional(&self.root, |item, out| item.encode(out))?;
        self.what.encode(out)?;
        self.so.encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self {
            all: Xdr::decode(input)?,
            chain: input.chain(Xdr::decode)?,
            list: input.list(Xdr::decode)?,
            root: input.optional(|input| Xdr::decode(input).map(Box::new))?,
            what: Xdr::decode(input)?,
            so: Xdr::decode(input)?,
        })
    }
}

/// `version KINDS_1 = 1`
/// of `program KINDS = 0x2000_0054`.
pub mod kinds_1 {
    use sendrec_stubs::{CallError, Caller, Context, Procedure, Refusal, ServeError, Service, Starter};
    use sendrec_stubs::xdr::{Decoder, Encoder, Xdr};

    use super::{Everything, Link};

    /// The program's number.
    pub const PROGRAM: u32 = 0x2000_0054;
    /// The version's number.
    pub const VERSION: u32 = 1;
    /// `everything ECHO(everything argument) = 1`
    pub const ECHO: u32 = 1;
    /// `link REVERSE(link argument) = 2`
    pub const REVERSE: u32 = 2;

    /// All procedures, by number and name; [`Procedure::NULL`] is always there.
    pub const PROCEDURES: &[Procedure] = &[
        Procedure::NULL,
        Procedure { number: ECHO, name: "ECHO", is_idempotent: false },
        Procedure { number: REVERSE, name: "REVERSE", is_idempotent: false },
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

        /// `everything ECHO(everything argument) = 1`
        pub fn echo(&self, argument: &Everything) -> Result<Everything, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[1],
                |out| argument.encode(out),
                Xdr::decode,
            )
        }

        /// As [`Self::echo`], and does not wait: several calls may be under way.
        pub fn start_echo(&self, argument: &Everything) -> Result<C::Pending<Everything>, CallError>
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

        /// `link REVERSE(link argument) = 2`
        pub fn reverse(&self, argument: &[Link]) -> Result<Vec<Link>, CallError> {
            sendrec_stubs::call(
                &self.caller,
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |out| out.chain(argument, Xdr::encode),
                |input| input.chain(Xdr::decode),
            )
        }

        /// As [`Self::reverse`], and does not wait: several calls may be under way.
        pub fn start_reverse(&self, argument: &[Link]) -> Result<C::Pending<Vec<Link>>, CallError>
        where
            C: Starter,
        {
            self.caller.start(
                PROGRAM,
                VERSION,
                &PROCEDURES[2],
                |out| out.chain(argument, Xdr::encode),
                |input| input.chain(Xdr::decode),
            )
        }
    }

    /// What a server does. Procedure 0, which does nothing, is answered without it.
    pub trait Server {
        /// `everything ECHO(everything argument) = 1`
        fn echo(&self, context: &Context<'_>, argument: Everything) -> Result<Everything, Refusal>;

        /// `link REVERSE(link argument) = 2`
        fn reverse(&self, context: &Context<'_>, argument: Vec<Link>) -> Result<Vec<Link>, Refusal>;
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
                    let argument = Xdr::decode(input)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.echo(context, argument))?;
                    Ok(result.encode(out)?)
                }
                REVERSE => {
                    let argument = input.chain(Xdr::decode)?;
                    context.unpacked(input)?;
                    let result = context.performed(self.0.reverse(context, argument))?;
                    Ok(out.chain(&result, Xdr::encode)?)
                }
                _ => Err(ServeError::NoSuchProcedure),
            }
        }
    }
}
