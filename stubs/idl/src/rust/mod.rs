//! A model to Rust text that a student can read: types first, then each version of a program in a module of its own.
//!
//! Deliberately not here: how bytes are made and calls are sent. The text uses `sendrec-stubs` for that.
mod names;
mod program;
mod templates;
mod types;
mod unions;

use std::fmt::Write as _;

use crate::model::{ConstantValue, EnumValue, Field, Model, Type, TypeDef, TypeId, TypeKind};
use names::{Scope, camel, shout, snake};
use types::Types;

pub(crate) use templates::templates;

/// Lines no longer than this, where it can be helped.
const WIDTH: usize = 100;

/// Lines of text, indented by the blocks that are open.
#[derive(Default)]
struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    fn line(&mut self, line: impl AsRef<str>) {
        let line = line.as_ref();
        if line.is_empty() {
            self.text.push('\n');
        } else {
            let _ = writeln!(self.text, "{:1$}{line}", "", 4 * self.depth);
        }
    }

    fn open(&mut self, line: impl AsRef<str>) {
        self.line(line);
        self.depth += 1;
    }

    fn close(&mut self, line: impl AsRef<str>) {
        self.depth -= 1;
        self.line(line);
    }

    /// What a comment says, or else how the interface declares it.
    fn doc(&mut self, doc: Option<&str>, declared: &str) {
        if let Some(doc) = doc {
            for line in doc.lines() {
                self.line(format!("/// {}", escape(line)));
            }
            self.line("///");
        }
        self.line(format!("/// `{declared}`"));
    }
}

/// A comment's line in which nothing is taken for markup.
fn escape(line: &str) -> String {
    let mut escaped = String::new();
    for (place, one) in line.chars().enumerate() {
        let is_first = place == 0 && matches!(one, '-' | '+' | '#' | '=' | '~' | '|');
        if is_first || matches!(one, '[' | ']' | '<' | '>' | '*' | '_' | '`' | '\\' | '&') {
            escaped.push('\\');
        }
        escaped.push(one);
    }
    // `1.` and `1)` begin a list, an address becomes a link or is complained of.
    let digits = escaped.len() - escaped.trim_start_matches(|one: char| one.is_ascii_digit()).len();
    if digits > 0 && escaped[digits..].starts_with(['.', ')']) {
        escaped.insert(digits, '\\');
    }
    escaped.replace("://", ":\\//")
}

/// The module's text, to be put into a file of its own.
pub(crate) fn generate(model: &Model, source: &str) -> String {
    let types = Types::new(model);
    let mut out = Writer::default();
    out.line(format!(
        "// Made from {source} by sendrec rpcgen. Do not edit: change {source} and make it again."
    ));
    for use_line in uses(model, &types) {
        out.line(use_line);
    }
    constants(model, &mut out);
    for id in &model.order {
        let def = model.get(*id);
        match &def.kind {
            TypeKind::Enum(_) => enumeration(def, types.name(*id), &mut out),
            TypeKind::Struct { fields, is_list } => structure(&types, *id, def, fields, *is_list, &mut out),
            TypeKind::Union(union) => unions::one_of(&types, *id, def, union, &mut out),
            TypeKind::Alias(ty) => {
                out.line("");
                let declared = format!("typedef {}", types.declaration(ty, &def.name));
                out.doc(def.doc.as_deref(), &declared);
                out.line(format!("pub type {} = {};", types.name(*id), types.rust(ty, Some(*id))));
            }
            TypeKind::External(_) => {}
        }
    }
    program::programs(&types, &mut out);
    out.text
}

/// Only what the text needs, or the compiler complains.
fn uses(model: &Model, types: &Types<'_>) -> Vec<String> {
    let defs = model.order.iter().map(|id| (*id, model.get(*id)));
    let has_codec = |def: &TypeDef| !matches!(def.kind, TypeKind::Alias(_) | TypeKind::External(_));
    let has_codecs = defs.clone().any(|(_, def)| has_codec(def));
    let has_bytes = defs.clone().any(|(id, def)| match &def.kind {
        TypeKind::Enum(_) | TypeKind::External(_) => false,
        TypeKind::Alias(ty) => names_bytes(types, ty, id),
        TypeKind::Struct { fields, is_list } => {
            let own = fields.len() - usize::from(*is_list);
            fields[..own].iter().any(|field| names_bytes(types, &field.ty, id))
        }
        TypeKind::Union(union) => {
            let fields = union.arms.iter().filter_map(|arm| arm.field.as_ref());
            fields.chain(union.default.iter().flatten()).any(|field| names_bytes(types, &field.ty, id))
        }
    });
    let mut lines = Vec::new();
    if has_bytes {
        lines.push("use sendrec_stubs::Bytes;".into());
    }
    if has_codecs {
        lines.push("use sendrec_stubs::xdr::{DecodeError, Decoder, EncodeError, Encoder, Xdr};".into());
    }
    lines
}

fn names_bytes(types: &Types<'_>, ty: &Type, within: TypeId) -> bool {
    let text = types.rust(ty, Some(within));
    text.split(|one: char| !one.is_alphanumeric()).any(|word| word == "Bytes")
}

fn constants(model: &Model, out: &mut Writer) {
    let mut scope = Scope::default();
    for constant in &model.constants {
        let name = scope.take(shout(&constant.name));
        out.line("");
        match &constant.value {
            ConstantValue::Number(number) => {
                out.doc(constant.doc.as_deref(), &format!("const {} = {number}", constant.name));
                let ty = match *number {
                    0..=0xffff_ffff => "u32",
                    -0x8000_0000..0 => "i32",
                    number if number < 0 => "i64",
                    _ => "u64",
                };
                out.line(format!("pub const {name}: {ty} = {};", digits(*number)));
            }
            ConstantValue::Text(text) => {
                out.doc(constant.doc.as_deref(), &format!("const {}", constant.name));
                out.line(format!("pub const {name}: &str = {text:?};"));
            }
        }
    }
}

/// Grouped by thousands, as clippy and readers like it.
fn digits(number: i128) -> String {
    let plain = number.unsigned_abs().to_string();
    let mut grouped = String::new();
    for (place, digit) in plain.chars().enumerate() {
        if place > 0 && (plain.len() - place).is_multiple_of(3) && plain.len() > 4 {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    if number < 0 { format!("-{grouped}") } else { grouped }
}

fn head(doc: Option<&str>, declared: &str, derive: &str, out: &mut Writer) {
    out.line("");
    out.doc(doc, declared);
    out.line(format!("#[derive({derive})]"));
}

fn derives(types: &Types<'_>, id: TypeId) -> &'static str {
    if types.is_eq(id) { "Clone, Debug, PartialEq, Eq" } else { "Clone, Debug, PartialEq" }
}

/// The names of an enumeration's values, in order; of a second name for a value, the first's.
fn variants(values: &[EnumValue]) -> Vec<String> {
    let mut scope = Scope::default();
    scope.take("Self".into());
    let mut names: Vec<String> = Vec::new();
    for (place, value) in values.iter().enumerate() {
        let first = first_of(values, place);
        let name = names.get(first).cloned();
        names.push(name.unwrap_or_else(|| scope.take(camel(&value.name)).replace('_', "")));
    }
    names
}

/// The place of the first value that is the same number.
fn first_of(values: &[EnumValue], place: usize) -> usize {
    values.iter().position(|other| other.value == values[place].value).unwrap_or(place)
}

fn enumeration(def: &TypeDef, name: &str, out: &mut Writer) {
    let TypeKind::Enum(values) = &def.kind else { return };
    let variants = variants(values);
    head(def.doc.as_deref(), &format!("enum {}", def.name), "Clone, Copy, Debug, PartialEq, Eq, Hash", out);
    out.line("#[repr(i32)]");
    out.open(format!("pub enum {name} {{"));
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for (place, pair) in values.iter().zip(&variants).enumerate() {
        if first_of(values, place) == place { own.push(pair) } else { others.push(pair) }
    }
    for (value, variant) in &own {
        out.doc(value.doc.as_deref(), &value.name);
        out.line(format!("{variant} = {},", digits(i128::from(value.value))));
    }
    out.close("}");
    if !others.is_empty() {
        let mut scope = Scope::default();
        out.line("");
        out.open(format!("impl {name} {{"));
        for (value, variant) in others {
            out.doc(value.doc.as_deref(), &value.name);
            out.line(format!("pub const {}: Self = Self::{variant};", scope.take(shout(&value.name))));
        }
        out.close("}");
    }
    out.line("");
    out.open(format!("impl Xdr for {name} {{"));
    out.open("fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {");
    out.line("(*self as i32).encode(out)");
    out.close("}");
    out.line("");
    out.open("fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {");
    out.open("match i32::decode(input)? {");
    for (value, variant) in &own {
        out.line(format!("{} => Ok(Self::{variant}),", digits(i128::from(value.value))));
    }
    out.line(format!("other => Err(input.unknown({:?}, i64::from(other))),", def.name));
    out.close("}");
    out.close("}");
    out.close("}");
}

fn field_names(fields: &[Field]) -> Vec<String> {
    let mut scope = Scope::default();
    fields.iter().map(|field| scope.take(snake(&field.name))).collect()
}

fn structure(
    types: &Types<'_>,
    id: TypeId,
    def: &TypeDef,
    fields: &[Field],
    is_list: bool,
    out: &mut Writer,
) {
    let name = types.name(id);
    let fields = &fields[..fields.len() - usize::from(is_list)];
    let names = field_names(fields);
    head(def.doc.as_deref(), &format!("struct {}", def.name), derives(types, id), out);
    if is_list {
        let text = out.text.trim_end().rfind("#[derive").unwrap_or(out.text.len());
        let note =
            "///\n/// An element of a list: what links it to the next one is left to the list, a `Vec`.\n";
        out.text.insert_str(text, note);
    }
    out.open(format!("pub struct {name} {{"));
    for (field, own) in fields.iter().zip(&names) {
        out.doc(field.doc.as_deref(), &types.declaration(&field.ty, &field.name));
        out.line(format!("pub {own}: {},", types.rust(&field.ty, Some(id))));
    }
    out.close("}");
    out.line("");
    out.open(format!("impl Xdr for {name} {{"));
    let (out_name, in_name) = if fields.is_empty() { ("_out", "_input") } else { ("out", "input") };
    out.open(format!("fn encode(&self, {out_name}: &mut Encoder) -> Result<(), EncodeError> {{"));
    for (place, (field, own)) in fields.iter().zip(&names).enumerate() {
        let encoded = types.encode(&field.ty, &format!("&self.{own}"));
        let is_last = place + 1 == fields.len();
        out.line(if is_last { encoded } else { format!("{encoded}?;") });
    }
    if fields.is_empty() {
        out.line("Ok(())");
    }
    out.close("}");
    out.line("");
    out.open(format!("fn decode({in_name}: &mut Decoder) -> Result<Self, DecodeError> {{"));
    let decoded = fields
        .iter()
        .zip(&names)
        .map(|(field, own)| format!("{own}: {}?", types.decode(&field.ty, Some(id))))
        .collect::<Vec<_>>();
    let one_line = format!("Ok(Self {{ {} }})", decoded.join(", "));
    if fields.is_empty() {
        out.line("Ok(Self {})");
    } else if one_line.len() + 8 <= WIDTH {
        out.line(one_line);
    } else {
        out.open("Ok(Self {");
        decoded.iter().for_each(|line| out.line(format!("{line},")));
        out.close("})");
    }
    out.close("}");
    out.close("}");
}
