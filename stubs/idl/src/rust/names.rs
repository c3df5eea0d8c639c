//! Names as Rust has them, each different from the others of its scope.
use std::collections::BTreeSet;

use crate::model::Model;

/// Words that a name cannot be, raw or not.
const NEVER_RAW: [&str; 4] = ["self", "super", "crate", "Self"];
/// Words that a name can be if it is raw.
const RAW: [&str; 47] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while",
];
/// Types that generated code calls by these names.
const TAKEN: [&str; 27] = [
    "Box",
    "Bytes",
    "CallError",
    "Caller",
    "Cell",
    "Client",
    "Context",
    "DecodeError",
    "Decoder",
    "Dispatch",
    "EncodeError",
    "Encoder",
    "Err",
    "None",
    "Ok",
    "Option",
    "Procedure",
    "Refusal",
    "Result",
    "Self",
    "ServeError",
    "Server",
    "Service",
    "Some",
    "Starter",
    "Vec",
    "Xdr",
];

/// `nfs_fh3`, `CallArg_t`, `FILE_READ`: `NfsFh3`, `CallArgT`, `FileRead`.
pub(super) fn camel(name: &str) -> String {
    let mut camel = String::new();
    for part in name.split('_').filter(|part| !part.is_empty()) {
        let is_shouted = !part.contains(|one: char| one.is_ascii_lowercase());
        let mut letters = part.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.extend(letters.map(|one| if is_shouted { one.to_ascii_lowercase() } else { one }));
    }
    if camel.is_empty() || camel.starts_with(|first: char| first.is_ascii_digit()) {
        camel.insert(0, 'X');
    }
    camel
}

/// `CallArg_t`, `FILE_READ`, `fileId`: `call_arg_t`, `file_read`, `file_id`.
pub(super) fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (place, letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).map(|place| letters[place]);
        let starts = letter.is_ascii_uppercase()
            && before.is_some_and(|before| before.is_ascii_lowercase() || before.is_ascii_digit())
            && letters.get(place + 1).is_some_and(char::is_ascii_lowercase);
        if starts && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    let trimmed = snake.trim_matches('_');
    let mut snake = String::new();
    for letter in trimmed.chars() {
        if letter != '_' || !snake.ends_with('_') {
            snake.push(letter);
        }
    }
    if snake.is_empty() || snake.starts_with(|first: char| first.is_ascii_digit()) {
        snake.insert(0, 'x');
    }
    if NEVER_RAW.contains(&snake.as_str()) {
        snake.push('_');
    } else if RAW.contains(&snake.as_str()) {
        snake.insert_str(0, "r#");
    }
    snake
}

/// `FILE_READ`, `fileMax`: `FILE_READ`, `FILE_MAX`.
pub(super) fn shout(name: &str) -> String {
    snake(name).trim_start_matches("r#").to_ascii_uppercase()
}

/// A scope in which each name is given once.
#[derive(Default)]
pub(super) struct Scope(BTreeSet<String>);

impl Scope {
    pub(super) fn with_taken() -> Self {
        Self(TAKEN.iter().map(|name| (*name).to_owned()).collect())
    }

    /// The name, with the first number behind it that makes it another than all before.
    pub(super) fn take(&mut self, name: String) -> String {
        if self.0.insert(name.clone()) {
            return name;
        }
        let base = name.trim_start_matches("r#");
        let free = (2..).map(|number| format!("{base}_{number}")).find(|name| !self.0.contains(name));
        let name = free.unwrap_or(name);
        self.0.insert(name.clone());
        name
    }
}

/// The names of all types, by their ids.
pub(super) fn type_names(model: &Model) -> Vec<String> {
    let mut scope = Scope::with_taken();
    let names = model.types.iter().map(|def| camel(&def.name));
    // `Result` becomes `Result2`: an underscore within would not be in camel case.
    names.map(|name| scope.take(name).replace('_', "")).collect()
}
