//! Tokens to syntax: recursive descent over the grammar of RFC 4506, section 6, and RFC 5531, section 12, with what real
//! files add to it. After an error it goes on behind the definition, so that one run tells of all.
use crate::diagnostic::Diagnostic;
use crate::source::{Sources, Span};
use crate::syntax::{
    Arm, Declaration, Definition, EnumBody, EnumMember, Name, Primitive, Procedure, Program, Shape,
    StructBody, TypeSpec, UnionBody, Value, Version, What,
};
use crate::token::{Kind, Token};

/// Bodies within bodies.
const DEPTH_MAX: usize = 64;

/// Words that name nothing else.
const KEYWORDS: [&str; 22] = [
    "bool",
    "case",
    "const",
    "default",
    "double",
    "quadruple",
    "enum",
    "float",
    "hyper",
    "int",
    "opaque",
    "string",
    "struct",
    "switch",
    "typedef",
    "union",
    "unsigned",
    "void",
    "program",
    "version",
    "char",
    "short",
];

/// It is in the list of problems.
struct Wrong;

type Parsed<T> = Result<T, Wrong>;

struct Parser<'a> {
    sources: &'a Sources,
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    marks: Vec<(Vec<String>, Span)>,
    problems: &'a mut Vec<Diagnostic>,
}

/// The definitions that could be read.
pub(crate) fn parse(sources: &Sources, tokens: &[Token], problems: &mut Vec<Diagnostic>) -> Vec<Definition> {
    let mut parser = Parser { sources, tokens, at: 0, depth: 0, marks: Vec::new(), problems };
    let mut definitions = Vec::new();
    while !matches!(parser.peek().kind, Kind::End) {
        let before = parser.at;
        match parser.definition() {
            Ok(Some(definition)) => definitions.push(definition),
            Ok(None) => {}
            Err(Wrong) => parser.skip_definition(before),
        }
    }
    definitions
}

impl Parser<'_> {
    /// The next token that is no mark; marks are put by.
    fn peek(&mut self) -> &Token {
        while let Kind::Mark(words) = &self.tokens[self.at].kind {
            self.marks.push((words.clone(), self.tokens[self.at].span));
            self.at += 1;
        }
        &self.tokens[self.at]
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        token
    }

    fn takes_sign(&mut self, sign: char) -> Option<Token> {
        if self.peek().kind.is_sign(sign) { Some(self.next()) } else { None }
    }

    fn takes_word(&mut self, word: &str) -> Option<Token> {
        if self.peek().kind.is_word(word) { Some(self.next()) } else { None }
    }

    fn unexpected<T>(&mut self, expected: &str) -> Parsed<T> {
        let token = self.peek().clone();
        let title = format!("expected {expected}, found {}", token.kind.describe());
        self.problems.push(Diagnostic::error(token.span, title, format!("expected {expected}")));
        Err(Wrong)
    }

    fn sign(&mut self, sign: char, after: &str) -> Parsed<Token> {
        match self.takes_sign(sign) {
            Some(token) => Ok(token),
            None => self.unexpected(&format!("`{sign}` {after}")),
        }
    }

    fn name(&mut self, of: &str) -> Parsed<Name> {
        let Kind::Word(text) = &self.peek().kind else { return self.unexpected(of) };
        if KEYWORDS.contains(&text.as_str()) {
            let title = format!("`{text}` is a word of the language and cannot name anything");
            let span = self.peek().span;
            self.problems.push(Diagnostic::error(span, title, format!("expected {of}")));
            return Err(Wrong);
        }
        let text = text.clone();
        Ok(Name { text, span: self.next().span })
    }

    fn value(&mut self, of: &str) -> Parsed<Value> {
        match self.peek().kind {
            Kind::Number(number) => Ok(Value::Number(number, self.next().span)),
            Kind::Word(_) => Ok(Value::Name(self.name(of)?)),
            _ => self.unexpected(of),
        }
    }

    /// Behind the definition that began there.
    fn skip_definition(&mut self, from: usize) {
        self.depth = 0;
        let braces = |kind: &Kind| i32::from(kind.is_sign('{')) - i32::from(kind.is_sign('}'));
        let mut open: i32 = self.tokens[from..self.at].iter().map(|token| braces(&token.kind)).sum();
        if self.at == from {
            self.next();
        }
        loop {
            let token = self.peek().clone();
            open += braces(&token.kind);
            let is_over = token.kind.is_sign(';') && open <= 0;
            // What begins like another definition at the start of a line is one: a brace is missing before it.
            let begins = ["const", "typedef", "program"].iter().any(|word| token.kind.is_word(word));
            if matches!(token.kind, Kind::End) || begins {
                return;
            }
            self.next();
            if is_over {
                return;
            }
        }
    }

    fn definition(&mut self) -> Parsed<Option<Definition>> {
        let first = self.peek().clone();
        let Kind::Word(word) = &first.kind else {
            if first.kind.is_sign(';') {
                self.next();
                return Ok(None);
            }
            return self.unexpected("a definition (const, typedef, enum, struct, union or program)");
        };
        let doc = first.before;
        let (name, what) = match word.as_str() {
            "const" => self.constant()?,
            "typedef" => {
                self.next();
                let declaration = self.declaration()?;
                let Some(name) = declaration.name.clone() else {
                    return self.unexpected("a type that is not void");
                };
                (name, What::Typedef(declaration))
            }
            "enum" => {
                self.next();
                (self.name("the enumeration's name")?, What::Enum(self.enum_body()?))
            }
            "struct" => {
                self.next();
                (self.name("the structure's name")?, What::Struct(self.struct_body()?))
            }
            "union" => {
                self.next();
                (self.name("the union's name")?, What::Union(self.union_body()?))
            }
            "program" => {
                self.next();
                let program = self.program(doc)?;
                (program.name.clone(), What::Program(program))
            }
            _ => return self.unexpected("a definition (const, typedef, enum, struct, union or program)"),
        };
        let end = self.sign(';', "at the end of the definition")?;
        Ok(Some(Definition { name, what, doc: doc.or(end.behind) }))
    }

    fn constant(&mut self) -> Parsed<(Name, What)> {
        self.next();
        let name = self.name("the constant's name")?;
        self.sign('=', "and the constant's value")?;
        let what = match self.peek().kind.clone() {
            Kind::Text(text) => {
                self.next();
                What::Text(text)
            }
            _ => What::Const(self.value("the constant's value")?),
        };
        Ok((name, what))
    }

    fn nested<T>(&mut self, body: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH_MAX {
            let span = self.peek().span;
            let title = format!("bodies within bodies, more than {DEPTH_MAX} deep");
            self.problems.push(Diagnostic::error(span, title, "too deep").help("give the inner types names"));
            return Err(Wrong);
        }
        self.depth += 1;
        let parsed = body(self);
        self.depth -= 1;
        parsed
    }

    fn enum_body(&mut self) -> Parsed<EnumBody> {
        self.sign('{', "before the enumeration's values")?;
        let mut members: Vec<EnumMember> = Vec::new();
        loop {
            if self.takes_sign('}').is_some() {
                return Ok(EnumBody { members });
            }
            let before = self.peek().before;
            let name = self.name("a value's name")?;
            let value = match self.takes_sign('=') {
                Some(_) => Some(self.value("the value's number")?),
                None => None,
            };
            let mut doc = before.or(self.tokens[self.at - 1].behind);
            let comma = self.takes_sign(',');
            doc = doc.or(comma.as_ref().and_then(|comma| comma.behind));
            members.push(EnumMember { name, value, doc });
            if comma.is_none() {
                self.sign('}', "after the last value, or `,` before another")?;
                return Ok(EnumBody { members });
            }
        }
    }

    fn struct_body(&mut self) -> Parsed<StructBody> {
        self.sign('{', "before the structure's members")?;
        let mut members = Vec::new();
        while self.takes_sign('}').is_none() {
            members.push(self.member("after the member")?);
        }
        Ok(StructBody { members })
    }

    fn member(&mut self, after: &str) -> Parsed<Declaration> {
        let before = self.peek().before;
        let declaration = self.declaration()?;
        let end = self.sign(';', after)?;
        Ok(Declaration { doc: before.or(end.behind), ..declaration })
    }

    fn union_body(&mut self) -> Parsed<UnionBody> {
        if self.takes_word("switch").is_none() {
            return self.unexpected("`switch` and what decides in parentheses");
        }
        self.sign('(', "before what decides")?;
        let discriminant = self.declaration()?;
        self.sign(')', "after what decides")?;
        self.sign('{', "before the cases")?;
        let (mut arms, mut default) = (Vec::new(), None);
        loop {
            if self.takes_sign('}').is_some() {
                return Ok(UnionBody { discriminant, arms, default });
            }
            if let Some(token) = self.takes_word("default") {
                self.sign(':', "after `default`")?;
                let declaration = self.member("after the case's declaration")?;
                if default.is_some() {
                    self.problems.push(Diagnostic::error(
                        token.span,
                        "a second default",
                        "there is one before",
                    ));
                }
                default = Some(declaration);
                continue;
            }
            let mut labels = Vec::new();
            while self.takes_word("case").is_some() {
                labels.push(self.value("the case's value")?);
                self.sign(':', "after the case's value")?;
            }
            if labels.is_empty() {
                return self.unexpected("`case`, `default` or `}`");
            }
            if self.takes_word("default").is_some() {
                // `case A: default: void;`: whatever is not named takes the same way.
                self.sign(':', "after `default`")?;
                let declaration = self.member("after the case's declaration")?;
                arms.push(Arm { labels, declaration: declaration.clone() });
                default = Some(declaration);
                continue;
            }
            let declaration = self.member("after the case's declaration")?;
            arms.push(Arm { labels, declaration });
        }
    }

    fn declaration(&mut self) -> Parsed<Declaration> {
        let ty = self.type_spec()?;
        if let TypeSpec::Void(_) = ty {
            return Ok(Declaration { ty, shape: Shape::Plain, name: None, doc: None });
        }
        if let Some(star) = self.takes_sign('*') {
            let name = self.name("a name")?;
            return Ok(Declaration { ty, shape: Shape::Optional(star.span), name: Some(name), doc: None });
        }
        let name = self.name("a name")?;
        let shape = self.shape()?;
        Ok(Declaration { ty, shape, name: Some(name), doc: None })
    }

    fn shape(&mut self) -> Parsed<Shape> {
        if self.takes_sign('[').is_some() {
            let count = self.value("how many elements")?;
            self.sign(']', "after the number of elements")?;
            return Ok(Shape::Fixed(count));
        }
        if self.takes_sign('<').is_some() {
            let most =
                if self.peek().kind.is_sign('>') { None } else { Some(self.value("the most there may be")?) };
            self.sign('>', "after the bound")?;
            return Ok(Shape::Variable(most));
        }
        Ok(Shape::Plain)
    }

    fn type_spec(&mut self) -> Parsed<TypeSpec> {
        let first = self.peek().clone();
        let Kind::Word(word) = &first.kind else { return self.unexpected("a type") };
        let span = first.span;
        if let Some(ty) = built_in(word, span) {
            self.next();
            return Ok(ty);
        }
        match word.as_str() {
            "unsigned" => {
                self.next();
                let (bits, last) = match &self.peek().kind {
                    Kind::Word(word) if word == "int" || word == "long" => (32, Some(())),
                    Kind::Word(word) if word == "hyper" => (64, Some(())),
                    Kind::Word(word) if word == "short" => (16, Some(())),
                    Kind::Word(word) if word == "char" => {
                        let span = span.to(self.next().span);
                        return Ok(TypeSpec::Char { signed: false, span });
                    }
                    // Alone it is an unsigned int.
                    _ => (32, None),
                };
                let span = if last.is_some() { span.to(self.next().span) } else { span };
                Ok(TypeSpec::Primitive(Primitive::Int { bits, signed: false }, span))
            }
            "enum" => {
                self.next();
                if self.peek().kind.is_sign('{') {
                    let body = self.nested(Self::enum_body)?;
                    return Ok(TypeSpec::Enum(Box::new(body), span));
                }
                Ok(TypeSpec::Named(self.name("an enumeration's name or body")?))
            }
            "struct" => {
                self.next();
                if self.peek().kind.is_sign('{') {
                    let body = self.nested(Self::struct_body)?;
                    return Ok(TypeSpec::Struct(Box::new(body), span));
                }
                Ok(TypeSpec::Named(self.name("a structure's name or body")?))
            }
            "union" => {
                self.next();
                if self.peek().kind.is_word("switch") {
                    let body = self.nested(Self::union_body)?;
                    return Ok(TypeSpec::Union(Box::new(body), span));
                }
                Ok(TypeSpec::Named(self.name("a union's name or `switch`")?))
            }
            _ => Ok(TypeSpec::Named(self.name("a type")?)),
        }
    }

    fn program(&mut self, doc: Option<Span>) -> Parsed<Program> {
        let name = self.name("the program's name")?;
        self.sign('{', "before the program's versions")?;
        let mut versions = Vec::new();
        while self.takes_sign('}').is_none() {
            versions.push(self.version()?);
        }
        self.sign('=', "and the program's number")?;
        let number = self.value("the program's number")?;
        Ok(Program { name, number, versions, doc })
    }

    fn version(&mut self) -> Parsed<Version> {
        let Some(first) = self.takes_word("version") else { return self.unexpected("`version` or `}`") };
        let name = self.name("the version's name")?;
        self.sign('{', "before the version's procedures")?;
        self.marks.clear();
        let mut procedures = Vec::new();
        while self.takes_sign('}').is_none() {
            procedures.push(self.procedure()?);
        }
        self.sign('=', "and the version's number")?;
        let number = self.value("the version's number")?;
        self.sign(';', "after the version's number")?;
        Ok(Version { name, number, procedures, doc: first.before })
    }

    fn procedure(&mut self) -> Parsed<Procedure> {
        let before = self.peek().before;
        let result = self.parameter_type()?;
        let name = self.name("the procedure's name")?;
        self.sign('(', "before the arguments")?;
        let mut arguments = Vec::new();
        if self.takes_sign(')').is_none() {
            loop {
                arguments.push(self.parameter()?);
                if self.takes_sign(')').is_some() {
                    break;
                }
                self.sign(',', "or `)` after an argument")?;
            }
        }
        self.sign('=', "and the procedure's number")?;
        let number = self.value("the procedure's number")?;
        let end = self.sign(';', "after the procedure's number")?;
        self.take_marks_behind(&end);
        let marks = std::mem::take(&mut self.marks);
        Ok(Procedure { name, number, result, arguments, doc: before.or(end.behind), marks })
    }

    /// Marks on the line on which a procedure ends are about it.
    fn take_marks_behind(&mut self, end: &Token) {
        while let Kind::Mark(words) = &self.tokens[self.at].kind {
            let span = self.tokens[self.at].span;
            if span.file != end.span.file || self.sources.line(span) != self.sources.line(end.span) {
                break;
            }
            self.marks.push((words.clone(), span));
            self.at += 1;
        }
    }

    /// A result, or an argument before its name.
    fn parameter_type(&mut self) -> Parsed<Declaration> {
        let ty = self.type_spec()?;
        let shape = match self.takes_sign('*') {
            Some(star) => Shape::Optional(star.span),
            None => self.shape()?,
        };
        Ok(Declaration { ty, shape, name: None, doc: None })
    }

    fn parameter(&mut self) -> Parsed<Declaration> {
        let parameter = self.parameter_type()?;
        if !matches!(self.peek().kind, Kind::Word(_)) {
            return Ok(parameter);
        }
        let name = Some(self.name("the argument's name")?);
        let shape = match (self.shape()?, parameter.shape) {
            (Shape::Plain, before) => before,
            (behind, _) => behind,
        };
        Ok(Declaration { shape, name, ..parameter })
    }
}

/// Types that are one word of the language: the RFC's, and C's that rpcgen takes too.
fn built_in(word: &str, span: Span) -> Option<TypeSpec> {
    let int = |bits, signed| TypeSpec::Primitive(Primitive::Int { bits, signed }, span);
    Some(match word {
        "void" => TypeSpec::Void(span),
        "opaque" => TypeSpec::Opaque(span),
        "string" => TypeSpec::String(span),
        "bool" => TypeSpec::Primitive(Primitive::Bool, span),
        "float" => TypeSpec::Primitive(Primitive::Float, span),
        "double" => TypeSpec::Primitive(Primitive::Double, span),
        "quadruple" => TypeSpec::Primitive(Primitive::Quadruple, span),
        "int" | "long" => int(32, true),
        "hyper" => int(64, true),
        "short" => int(16, true),
        "char" => TypeSpec::Char { signed: true, span },
        _ => return None,
    })
}

/// Types that files use without defining them, since C headers do; a file may define them all the same.
pub(crate) fn predefined(name: &str, span: Span) -> Option<TypeSpec> {
    let int = |bits, signed| TypeSpec::Primitive(Primitive::Int { bits, signed }, span);
    Some(match name {
        "bool_t" => TypeSpec::Primitive(Primitive::Bool, span),
        "int32_t" => int(32, true),
        "u_int" | "u_long" | "uint" | "uint32_t" | "u_int32_t" => int(32, false),
        "longlong_t" | "quad_t" | "int64_t" => int(64, true),
        "u_hyper" | "u_longlong_t" | "u_quad_t" | "uint64_t" | "u_int64_t" => int(64, false),
        "int16_t" => int(16, true),
        "u_short" | "uint16_t" | "u_int16_t" => int(16, false),
        "int8_t" => int(8, true),
        "uint8_t" | "u_int8_t" => int(8, false),
        "u_char" => TypeSpec::Char { signed: false, span },
        _ => return None,
    })
}
