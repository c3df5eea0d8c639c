//! A file as it was written: definitions with their places. Names mean nothing yet.
use crate::source::Span;

/// A name where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// A number, or the name of one.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Number(i128, Span),
    Name(Name),
}

impl Value {
    pub(crate) const fn span(&self) -> Span {
        match self {
            Self::Number(_, span) => *span,
            Self::Name(name) => name.span,
        }
    }
}

/// Types the language has names for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Primitive {
    /// Whole numbers; on the wire of four bytes but for 64 bits.
    Int {
        bits: u8,
        signed: bool,
    },
    Float,
    Double,
    Quadruple,
    Bool,
}

/// A type as it was written.
#[derive(Clone, Debug)]
pub(crate) enum TypeSpec {
    Void(Span),
    Primitive(Primitive, Span),
    /// `char` and `unsigned char`: as a whole number, four bytes each.
    Char {
        signed: bool,
        span: Span,
    },
    Opaque(Span),
    String(Span),
    Named(Name),
    Enum(Box<EnumBody>, Span),
    Struct(Box<StructBody>, Span),
    Union(Box<UnionBody>, Span),
}

impl TypeSpec {
    pub(crate) const fn span(&self) -> Span {
        match self {
            Self::Void(span)
            | Self::Primitive(_, span)
            | Self::Char { span, .. }
            | Self::Opaque(span)
            | Self::String(span)
            | Self::Enum(_, span)
            | Self::Struct(_, span)
            | Self::Union(_, span) => *span,
            Self::Named(name) => name.span,
        }
    }
}

/// What stands round the name.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// One.
    Plain,
    /// `[N]`.
    Fixed(Value),
    /// `<N>` or `<>`.
    Variable(Option<Value>),
    /// `*`.
    Optional(Span),
}

/// `type name`, in one of its forms.
#[derive(Clone, Debug)]
pub(crate) struct Declaration {
    pub(crate) ty: TypeSpec,
    pub(crate) shape: Shape,
    /// None for `void`.
    pub(crate) name: Option<Name>,
    pub(crate) doc: Option<Span>,
}

#[derive(Clone, Debug)]
pub(crate) struct EnumBody {
    pub(crate) members: Vec<EnumMember>,
}

#[derive(Clone, Debug)]
pub(crate) struct EnumMember {
    pub(crate) name: Name,
    pub(crate) value: Option<Value>,
    pub(crate) doc: Option<Span>,
}

#[derive(Clone, Debug)]
pub(crate) struct StructBody {
    pub(crate) members: Vec<Declaration>,
}

#[derive(Clone, Debug)]
pub(crate) struct UnionBody {
    pub(crate) discriminant: Declaration,
    pub(crate) arms: Vec<Arm>,
    pub(crate) default: Option<Declaration>,
}

#[derive(Clone, Debug)]
pub(crate) struct Arm {
    pub(crate) labels: Vec<Value>,
    pub(crate) declaration: Declaration,
}

#[derive(Clone, Debug)]
pub(crate) struct Procedure {
    pub(crate) name: Name,
    pub(crate) number: Value,
    pub(crate) result: Declaration,
    pub(crate) arguments: Vec<Declaration>,
    pub(crate) doc: Option<Span>,
    pub(crate) marks: Vec<(Vec<String>, Span)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) name: Name,
    pub(crate) number: Value,
    pub(crate) procedures: Vec<Procedure>,
    pub(crate) doc: Option<Span>,
}

#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) name: Name,
    pub(crate) number: Value,
    pub(crate) versions: Vec<Version>,
    pub(crate) doc: Option<Span>,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A number, or the name of one.
    Const(Value),
    /// A text.
    Text(String),
    Enum(EnumBody),
    Struct(StructBody),
    Union(UnionBody),
    Typedef(Declaration),
    Program(Program),
}

#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) name: Name,
    pub(crate) what: What,
    pub(crate) doc: Option<Span>,
}
