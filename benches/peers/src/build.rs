//! Builds the programs that are wanted, and says of those that do not build why.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sendrec_measure::Fallible;

use crate::catalogue::Program;

/// Where this workspace is.
const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// Built programs, by what they are built from.
pub(crate) struct Programs {
    folder: PathBuf,
    built: BTreeMap<String, Result<PathBuf, String>>,
}

impl Programs {
    /// Those in C are put into `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), built: BTreeMap::new() }
    }

    /// The program, built if it was not; or why it cannot be.
    pub(crate) fn get(&mut self, program: Program) -> Result<PathBuf, String> {
        let name = match program {
            Program::Package(name) => name,
            Program::C { source, .. } => source,
        };
        if let Some(built) = self.built.get(name) {
            return built.clone();
        }
        eprintln!("building {name}");
        let built = match program {
            Program::Package(name) => cargo(&Path::new(HERE).join("Cargo.toml"), name, name),
            Program::C { source, flags, needs } => compile(&self.folder, source, flags)
                .map_err(|reason| format!("{reason} (Debian's package {needs} has what it needs)")),
        };
        self.built.insert(name.to_owned(), built.clone());
        built
    }

    /// The command `sendrec` itself.
    pub(crate) fn sendrec(&mut self) -> Result<PathBuf, String> {
        let root = Path::new(HERE).join("../../Cargo.toml");
        self.built.entry("sendrec".into()).or_insert_with(|| cargo(&root, "sendrec", "sendrec")).clone()
    }
}

/// Has cargo build a package, and asks it where the program is.
fn cargo(manifest: &Path, package: &str, program: &str) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "--locked", "--message-format", "json-render-diagnostics", "--package"])
        .arg(package)
        .arg("--manifest-path")
        .arg(manifest)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("cargo does not start: {error}"))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        let reason = told.lines().rfind(|line| line.trim_start().starts_with("error"));
        return Err(format!("it does not build here: {}", reason.unwrap_or("cargo does not say why").trim()));
    }
    let told = String::from_utf8_lossy(&output.stdout);
    let executable = |line: &str| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message["target"]["name"] == program;
        message["executable"].as_str().filter(|_| is_it).map(PathBuf::from)
    };
    told.lines().find_map(executable).ok_or_else(|| format!("cargo built {package}, and no program of it"))
}

fn compile(folder: &Path, source: &str, flags: &[&str]) -> Result<PathBuf, String> {
    let program = folder.join(source);
    let built = Command::new("cc")
        .args(["-O2", "-o"])
        .arg(&program)
        .arg(Path::new(HERE).join("c").join(source).with_extension("c"))
        .args(flags)
        .stderr(Stdio::null())
        .status();
    match built {
        Ok(status) if status.success() => Ok(program),
        Ok(_) => Err("it does not compile here".to_owned()),
        Err(error) => Err(format!("no C compiler: {error}")),
    }
}

/// Where an installed program is.
pub(crate) fn installed(name: &str) -> Fallible<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Servers are kept where only administrators look.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|place| place.is_file());
    found.ok_or_else(|| format!("{name} is not installed").into())
}
