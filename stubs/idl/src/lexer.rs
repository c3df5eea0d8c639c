//! Text to tokens: comments, `%` lines, and the part of the C preprocessor that interface files use.
//!
//! Nothing is rewritten on the way, so each token knows its own place in its own file; a word that a `#define` replaces
//! keeps its own place too.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::condition;
use crate::diagnostic::Diagnostic;
use crate::source::{FileId, Sources, Span};
use crate::token::{Kind, Token};

/// Files within files.
const INCLUDES_MAX: usize = 16;
/// Words a macro may become, and how often one may lead to another.
const EXPANSION_MAX: usize = 1_000;

/// Who finds included files.
pub(crate) type Open<'a> = dyn Fn(&Path) -> std::io::Result<String> + 'a;

/// What a name stands for.
#[derive(Clone, Debug)]
pub(crate) struct Macro {
    pub(crate) body: Vec<Kind>,
}

/// By name.
pub(crate) type Macros = BTreeMap<String, Macro>;

/// An `#if` that is open.
struct Branch {
    /// Where it began.
    span: Span,
    /// What surrounds it is read.
    outer: bool,
    /// This part of it is read.
    active: bool,
    /// A part of it was.
    taken: bool,
    /// There was an `#else`.
    closed: bool,
}

pub(crate) struct Lexer<'a> {
    pub(crate) sources: Sources,
    pub(crate) problems: Vec<Diagnostic>,
    tokens: Vec<Token>,
    macros: Macros,
    branches: Vec<Branch>,
    /// The last comment, if nothing has come since.
    comment: Option<Span>,
    open: &'a Open<'a>,
}

/// All tokens of a file and of those it includes, the end last.
pub(crate) struct Lexed {
    pub(crate) sources: Sources,
    pub(crate) tokens: Vec<Token>,
    pub(crate) problems: Vec<Diagnostic>,
}

/// Reads `text`, which is called `path`.
pub(crate) fn lex(path: &Path, text: String, defines: &[(String, String)], open: &Open<'_>) -> Lexed {
    let mut lexer = Lexer {
        sources: Sources::default(),
        problems: Vec::new(),
        tokens: Vec::new(),
        macros: Macros::new(),
        branches: Vec::new(),
        comment: None,
        open,
    };
    for (name, value) in defines {
        let file = lexer.sources.add(format!("-D {name}={value}"), value.clone());
        let body = lexer.kinds(file, 0, value.len());
        lexer.macros.insert(name.clone(), Macro { body });
    }
    let file = lexer.sources.add(path.display().to_string(), text);
    lexer.read(file, path, 0);
    let end = lexer.sources.file(file).text.len() as u32;
    let span = Span { file, start: end, end };
    lexer.tokens.push(Token { kind: Kind::End, span, before: None, behind: None });
    Lexed { sources: lexer.sources, tokens: lexer.tokens, problems: lexer.problems }
}

impl Lexer<'_> {
    fn read(&mut self, file: FileId, path: &Path, depth: usize) {
        let text = self.sources.file(file).text.clone();
        let outer_branches = self.branches.len();
        let mut cursor = Cursor { text: &text, file, at: 0 };
        while !cursor.is_at_end() {
            self.line(&mut cursor, path, depth);
        }
        while self.branches.len() > outer_branches {
            if let Some(branch) = self.branches.pop() {
                self.problems.push(
                    Diagnostic::error(branch.span, "this #if has no #endif", "opened here")
                        .help("add `#endif` after the part it is about"),
                );
            }
        }
    }

    fn is_active(&self) -> bool {
        self.branches.last().is_none_or(|branch| branch.active)
    }

    /// From the beginning of a line to the beginning of another one.
    fn line(&mut self, cursor: &mut Cursor<'_>, path: &Path, depth: usize) {
        if cursor.rest().starts_with('%') {
            // For the C compiler, and dropped before comments are read: `%/*` opens none.
            cursor.skip_line();
            return;
        }
        let indent = cursor.rest().len() - cursor.rest().trim_start_matches([' ', '\t']).len();
        if cursor.rest()[indent..].starts_with('#') {
            cursor.at += indent;
            self.directive(cursor, path, depth);
            return;
        }
        let is_active = self.is_active();
        loop {
            let rest = cursor.rest();
            let Some(first) = rest.chars().next() else { return };
            match first {
                '\n' => {
                    cursor.at += 1;
                    // An empty line says that the comment before it is not about what follows.
                    if cursor.rest().trim_start_matches([' ', '\t', '\r']).starts_with('\n') {
                        self.comment = None;
                    }
                    return;
                }
                _ if first.is_whitespace() => cursor.at += first.len_utf8(),
                _ if rest.starts_with("/*") || rest.starts_with("//") => {
                    let span = self.comment(cursor, is_active);
                    let words = mark(self.sources.text(span));
                    if is_active && let Some(words) = words {
                        self.push(Kind::Mark(words), span, None);
                    } else if is_active && !self.attach_behind(span) {
                        self.comment = Some(span);
                    }
                }
                _ => {
                    let (kind, span) = self.token(cursor, is_active);
                    if let (true, Some(kind)) = (is_active, kind) {
                        let before = self.comment.take();
                        self.expand(kind, span, before);
                    }
                }
            }
        }
    }

    /// A comment that begins on the line of the last token is about it.
    fn attach_behind(&mut self, comment: Span) -> bool {
        let Some(last) = self.tokens.last_mut() else { return false };
        let file = self.sources.file(comment.file);
        let between = file.text.get(last.span.end as usize..comment.start as usize);
        let is_on_line = last.span.file == comment.file && between.is_some_and(|text| !text.contains('\n'));
        if is_on_line && last.behind.is_none() {
            last.behind = Some(comment);
        }
        is_on_line
    }

    fn comment(&mut self, cursor: &mut Cursor<'_>, is_active: bool) -> Span {
        let start = cursor.at;
        if cursor.rest().starts_with("//") {
            cursor.at += cursor.rest().find('\n').unwrap_or(cursor.rest().len());
            return cursor.span(start);
        }
        match cursor.rest()[2..].find("*/") {
            Some(length) => cursor.at += 2 + length + 2,
            None => {
                cursor.at = cursor.text.len();
                if is_active {
                    let span = Span { end: start as u32 + 2, ..cursor.span(start) };
                    self.problems.push(
                        Diagnostic::error(span, "this comment has no end", "opened here")
                            .help("add `*/` where it ends"),
                    );
                }
            }
        }
        cursor.span(start)
    }

    /// The next word, number, text or sign; `None` for what is none, which is complained of if it counts.
    fn token(&mut self, cursor: &mut Cursor<'_>, counts: bool) -> (Option<Kind>, Span) {
        let start = cursor.at;
        let rest = cursor.rest();
        let Some(first) = rest.chars().next() else { return (None, cursor.span(start)) };
        let is_digit_next = rest.chars().nth(1).is_some_and(|next| next.is_ascii_digit());
        if first.is_ascii_alphabetic() || first == '_' {
            cursor.at += rest.find(|next: char| !is_word(next)).unwrap_or(rest.len());
            return (Some(Kind::Word(cursor.text[start..cursor.at].into())), cursor.span(start));
        }
        if first.is_ascii_digit() || (first == '-' && is_digit_next) {
            cursor.at += 1;
            let digits = cursor.rest();
            cursor.at += digits.find(|next: char| !is_word(next)).unwrap_or(digits.len());
            let span = cursor.span(start);
            return match number(&cursor.text[start..cursor.at]) {
                Ok(number) => (Some(Kind::Number(number)), span),
                Err(reason) => {
                    if counts {
                        self.problems.push(Diagnostic::error(span, "this is no number", reason));
                    }
                    (Some(Kind::Number(0)), span)
                }
            };
        }
        if first == '"' {
            let line = rest[1..].split('\n').next().unwrap_or("");
            return match line.find('"') {
                Some(length) => {
                    cursor.at += 1 + length + 1;
                    (Some(Kind::Text(line[..length].into())), cursor.span(start))
                }
                None => {
                    cursor.at += 1 + line.len();
                    let span = cursor.span(start);
                    if counts {
                        self.problems.push(
                            Diagnostic::error(span, "this text has no end", "opened here")
                                .help("add a second `\"` on the same line"),
                        );
                    }
                    (None, span)
                }
            };
        }
        cursor.at += first.len_utf8();
        let span = cursor.span(start);
        if "{}[]<>();:,=*".contains(first) {
            return (Some(Kind::Sign(first)), span);
        }
        if counts {
            let title = format!("`{}` has no meaning here", first.escape_debug());
            self.problems.push(
                Diagnostic::error(span, title, "not part of the language")
                    .help("signs are { } [ ] < > ( ) ; : , = and *; C code goes on lines that begin with %"),
            );
        }
        (None, span)
    }

    fn push(&mut self, kind: Kind, span: Span, before: Option<Span>) {
        self.tokens.push(Token { kind, span, before, behind: None });
    }

    /// Pushes a token, or what macros make of it.
    fn expand(&mut self, kind: Kind, span: Span, before: Option<Span>) {
        let first = self.tokens.len();
        let mut todo = vec![(kind, Vec::<String>::new())];
        let mut steps = 0;
        while let Some((kind, hidden)) = todo.pop() {
            steps += 1;
            if steps > EXPANSION_MAX {
                let title = "this macro becomes more than can be";
                self.problems.push(Diagnostic::error(span, title, "expanded here"));
                return;
            }
            if let Kind::Word(word) = &kind
                && !hidden.contains(word)
                && let Some(found) = self.macros.get(word)
            {
                let mut hidden = hidden.clone();
                hidden.push(word.clone());
                todo.extend(found.body.iter().rev().map(|kind| (kind.clone(), hidden.clone())));
                continue;
            }
            self.push(kind, span, None);
        }
        if let Some(token) = self.tokens.get_mut(first) {
            token.before = before;
        }
    }

    /// The tokens of a stretch of text, nothing expanded.
    fn kinds(&mut self, file: FileId, start: usize, end: usize) -> Vec<Kind> {
        let text = self.sources.file(file).text.get(..end).unwrap_or("").to_owned();
        let mut cursor = Cursor { text: &text, file, at: start };
        let mut kinds = Vec::new();
        while !cursor.is_at_end() {
            let rest = cursor.rest();
            if rest.starts_with("/*") || rest.starts_with("//") {
                self.comment(&mut cursor, true);
            } else if let Some(space) =
                rest.chars().next().filter(|next| next.is_whitespace() || *next == '\\')
            {
                cursor.at += space.len_utf8();
            } else if let (Some(kind), _) = self.token(&mut cursor, true) {
                kinds.push(kind);
            }
        }
        kinds
    }

    /// A line that begins with `#`, and those it goes on to with a backslash.
    fn directive(&mut self, cursor: &mut Cursor<'_>, path: &Path, depth: usize) {
        self.comment = None;
        let start = cursor.at;
        cursor.skip_continued_line();
        let line = cursor.text[start..cursor.at].trim_end();
        let span = Span { end: (start + line.len()) as u32, ..cursor.span(start) };
        let after = line[1..].trim_start();
        let name_end = after.find(|next: char| !is_word(next)).unwrap_or(after.len());
        let (name, rest) = after.split_at(name_end);
        let rest_at = start + line.len() - rest.len();
        let whole = rest;
        let rest = strip_comment(rest).trim();
        match name {
            "if" | "ifdef" | "ifndef" => {
                let outer = self.is_active();
                let holds = outer
                    && match name {
                        "ifdef" => self.macros.contains_key(rest),
                        "ifndef" => !self.macros.contains_key(rest),
                        _ => self.condition(rest, span),
                    };
                self.branches.push(Branch { span, outer, active: holds, taken: holds, closed: false });
            }
            "elif" | "else" => {
                let holds = name == "else"
                    || self.branches.last().is_some_and(|branch| branch.outer && !branch.taken)
                        && self.condition(rest, span);
                match self.branches.last_mut() {
                    Some(branch) if !branch.closed => {
                        branch.active = branch.outer && !branch.taken && holds;
                        branch.taken |= branch.active;
                        branch.closed = name == "else";
                    }
                    _ => self.stray(name, span),
                }
            }
            "endif" => {
                if self.branches.pop().is_none() {
                    self.stray(name, span);
                }
            }
            _ if !self.is_active() => {}
            "define" => {
                self.define(cursor.file, rest, rest_at + (whole.len() - whole.trim_start().len()), span);
            }
            "undef" => drop(self.macros.remove(rest)),
            "include" => self.include(rest, span, path, depth),
            "error" => self.problems.push(Diagnostic::error(span, format!("#error {rest}"), "reached")),
            "" | "pragma" | "ident" | "line" | "warning" => {}
            // `# 1 "file"`: what a preprocessor leaves behind.
            _ if name.starts_with(|first: char| first.is_ascii_digit()) => {}
            _ => self
                .problems
                .push(Diagnostic::error(span, format!("#{name} is not known"), "not a directive").help(
                    "known are define, undef, include, if, ifdef, ifndef, elif, else, endif and error",
                )),
        }
    }

    fn stray(&mut self, name: &str, span: Span) {
        let title = format!("#{name} without #if");
        self.problems.push(Diagnostic::error(span, title, "no #if, #ifdef or #ifndef is open here"));
    }

    fn define(&mut self, file: FileId, rest: &str, at: usize, span: Span) {
        let length = rest.find(|next: char| !is_word(next)).unwrap_or(rest.len());
        let name = &rest[..length];
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            self.problems.push(Diagnostic::error(span, "#define without a name", "expected a name"));
            return;
        }
        if rest[length..].starts_with('(') {
            // One with parameters is of use only in C code; whoever uses it here hears that it is not known.
            self.macros.remove(name);
            return;
        }
        let body = self.kinds(file, at + length, at + rest.len());
        self.macros.insert(name.into(), Macro { body });
    }

    fn include(&mut self, rest: &str, span: Span, path: &Path, depth: usize) {
        let Some(name) = rest.strip_prefix('"').and_then(|rest| rest.split_once('"')).map(|(name, _)| name)
        else {
            if !rest.starts_with('<') {
                let problem = Diagnostic::error(span, "#include without a file", "expected \"FILE.x\"");
                self.problems.push(problem);
            }
            // <...> is a header of C's, in which nothing of this language is.
            return;
        };
        if depth >= INCLUDES_MAX {
            let title = format!("files include one another more than {INCLUDES_MAX} deep");
            self.problems.push(Diagnostic::error(span, title, "included here"));
            return;
        }
        let found: PathBuf = path.parent().unwrap_or(Path::new("")).join(name);
        match (self.open)(&found) {
            Ok(text) => {
                let file = self.sources.add(found.display().to_string(), text);
                self.read(file, &found, depth + 1);
            }
            Err(error) => {
                let title = format!("{} cannot be read: {error}", found.display());
                self.problems.push(Diagnostic::error(span, title, "included here"));
            }
        }
    }

    /// Whether what stands behind `#if` holds; no if it is not understood, which is complained of.
    fn condition(&mut self, text: &str, span: Span) -> bool {
        match condition::holds(text, &self.macros) {
            Some(holds) => holds,
            None => {
                self.problems.push(
                    Diagnostic::error(span, "this condition is not understood", "as it stands").help(
                        "use names, numbers, defined(NAME), !, ==, !=, <, >, <=, >=, &&, || and parentheses",
                    ),
                );
                false
            }
        }
    }
}

struct Cursor<'a> {
    text: &'a str,
    file: FileId,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    const fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    const fn span(&self, start: usize) -> Span {
        Span { file: self.file, start: start as u32, end: self.at as u32 }
    }

    fn skip_line(&mut self) {
        self.at += self.rest().find('\n').map_or(self.rest().len(), |length| length + 1);
    }

    /// As `skip_line`; comments in it may go over lines, as may a backslash.
    fn skip_continued_line(&mut self) {
        loop {
            let rest = self.rest();
            let line = rest.split_inclusive('\n').next().unwrap_or("");
            if let Some(comment) = line.find("/*")
                && let Some(length) = rest[comment + 2..].find("*/")
                && comment + 2 + length >= line.len()
            {
                self.at += comment + 2 + length + 2;
                continue;
            }
            self.at += line.len();
            if !line.trim_end_matches(['\n', '\r']).ends_with('\\') {
                return;
            }
        }
    }
}

pub(crate) const fn is_word(next: char) -> bool {
    next.is_ascii_alphanumeric() || next == '_'
}

/// The words of `/* @inout NAME */`.
fn mark(comment: &str) -> Option<Vec<String>> {
    let inside = comment.trim_start_matches('/').trim_matches('*').trim_end_matches("*/").trim();
    let words = inside.strip_prefix('@')?;
    Some(words.split_whitespace().map(str::to_owned).collect())
}

/// A directive's text up to the first comment.
fn strip_comment(text: &str) -> &str {
    let end = text.find("/*").into_iter().chain(text.find("//")).min().unwrap_or(text.len());
    &text[..end]
}

pub(crate) fn number(text: &str) -> Result<i128, String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    // As C allows, which these files were once compiled by.
    let digits = digits.trim_end_matches(['u', 'U', 'l', 'L']);
    let (base, digits) = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        (16, hex)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (8, &digits[1..])
    } else {
        (10, digits)
    };
    match u64::from_str_radix(digits, base) {
        Ok(value) => Ok(sign * i128::from(value)),
        Err(_) if digits.chars().all(|digit| digit.is_digit(base)) && !digits.is_empty() => {
            Err("more than 64 bits hold".into())
        }
        Err(_) => Err(match base {
            16 => "0x wants hexadecimal digits".into(),
            8 => "a leading 0 wants octal digits, 0 to 7".into(),
            _ => "expected decimal digits, 0x and hexadecimal ones, or 0 and octal ones".into(),
        }),
    }
}
