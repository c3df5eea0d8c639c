//! What must hold of a whole interface: types of finite size, lists found, sizes, and programs whose numbers differ.
use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::model::{Field, Length, Procedure, Program, Size, Type, TypeId, TypeKind, Version};
use crate::resolve::Resolver;
use crate::source::Span;
use crate::syntax::{self, Definition, Name, Shape, What};

/// What a type holds of others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// In itself: it is at least as long.
    Inside,
    /// Behind a count or a flag that can be zero.
    Perhaps,
}

impl Resolver<'_> {
    fn edges(&self, id: TypeId) -> Vec<(TypeId, Edge)> {
        let mut edges = Vec::new();
        match &self.model.get(id).kind {
            TypeKind::Enum(_) | TypeKind::External(_) => {}
            TypeKind::Alias(ty) => edges_of(ty, Edge::Inside, &mut edges),
            TypeKind::Struct { fields, .. } => {
                fields.iter().for_each(|field| edges_of(&field.ty, Edge::Inside, &mut edges));
            }
            TypeKind::Union(union) => {
                edges_of(&union.discriminant.ty, Edge::Inside, &mut edges);
                let fields = union.arms.iter().filter_map(|arm| arm.field.as_ref());
                // One of several cases: another one may end it.
                fields
                    .chain(union.default.iter().flatten())
                    .for_each(|field| edges_of(&field.ty, Edge::Perhaps, &mut edges));
            }
        }
        edges
    }

    /// A type that holds itself would have no end, and names that stand for one another mean nothing. False if there is
    /// one: then types cannot be followed.
    pub(crate) fn check_cycles(&mut self) -> bool {
        let mut is_endless = false;
        let count = self.model.types.len();
        // 0: not looked at; 1: under way; 2: done.
        let mut state = vec![0_u8; count];
        for start in 0..count {
            let mut path = vec![(TypeId(start), self.edges(TypeId(start)))];
            if state[start] != 0 {
                continue;
            }
            state[start] = 1;
            while let Some((id, edges)) = path.last_mut() {
                let id = *id;
                let Some((next, edge)) = edges.pop() else {
                    state[id.0] = 2;
                    path.pop();
                    continue;
                };
                if edge == Edge::Perhaps {
                    continue;
                }
                match state[next.0] {
                    0 => {
                        state[next.0] = 1;
                        let edges = self.edges(next);
                        path.push((next, edges));
                    }
                    1 => {
                        is_endless = true;
                        let name = &self.model.get(next).name;
                        let title = format!("`{name}` holds itself, and would have no end");
                        let (span, from) = (self.spans[next.0], self.spans[id.0]);
                        let mut problem = Diagnostic::error(span, title, "of endless size");
                        if id != next {
                            let other = format!("`{}` holds it", self.model.get(id).name);
                            problem = problem.and(from, other);
                        }
                        self.error(
                            problem.help("make one of them optional: TYPE *NAME, or a list: TYPE NAME<>"),
                        );
                    }
                    _ => {}
                }
            }
        }
        !is_endless
    }

    /// Structures whose last member is an optional one of the same kind are lists (slide 32's linked list, on the wire).
    pub(crate) fn mark_lists(&mut self) {
        for place in 0..self.model.types.len() {
            let TypeKind::Struct { fields, .. } = &self.model.types[place].kind else { continue };
            let tail = fields.last().map(|field| self.model.resolve(&field.ty));
            let is_tail = match tail {
                Some(Type::Optional(inner)) => *self.model.resolve(inner) == Type::Named(TypeId(place)),
                _ => false,
            };
            // A tree's last branch is no tail.
            let others = &fields[..fields.len().saturating_sub(1)];
            let is_list = is_tail && !self.reaches(others, TypeId(place));
            if let TypeKind::Struct { is_list: known, .. } = &mut self.model.types[place].kind {
                *known = is_list;
            }
        }
    }

    /// Whether one of the fields may hold a value of the type.
    fn reaches(&self, fields: &[Field], to: TypeId) -> bool {
        let mut edges = Vec::new();
        fields.iter().for_each(|field| edges_of(&field.ty, Edge::Inside, &mut edges));
        let mut seen = vec![false; self.model.types.len()];
        while let Some((id, _)) = edges.pop() {
            if id == to {
                return true;
            }
            if !std::mem::replace(&mut seen[id.0], true) {
                edges.extend(self.edges(id));
            }
        }
        false
    }

    /// Sizes on the wire, from the inside out.
    pub(crate) fn measure(&mut self) {
        let count = self.model.types.len();
        // Whoever may hold itself has no greatest size; the others know theirs once all they hold do.
        for _ in 0..count {
            let mut changed = false;
            for place in 0..count {
                let size = self.measured(TypeId(place));
                if size != self.model.types[place].size {
                    self.model.types[place].size = size;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
    }

    fn measured(&self, id: TypeId) -> Size {
        let model = &self.model;
        match &model.get(id).kind {
            TypeKind::Enum(_) => Size { least: 4, most: Some(4) },
            TypeKind::External(_) => Size::UNKNOWN,
            TypeKind::Alias(ty) => model.size(ty),
            TypeKind::Struct { fields, .. } => {
                fields.iter().map(|field| model.size(&field.ty)).fold(Size::NOTHING, Size::and)
            }
            TypeKind::Union(union) => {
                let size = |field: Option<&Field>| field.map_or(Size::NOTHING, |field| model.size(&field.ty));
                let arms = union.arms.iter().map(|arm| size(arm.field.as_ref()));
                let default = union.default.iter().map(|default| size(default.as_ref()));
                let bodies = arms.chain(default).reduce(Size::or).unwrap_or(Size::NOTHING);
                model.size(&union.discriminant.ty).and(bodies)
            }
        }
    }

    pub(crate) fn program(&mut self, program: &syntax::Program, doc: Option<String>) {
        let number = self.protocol_number(&program.number, "program");
        let mut versions = Vec::new();
        let mut numbers: BTreeMap<u32, Span> = BTreeMap::new();
        let mut names: BTreeMap<String, Span> = BTreeMap::new();
        for version in &program.versions {
            if let Some(first) = names.insert(version.name.text.clone(), version.name.span) {
                self.twice("version", &version.name, first);
            }
            let number = self.protocol_number(&version.number, "version");
            self.check_number("version", &version.name, number, &version.number, &mut numbers);
            let procedures = self.procedures(version);
            let doc = self.doc(version.doc);
            versions.push(Version { name: version.name.text.clone(), doc, number, procedures });
        }
        self.model.programs.push(Program { name: program.name.text.clone(), doc, number, versions });
    }

    fn protocol_number(&mut self, value: &syntax::Value, what: &str) -> u32 {
        let Some(number) = self.number(value) else { return 0 };
        u32::try_from(number).unwrap_or_else(|_| {
            let title = format!("{number} is no {what} number");
            let label = if number < 0 { "negative" } else { "more than 32 bits hold" };
            self.error(Diagnostic::error(value.span(), title, label));
            0
        })
    }

    fn check_number(
        &mut self,
        what: &str,
        name: &Name,
        number: u32,
        value: &syntax::Value,
        seen: &mut BTreeMap<u32, Span>,
    ) {
        let span = value.span();
        if let Some(first) = seen.insert(number, name.span.to(span)) {
            let other = self.sources.text(first);
            let other = other.split(|one: char| !one.is_alphanumeric() && one != '_').next().unwrap_or(other);
            let title = format!("the {what}s `{other}` and `{}` both have the number {number}", name.text);
            let problem = Diagnostic::error(name.span.to(span), title, format!("{number} again"));
            self.error(problem.and(first, format!("{number} here first")).help(format!(
                "give one of them a number of its own: a call says which {what} it wants by its number alone"
            )));
        }
    }

    fn procedures(&mut self, version: &syntax::Version) -> Vec<Procedure> {
        let mut procedures = Vec::new();
        let mut numbers: BTreeMap<u32, Span> = BTreeMap::new();
        let mut names: BTreeMap<String, Span> = BTreeMap::new();
        for procedure in &version.procedures {
            let name = &procedure.name;
            if let Some(first) = names.insert(name.text.clone(), name.span) {
                self.twice("procedure", name, first);
            }
            let number = self.protocol_number(&procedure.number, "procedure");
            self.check_number("procedure", name, number, &procedure.number, &mut numbers);
            let arguments = self.arguments(procedure);
            let result = match procedure.result.ty {
                syntax::TypeSpec::Void(_) => None,
                _ => self.parameter(&format!("{}_result", name.text), &procedure.result),
            };
            if number == 0 && (!arguments.is_empty() || result.is_some()) {
                let problem =
                    Diagnostic::error(name.span, "procedure 0 takes nothing and gives nothing", "has more");
                self.error(
                    problem.help("0 is the null procedure, which every program answers; use another number"),
                );
            }
            let mut made = Procedure {
                name: name.text.clone(),
                doc: self.doc(procedure.doc),
                number,
                arguments,
                result,
                is_idempotent: false,
                restored: Vec::new(),
            };
            for (words, span) in &procedure.marks {
                self.mark(&mut made, words, *span);
            }
            procedures.push(made);
        }
        procedures
    }

    fn arguments(&mut self, procedure: &syntax::Procedure) -> Vec<Field> {
        let mut arguments = Vec::new();
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        let count = procedure.arguments.len();
        for (place, argument) in procedure.arguments.iter().enumerate() {
            if let Shape::Optional(star) = argument.shape {
                let problem = Diagnostic::error(
                    star,
                    "a pointer as an argument",
                    "points to nothing on the other side",
                );
                self.error(problem.help(
                    "pass the value; `/* @inout NAME */` copies it back (slide 30); for one that may be absent, a \
                     structure with an optional member",
                ));
                continue;
            }
            if let syntax::TypeSpec::Void(span) = argument.ty {
                if count > 1 {
                    self.error(Diagnostic::error(span, "void among other arguments", "of no size"));
                }
                continue;
            }
            let name = match &argument.name {
                Some(name) => {
                    if let Some(first) = seen.insert(name.text.clone(), name.span) {
                        self.twice("argument", name, first);
                    }
                    name.text.clone()
                }
                None if count == 1 => "argument".into(),
                None => format!("argument{}", place + 1),
            };
            let of = format!("{}_{name}", procedure.name.text);
            let Some(ty) = self.parameter(&of, argument) else { continue };
            arguments.push(Field { name, doc: None, ty });
        }
        arguments
    }

    fn mark(&mut self, procedure: &mut Procedure, words: &[String], span: Span) {
        let Some((first, names)) = words.split_first() else { return };
        match first.as_str() {
            "idempotent" if names.is_empty() => procedure.is_idempotent = true,
            "inout" => {
                if names.is_empty() {
                    let problem =
                        Diagnostic::error(span, format!("@{first} names no parameter"), "which one?");
                    return self.error(problem);
                }
                for name in names {
                    if !self.is_restorable(procedure, name) {
                        let title = format!("`{name}` cannot be copied back");
                        let label = "not a member of both argument and result";
                        self.error(Diagnostic::error(span, title, label).help(
                            "what is restored must be a member of that name and type of the argument, or an argument, \
                             and of the result (slide 30)",
                        ));
                    } else {
                        procedure.restored.push(name.clone());
                    }
                }
            }
            _ => {
                let title = format!("the mark @{} is not known", words.join(" "));
                let problem = Diagnostic::error(span, title, "not known here");
                self.error(problem.help("known are @idempotent and @inout NAME"));
            }
        }
    }

    fn is_restorable(&self, procedure: &Procedure, name: &str) -> bool {
        let inside = |ty: &Type| {
            self.members(ty).iter().find(|field| field.name == name).map(|field| field.ty.clone())
        };
        let argument =
            procedure.arguments.iter().find(|field| field.name == name).map(|field| field.ty.clone());
        let argument = argument.or_else(|| match procedure.arguments.as_slice() {
            [only] => inside(&only.ty),
            _ => None,
        });
        let result = procedure.result.as_ref().and_then(inside);
        argument.is_some() && argument == result
    }

    fn members(&self, ty: &Type) -> &[Field] {
        match self.model.resolve(ty) {
            Type::Named(id) => match &self.model.get(*id).kind {
                TypeKind::Struct { fields, .. } => fields,
                _ => &[],
            },
            _ => &[],
        }
    }

    /// Two programs of one number cannot be told apart by a binder.
    pub(crate) fn check_programs(&mut self, definitions: &[Definition]) {
        let mut seen: BTreeMap<u32, Span> = BTreeMap::new();
        for definition in definitions {
            let What::Program(program) = &definition.what else { continue };
            let found = self.model.programs.iter().find(|one| one.name == program.name.text);
            if let Some(number) = found.map(|one| one.number) {
                self.check_number("program", &program.name, number, &program.number, &mut seen);
            }
        }
    }
}

fn edges_of(ty: &Type, edge: Edge, edges: &mut Vec<(TypeId, Edge)>) {
    match ty {
        Type::Named(id) => edges.push((*id, edge)),
        Type::Array(element, Length::Fixed(_)) => edges_of(element, edge, edges),
        Type::Array(element, Length::UpTo(_)) | Type::Optional(element) => {
            edges_of(element, Edge::Perhaps, edges);
        }
        _ => {}
    }
}
