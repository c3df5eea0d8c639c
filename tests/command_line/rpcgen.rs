//! `sendrec rpcgen`: files made, checked and kept; and a server and a client made from its templates, as two programs.
#[path = "../../client/tests/support/mod.rs"]
mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use support::{sendrec, stderr};

/// Slide 25, corrected.
const FILE_RPC: &str = "#define RPC_ARGSIZE 256

struct CallArg_t {
        opaque body[RPC_ARGSIZE];
};

struct Return_t {
        opaque body[RPC_ARGSIZE];
};

program SERVERPROG {
        version SERVERVERS {
                Return_t FILE_CREATE(CallArg_t) = 1;
                Return_t FILE_READ(CallArg_t) = 2;
                Return_t FILE_WRITE(CallArg_t) = 3;
                Return_t FILE_DEL(CallArg_t) = 4;
        } = 1;
} = 0x20000051;
";

fn rpcgen(folder: &Path, args: &[&str]) -> std::process::Output {
    sendrec().arg("rpcgen").args(args).current_dir(folder).output().unwrap()
}

#[test]
fn files_are_made_checked_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, there) = (folder.path(), |name: &str| fs::read_to_string(folder.path().join(name)));
    fs::write(folder.join("file_rpc.x"), FILE_RPC).unwrap();
    let printed = rpcgen(folder, &["file_rpc.x"]);
    assert!(printed.status.success(), "{}", stderr(&printed));
    let made = rpcgen(folder, &["file_rpc.x", "-o", "file_rpc.rs", "--templates"]);
    assert!(made.status.success() && made.stdout.is_empty(), "{}", stderr(&made));
    assert_eq!(there("file_rpc.rs").unwrap().as_bytes(), printed.stdout);
    assert!(there("file_rpc_server.rs").unwrap().contains("FILE_READ is not written yet"));
    assert!(rpcgen(folder, &["file_rpc.x", "-o", "file_rpc.rs", "--check"]).status.success());

    // What somebody has filled in is kept.
    fs::write(folder.join("file_rpc_server.rs"), "mine").unwrap();
    assert!(rpcgen(folder, &["file_rpc.x", "-o", "file_rpc.rs", "--templates"]).status.success());
    assert_eq!(there("file_rpc_server.rs").unwrap(), "mine");

    // What is stale is said to be, and stays.
    fs::write(folder.join("file_rpc.x"), FILE_RPC.replace("FILE_DEL", "FILE_REMOVE")).unwrap();
    let stale = rpcgen(folder, &["file_rpc.x", "-o", "file_rpc.rs", "--check"]);
    assert_eq!(stale.status.code(), Some(1));
    assert!(
        stderr(&stale).contains("make it again: sendrec rpcgen file_rpc.x -o file_rpc.rs"),
        "{}",
        stderr(&stale)
    );
    assert_eq!(there("file_rpc.rs").unwrap().as_bytes(), printed.stdout);

    // What is wrong makes nothing.
    fs::write(folder.join("file_rpc.x"), FILE_RPC.replace("= 4", "= 2")).unwrap();
    let refused = rpcgen(folder, &["file_rpc.x", "-o", "file_rpc.rs"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = stderr(&refused);
    assert!(
        said.contains("`FILE_READ` and `FILE_DEL` both have the number 2") && said.contains("^^^"),
        "{said}"
    );
    assert!(said.contains("one error; nothing was written"), "{said}");
    assert_eq!(there("file_rpc.rs").unwrap().as_bytes(), printed.stdout);

    let model = rpcgen(folder, &["file_rpc.x", "--print-model", "-D", "UNUSED"]);
    assert!(!model.status.success(), "it is wrong still");
    let absent = rpcgen(folder, &["absent.x"]);
    assert!(stderr(&absent).contains("absent.x: No such file"), "{}", stderr(&absent));
    fs::write(folder.join("file_rpc.x"), FILE_RPC).unwrap();
    let nowhere = rpcgen(folder, &["file_rpc.x", "-o", "nowhere/file_rpc.rs"]);
    assert!(
        stderr(&nowhere).contains("nowhere/file_rpc.rs: there is no folder nowhere"),
        "{}",
        stderr(&nowhere)
    );
    let no_path = rpcgen(folder, &["file_rpc.x", "--extern-type", "netobj"]);
    assert!(stderr(&no_path).contains("expected NAME=PATH"), "{}", stderr(&no_path));
}

#[test]
fn the_interface_is_printed_as_json() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file_rpc.x"), FILE_RPC).unwrap();
    let model = rpcgen(folder.path(), &["file_rpc.x", "--print-model"]);
    let model: serde_json::Value = serde_json::from_slice(&model.stdout).unwrap();
    assert_eq!(model["programs"][0]["number"], 0x2000_0051);
    assert_eq!(model["programs"][0]["versions"][0]["procedures"][3]["name"], "FILE_DEL");
    assert_eq!(model["types"][0]["size"]["most"], 256);
}

/// The two templates, filled in as little as can be, built, and run as two processes over UDP.
#[test]
fn a_server_and_a_client_from_the_templates_exchange_all_four_calls() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("templates");
    let bin = package.join("src/bin");
    let _ = fs::remove_dir_all(&bin);
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join("file_rpc.x"), FILE_RPC).unwrap();
    let made = rpcgen(&bin, &["file_rpc.x", "-o", "file_rpc.rs", "--templates"]);
    assert!(made.status.success(), "{}", stderr(&made));
    fs::remove_file(bin.join("file_rpc.x")).unwrap();
    fs::create_dir_all(package.join("shared")).unwrap();
    fs::rename(bin.join("file_rpc.rs"), package.join("shared/file_rpc.rs")).unwrap();

    let fill_in = |side: &str, changes: &[(&str, &str)]| {
        let path = bin.join(format!("file_rpc_{side}.rs"));
        let mut text = fs::read_to_string(&path).unwrap();
        text = text.replace("mod file_rpc;", "#[path = \"../../shared/file_rpc.rs\"]\nmod file_rpc;");
        for (from, to) in changes {
            assert!(text.contains(from), "{from} is not in\n{text}");
            text = text.replace(from, to);
        }
        fs::write(path, text).unwrap();
    };
    let answer = |number: u8| {
        format!("let mut body = argument.body; body[0] = {number}; Ok(file_rpc::ReturnT {{ body }})")
    };
    let procedures = ["FILE_CREATE", "FILE_READ", "FILE_WRITE", "FILE_DEL"];
    let bodies: Vec<_> = (1..).map(answer).zip(procedures).collect();
    let bodies: Vec<_> = bodies
        .iter()
        .map(|(body, name)| (format!("Err(Refusal::new(\"{name} is not written yet\"))"), body.clone()))
        .collect();
    let bodies: Vec<(&str, &str)> = bodies.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    fill_in("server", &bodies);
    let calls: Vec<_> = procedures
        .iter()
        .map(|name| {
            let function = name.to_lowercase();
            let call = format!(
                "let argument = file_rpc::CallArgT {{ body: [9; 256] }};\n    println!(\"{name} {{:?}}\", &client.{function}(&argument)?.body[..2]);"
            );
            (format!("// client.{function}(...)?;"), call)
        })
        .collect();
    let calls: Vec<(&str, &str)> = calls.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    fill_in("client", &calls);

    let path = |folder: &str| root.join(folder).display().to_string();
    let manifest = format!(
        "[package]\nname = \"templates\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\nsendrec-stubs = {{ path = {:?} }}\nsendrec-trap = {{ path = {:?} }}\nsendrec-kernel = {{ path = {:?} }}\n\n[workspace]\n",
        path("stubs"),
        path("kernel/trap"),
        path("kernel")
    );
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = package.join("target");
    let built = Command::new(cargo)
        .args(["build", "--offline", "--quiet"])
        .current_dir(&package)
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTFLAGS", "-D warnings")
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", stderr(&built));

    let run = |name: &str| Command::new(target.join("debug").join(name));
    let mut server = run("file_rpc_server").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("serving at ").unwrap_or_default().to_owned();
    let called = run("file_rpc_client").arg(&address).output();
    server.kill().unwrap();
    server.wait().unwrap();
    let called = called.unwrap();
    assert!(called.status.success(), "{address}: {}", stderr(&called));
    let lines = String::from_utf8(called.stdout).unwrap();
    assert_eq!(lines, "FILE_CREATE [1, 9]\nFILE_READ [2, 9]\nFILE_WRITE [3, 9]\nFILE_DEL [4, 9]\n");
}
