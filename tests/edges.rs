//! Who may use whom, as ARCHITECTURE.md has it: crate edges from `cargo metadata`, transitively; room edges from the
//! text of the core's modules.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// For the host alone: what other systems would need has not been fetched.
fn metadata() -> Metadata {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let version = std::process::Command::new(rustc).arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let options = ["--offline".into(), format!("--filter-platform={host}")];
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).other_options(options).exec().unwrap()
}

/// The names of all packages that `package` needs to be built, itself left out.
fn needs(metadata: &Metadata, package: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let name = |id: &PackageId| metadata[id].name.to_string();
    let start = resolve.nodes.iter().find(|node| name(&node.id) == package).unwrap();
    let mut found = BTreeSet::new();
    let mut open = vec![&start.id];
    while let Some(id) = open.pop() {
        for dependency in &nodes[id].deps {
            let normal = dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            if normal && found.insert(name(&dependency.pkg)) {
                open.push(&dependency.pkg);
            }
        }
    }
    found
}

#[test]
fn no_crate_reaches_what_it_must_not() {
    let metadata = metadata();
    let sockets = ["mio", "socket2", "quinn-udp", "sendrec-kernel"];
    let clockwork = ["parking_lot", "crossbeam-channel", "corosensei"];
    let forbidden: [(&str, Vec<&str>); 9] = [
        ("sendrec-core", [&sockets[..], &clockwork, &["sendrec-trap", "sendrec-sim", "rand"]].concat()),
        ("sendrec-trap", [&sockets[..], &["corosensei", "sendrec-sim"]].concat()),
        ("sendrec-names", [&sockets[..], &["sendrec-sim", "corosensei", "sendrec-fileserver"]].concat()),
        ("sendrec-stubs", [&sockets[..], &["sendrec-sim", "corosensei", "sendrec-idl"]].concat()),
        ("sendrec-idl", vec!["sendrec-core", "sendrec-trap", "sendrec-stubs", "mio", "bytes"]),
        ("sendrec-sim", [&sockets[..], &["sendrec-names"]].concat()),
        (
            "sendrec-kernel",
            vec!["corosensei", "sendrec-sim", "sendrec-names", "sendrec-fileserver", "sendrec"],
        ),
        ("sendrec-benches", vec!["sendrec", "sendrec-fileserver", "sendrec-names"]),
        ("sendrec-fileserver", [&sockets[..], &["sendrec-sim", "corosensei"]].concat()),
    ];
    for (package, never) in forbidden {
        let needed = needs(&metadata, package);
        for other in never {
            assert!(!needed.contains(other), "{package} reaches {other}");
        }
    }
    let core = needs(&metadata, "sendrec-core");
    for dependency in ["bytes", "slab", "log"] {
        assert!(core.contains(dependency), "sendrec-core does without {dependency}");
    }
}

/// What each room of the core may name with `crate::`.
const ROOMS: [(&str, &[&str]); 8] = [
    ("wire", &["ids"]),
    ("locate", &["ids", "limits", "time", "timer"]),
    ("timer", &["time"]),
    ("process", &["config", "error", "ids", "index", "limits", "process", "time"]),
    ("bulk", &["ids", "limits", "time", "wire"]),
    (
        "exchange",
        &[
            "bulk", "config", "error", "ids", "index", "limits", "message", "process", "rng", "time",
            "timer", "trace", "wire",
        ],
    ),
    ("trace", &["config", "error", "ids", "process", "time", "wire"]),
    ("fault", &["ids", "rng", "trace", "wire"]),
];

/// Of another room's insides, what a room may name all the same: tokens and tickets, and no table.
const EXCHANGE_OF_PROCESS: [&str; 4] = ["Permit", "Place", "ReplyTo", "WaitToken"];

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs")
            && path.file_stem().is_some_and(|stem| stem != "tests")
        {
            let text = fs::read_to_string(&path).unwrap();
            files.push((path, text));
        }
    }
    files
}

/// The words behind each `crate::` of a text, comments left out.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(""))
}

#[test]
fn no_room_of_the_core_reaches_what_it_must_not() {
    let core = root().join("kernel/core/src");
    for (room, may) in ROOMS {
        for (path, text) in sources(&core.join(room)) {
            for other in named(&text).filter(|other| *other != room) {
                assert!(may.contains(&other), "{}: {room} names {other}", path.display());
            }
        }
    }
    for (path, text) in sources(&core.join("exchange")) {
        for line in text.lines().filter(|line| line.starts_with("use crate::process::")) {
            let names = line.trim_start_matches("use crate::process::").trim_matches(['{', '}', ';', ' ']);
            for name in names.split(',').map(|name| name.trim().trim_end_matches("};")) {
                let name = name.trim_end_matches('}');
                assert!(
                    EXCHANGE_OF_PROCESS.contains(&name),
                    "{}: exchange names process::{name}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn of_the_client_the_command_alone_knows_the_node_and_the_lab_alone_the_world() {
    let client = root().join("client/src");
    for (path, text) in sources(&client) {
        if !path.starts_with(client.join("cli")) {
            assert!(!text.contains("sendrec_kernel"), "{} names the node", path.display());
        }
        // Suites make their traces in a world.
        let of_a_suite = path.components().any(|part| part.as_os_str() == "tests");
        if !path.starts_with(client.join("lab")) && !of_a_suite {
            assert!(!text.contains("sendrec_sim"), "{} names the world", path.display());
        }
    }
}

#[test]
fn the_core_has_no_std_no_clock_and_no_unsafe() {
    let core = root().join("kernel/core/src");
    let library = fs::read_to_string(core.join("lib.rs")).unwrap();
    assert!(library.contains("#![no_std]") && library.contains("#![forbid(unsafe_code)]"));
    for (path, text) in sources(&core) {
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            assert!(!line.contains("std::") || line.contains("core::"), "{}: {line}", path.display());
        }
    }
}

#[test]
fn every_crate_forbids_unsafe_code() {
    for package in metadata().workspace_packages() {
        for target in &package.targets {
            if target.is_lib() || target.is_bin() {
                let text = fs::read_to_string(&target.src_path).unwrap();
                assert!(text.contains("#![forbid(unsafe_code)]"), "{}", target.src_path);
            }
        }
    }
}
