//! Results to stdout, the rest to stderr; and how failures end.
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use sendrec::FileError;
use sendrec::copy::CopyError;
use sendrec_names::{Code, NamesError};
use sendrec_trap::CallError;

use super::find::{NO_NAME_SERVER_HINT, SILENT_NAMES_HINT, hint};
use super::session::INTERRUPTED;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What to say. Exit status 1.
    Said(String),
    /// Nobody reads our output any more: nothing to say, and nothing wrong.
    BrokenPipe,
    /// The user stopped it. Exit status 130.
    Interrupted,
}

impl Failure {
    pub(crate) fn new(what: impl std::fmt::Display, why: impl std::fmt::Display) -> Self {
        Self::Said(format!("{what}: {why}"))
    }

    /// Says it, and returns the exit status.
    pub(crate) fn report(&self) -> ExitCode {
        match self {
            Self::Said(text) => {
                // A stderr that nobody reads is no reason to panic.
                let _ = writeln!(anstream::stderr(), "sendrec: {text}");
                ExitCode::FAILURE
            }
            Self::BrokenPipe => ExitCode::SUCCESS,
            Self::Interrupted => {
                let _ = writeln!(anstream::stderr(), "sendrec: interrupted");
                ExitCode::from(INTERRUPTED)
            }
        }
    }

    /// A failed call on a remote name.
    pub(crate) fn of_file(name: &[u8], error: &FileError) -> Self {
        match error {
            FileError::Server(code) => Self::new(printable(name), code),
            FileError::Names(error) => Self::of_names(error),
            FileError::Call { server, error } => Self::of_call(server, *error),
            error => Self::Said(error.to_string()),
        }
    }

    /// A failed call.
    pub(crate) fn of_call(whom: impl std::fmt::Display, error: CallError) -> Self {
        Self::Said(format!("{whom}: {error}{}", hint(error)))
    }

    /// A failed question to the name server.
    pub(crate) fn of_names(error: &NamesError) -> Self {
        match error {
            NamesError::NoServer { .. } => Self::new(error, NO_NAME_SERVER_HINT),
            NamesError::Server { code: Code::E_NOT_FOUND, .. } => {
                Self::Said(format!("{error}; 'sendrec names ls' lists those there are"))
            }
            NamesError::Call { error: CallError::NoAnswer | CallError::TimedOut, .. } => {
                Self::Said(format!("{error}{SILENT_NAMES_HINT}"))
            }
            error => Self::Said(error.to_string()),
        }
    }

    /// A failed copy of a remote name.
    pub(crate) fn of_copy(name: &[u8], error: &CopyError) -> Self {
        match error {
            CopyError::File(error) => Self::of_file(name, error),
            CopyError::Interrupted => Self::Interrupted,
            CopyError::Local { source, .. } if source.kind() == ErrorKind::BrokenPipe => Self::BrokenPipe,
            error @ CopyError::Local { .. } => Self::Said(error.to_string()),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Said(text) => text,
            Self::BrokenPipe => "nobody reads what is said",
            Self::Interrupted => "interrupted",
        })
    }
}

/// An error of writing results.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe { Self::BrokenPipe } else { Self::new("stdout", error) }
    }
}

/// A line of results.
pub(crate) fn say(line: impl std::fmt::Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

/// Results that are more than a line, or no text.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()?;
    Ok(())
}

/// How wide the terminal is, if stdout is one.
pub(crate) fn terminal_columns() -> Option<u16> {
    let stdout = io::stdout();
    let size = stdout.is_terminal().then(|| rustix::termios::tcgetwinsize(&stdout).ok()).flatten()?;
    Some(size.ws_col)
}

/// A remote name, safe to print on a terminal: control characters and bytes that are no text are escaped.
pub(crate) fn printable(name: &[u8]) -> String {
    let mut text = String::new();
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}
