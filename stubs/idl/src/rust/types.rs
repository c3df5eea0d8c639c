//! Types as Rust has them, and how each goes into bytes and comes out of them.
use super::names;
use crate::model::{Length, Model, Type, TypeId, TypeKind};

/// Arrays longer than this are not kept in place.
const IN_PLACE_MAX: u32 = 1_024;

/// A model and the names of its types.
pub(super) struct Types<'a> {
    pub(super) model: &'a Model,
    pub(super) names: Vec<String>,
    /// Which types hold which, by whatever way.
    holds: Vec<Vec<TypeId>>,
}

impl<'a> Types<'a> {
    pub(super) fn new(model: &'a Model) -> Self {
        let holds = model.types.iter().map(|def| held(&def.kind)).collect();
        Self { model, names: names::type_names(model), holds }
    }

    pub(super) fn name(&self, id: TypeId) -> &str {
        &self.names[id.0]
    }

    /// Whether a value of one may hold one of the other.
    pub(super) fn reaches(&self, from: TypeId, to: TypeId) -> bool {
        let mut seen = vec![false; self.holds.len()];
        let mut todo = vec![from];
        while let Some(id) = todo.pop() {
            if id == to {
                return true;
            }
            if !std::mem::replace(&mut seen[id.0], true) {
                todo.extend(&self.holds[id.0]);
            }
        }
        false
    }

    /// An optional one that may hold what it is in is kept elsewhere.
    fn is_boxed(&self, ty: &Type, within: Option<TypeId>) -> bool {
        match (ty, within) {
            (Type::Named(id), Some(within)) => self.model.list_of(ty).is_none() && self.reaches(*id, within),
            _ => false,
        }
    }

    /// As is a union's case that may hold the union. A structure's member cannot.
    fn is_boxed_case(&self, ty: &Type, within: Option<TypeId>) -> bool {
        within.is_some_and(|within| matches!(self.model.get(within).kind, TypeKind::Union(_)))
            && self.is_boxed(ty, within)
    }

    /// The type as Rust writes it, in the definition of `within`.
    pub(super) fn rust(&self, ty: &Type, within: Option<TypeId>) -> String {
        if self.is_boxed_case(ty, within) {
            return format!("Box<{}>", self.rust(ty, None));
        }
        if let Type::Named(id) = ty
            && matches!(self.model.get(*id).kind, TypeKind::Alias(_))
        {
            return self.name(*id).into();
        }
        if let Some(list) = self.model.list_of(ty) {
            return format!("Vec<{}>", self.name(list));
        }
        match ty {
            Type::Int { bits, signed } => format!("{}{bits}", if *signed { 'i' } else { 'u' }),
            Type::Float => "f32".into(),
            Type::Double => "f64".into(),
            Type::Quadruple => "[u8; 16]".into(),
            Type::Bool => "bool".into(),
            Type::Opaque(Length::Fixed(bytes)) if *bytes <= IN_PLACE_MAX => format!("[u8; {bytes}]"),
            Type::Opaque(_) | Type::String(_) => "Bytes".into(),
            Type::Array(element, Length::Fixed(count)) if *count <= IN_PLACE_MAX => {
                format!("[{}; {count}]", self.rust(element, within))
            }
            Type::Array(element, _) => format!("Vec<{}>", self.rust(element, None)),
            Type::Optional(inner) => {
                if let Some(list) = self.model.list_of(inner) {
                    return format!("Vec<{}>", self.name(list));
                }
                let inner_name = self.rust(inner, None);
                if self.is_boxed(inner, within) {
                    format!("Option<Box<{inner_name}>>")
                } else {
                    format!("Option<{inner_name}>")
                }
            }
            Type::Named(id) => match &self.model.get(*id).kind {
                TypeKind::External(path) => path.clone(),
                _ => self.name(*id).into(),
            },
        }
    }

    /// An expression that puts what `value`, a reference, refers to into `out`.
    pub(super) fn encode(&self, ty: &Type, value: &str) -> String {
        let ty = self.model.resolve(ty);
        if self.model.list_of(ty).is_some() {
            return format!("out.chain({value}, Xdr::encode)");
        }
        match ty {
            Type::Opaque(Length::Fixed(bytes)) if *bytes <= IN_PLACE_MAX => format!("out.fixed({value})"),
            Type::Quadruple => format!("out.fixed({value})"),
            Type::Opaque(Length::Fixed(bytes)) => format!("out.exactly({value}, {bytes})"),
            Type::Opaque(Length::UpTo(most)) => format!("out.opaque({value}, {})", bound(*most)),
            Type::String(most) => format!("out.string({value}, {})", bound(*most)),
            Type::Array(element, Length::Fixed(count)) => {
                format!("out.array_of({value}, {count}, {})", self.encoder(element))
            }
            Type::Array(element, Length::UpTo(most)) => {
                format!("out.array({value}, {}, {})", bound(*most), self.encoder(element))
            }
            Type::Optional(inner) if self.model.list_of(inner).is_some() => {
                format!("out.list({value}, Xdr::encode)")
            }
            Type::Optional(inner) => {
                format!("out.optional({value}, |item, out| {})", self.encode(inner, "item"))
            }
            _ => format!("{}.encode(out)", value.strip_prefix('&').unwrap_or(value)),
        }
    }

    /// A function that does it for one element.
    pub(super) fn encoder(&self, ty: &Type) -> String {
        match self.encode(ty, "item") {
            plain if plain == "item.encode(out)" => "Xdr::encode".into(),
            other => format!("|item, out| {other}"),
        }
    }

    /// An expression that takes one from `input`.
    pub(super) fn decode(&self, ty: &Type, within: Option<TypeId>) -> String {
        if self.is_boxed_case(ty, within) {
            return format!("input.nested({}).map(Box::new)", self.decoder(ty, None));
        }
        if let Type::Named(id) = ty
            && let TypeKind::Alias(other) = &self.model.get(*id).kind
        {
            return self.decode(other, Some(*id));
        }
        if self.model.list_of(ty).is_some() {
            return "input.chain(Xdr::decode)".into();
        }
        match ty {
            Type::Opaque(Length::Fixed(bytes)) if *bytes <= IN_PLACE_MAX => "input.fixed()".into(),
            Type::Quadruple => "input.fixed()".into(),
            Type::Opaque(Length::Fixed(bytes)) => format!("input.exactly({bytes})"),
            Type::Opaque(Length::UpTo(most)) => format!("input.opaque({})", bound(*most)),
            Type::String(most) => format!("input.string({})", bound(*most)),
            Type::Array(element, Length::Fixed(count)) if *count <= IN_PLACE_MAX => {
                format!("input.array_in_place({})", self.decoder(element, within))
            }
            Type::Array(element, Length::Fixed(count)) => {
                format!("input.array_of({count}, {})", self.decoder(element, None))
            }
            Type::Array(element, Length::UpTo(most)) => {
                format!("input.array({}, {})", bound(*most), self.decoder(element, None))
            }
            Type::Optional(inner) if self.model.list_of(inner).is_some() => "input.list(Xdr::decode)".into(),
            Type::Optional(inner) if self.is_boxed(inner, within) => {
                format!("input.optional(|input| {}.map(Box::new))", self.decode(inner, None))
            }
            Type::Optional(inner) => format!("input.optional({})", self.decoder(inner, None)),
            _ => "Xdr::decode(input)".into(),
        }
    }

    fn decoder(&self, ty: &Type, within: Option<TypeId>) -> String {
        match self.decode(ty, within) {
            plain if plain == "Xdr::decode(input)" => "Xdr::decode".into(),
            other => format!("|input| {other}"),
        }
    }

    /// Whether values of it can be compared for equality in all cases: no float is in it.
    pub(super) fn is_eq(&self, id: TypeId) -> bool {
        let mut seen = vec![false; self.holds.len()];
        let mut todo = vec![id];
        while let Some(id) = todo.pop() {
            if std::mem::replace(&mut seen[id.0], true) {
                continue;
            }
            let def = self.model.get(id);
            if matches!(def.kind, TypeKind::External(_)) || types_in(&def.kind).iter().any(|ty| has_float(ty))
            {
                return false;
            }
            todo.extend(&self.holds[id.0]);
        }
        true
    }

    /// Declared as the interface's language has it, for comments.
    pub(super) fn declaration(&self, ty: &Type, name: &str) -> String {
        let base = |ty: &Type| match ty {
            Type::Int { bits: 8, signed } => if *signed { "char" } else { "unsigned char" }.to_owned(),
            Type::Int { bits: 16, signed } => if *signed { "short" } else { "unsigned short" }.to_owned(),
            Type::Int { bits: 64, signed } => if *signed { "hyper" } else { "unsigned hyper" }.to_owned(),
            Type::Int { signed, .. } => if *signed { "int" } else { "unsigned int" }.to_owned(),
            Type::Float => "float".to_owned(),
            Type::Double => "double".to_owned(),
            Type::Quadruple => "quadruple".to_owned(),
            Type::Bool => "bool".to_owned(),
            Type::Opaque(_) => "opaque".to_owned(),
            Type::String(_) => "string".to_owned(),
            Type::Named(id) => self.model.get(*id).name.clone(),
            Type::Array(..) | Type::Optional(_) => "...".to_owned(),
        };
        let most = |most: u32| if most == u32::MAX { String::new() } else { most.to_string() };
        match ty {
            Type::Opaque(Length::Fixed(count)) => format!("opaque {name}[{count}]"),
            Type::Opaque(Length::UpTo(count)) => format!("opaque {name}<{}>", most(*count)),
            Type::String(count) => format!("string {name}<{}>", most(*count)),
            Type::Array(element, Length::Fixed(count)) => format!("{} {name}[{count}]", base(element)),
            Type::Array(element, Length::UpTo(count)) => {
                format!("{} {name}<{}>", base(element), most(*count))
            }
            Type::Optional(inner) => format!("{} *{name}", base(inner)),
            plain => format!("{} {name}", base(plain)),
        }
    }
}

fn bound(most: u32) -> String {
    if most == u32::MAX { "u32::MAX".into() } else { most.to_string() }
}

fn types_in(kind: &TypeKind) -> Vec<&Type> {
    match kind {
        TypeKind::Enum(_) | TypeKind::External(_) => Vec::new(),
        TypeKind::Alias(ty) => vec![ty],
        TypeKind::Struct { fields, is_list } => {
            // A list's elements do not hold one another.
            let own = fields.len() - usize::from(*is_list);
            fields[..own].iter().map(|field| &field.ty).collect()
        }
        TypeKind::Union(union) => {
            let fields = union.arms.iter().filter_map(|arm| arm.field.as_ref());
            let fields = fields.chain(union.default.iter().flatten()).chain([&union.discriminant]);
            fields.map(|field| &field.ty).collect()
        }
    }
}

fn held(kind: &TypeKind) -> Vec<TypeId> {
    fn ids(ty: &Type, found: &mut Vec<TypeId>) {
        match ty {
            Type::Named(id) => found.push(*id),
            Type::Array(inner, _) | Type::Optional(inner) => ids(inner, found),
            _ => {}
        }
    }
    let mut found = Vec::new();
    types_in(kind).into_iter().for_each(|ty| ids(ty, &mut found));
    found
}

fn has_float(ty: &Type) -> bool {
    match ty {
        Type::Float | Type::Double => true,
        Type::Array(inner, _) | Type::Optional(inner) => has_float(inner),
        _ => false,
    }
}
