//! Makes Rust of the schema.
fn main() {
    let compiled = capnpc::CompilerCommand::new()
        .src_prefix("schema")
        .no_standard_import()
        .import_path("schema")
        .file("schema/answers.capnp")
        .run();
    if let Err(error) = compiled {
        eprintln!(
            "this needs the tool `capnp`, Cap'n Proto's schema compiler (Debian's package is capnproto): {error}"
        );
        std::process::exit(1);
    }
}
