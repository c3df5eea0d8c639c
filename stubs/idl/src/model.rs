//! An interface as it is meant: names resolved, numbers worked out, sizes known. What back ends are fed with.
use serde::Serialize;

/// A type that has a name, by its place in [`Model::types`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct TypeId(pub usize);

/// All of a file and of those it includes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Model {
    /// In the order of the text.
    pub constants: Vec<Constant>,
    /// Those with names in the order of the text, then bodies without.
    pub types: Vec<TypeDef>,
    /// All of them in the order in which to show them: bodies without a name right before what they are in.
    pub order: Vec<TypeId>,
    /// In the order of the text.
    pub programs: Vec<Program>,
}

/// `const NAME = VALUE`.
#[derive(Clone, Debug, Serialize)]
pub struct Constant {
    /// As written.
    pub name: String,
    /// Its comment, as text.
    pub doc: Option<String>,
    /// What it stands for.
    pub value: ConstantValue,
}

/// What a constant stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ConstantValue {
    /// Of 64 bits, signed or not.
    Number(i128),
    /// Which no part of the language can use, but C code can.
    Text(String),
}

/// A type with a name.
#[derive(Clone, Debug, Serialize)]
pub struct TypeDef {
    /// As written; for a body without a name, that of what it is in and of its member.
    pub name: String,
    /// Its comment, as text.
    pub doc: Option<String>,
    /// What it is.
    pub kind: TypeKind,
    /// Bytes on the wire.
    pub size: Size,
}

/// Bytes on the wire, a multiple of four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Size {
    /// At least.
    pub least: u64,
    /// At most; `None` if nothing bounds it.
    pub most: Option<u64>,
}

/// What a named type is.
#[derive(Clone, Debug, Serialize)]
pub enum TypeKind {
    /// Named numbers; of two names for one the first counts, and the other stands for it.
    Enum(Vec<EnumValue>),
    /// Members one after the other.
    Struct {
        /// In order, the tail included.
        fields: Vec<Field>,
        /// The last member is an optional one of the same type: it is a list, linked through its tail.
        is_list: bool,
    },
    /// One of several.
    Union(Union),
    /// Another name for a type.
    Alias(Type),
    /// Declared elsewhere; the path of the Rust type that stands for it.
    External(String),
}

/// A value of an enumeration.
#[derive(Clone, Debug, Serialize)]
pub struct EnumValue {
    /// As written.
    pub name: String,
    /// Its comment.
    pub doc: Option<String>,
    /// On the wire.
    pub value: i32,
}

/// A member.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    /// As written.
    pub name: String,
    /// Its comment.
    pub doc: Option<String>,
    /// Of this type.
    pub ty: Type,
}

/// `union NAME switch (TYPE NAME) { ... }`.
#[derive(Clone, Debug, Serialize)]
pub struct Union {
    /// What decides.
    pub discriminant: Field,
    /// One for each label.
    pub arms: Vec<Arm>,
    /// For all other values, if they may come.
    pub default: Option<Option<Field>>,
}

/// One case of a union.
#[derive(Clone, Debug, Serialize)]
pub struct Arm {
    /// As written: a name or a number.
    pub label: String,
    /// What it is on the wire; 0 or 1 of a bool.
    pub value: i64,
    /// `None` for `void`.
    pub field: Option<Field>,
}

/// How many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Length {
    /// So many, always.
    Fixed(u32),
    /// No more than so many; 2^32 - 1 if nothing else is said.
    UpTo(u32),
}

/// A type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Type {
    /// Four bytes on the wire, eight if it has 64 bits.
    Int {
        /// 8, 16, 32 or 64.
        bits: u8,
        /// Whether it can be negative.
        signed: bool,
    },
    /// IEEE single.
    Float,
    /// IEEE double.
    Double,
    /// IEEE quadruple, which Rust has no type for: 16 bytes as they are.
    Quadruple,
    /// 0 or 1.
    Bool,
    /// Bytes, padded to a multiple of four.
    Opaque(Length),
    /// Text; as bytes, no more than so many.
    String(u32),
    /// Elements one after the other.
    Array(Box<Type>, Length),
    /// One or none.
    Optional(Box<Type>),
    /// By name.
    Named(TypeId),
}

/// `program NAME { ... } = NUMBER`.
#[derive(Clone, Debug, Serialize)]
pub struct Program {
    /// As written.
    pub name: String,
    /// Its comment.
    pub doc: Option<String>,
    /// For the binder, the port mapper and the header of each call.
    pub number: u32,
    /// In the order of the text.
    pub versions: Vec<Version>,
}

/// `version NAME { ... } = NUMBER`.
#[derive(Clone, Debug, Serialize)]
pub struct Version {
    /// As written.
    pub name: String,
    /// Its comment.
    pub doc: Option<String>,
    /// In the header of each call.
    pub number: u32,
    /// In the order of the text.
    pub procedures: Vec<Procedure>,
}

/// A procedure.
#[derive(Clone, Debug, Serialize)]
pub struct Procedure {
    /// As written.
    pub name: String,
    /// Its comment.
    pub doc: Option<String>,
    /// In the header of each call.
    pub number: u32,
    /// In order; on the wire as a structure of them.
    pub arguments: Vec<Field>,
    /// `None` for `void`.
    pub result: Option<Type>,
    /// `@idempotent`: to run it twice is to run it once.
    pub is_idempotent: bool,
    /// `@inout NAME`: passed by copy/restore (slide 30).
    pub restored: Vec<String>,
}

impl Model {
    /// The type's definition.
    pub fn get(&self, id: TypeId) -> &TypeDef {
        &self.types[id.0]
    }

    /// What it is when names that only stand for another type are followed.
    pub fn resolve<'a>(&'a self, ty: &'a Type) -> &'a Type {
        let mut ty = ty;
        while let Type::Named(id) = ty
            && let TypeKind::Alias(other) = &self.get(*id).kind
        {
            ty = other;
        }
        ty
    }

    /// The structure linked through its tail that this names, if it does.
    pub fn list_of(&self, ty: &Type) -> Option<TypeId> {
        match self.resolve(ty) {
            Type::Named(id) if matches!(self.get(*id).kind, TypeKind::Struct { is_list: true, .. }) => {
                Some(*id)
            }
            _ => None,
        }
    }

    /// Bytes on the wire.
    pub fn size(&self, ty: &Type) -> Size {
        let padded = |bytes: u32| u64::from(bytes).next_multiple_of(4);
        let same = |bytes| Size { least: bytes, most: Some(bytes) };
        match ty {
            Type::Int { bits: 64, .. } | Type::Double => same(8),
            Type::Int { .. } | Type::Float | Type::Bool => same(4),
            Type::Quadruple => same(16),
            Type::Opaque(Length::Fixed(bytes)) => same(padded(*bytes)),
            Type::Opaque(Length::UpTo(u32::MAX)) | Type::String(u32::MAX) => Size { least: 4, most: None },
            Type::Opaque(Length::UpTo(bytes)) | Type::String(bytes) => {
                Size { least: 4, most: Some(4 + padded(*bytes)) }
            }
            Type::Array(element, Length::Fixed(count)) => self.size(element).times(u64::from(*count)),
            Type::Array(_, Length::UpTo(u32::MAX)) => Size { least: 4, most: None },
            Type::Array(element, Length::UpTo(count)) => {
                let most = self.size(element).times(u64::from(*count)).most;
                Size { least: 4, most: most.and_then(|most| most.checked_add(4)) }
            }
            Type::Optional(inner) => {
                let most = self.size(inner).most;
                Size { least: 4, most: most.and_then(|most| most.checked_add(4)) }
            }
            Type::Named(id) => self.get(*id).size,
        }
    }
}

impl Size {
    pub(crate) const NOTHING: Self = Self { least: 0, most: Some(0) };
    pub(crate) const UNKNOWN: Self = Self { least: 0, most: None };

    fn times(self, count: u64) -> Self {
        Self {
            least: self.least.saturating_mul(count),
            most: self.most.and_then(|most| most.checked_mul(count)),
        }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        let most = self.most.zip(other.most).and_then(|(one, other)| one.checked_add(other));
        Self { least: self.least.saturating_add(other.least), most }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        let most = self.most.zip(other.most).map(|(one, other)| one.max(other));
        Self { least: self.least.min(other.least), most }
    }
}
