//! A program's versions: for each a client that calls, a trait for the server to fill in, and a dispatcher between the two.
use super::names::{Scope, shout, snake};
use super::types::Types;
use super::{Writer, digits};
use crate::model::{Field, Length, Procedure, Program, Type, TypeKind, Version};

pub(super) fn programs(types: &Types<'_>, out: &mut Writer) {
    let mut scope = Scope::default();
    for program in &types.model.programs {
        for version in &program.versions {
            let module = scope.take(snake(&version.name));
            one_version(types, program, version, &module, out);
        }
    }
}

/// A procedure with the names that generated code has for it.
pub(super) struct Named<'a> {
    pub(super) procedure: &'a Procedure,
    pub(super) function: String,
    pub(super) constant: String,
    /// In the order of the wire.
    pub(super) parameters: Vec<Parameter<'a>>,
}

pub(super) struct Parameter<'a> {
    pub(super) name: String,
    pub(super) field: &'a Field,
    /// Passed by copy/restore.
    pub(super) is_restored: bool,
}

pub(super) fn named<'a>(types: &Types<'a>, version: &'a Version) -> Vec<Named<'a>> {
    let (mut functions, mut constants) = (Scope::default(), Scope::default());
    for taken in ["new", "null", "caller"] {
        functions.take(taken.into());
    }
    for taken in ["PROGRAM", "VERSION", "NULL", "PROCEDURES"] {
        constants.take(taken.into());
    }
    let procedures = version.procedures.iter().filter(|procedure| procedure.number != 0);
    procedures
        .map(|procedure| Named {
            procedure,
            function: functions.take(snake(&procedure.name)),
            constant: constants.take(shout(&procedure.name)),
            parameters: parameters(types, procedure),
        })
        .collect()
}

/// The arguments; of a single structure with members that are restored, these members.
fn parameters<'a>(types: &Types<'a>, procedure: &'a Procedure) -> Vec<Parameter<'a>> {
    let is_restored = |name: &String| procedure.restored.contains(name);
    let mut fields = procedure.arguments.as_slice();
    if !procedure.restored.is_empty()
        && !fields.iter().any(|field| is_restored(&field.name))
        && let [only] = fields
        && let Type::Named(id) = types.model.resolve(&only.ty)
        && let TypeKind::Struct { fields: members, .. } = &types.model.get(*id).kind
    {
        fields = members;
    }
    let mut scope = Scope::default();
    for taken in ["self", "out", "input", "context", "result"] {
        scope.take(taken.into());
    }
    let parameter = |field: &'a Field| Parameter {
        name: scope.take(snake(&field.name)),
        field,
        is_restored: is_restored(&field.name),
    };
    fields.iter().map(parameter).collect()
}

/// As the interface has it.
pub(super) fn signature(types: &Types<'_>, procedure: &Procedure) -> String {
    let declared =
        |ty: &Type, name: &str| types.declaration(ty, name).trim_end().replace(" <", "<").replace(" [", "[");
    let result = procedure.result.as_ref().map_or("void".into(), |ty| declared(ty, ""));
    let arguments: Vec<_> =
        procedure.arguments.iter().map(|field| declared(&field.ty, &field.name)).collect();
    let arguments = if arguments.is_empty() { "void".into() } else { arguments.join(", ") };
    format!("{result} {}({arguments}) = {}", procedure.name, procedure.number)
}

fn one_version(types: &Types<'_>, program: &Program, version: &Version, module: &str, out: &mut Writer) {
    let procedures = named(types, version);
    let mut inner = Writer { text: String::new(), depth: out.depth + 1 };
    numbers(types, program, version, &procedures, &mut inner);
    client(types, &procedures, &mut inner);
    server(types, &procedures, &mut inner);
    dispatch(types, &procedures, &mut inner);
    out.line("");
    if let Some(doc) = &program.doc {
        doc.lines().for_each(|line| out.line(format!("/// {}", super::escape(line))));
        out.line("///");
    }
    let declared = format!("version {} = {}", version.name, version.number);
    out.doc(version.doc.as_deref(), &declared);
    out.line(format!("/// of `program {} = {}`.", program.name, hex(program.number)));
    out.open(format!("pub mod {module} {{"));
    for line in imports(types, &inner.text) {
        out.line(line);
    }
    out.text.push_str(&inner.text);
    out.close("}");
}

/// What the module's text names and does not define.
fn imports(types: &Types<'_>, text: &str) -> Vec<String> {
    let words: std::collections::BTreeSet<&str> =
        text.split(|one: char| !one.is_alphanumeric() && one != '_').collect();
    let used = |names: &[&str]| {
        let names: Vec<_> = names.iter().copied().filter(|name| words.contains(name)).collect();
        names.join(", ")
    };
    let mut lines = Vec::new();
    if words.contains("Cell") {
        lines.push("use std::cell::Cell;".into());
        lines.push(String::new());
    }
    let stubs = used(&[
        "Bytes",
        "CallError",
        "Caller",
        "Context",
        "Procedure",
        "Refusal",
        "ServeError",
        "Service",
        "Starter",
    ]);
    lines.push(format!("use sendrec_stubs::{{{stubs}}};"));
    // Traits are named by nothing but their methods.
    let mut xdr = vec!["Decoder", "Encoder"];
    if text.contains(".encode(out)") || text.contains("Xdr::") {
        xdr.push("Xdr");
    }
    lines.push(format!("use sendrec_stubs::xdr::{{{}}};", xdr.join(", ")));
    let mut own: Vec<_> =
        types.names.iter().map(String::as_str).filter(|name| words.contains(name)).collect();
    own.sort_unstable();
    if !own.is_empty() {
        lines.push(String::new());
        lines.push(format!("use super::{{{}}};", own.join(", ")));
    }
    lines
}

fn hex(number: u32) -> String {
    if number < 0x10_0000 {
        digits(i128::from(number))
    } else {
        format!("0x{:04x}_{:04x}", number >> 16, number & 0xffff)
    }
}

fn numbers(
    types: &Types<'_>,
    program: &Program,
    version: &Version,
    procedures: &[Named<'_>],
    out: &mut Writer,
) {
    out.line("");
    out.line("/// The program's number.");
    out.line(format!("pub const PROGRAM: u32 = {};", hex(program.number)));
    out.line("/// The version's number.");
    out.line(format!("pub const VERSION: u32 = {};", version.number));
    for one in procedures {
        out.line(format!("/// `{}`", signature(types, one.procedure)));
        out.line(format!("pub const {}: u32 = {};", one.constant, one.procedure.number));
    }
    out.line("");
    out.line("/// All procedures, by number and name; [`Procedure::NULL`] is always there.");
    out.open("pub const PROCEDURES: &[Procedure] = &[");
    out.line("Procedure::NULL,");
    for one in procedures {
        let idempotent = one.procedure.is_idempotent;
        out.line(format!(
            "Procedure {{ number: {}, name: {:?}, is_idempotent: {idempotent} }},",
            one.constant, one.procedure.name
        ));
    }
    out.close("];");
}

/// A number, a bool or a value of an enumeration: passed as it is.
fn is_scalar(types: &Types<'_>, ty: &Type) -> bool {
    match types.model.resolve(ty) {
        Type::Int { .. } | Type::Float | Type::Double | Type::Bool => true,
        Type::Named(id) => matches!(types.model.get(*id).kind, TypeKind::Enum(_)),
        _ => false,
    }
}

fn is_copy(types: &Types<'_>, ty: &Type) -> bool {
    match types.model.resolve(ty) {
        Type::Array(element, Length::Fixed(count)) => *count <= 1_024 && is_copy(types, element),
        Type::Opaque(Length::Fixed(count)) => *count <= 1_024,
        Type::Quadruple => true,
        plain => is_scalar(types, plain),
    }
}

/// How a client passes it.
fn borrowed(types: &Types<'_>, ty: &Type) -> String {
    if is_scalar(types, ty) {
        return types.rust(ty, None);
    }
    let model = types.model;
    let resolved = model.resolve(ty);
    let list = match resolved {
        Type::Optional(inner) => model.list_of(inner),
        other => model.list_of(other),
    };
    if let Some(list) = list {
        return format!("&[{}]", types.name(list));
    }
    match resolved {
        Type::String(_) | Type::Opaque(Length::UpTo(_)) => "&[u8]".into(),
        Type::Array(element, Length::UpTo(_)) => format!("&[{}]", types.rust(element, None)),
        _ => format!("&{}", types.rust(ty, None)),
    }
}

fn client(types: &Types<'_>, procedures: &[Named<'_>], out: &mut Writer) {
    out.line("");
    out.line("/// Calls the procedures of a server; each blocks until the answer is here.");
    out.line("#[derive(Clone, Debug)]");
    out.open("pub struct Client<C> {");
    out.line("caller: C,");
    out.close("}");
    out.line("");
    out.open("impl<C: Caller> Client<C> {");
    out.line("/// A client of whatever server `caller` reaches.");
    out.open("pub const fn new(caller: C) -> Self {");
    out.line("Self { caller }");
    out.close("}");
    out.line("");
    out.line("/// What the calls go through, for their options.");
    out.open("pub const fn caller(&self) -> &C {");
    out.line("&self.caller");
    out.close("}");
    out.line("");
    out.line("/// Does nothing, there and back.");
    out.open("pub fn null(&self) -> Result<(), CallError> {");
    out.line("sendrec_stubs::call(&self.caller, PROGRAM, VERSION, &Procedure::NULL, |_| Ok(()), |_| Ok(()))");
    out.close("}");
    for (place, one) in procedures.iter().enumerate() {
        call(types, one, place + 1, out);
    }
    out.close("}");
}

fn call(types: &Types<'_>, one: &Named<'_>, place: usize, out: &mut Writer) {
    let procedure = one.procedure;
    let restores = one.parameters.iter().any(|parameter| parameter.is_restored);
    out.line("");
    out.doc(procedure.doc.as_deref(), &signature(types, procedure));
    if restores {
        out.line("///");
        out.line("/// What is taken as `&mut` is copied there and, if the call succeeds, back (copy/restore, slide 30).");
    }
    let result = procedure.result.as_ref().map_or("()".into(), |ty| types.rust(ty, None));
    let returns = if restores && restores_all(types, one) { "()" } else { &result };
    let parameters: String = one
        .parameters
        .iter()
        .map(|parameter| match parameter.is_restored {
            true => format!(", {}: &mut {}", parameter.name, types.rust(&parameter.field.ty, None)),
            false => format!(", {}: {}", parameter.name, borrowed(types, &parameter.field.ty)),
        })
        .collect();
    let head = format!("pub fn {}(&self{parameters}) -> Result<{returns}, CallError> {{", one.function);
    if head.len() + 8 <= super::WIDTH {
        out.open(head);
    } else {
        out.open(format!("pub fn {}(", one.function));
        out.line("&self,");
        parameters.split(", ").filter(|line| !line.is_empty()).for_each(|line| out.line(format!("{line},")));
        out.depth -= 1;
        out.open(format!(") -> Result<{returns}, CallError> {{"));
    }
    let begin = if restores { format!("let result: {result} = ") } else { String::new() };
    let end = if restores { "?;" } else { "" };
    out.open(format!("{begin}sendrec_stubs::call("));
    out.line("&self.caller,");
    out.line("PROGRAM,");
    out.line("VERSION,");
    out.line(format!("&PROCEDURES[{place}],"));
    encode_arguments(types, one, out);
    decode_result(types, one, out);
    out.close(format!("){end}"));
    if restores {
        let members = result_members(types, one);
        for (parameter, member) in &members {
            let copies = if is_copy(types, &parameter.field.ty) || returns == "()" { "" } else { ".clone()" };
            out.line(format!("*{} = result.{member}{copies};", parameter.name));
        }
        out.line(if returns == "()" { "Ok(())" } else { "Ok(result)" });
    }
    out.close("}");
    if !restores {
        start(types, one, place, &result, &parameters, out);
    } else if one.parameters.iter().all(|one| !one.is_restored || is_copy(types, &one.field.ty)) {
        cells(types, one, returns, out);
    }
}

/// The form that does not wait.
fn start(types: &Types<'_>, one: &Named<'_>, place: usize, result: &str, parameters: &str, out: &mut Writer) {
    let function = one.function.trim_start_matches("r#");
    out.line("");
    out.line(format!("/// As [`Self::{function}`], and does not wait: several calls may be under way."));
    out.open(format!(
        "pub fn start_{function}(&self{parameters}) -> Result<C::Pending<{result}>, CallError>"
    ));
    out.depth -= 1;
    out.line("where");
    out.line("    C: Starter,");
    out.open("{");
    out.open("self.caller.start(");
    out.line("PROGRAM,");
    out.line("VERSION,");
    out.line(format!("&PROCEDURES[{place}],"));
    encode_arguments(types, one, out);
    decode_result(types, one, out);
    out.close(")");
    out.close("}");
}

fn decode_result(types: &Types<'_>, one: &Named<'_>, out: &mut Writer) {
    match &one.procedure.result {
        Some(ty) => {
            let decoded = types.decode(ty, None);
            let plain = decoded == "Xdr::decode(input)";
            out.line(if plain { "Xdr::decode,".into() } else { format!("|input| {decoded},") });
        }
        None => out.line("|_| Ok(()),"),
    }
}

fn encode_arguments(types: &Types<'_>, one: &Named<'_>, out: &mut Writer) {
    let encode = |parameter: &Parameter<'_>| types.encode(&parameter.field.ty, &parameter.name);
    let encoded: Vec<_> = one.parameters.iter().map(encode).collect();
    match encoded.split_last() {
        None => out.line("|_| Ok(()),"),
        Some((last, [])) => out.line(format!("|out| {last},")),
        Some((last, rest)) => {
            out.open("|out| {");
            rest.iter().for_each(|line| out.line(format!("{line}?;")));
            out.line(last);
            out.close("},");
        }
    }
}

/// The restored parameters and the members of the result that hold what they become.
fn result_members<'a, 'b>(types: &Types<'_>, one: &'b Named<'a>) -> Vec<(&'b Parameter<'a>, String)> {
    let restored = one.parameters.iter().filter(|parameter| parameter.is_restored);
    let members = members(types, one);
    restored
        .filter_map(|parameter| {
            let place = members.iter().position(|member| member.name == parameter.field.name)?;
            Some((parameter, super::field_names(members)[place].clone()))
        })
        .collect()
}

fn members<'a>(types: &Types<'a>, one: &Named<'a>) -> &'a [Field] {
    match one.procedure.result.as_ref().map(|ty| types.model.resolve(ty)) {
        Some(Type::Named(id)) => match &types.model.get(*id).kind {
            TypeKind::Struct { fields, .. } => fields,
            _ => &[],
        },
        _ => &[],
    }
}

fn restores_all(types: &Types<'_>, one: &Named<'_>) -> bool {
    members(types, one).iter().all(|member| one.procedure.restored.contains(&member.name))
}

/// The form in which one variable may be passed twice.
fn cells(types: &Types<'_>, one: &Named<'_>, returns: &str, out: &mut Writer) {
    let Named { function, parameters, .. } = one;
    let function = function.trim_start_matches("r#");
    out.line("");
    out.line(format!(
        "/// As [`Self::{function}`], with cells: one may be passed twice, and is restored in the order of"
    ));
    out.line("/// the parameters, so that the last one counts (slide 30).");
    let list: String = parameters
        .iter()
        .map(|one| match one.is_restored {
            true => format!(", {}: &Cell<{}>", one.name, types.rust(&one.field.ty, None)),
            false => format!(", {}: {}", one.name, borrowed(types, &one.field.ty)),
        })
        .collect();
    out.open(format!("pub fn {function}_cells(&self{list}) -> Result<{returns}, CallError> {{"));
    let copy = |name: &str| format!("{}_copy", name.trim_start_matches("r#"));
    for one in parameters.iter().filter(|one| one.is_restored) {
        out.line(format!("let mut {} = {}.get();", copy(&one.name), one.name));
    }
    let passed = |one: &Parameter<'_>| {
        if one.is_restored { format!("&mut {}", copy(&one.name)) } else { one.name.clone() }
    };
    let passed: Vec<_> = parameters.iter().map(passed).collect();
    let call = format!("self.{}({})?;", one.function, passed.join(", "));
    out.line(if returns == "()" { call } else { format!("let result = {call}") });
    for one in parameters.iter().filter(|one| one.is_restored) {
        out.line(format!("{}.set({});", one.name, copy(&one.name)));
    }
    out.line(if returns == "()" { "Ok(())" } else { "Ok(result)" });
    out.close("}");
}

/// How a server gets its arguments: as they are declared.
fn declared_parameters(one: &Named<'_>) -> Vec<(String, Type)> {
    let mut scope = Scope::default();
    for taken in ["self", "out", "input", "context", "result"] {
        scope.take(taken.into());
    }
    let arguments = one.procedure.arguments.iter();
    arguments.map(|field| (scope.take(snake(&field.name)), field.ty.clone())).collect()
}

/// The line a server's function begins with.
pub(super) fn server_head(types: &Types<'_>, one: &Named<'_>) -> String {
    let list: String = declared_parameters(one)
        .into_iter()
        .map(|(name, ty)| format!(", {name}: {}", types.rust(&ty, None)))
        .collect();
    let result = one.procedure.result.as_ref().map_or("()".into(), |ty| types.rust(ty, None));
    format!("fn {}(&self, context: &Context<'_>{list}) -> Result<{result}, Refusal>", one.function)
}

fn server(types: &Types<'_>, procedures: &[Named<'_>], out: &mut Writer) {
    out.line("");
    out.line("/// What a server does. Procedure 0, which does nothing, is answered without it.");
    out.open("pub trait Server {");
    for (place, one) in procedures.iter().enumerate() {
        if place > 0 {
            out.line("");
        }
        out.doc(one.procedure.doc.as_deref(), &signature(types, one.procedure));
        out.line(format!("{};", server_head(types, one)));
    }
    out.close("}");
}

fn dispatch(types: &Types<'_>, procedures: &[Named<'_>], out: &mut Writer) {
    out.line("");
    out.line("/// Finds the procedure that a call asks for, unpacks its arguments, and packs its result.");
    out.line("#[derive(Clone, Debug)]");
    out.line("pub struct Dispatch<S>(pub S);");
    out.line("");
    out.open("impl<S: Server> Service for Dispatch<S> {");
    out.open("fn program(&self) -> u32 {");
    out.line("PROGRAM");
    out.close("}");
    out.line("");
    out.open("fn version(&self) -> u32 {");
    out.line("VERSION");
    out.close("}");
    out.line("");
    out.open("fn procedures(&self) -> &'static [Procedure] {");
    out.line("PROCEDURES");
    out.close("}");
    out.line("");
    out.open("fn serve(");
    let unused = if procedures.is_empty() { "_" } else { "" };
    let writes = procedures.iter().any(|one| one.procedure.result.is_some());
    let unwritten = if writes { "" } else { "_" };
    out.line("&self,");
    out.line(format!("{unused}context: &Context<'_>,"));
    out.line("procedure: u32,");
    out.line("input: &mut Decoder,");
    out.line(format!("{unwritten}out: &mut Encoder,"));
    out.depth -= 1;
    out.open(") -> Result<(), ServeError> {");
    out.open("match procedure {");
    out.line("0 => Ok(input.end()?),");
    for one in procedures {
        out.open(format!("{} => {{", one.constant));
        let arguments = declared_parameters(one);
        for (name, ty) in &arguments {
            out.line(format!("let {name} = {}?;", types.decode(ty, None)));
        }
        out.line("context.unpacked(input)?;");
        let names: String = arguments.iter().map(|(name, _)| format!(", {name}")).collect();
        let call = format!("context.performed(self.0.{}(context{names}))?", one.function);
        match &one.procedure.result {
            Some(ty) => {
                out.line(format!("let result = {call};"));
                out.line(format!("Ok({}?)", types.encode(ty, "&result")));
            }
            None => out.line(format!("Ok({call})")),
        }
        out.close("}");
    }
    out.line("_ => Err(ServeError::NoSuchProcedure),");
    out.close("}");
    out.close("}");
    out.close("}");
}
