//! Where a run's results go: files, or standard output for one of them.
//!
//! Files are opened before the minutes of measuring, since that may not be possible, and overwritten after them: who ends a
//! run early keeps what was there, and finds nothing new.
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::document::Document;
use super::options::BulkOptions;
use super::{html, text};
use sendrec_measure::Fallible;

/// Files that can be written.
pub(crate) struct Outputs<'a> {
    json: Option<Output<'a>>,
    csv: Option<Output<'a>>,
    html: Option<Output<'a>>,
}

/// How a document is told.
type Form = fn(&Document) -> Fallible<String>;

enum Output<'a> {
    Stdout,
    /// Open if it was there before.
    File(&'a Path, Option<File>),
}

impl<'a> Outputs<'a> {
    /// Nothing is lost yet, nor if there is an error.
    pub(crate) fn open(options: &'a BulkOptions) -> Fallible<Self> {
        let paths = [&options.json, &options.csv, &options.html];
        if paths.iter().filter(|path| path.as_deref().is_some_and(is_stdout)).count() > 1 {
            return Err("- is standard output, and only one of --json, --csv and --html can go there".into());
        }
        let [json, csv, html] = paths.map(|path| path.as_ref().map(Output::open).transpose());
        Ok(Self { json: json?, csv: csv?, html: html? })
    }

    /// In every form asked for. What is left is for standard output: a table, unless something else goes there.
    pub(crate) fn write(self, document: &Document) -> Fallible<String> {
        let json = |document: &Document| Ok(serde_json::to_string_pretty(document)? + "\n");
        let csv = |document: &Document| Ok(text::csv(document));
        let forms: [(_, Form); 3] = [(self.json, json), (self.csv, csv), (self.html, html::page)];
        let mut printed = None;
        for (output, form) in forms {
            match output {
                None => {}
                Some(Output::Stdout) => printed = Some(form(document)?),
                Some(Output::File(path, file)) => overwrite(path, file, &form(document)?)?,
            }
        }
        Ok(printed.unwrap_or_else(|| text::tables(document)))
    }
}

impl<'a> Output<'a> {
    fn open(path: &'a PathBuf) -> Fallible<Self> {
        if is_stdout(path) {
            return Ok(Self::Stdout);
        }
        let file = match OpenOptions::new().write(true).open(path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // Whether it can be made is known now; it is when there is something to put into it.
                File::create_new(path)
                    .and_then(|_| std::fs::remove_file(path))
                    .map_err(|error| cannot_write(path, &error))?;
                None
            }
            Err(error) => return Err(cannot_write(path, &error).into()),
        };
        Ok(Self::File(path, file))
    }
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

fn cannot_write(path: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be written: {error}", path.display())
}

fn overwrite(path: &Path, file: Option<File>, text: &str) -> Fallible<()> {
    let file = file.map_or_else(|| File::create(path), Ok);
    let mut file = file.map_err(|error| cannot_write(path, &error))?;
    let is_regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
    // A pipe or a terminal has no length.
    let written =
        if is_regular { file.set_len(0) } else { Ok(()) }.and_then(|()| file.write_all(text.as_bytes()));
    written.map_err(|error| cannot_write(path, &error))?;
    eprintln!("wrote {}", path.display());
    Ok(())
}

/// To standard output.
pub(crate) fn print(text: &str) -> Fallible<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever read it has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}
