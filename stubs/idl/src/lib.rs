//! The RPC language of slide 25, XDR (RFC 4506) with programs, versions and procedures (RFC 5531), compiled to Rust.
//!
//! A file is read into tokens (the C preprocessor's simple part included), these into syntax, that into a [`Model`] in which
//! names are resolved, and that into Rust text. Whatever is wrong is told at once, each with its place.
//!
//! ```
//! let text = "program ADDER { version ADDER_1 { int SUM(int a, int b) = 1; } = 1; } = 0x20000052;";
//! let made = sendrec_idl::compile("adder.x", text, &sendrec_idl::Options::default()).unwrap();
//! assert!(made.rust.contains("pub fn sum(&self, a: i32, b: i32) -> Result<i32, CallError>"));
//! ```
//!
//! Deliberately not here: encoding and calls. Generated code uses `sendrec-stubs` for them.
#![forbid(unsafe_code)]

mod check;
mod condition;
mod diagnostic;
mod lexer;
pub mod model;
mod parser;
mod resolve;
mod rust;
mod source;
mod syntax;
mod token;

use std::fmt;
use std::path::{Path, PathBuf};

pub use diagnostic::{Diagnostics, Severity};
pub use model::Model;

/// What can be said about a compilation.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `-D NAME=VALUE`: defined before the first line.
    pub defines: Vec<(String, String)>,
    /// `--extern-type NAME=PATH`: types declared elsewhere, and the Rust types that stand for them.
    pub extern_types: Vec<(String, String)>,
}

/// What was made of a file.
#[derive(Debug)]
pub struct Compiled {
    /// The interface.
    pub model: Model,
    /// A module's text.
    pub rust: String,
    /// What is worth a look.
    pub warnings: Diagnostics,
}

impl Compiled {
    /// A server and a client to fill in, for a module that is called so.
    pub fn templates(&self, module: &str) -> (String, String) {
        rust::templates(&self.model, module)
    }
}

/// A file that makes no code.
#[derive(Debug)]
pub struct Refused(pub Diagnostics);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.render(false).trim_end())
    }
}

impl std::error::Error for Refused {}

/// Compiles `text`, which is called `name`. Files it includes are read from the folder in `name`.
pub fn compile(name: impl AsRef<Path>, text: &str, options: &Options) -> Result<Compiled, Refused> {
    compile_with(name.as_ref(), text, options, &|path| std::fs::read_to_string(path))
}

/// As [`compile`], with included files from `open`.
pub fn compile_with(
    name: &Path,
    text: &str,
    options: &Options,
    open: &dyn Fn(&Path) -> std::io::Result<String>,
) -> Result<Compiled, Refused> {
    let lexer::Lexed { sources, tokens, mut problems } =
        lexer::lex(name, text.into(), &options.defines, open);
    let definitions = parser::parse(&sources, &tokens, &mut problems);
    let model = resolve::resolve(&sources, &definitions, &options.extern_types, &mut problems);
    let told = Diagnostics { sources, list: problems };
    if told.errors() > 0 {
        return Err(Refused(told));
    }
    let file = name
        .file_name()
        .map_or_else(|| name.display().to_string(), |name| name.to_string_lossy().into_owned());
    let rust = rust::generate(&model, &file);
    Ok(Compiled { model, rust, warnings: told })
}

/// Why a build script's file was not made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The file cannot be read, or what was made of it not written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not in the language.
    #[error("{0}")]
    Refused(#[from] Refused),
}

/// For build scripts: compiles `file` into `folder` (`OUT_DIR`, say), under its name with `.rs`; returns the path. Tells
/// cargo to do it again when the file changes.
pub fn build(
    file: impl AsRef<Path>,
    folder: impl AsRef<Path>,
    options: &Options,
) -> Result<PathBuf, BuildError> {
    let file = file.as_ref();
    println!("cargo::rerun-if-changed={}", file.display());
    let failed = |path: &Path, source| BuildError::File { path: path.into(), source };
    let text = std::fs::read_to_string(file).map_err(|error| failed(file, error))?;
    let compiled = compile(file, &text, options)?;
    let stem = file.file_stem().unwrap_or(file.as_os_str());
    let path = folder.as_ref().join(stem).with_extension("rs");
    std::fs::write(&path, compiled.rust).map_err(|error| failed(&path, error))?;
    Ok(path)
}
