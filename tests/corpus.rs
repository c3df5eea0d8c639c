//! Interface files that other people wrote: what is made of them is Rust that builds without a warning.
//!
//! They are no part of the project: where there are none, this is skipped. `SENDREC_CORPUS` says where they are; else they
//! are looked for in `shared/corpus` beside the project's folder.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sendrec_idl::{Options, compile};

fn corpus() -> Option<PathBuf> {
    let beside =
        || Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(|root| root.join("shared/corpus"));
    let folder = std::env::var_os("SENDREC_CORPUS").map(PathBuf::from).or_else(beside)?;
    folder.is_dir().then_some(folder)
}

/// Names and what stands for them.
type Pairs = &'static [(&'static str, &'static str)];

/// What C headers would say, by the end of a file's path.
fn options(path: &str) -> Options {
    let (defines, externs): (Pairs, Pairs) = match path {
        "libnfs/nfs4.x" => (&[("AUTH_NONE", "0"), ("AUTH_SYS", "1")], &[]),
        "libnsl/nis.x" | "libnsl/nis_object.x" => (&[], &[("netobj", "crate::Blob")]),
        "libnsl/nis_callback.x" => (&[], &[("nis_object", "crate::Blob"), ("nis_error", "crate::Blob")]),
        "libtirpc/rpcb_prot.x" => (
            &[],
            &[("rpcprog_t", "u32"), ("rpcvers_t", "u32"), ("rpcproc_t", "u32"), ("netbuf", "crate::Blob")],
        ),
        "rpcsvc-proto/key_prot.x" => {
            (&[("MAXNETNAMELEN", "255")], &[("netobj", "crate::Blob"), ("des_block", "crate::Blob")])
        }
        "rpcsvc-proto/klm_prot.x" => (&[], &[("netobj", "crate::Blob")]),
        "rpcsvc-proto/nlm_prot.x" => {
            (&[("LM_MAXSTRLEN", "1024"), ("MAXNAMELEN", "1025")], &[("netobj", "crate::Blob")])
        }
        _ => (&[], &[]),
    };
    let owned =
        |list: Pairs| list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Options { defines: owned(defines), extern_types: owned(externs) }
}

fn interfaces(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "x") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

const BLOB: &str = "
/// Stands for what is declared in C alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob(pub sendrec_stubs::Bytes);

impl sendrec_stubs::xdr::Xdr for Blob {
    fn encode(&self, out: &mut sendrec_stubs::xdr::Encoder) -> Result<(), sendrec_stubs::xdr::EncodeError> {
        out.opaque(&self.0, 1024)
    }

    fn decode(input: &mut sendrec_stubs::xdr::Decoder) -> Result<Self, sendrec_stubs::xdr::DecodeError> {
        Ok(Self(input.opaque(1024)?))
    }
}
";

#[test]
fn what_is_made_of_every_file_builds_without_a_warning() {
    let Some(corpus) = corpus() else {
        println!("skipped: there is no corpus; SENDREC_CORPUS says where one is");
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("corpus");
    let _ = fs::remove_dir_all(package.join("src"));
    fs::create_dir_all(package.join("src")).unwrap();
    let mut lib = format!("//! All of them.\n{BLOB}");
    let mut made = 0;
    for path in interfaces(&corpus) {
        let short = path.strip_prefix(&corpus).unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let compiled = compile(&path, &text, &options(&short));
        if short == "lecture/FILE_RPC.x" {
            let refused = compiled.unwrap_err().to_string();
            assert!(refused.contains("`FILE_READ` and `FILE_DEL` both have the number 2"), "{refused}");
            continue;
        }
        let compiled = compiled.unwrap_or_else(|refused| panic!("{short}:\n{refused}"));
        let module = short.trim_end_matches(".x").replace(['/', '-', '.'], "_").to_lowercase();
        fs::write(package.join("src").join(&module).with_extension("rs"), compiled.rust).unwrap();
        lib.push_str(&format!("/// {short}\n#[rustfmt::skip]\npub mod {module};\n"));
        made += 1;
    }
    assert!(made > 0, "the corpus is empty");
    fs::write(package.join("src/lib.rs"), lib).unwrap();
    let stubs = root.join("stubs");
    let manifest = format!(
        "[package]\nname = \"corpus\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\nsendrec-stubs = {{ path = {stubs:?} }}\n\n[workspace]\n"
    );
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let checked = Command::new(cargo)
        .args(["check", "--offline", "--quiet"])
        .current_dir(&package)
        .env("CARGO_TARGET_DIR", package.join("target"))
        .env("RUSTFLAGS", "-D warnings -D missing_docs -D unreachable_pub -D rust_2018_idioms")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{}", said.chars().take(8_000).collect::<String>());
    println!("{made} files made Rust that builds");
}
