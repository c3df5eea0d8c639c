//! Compiles the service's definition, without protoc.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto/messages.proto");
    let definition = protox::compile(["messages.proto"], ["proto"])?;
    Ok(tonic_prost_build::configure().bytes(".").compile_fds(definition)?)
}
