//! Where results go: files, or standard output.
//!
//! A file is opened before the minutes of measuring, since that may not be possible, and overwritten after them: who ends a run
//! early keeps what was there, and finds nothing new.
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use sendrec_measure::Fallible;

/// A place that can be written to.
#[derive(Debug)]
pub enum Output {
    /// Written `-`.
    Stdout,
    /// Open if it was there before.
    File(PathBuf, Option<File>),
}

impl Output {
    /// Nothing is lost yet, nor if there is an error.
    pub fn open(path: &Path) -> Fallible<Self> {
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
        Ok(Self::File(path.to_owned(), file))
    }

    /// As [`Self::open`], where a place was named.
    pub fn open_each<const N: usize>(paths: [Option<&Path>; N]) -> Fallible<[Option<Self>; N]> {
        if paths.iter().flatten().filter(|path| is_stdout(path)).count() > 1 {
            return Err("- is standard output, and only one thing can go there".into());
        }
        let mut outputs = [const { None }; N];
        for (output, path) in outputs.iter_mut().zip(paths) {
            *output = path.map(Self::open).transpose()?;
        }
        Ok(outputs)
    }

    /// Instead of what was there.
    pub fn write(self, text: &str) -> Fallible<()> {
        match self {
            Self::Stdout => print(text),
            Self::File(path, file) => overwrite(&path, file, text),
        }
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
pub fn print(text: &str) -> Fallible<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever read it has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}
