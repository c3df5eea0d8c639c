//! Unions: an enumeration with a variant for each case, told apart by what decides.
use std::collections::BTreeSet;

use super::names::{Scope, camel};
use super::types::Types;
use super::{Writer, derives, digits, head};
use crate::model::{Arm, Field, Type, TypeDef, TypeId, TypeKind, Union};

/// How a union's cases are called and told apart.
struct Cases {
    /// The variant of each arm.
    variants: Vec<String>,
    /// What decides, as a pattern and as an expression, for each arm.
    values: Vec<String>,
    /// There are values without a case of their own.
    is_open: bool,
}

/// A union on its way to Rust.
struct OneOf<'a> {
    types: &'a Types<'a>,
    id: TypeId,
    def: &'a TypeDef,
    union: &'a Union,
    cases: Cases,
}

fn cases(types: &Types<'_>, union: &Union) -> Cases {
    let mut scope = Scope::default();
    scope.take("Self".into());
    scope.take("Default".into());
    let variant = |arm: &Arm| match arm.label.parse::<i128>() {
        Ok(number) if number < 0 => format!("Minus{}", number.unsigned_abs()),
        Ok(number) => format!("Case{number}"),
        Err(_) => camel(&arm.label),
    };
    let variants = union.arms.iter().map(|arm| scope.take(variant(arm)).replace('_', "")).collect();
    let model = types.model;
    let (values, is_open) = match model.resolve(&union.discriminant.ty) {
        Type::Bool => {
            let values = union.arms.iter().map(|arm| (arm.value != 0).to_string()).collect();
            (values, union.arms.len() < 2)
        }
        Type::Named(id) => match &model.get(*id).kind {
            TypeKind::Enum(all) => {
                let names = super::variants(all);
                let value = |arm: &Arm| {
                    let place = all.iter().position(|one| i64::from(one.value) == arm.value);
                    format!("{}::{}", types.name(*id), place.map_or("", |place| names[place].as_str()))
                };
                let distinct = (0..all.len()).filter(|place| super::first_of(all, *place) == *place).count();
                (union.arms.iter().map(value).collect(), union.arms.len() < distinct)
            }
            _ => (union.arms.iter().map(|arm| digits(i128::from(arm.value))).collect(), true),
        },
        _ => (union.arms.iter().map(|arm| digits(i128::from(arm.value))).collect(), true),
    };
    Cases { variants, values, is_open }
}

/// What is left to the default of a union that a bool decides is the other one of two.
fn spelt_out(types: &Types<'_>, union: &Union) -> Union {
    let mut union = union.clone();
    if *types.model.resolve(&union.discriminant.ty) == Type::Bool
        && let ([only], Some(default)) = (union.arms.as_slice(), &union.default)
    {
        let (label, value) = if only.value == 0 { ("TRUE", 1) } else { ("FALSE", 0) };
        union.arms.push(Arm { label: label.into(), value, field: default.clone() });
        union.default = None;
    }
    union
}

pub(super) fn one_of(types: &Types<'_>, id: TypeId, def: &TypeDef, union: &Union, out: &mut Writer) {
    let name = types.name(id);
    let union = &spelt_out(types, union);
    let one_of = OneOf { types, id, def, union, cases: cases(types, union) };
    let decides = types.rust(&union.discriminant.ty, None);
    let default = one_of.default();
    let declared = format!(
        "union {} switch ({})",
        def.name,
        types.declaration(&union.discriminant.ty, &union.discriminant.name)
    );
    head(def.doc.as_deref(), &declared, derives(types, id), out);
    out.line("#[allow(clippy::large_enum_variant)]");
    out.open(format!("pub enum {name} {{"));
    for (arm, variant) in union.arms.iter().zip(&one_of.cases.variants) {
        match &arm.field {
            Some(field) => {
                let declared = format!("case {}: {}", arm.label, types.declaration(&field.ty, &field.name));
                out.doc(field.doc.as_deref(), &declared);
                out.line(format!("{variant}({}),", types.rust(&field.ty, Some(id))));
            }
            None => {
                out.doc(None, &format!("case {}: void", arm.label));
                out.line(format!("{variant},"));
            }
        }
    }
    match default {
        Some(Some(field)) => {
            out.doc(field.doc.as_deref(), &format!("default: {}", types.declaration(&field.ty, &field.name)));
            out.line(format!("Default({decides}, {}),", types.rust(&field.ty, Some(id))));
        }
        Some(None) => {
            out.doc(None, "default: void");
            out.line(format!("Default({decides}),"));
        }
        None => {}
    }
    out.close("}");
    out.line("");
    out.open(format!("impl Xdr for {name} {{"));
    one_of.encode(out);
    out.line("");
    one_of.decode(out);
    out.close("}");
}

impl OneOf<'_> {
    /// What comes with values that have no case of their own.
    fn default(&self) -> Option<&Option<Field>> {
        self.union.default.as_ref().filter(|_| self.cases.is_open)
    }

    fn arms(&self) -> impl Iterator<Item = (&Arm, &String, &String)> {
        let Cases { variants, values, .. } = &self.cases;
        self.union.arms.iter().zip(variants).zip(values).map(|((arm, variant), value)| (arm, variant, value))
    }

    fn encode(&self, out: &mut Writer) {
        let Self { types, union, .. } = self;
        let typed = |value: &str| match types.model.resolve(&union.discriminant.ty) {
            Type::Int { bits, signed } if value.starts_with('-') => {
                format!("({value}_{}{bits})", if *signed { 'i' } else { 'u' })
            }
            Type::Int { bits, signed } => format!("{value}_{}{bits}", if *signed { 'i' } else { 'u' }),
            _ => value.to_owned(),
        };
        out.open("fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {");
        out.open("match self {");
        for (arm, variant, value) in self.arms() {
            let decides = typed(value);
            match &arm.field {
                Some(field) => {
                    out.open(format!("Self::{variant}(value) => {{"));
                    out.line(format!("{decides}.encode(out)?;"));
                    out.line(types.encode(&field.ty, "value"));
                    out.close("}");
                }
                None => out.line(format!("Self::{variant} => {decides}.encode(out),")),
            }
        }
        if let Some(default) = self.default() {
            let pattern =
                if default.is_some() { "Self::Default(other, value)" } else { "Self::Default(other)" };
            out.open(format!("{pattern} => {{"));
            if !self.cases.values.is_empty() {
                let all = self.patterns();
                out.open(format!("if matches!(other, {all}) {{"));
                out.line("return Err(EncodeError::Case);");
                out.close("}");
            }
            match default {
                Some(field) => {
                    out.line("other.encode(out)?;");
                    out.line(types.encode(&field.ty, "value"));
                }
                None => out.line("other.encode(out)"),
            }
            out.close("}");
        }
        out.close("}");
        out.close("}");
    }

    /// All cases as one pattern; of numbers in a row a range.
    fn patterns(&self) -> String {
        let Self { types, union, cases: Cases { values, .. }, .. } = self;
        if !matches!(types.model.resolve(&union.discriminant.ty), Type::Int { .. }) {
            return values.join(" | ");
        }
        let numbers: BTreeSet<i64> = union.arms.iter().map(|arm| arm.value).collect();
        let mut runs: Vec<(i64, i64)> = Vec::new();
        for number in numbers {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                _ => runs.push((number, number)),
            }
        }
        let number = |number: i64| digits(i128::from(number));
        let one = |(first, last): (i64, i64)| match last - first {
            0 => number(first),
            1 => format!("{} | {}", number(first), number(last)),
            _ => format!("{}..={}", number(first), number(last)),
        };
        runs.into_iter().map(one).collect::<Vec<_>>().join(" | ")
    }

    fn decode(&self, out: &mut Writer) {
        let Self { types, id, def, union, cases } = self;
        let decides = types.rust(&union.discriminant.ty, None);
        out.open("fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {");
        out.open(format!("match <{decides} as Xdr>::decode(input)? {{"));
        for (arm, variant, value) in self.arms() {
            out.line(match &arm.field {
                Some(field) => {
                    format!("{value} => Ok(Self::{variant}({}?)),", types.decode(&field.ty, Some(*id)))
                }
                None => format!("{value} => Ok(Self::{variant}),"),
            });
        }
        if cases.is_open {
            out.line(match &union.default {
                Some(Some(field)) => {
                    format!("other => Ok(Self::Default(other, {}?)),", types.decode(&field.ty, Some(*id)))
                }
                Some(None) => "other => Ok(Self::Default(other)),".into(),
                None => {
                    let number = match types.model.resolve(&union.discriminant.ty) {
                        Type::Named(_) => "other as i64",
                        _ => "i64::from(other)",
                    };
                    format!("other => Err(input.unknown({:?}, {number})),", def.name)
                }
            });
        }
        out.close("}");
        out.close("}");
    }
}
