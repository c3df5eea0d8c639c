//! The command `sendrec` as a person uses it: OS processes over UDP, and what they say.
#![allow(dead_code)] // Each suite uses its part.
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub(crate) fn sendrec() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sendrec"));
    command
        .env_remove("SENDREC_SERVER")
        .env_remove("SENDREC_NAMES")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    // No test is to find what another one, or anybody else on this network, has started.
    command.env("SENDREC_DISCOVER", "off");
    command
}

/// A server in an OS process of its own; killed when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: String,
    /// Its other addresses: by sparse id, by name.
    pub(crate) also: Vec<String>,
    root: PathBuf,
    /// What goes away with it, unless it is handed on.
    temporary: Option<TempDir>,
}

impl Server {
    /// With a root of its own.
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::start_on(tempfile::tempdir().unwrap(), options)
    }

    pub(crate) fn start_on(root: TempDir, options: &[&str]) -> Self {
        let mut server = Self::start_at(root.path(), options);
        server.temporary = Some(root);
        server
    }

    /// With a root that stays.
    pub(crate) fn start_at(root: &Path, options: &[&str]) -> Self {
        let mut child = sendrec()
            .args(["serve", "--root"])
            .arg(root)
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let forms = 1 + options.iter().filter(|option| ["--sparse", "--name"].contains(option)).count();
        let expected = format!("serving {} at ", root.display());
        let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().take(forms);
        let mut addresses = lines.map(|line| {
            let line = line.unwrap();
            line.strip_prefix(&expected).unwrap_or_else(|| panic!("{line:?}")).to_owned()
        });
        let address = addresses.next().expect("the server's address");
        let also = addresses.collect();
        Self { child, address, also, root: root.to_owned(), temporary: None }
    }

    /// kill -9; what it has left behind comes back.
    pub(crate) fn kill(mut self) -> TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.temporary.take().expect("a root of its own")
    }

    /// A client command against this server.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = sendrec();
        command.args(arguments).args(["--server", &self.address]);
        command
    }

    /// Runs one.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs one that must succeed; returns its stdout.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        succeeded(arguments, self.run(arguments))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// What lies in the root.
    pub(crate) fn files(&self) -> Vec<String> {
        names_in(&self.root)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command that must succeed; returns its stdout.
pub(crate) fn run_ok(arguments: &[&str]) -> String {
    succeeded(arguments, sendrec().args(arguments).output().unwrap())
}

/// Runs one that must fail; returns what it says.
pub(crate) fn run_fails(arguments: &[&str]) -> String {
    let output = sendrec().args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    stderr(&output)
}

fn succeeded(arguments: &[&str], output: Output) -> String {
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Bytes that look like nothing, the same for each seed.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut rng = sendrec_core::rng::Rng::new(seed);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&rng.next_u64().to_be_bytes());
    }
    bytes.truncate(length);
    bytes
}
