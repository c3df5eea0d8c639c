//! Syntax to model: names looked up, numbers worked out, and whatever the language forbids complained of.
use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::model::{
    Arm, Constant, ConstantValue, EnumValue, Field, Length, Model, Size, Type, TypeDef, TypeId, TypeKind,
    Union,
};
use crate::parser::predefined;
use crate::source::{Sources, Span};
use crate::syntax::{
    Declaration, Definition, EnumBody, Name, Primitive, Shape, StructBody, TypeSpec, UnionBody, Value, What,
};

/// A name that stands for a number.
#[derive(Clone)]
enum Number {
    /// Not worked out yet: what it is, and what is added to it.
    Open {
        value: Value,
        plus: i128,
    },
    /// Being worked out.
    Under,
    Done(Option<i128>),
}

pub(crate) struct Resolver<'a> {
    pub(crate) sources: &'a Sources,
    pub(crate) problems: &'a mut Vec<Diagnostic>,
    pub(crate) model: Model,
    /// Where each type was named, by id.
    pub(crate) spans: Vec<Span>,
    types: BTreeMap<String, TypeId>,
    numbers: BTreeMap<String, (Span, Number)>,
    texts: BTreeMap<String, Span>,
    externs: &'a [(String, String)],
    /// Cases to be looked at when all types are known.
    labels: Vec<(Field, Value, i64)>,
    /// Names that were looked for in vain.
    missing: BTreeSet<String>,
}

/// What the definitions mean. The model is of use only if no error was added to the problems.
pub(crate) fn resolve(
    sources: &Sources,
    definitions: &[Definition],
    externs: &[(String, String)],
    problems: &mut Vec<Diagnostic>,
) -> Model {
    let mut resolver = Resolver {
        sources,
        problems,
        model: Model::default(),
        spans: Vec::new(),
        types: BTreeMap::new(),
        numbers: BTreeMap::new(),
        texts: BTreeMap::new(),
        externs,
        labels: Vec::new(),
        missing: BTreeSet::new(),
    };
    resolver.collect(definitions);
    for definition in definitions {
        resolver.define(definition);
    }
    resolver.add_externs();
    if !resolver.check_cycles() {
        return resolver.model;
    }
    resolver.check_labels();
    resolver.mark_lists();
    resolver.measure();
    for definition in definitions {
        if let What::Program(program) = &definition.what {
            let doc = resolver.doc(program.doc);
            resolver.program(program, doc);
        }
    }
    resolver.check_programs(definitions);
    resolver.model
}

impl Resolver<'_> {
    pub(crate) fn error(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// A comment's words, without its stars.
    pub(crate) fn doc(&self, span: Option<Span>) -> Option<String> {
        let text = self.sources.text(span?);
        let inside = text.strip_prefix("//").or_else(|| text.strip_prefix("/*")?.strip_suffix("*/"))?;
        let lines = inside.lines().map(|line| line.trim().trim_start_matches('*').trim());
        let lines: Vec<_> = lines.filter(|line| line.contains(|one: char| one.is_alphanumeric())).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn collect(&mut self, definitions: &[Definition]) {
        let mut programs: BTreeMap<String, Span> = BTreeMap::new();
        for definition in definitions {
            let name = &definition.name;
            match &definition.what {
                What::Const(value) => self.collect_number(name, value.clone(), 0),
                What::Text(_) => self.collect_text(name),
                What::Program(program) => {
                    if let Some(first) = programs.insert(name.text.clone(), name.span) {
                        self.twice("program", name, first);
                    }
                    // Their names are numbers too, but a constant of the same name goes first.
                    self.offer_number(&program.name, &program.number);
                    for version in &program.versions {
                        self.offer_number(&version.name, &version.number);
                        for procedure in &version.procedures {
                            self.offer_number(&procedure.name, &procedure.number);
                        }
                    }
                }
                // `typedef struct X X;` says what is known.
                What::Typedef(Declaration { ty: TypeSpec::Named(other), shape: Shape::Plain, .. })
                    if other.text == name.text => {}
                what => {
                    self.collect_type(name);
                    self.collect_members(what);
                }
            }
        }
    }

    fn collect_type(&mut self, name: &Name) {
        let id = TypeId(self.model.types.len());
        if let Some(before) = self.types.insert(name.text.clone(), id) {
            let first = self.spans[before.0];
            self.twice("type", name, first);
        }
        self.spans.push(name.span);
        self.model.types.push(TypeDef {
            name: name.text.clone(),
            doc: None,
            kind: TypeKind::Struct { fields: Vec::new(), is_list: false },
            size: Size::UNKNOWN,
        });
    }

    /// The values of enumerations, named or not, wherever they are.
    fn collect_members(&mut self, what: &What) {
        match what {
            What::Enum(body) => self.collect_enum(body),
            What::Struct(body) => body.members.iter().for_each(|member| self.collect_in(&member.ty)),
            What::Union(body) => self.collect_union(body),
            What::Typedef(declaration) => self.collect_in(&declaration.ty),
            What::Const(_) | What::Text(_) | What::Program(_) => {}
        }
    }

    fn collect_union(&mut self, body: &UnionBody) {
        let declarations = body.arms.iter().map(|arm| &arm.declaration).chain(&body.default);
        self.collect_in(&body.discriminant.ty);
        declarations.for_each(|declaration| self.collect_in(&declaration.ty));
    }

    fn collect_in(&mut self, ty: &TypeSpec) {
        match ty {
            TypeSpec::Enum(body, _) => self.collect_enum(body),
            TypeSpec::Struct(body, _) => body.members.iter().for_each(|member| self.collect_in(&member.ty)),
            TypeSpec::Union(body, _) => self.collect_union(body),
            _ => {}
        }
    }

    fn collect_enum(&mut self, body: &EnumBody) {
        let (mut base, mut plus) =
            (Value::Number(0, Span { file: crate::source::FileId(0), start: 0, end: 0 }), 0);
        for member in &body.members {
            if let Some(value) = &member.value {
                (base, plus) = (value.clone(), 0);
            }
            self.collect_number(&member.name, base.clone(), plus);
            plus += 1;
        }
    }

    fn collect_number(&mut self, name: &Name, value: Value, plus: i128) {
        let number = Number::Open { value, plus };
        if let Some((first, _)) = self.numbers.insert(name.text.clone(), (name.span, number)) {
            self.twice("constant", name, first);
        } else if let Some(first) = self.texts.get(&name.text).copied() {
            self.twice("constant", name, first);
        }
    }

    fn collect_text(&mut self, name: &Name) {
        let first = self.numbers.get(&name.text).map(|(span, _)| *span);
        if let Some(first) = self.texts.insert(name.text.clone(), name.span).or(first) {
            self.twice("constant", name, first);
        }
    }

    fn offer_number(&mut self, name: &Name, value: &Value) {
        let number = Number::Open { value: value.clone(), plus: 0 };
        self.numbers.entry(name.text.clone()).or_insert((name.span, number));
    }

    pub(crate) fn twice(&mut self, what: &str, name: &Name, first: Span) {
        let title = format!("the {what} `{}` is defined twice", name.text);
        self.error(Diagnostic::error(name.span, title, "here again").and(first, "here first"));
    }

    /// What a number or a name of one is. What is none was complained of.
    pub(crate) fn number(&mut self, value: &Value) -> Option<i128> {
        match value {
            Value::Number(number, _) => Some(*number),
            Value::Name(name) => self.named_number(name),
        }
    }

    fn named_number(&mut self, name: &Name) -> Option<i128> {
        match name.text.as_str() {
            "TRUE" if !self.numbers.contains_key("TRUE") => return Some(1),
            "FALSE" if !self.numbers.contains_key("FALSE") => return Some(0),
            _ => {}
        }
        let Some((span, number)) = self.numbers.get(&name.text).cloned() else {
            self.undefined(name, "number");
            return None;
        };
        match number {
            Number::Done(number) => number,
            Number::Under => {
                let title = format!("`{}` is defined by itself", name.text);
                self.error(Diagnostic::error(name.span, title, "leads back to it").and(span, "defined here"));
                None
            }
            Number::Open { value, plus } => {
                self.numbers.insert(name.text.clone(), (span, Number::Under));
                let number = self.number(&value).map(|number| number + plus);
                self.numbers.insert(name.text.clone(), (span, Number::Done(number)));
                number
            }
        }
    }

    /// Told once for each name.
    fn undefined(&mut self, name: &Name, what: &str) {
        if !self.missing.insert(name.text.clone()) {
            return;
        }
        if let Some(span) = self.texts.get(&name.text).copied() {
            let title = format!("`{}` is a text, and a number is needed", name.text);
            self.error(Diagnostic::error(name.span, title, "expected a number").and(span, "defined here"));
            return;
        }
        let names: Vec<_> = match what {
            "number" => self.numbers.keys().collect(),
            _ => self.types.keys().collect(),
        };
        let alike = |known: &&String| strsim::jaro_winkler(known, &name.text) > 0.9;
        let help = match names.into_iter().find(alike) {
            Some(known) => format!("there is a {what} `{known}`"),
            None if what == "number" => {
                format!("if a C header defines it, say -D {}=VALUE or write #define or const", name.text)
            }
            None => format!("if C or Rust code declares it, say --extern-type {}=PATH", name.text),
        };
        let title = format!("no {what} is called `{}`", name.text);
        self.error(Diagnostic::error(name.span, title, "not defined").help(help));
    }

    /// How many or how much: 0 to 2^32 - 1.
    fn length(&mut self, value: &Value) -> u32 {
        let Some(number) = self.number(value) else { return 0 };
        u32::try_from(number).unwrap_or_else(|_| {
            let title = format!("{number} is no number of elements");
            let label = if number < 0 { "negative" } else { "more than 2^32 - 1" };
            self.error(Diagnostic::error(value.span(), title, label));
            0
        })
    }

    fn define(&mut self, definition: &Definition) {
        let doc = self.doc(definition.doc);
        let name = &definition.name;
        let kind = match &definition.what {
            What::Const(value) => {
                let Some(number) = self.number(value) else { return };
                if i64::try_from(number).is_err() && u64::try_from(number).is_err() {
                    let title = format!("{number} is more than 64 bits hold");
                    self.error(Diagnostic::error(value.span(), title, "too large"));
                }
                let value = ConstantValue::Number(number);
                return self.model.constants.push(Constant { name: name.text.clone(), doc, value });
            }
            What::Text(text) => {
                let value = ConstantValue::Text(text.clone());
                return self.model.constants.push(Constant { name: name.text.clone(), doc, value });
            }
            What::Program(_) => return,
            What::Enum(body) => self.enumeration(body, name.span),
            What::Struct(body) => self.structure(&name.text, body),
            What::Union(body) => self.union(&name.text, body),
            What::Typedef(declaration) => {
                if !self.types.contains_key(&name.text) || self.is_self_alias(declaration, name) {
                    return;
                }
                match self.declared(&name.text, declaration) {
                    Some(ty) => TypeKind::Alias(ty),
                    None => return,
                }
            }
        };
        // Of two of one name, which is an error, the last has the id.
        let Some(id) = self.types.get(&name.text).copied() else { return };
        let def = &mut self.model.types[id.0];
        (def.kind, def.doc) = (kind, doc);
        if !self.model.order.contains(&id) {
            self.model.order.push(id);
        }
    }

    fn is_self_alias(&self, declaration: &Declaration, name: &Name) -> bool {
        matches!((&declaration.ty, &declaration.shape), (TypeSpec::Named(other), Shape::Plain) if other.text == name.text)
    }

    fn enumeration(&mut self, body: &EnumBody, span: Span) -> TypeKind {
        let mut values: Vec<EnumValue> = Vec::new();
        let mut seen: BTreeMap<i128, Span> = BTreeMap::new();
        for member in &body.members {
            let Some(number) = self.named_number(&member.name) else { continue };
            let span = member.value.as_ref().map_or(member.name.span, Value::span);
            let Ok(value) = i32::try_from(number) else {
                let title = format!("{number} is no value of an enumeration");
                self.error(Diagnostic::error(span, title, "more than 32 bits hold"));
                continue;
            };
            if let Some(first) = seen.get(&number).copied() {
                let title = format!("two values of this enumeration are {number}");
                let problem = Diagnostic::warning(span, title, "another name for the first");
                self.error(problem.and(first, "here first"));
            } else {
                seen.insert(number, span);
            }
            values.push(EnumValue { name: member.name.text.clone(), doc: self.doc(member.doc), value });
        }
        if body.members.is_empty() {
            self.error(Diagnostic::error(span, "this enumeration has no value", "nothing it can be"));
        }
        TypeKind::Enum(values)
    }

    fn structure(&mut self, of: &str, body: &StructBody) -> TypeKind {
        let mut fields = Vec::new();
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        for member in &body.members {
            let Some(name) = &member.name else {
                let problem =
                    Diagnostic::error(member.ty.span(), "a structure has no void member", "of no size");
                self.error(problem.help("leave it out"));
                continue;
            };
            if let Some(first) = seen.insert(name.text.clone(), name.span) {
                self.twice("member", name, first);
            }
            fields.extend(self.field(of, member));
        }
        TypeKind::Struct { fields, is_list: false }
    }

    /// `None` for `void`.
    pub(crate) fn field(&mut self, of: &str, declaration: &Declaration) -> Option<Field> {
        let name = declaration.name.as_ref()?.text.clone();
        let ty = self.declared(&format!("{of}_{name}"), declaration)?;
        Some(Field { name, doc: self.doc(declaration.doc), ty })
    }

    fn union(&mut self, of: &str, body: &UnionBody) -> TypeKind {
        let discriminant = self.field(of, &body.discriminant);
        let span = body.discriminant.ty.span();
        let Some(discriminant) = discriminant else {
            let problem = Diagnostic::error(span, "a union is decided by a number", "void decides nothing");
            self.error(problem);
            return TypeKind::Enum(Vec::new());
        };
        let mut arms: Vec<Arm> = Vec::new();
        let mut seen: BTreeMap<i64, Span> = BTreeMap::new();
        for arm in &body.arms {
            let field = self.field(of, &arm.declaration);
            for label in &arm.labels {
                let Some(value) = self.number(label) else { continue };
                let Ok(value) = i64::try_from(value) else { continue };
                self.labels.push((discriminant.clone(), label.clone(), value));
                if let Some(first) = seen.insert(value, label.span()) {
                    let title = format!("two cases of this union are {}", label_text(label));
                    self.error(Diagnostic::error(label.span(), title, "here again").and(first, "here first"));
                    continue;
                }
                arms.push(Arm { label: label_text(label), value, field: field.clone() });
            }
        }
        let default = body.default.as_ref().map(|default| self.field(of, default));
        if body.arms.is_empty() && default.is_none() {
            self.error(Diagnostic::error(span, "this union has no case", "nothing can follow"));
        }
        TypeKind::Union(Union { discriminant, arms, default })
    }

    /// Each case must be a value that what decides can have. Looked at when all types are known.
    fn check_labels(&mut self) {
        for (discriminant, label, value) in std::mem::take(&mut self.labels) {
            let model = &self.model;
            let fits = match model.resolve(&discriminant.ty) {
                Type::Int { bits: 8..=32, signed: true } => i32::try_from(value).is_ok(),
                Type::Int { bits: 8..=32, signed: false } => u32::try_from(value).is_ok(),
                Type::Bool => value == 0 || value == 1,
                Type::Named(id) => match &model.get(*id).kind {
                    TypeKind::Enum(values) => values.iter().any(|one| i64::from(one.value) == value),
                    _ => false,
                },
                _ => false,
            };
            let can_decide = match model.resolve(&discriminant.ty) {
                Type::Int { bits, .. } => *bits <= 32,
                Type::Bool => true,
                Type::Named(id) => matches!(model.get(*id).kind, TypeKind::Enum(_)),
                _ => false,
            };
            if !can_decide {
                let title = format!("`{}` cannot decide a union", discriminant.name);
                let problem = Diagnostic::error(label.span(), title, "of a type without cases");
                self.error(problem.help("only int, unsigned int, bool and enumerations can"));
            } else if !fits {
                let title = format!("{} is no value of `{}`", label_text(&label), discriminant.name);
                self.error(Diagnostic::error(label.span(), title, "can never be"));
            }
        }
    }

    /// The type of a declaration; `None` if there is none, which was complained of unless it is `void`.
    fn declared(&mut self, name: &str, declaration: &Declaration) -> Option<Type> {
        let span = declaration.ty.span();
        match (&declaration.ty, &declaration.shape) {
            (TypeSpec::Opaque(_), Shape::Fixed(count)) => {
                return Some(Type::Opaque(Length::Fixed(self.length(count))));
            }
            (TypeSpec::Opaque(_), Shape::Variable(most)) => {
                let most = most.as_ref().map_or(u32::MAX, |most| self.length(most));
                return Some(Type::Opaque(Length::UpTo(most)));
            }
            (TypeSpec::Opaque(_), _) => {
                let problem = Diagnostic::error(span, "opaque data without a length", "how many bytes?");
                self.error(
                    problem.help("write opaque NAME[N] for N bytes, opaque NAME<N> for no more than N"),
                );
                return None;
            }
            (TypeSpec::String(_), Shape::Variable(most)) => {
                return Some(Type::String(most.as_ref().map_or(u32::MAX, |most| self.length(most))));
            }
            // As rpcgen takes it in arguments and results.
            (TypeSpec::String(_), Shape::Plain) if declaration.name.is_none() => {
                return Some(Type::String(u32::MAX));
            }
            (TypeSpec::String(_), _) => {
                let problem = Diagnostic::error(span, "a string without `<>`", "how long may it be?");
                self.error(
                    problem
                        .help("write string NAME<N> for no more than N bytes, string NAME<> for any number"),
                );
                return None;
            }
            _ => {}
        }
        let is_char = matches!(declaration.ty, TypeSpec::Char { .. });
        if is_char && let Shape::Fixed(_) | Shape::Variable(_) = &declaration.shape {
            let problem =
                Diagnostic::warning(span, "each char takes four bytes on the wire", "an array of numbers");
            self.error(problem.help("for bytes write opaque, for text string"));
        }
        let element = self.spec(name, &declaration.ty)?;
        Some(match &declaration.shape {
            Shape::Plain => element,
            Shape::Fixed(count) => Type::Array(Box::new(element), Length::Fixed(self.length(count))),
            Shape::Variable(most) => {
                let most = most.as_ref().map_or(u32::MAX, |most| self.length(most));
                Type::Array(Box::new(element), Length::UpTo(most))
            }
            Shape::Optional(_) => Type::Optional(Box::new(element)),
        })
    }

    /// The type of an argument or a result that need not have a name.
    pub(crate) fn parameter(&mut self, of: &str, declaration: &Declaration) -> Option<Type> {
        self.declared(of, declaration)
    }

    fn spec(&mut self, name: &str, spec: &TypeSpec) -> Option<Type> {
        Some(match spec {
            TypeSpec::Void(_) | TypeSpec::Opaque(_) | TypeSpec::String(_) => return None,
            TypeSpec::Primitive(primitive, _) => match *primitive {
                Primitive::Int { bits, signed } => Type::Int { bits, signed },
                Primitive::Float => Type::Float,
                Primitive::Double => Type::Double,
                Primitive::Quadruple => Type::Quadruple,
                Primitive::Bool => Type::Bool,
            },
            TypeSpec::Char { signed, .. } => Type::Int { bits: 8, signed: *signed },
            TypeSpec::Named(other) => return self.named(other),
            TypeSpec::Enum(body, span) => {
                let kind = self.enumeration(body, *span);
                self.add(name, *span, kind)
            }
            TypeSpec::Struct(body, span) => {
                let kind = self.structure(name, body);
                self.add(name, *span, kind)
            }
            TypeSpec::Union(body, span) => {
                let kind = self.union(name, body);
                self.add(name, *span, kind)
            }
        })
    }

    fn named(&mut self, name: &Name) -> Option<Type> {
        if let Some(id) = self.types.get(&name.text) {
            return Some(Type::Named(*id));
        }
        if let Some((_, path)) = self.externs.iter().find(|(own, _)| *own == name.text) {
            let kind = TypeKind::External(path.clone());
            let ty = self.add(&name.text, name.span, kind);
            if let Type::Named(id) = ty {
                self.types.insert(name.text.clone(), id);
            }
            return Some(ty);
        }
        if let Some(spec) = predefined(&name.text, name.span) {
            return self.spec(&name.text, &spec);
        }
        self.undefined(name, "type");
        None
    }

    /// A body without a name of its own.
    fn add(&mut self, name: &str, span: Span, kind: TypeKind) -> Type {
        let id = TypeId(self.model.types.len());
        self.model.types.push(TypeDef { name: name.into(), doc: None, kind, size: Size::UNKNOWN });
        self.spans.push(span);
        self.model.order.push(id);
        Type::Named(id)
    }

    /// A type that is said to be declared elsewhere and is defined here too would be two.
    fn add_externs(&mut self) {
        for (name, path) in self.externs {
            let Some(id) = self.types.get(name) else { continue };
            if !matches!(self.model.get(*id).kind, TypeKind::External(_)) {
                let title =
                    format!("`{name}` is defined here, and --extern-type says that {path} stands for it");
                let span = self.spans[id.0];
                self.error(Diagnostic::error(span, title, "defined here"));
            }
        }
    }
}

fn label_text(label: &Value) -> String {
    match label {
        Value::Number(number, _) => number.to_string(),
        Value::Name(name) => name.text.clone(),
    }
}
