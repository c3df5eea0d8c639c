//! `sendrec rpcgen`: an interface file to Rust.
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use sendrec_idl::{Compiled, Diagnostics, Options, compile};

use super::Failure;
use super::args::RpcgenArgs;
use super::output::write;
use super::replace::{Readers, replace};

pub(crate) fn run(args: &RpcgenArgs) -> Result<(), Failure> {
    let text = fs::read_to_string(&args.file).map_err(|error| Failure::new(args.file.display(), error))?;
    let options = options(args)?;
    let compiled = match compile(&args.file, &text, &options) {
        Ok(compiled) => compiled,
        Err(refused) => {
            tell(&refused.0);
            let errors = refused.0.errors();
            let errors = if errors == 1 { "one error".into() } else { format!("{errors} errors") };
            return Err(Failure::new(args.file.display(), format!("{errors}; nothing was written")));
        }
    };
    tell(&compiled.warnings);
    if args.print_model {
        let mut json =
            serde_json::to_vec_pretty(&compiled.model).map_err(|error| Failure::Said(error.to_string()))?;
        json.push(b'\n');
        return write(&json);
    }
    let Some(output) = &args.output else { return write(compiled.rust.as_bytes()) };
    if args.check {
        return check(&args.file, output, &compiled);
    }
    let replaced = replace(output, compiled.rust.as_bytes(), Readers::Usual);
    replaced.map_err(|error| Failure::new(output.display(), error))?;
    if args.templates { templates(output, &compiled) } else { Ok(()) }
}

fn options(args: &RpcgenArgs) -> Result<Options, Failure> {
    let define = |text: &String| match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (text.clone(), "1".to_owned()),
    };
    let extern_type = |text: &String| match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.to_owned())),
        _ => Err(Failure::new(
            format!("--extern-type {text}"),
            "expected NAME=PATH, e.g. netobj=crate::NetObj",
        )),
    };
    Ok(Options {
        defines: args.defines.iter().map(define).collect(),
        extern_types: args.extern_type.iter().map(extern_type).collect::<Result<_, _>>()?,
    })
}

/// On stderr, in colour if that is a terminal and NO_COLOR is not set.
fn tell(told: &Diagnostics) {
    if !told.is_empty() {
        // anstream takes the colours out where they are not wanted; a stderr that nobody reads is no reason to panic.
        let _ = anstream::stderr().write_all(told.render(true).as_bytes());
    }
}

fn check(interface: &Path, output: &Path, compiled: &Compiled) -> Result<(), Failure> {
    let found = fs::read_to_string(output).map_err(|error| Failure::new(output.display(), error))?;
    if found == compiled.rust {
        return Ok(());
    }
    let line = 1 + found.lines().zip(compiled.rust.lines()).take_while(|(found, made)| found == made).count();
    let again = format!("sendrec rpcgen {} -o {}", interface.display(), output.display());
    Err(Failure::new(
        output.display(),
        format!("not what {} makes, from line {line} on; make it again: {again}", interface.display()),
    ))
}

/// What is there is somebody's work by now.
fn templates(output: &Path, compiled: &Compiled) -> Result<(), Failure> {
    let stem =
        output.file_stem().map_or_else(|| "interface".into(), |stem| stem.to_string_lossy().into_owned());
    let (server, client) = compiled.templates(&stem);
    for (side, text) in [("server", server), ("client", client)] {
        let path: PathBuf = output.with_file_name(format!("{stem}_{side}.rs"));
        match fs::File::create_new(&path) {
            Ok(mut file) => {
                file.write_all(text.as_bytes()).map_err(|error| Failure::new(path.display(), error))?;
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                log::warn!("{}: kept as it is", path.display());
            }
            Err(error) => return Err(Failure::new(path.display(), error)),
        }
    }
    Ok(())
}
