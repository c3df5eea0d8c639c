//! The generated files that are committed are what their interfaces make.
use std::fs;
use std::path::Path;

use sendrec_idl::{Options, compile};

#[test]
fn generated_files_are_not_stale() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut looked_at = 0;
    const FOLDERS: [&str; 7] = [
        "stubs/tests/interfaces",
        "stubs/src/binder",
        "stubs/src/orphans",
        "fileserver/src/rpc",
        "client/src/lab/rpc",
        "benches/src",
        "benches/peers/own/src",
    ];
    for folder in FOLDERS {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "x") {
                let text = fs::read_to_string(&path).unwrap();
                let made = compile(&path, &text, &Options::default()).unwrap();
                let committed = fs::read_to_string(path.with_extension("rs")).unwrap_or_default();
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                let again = format!("sendrec rpcgen {folder}/{name}.x -o {folder}/{name}.rs");
                assert!(committed == made.rust, "{name}.rs is stale; make it again: {again}");
                looked_at += 1;
            }
        }
    }
    assert!(looked_at >= 10);
}
