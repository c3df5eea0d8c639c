//! A client and a server to fill in (slides 24 and 26-27): what a programmer starts from.
use super::program::{Named, named, server_head, signature};
use super::types::Types;
use super::{Writer, names::camel, names::snake};
use crate::model::{Model, Program, Version};

/// The text of a server and of a client for each version of each program, both to be changed. `module` is what the
/// generated module is called.
pub(crate) fn templates(model: &Model, module: &str) -> (String, String) {
    let types = Types::new(model);
    let (mut server, mut client) = (Writer::default(), Writer::default());
    let versions: Vec<_> = model
        .programs
        .iter()
        .flat_map(|program| program.versions.iter().map(move |version| (program, version)))
        .collect();
    server.line("//! A server to fill in. Made once by sendrec rpcgen --templates: it is yours.");
    server.line(format!("#[rustfmt::skip]\n#[allow(dead_code)]\nmod {module};"));
    server.line("");
    server.line("use sendrec_kernel::{Node, NodeConfig};");
    server.line("use sendrec_stubs::{Context, Refusal, Services};");
    server.line("use sendrec_trap::{LocalId, Process, SpawnOptions};");
    for (program, version) in &versions {
        server_of(&types, program, version, module, &mut server);
    }
    main_of_server(&versions, module, &mut server);
    client.line("//! A client to fill in. Made once by sendrec rpcgen --templates: it is yours.");
    client.line(format!("#[rustfmt::skip]\n#[allow(dead_code)]\nmod {module};"));
    client.line("");
    client.line("use sendrec_kernel::{Node, NodeConfig};");
    client.line("use sendrec_stubs::Remote;");
    client.line("use sendrec_trap::{Process, SpawnOptions, Target};");
    client.line("");
    main_of_client(&types, &versions, module, &mut client);
    (server.text, client.text)
}

fn server_of(types: &Types<'_>, program: &Program, version: &Version, module: &str, out: &mut Writer) {
    let name = camel(&version.name);
    out.line("");
    out.line(format!("/// The server of version {} of {}.", version.number, program.name));
    out.line(format!("struct {name};"));
    out.line("");
    out.line("#[allow(unused_variables)]");
    out.open(format!("impl {module}::{}::Server for {name} {{", snake(&version.name)));
    for (place, one) in named(types, version).iter().enumerate() {
        if place > 0 {
            out.line("");
        }
        out.line(format!("// {}", signature(types, one.procedure)));
        out.open(format!("{} {{", qualified(types, one, module)));
        out.line("// Your code here.");
        out.line(format!("Err(Refusal::new(\"{} is not written yet\"))", one.procedure.name));
        out.close("}");
    }
    out.close("}");
}

/// With the module's types named through the module.
fn qualified(types: &Types<'_>, one: &Named<'_>, module: &str) -> String {
    let head = server_head(types, one);
    let mut out = String::new();
    let mut word = String::new();
    for letter in head.chars().chain([' ']) {
        if letter.is_alphanumeric() || letter == '_' {
            word.push(letter);
            continue;
        }
        if types.names.contains(&word) {
            out.push_str(module);
            out.push_str("::");
        } else if word == "Bytes" {
            out.push_str("sendrec_stubs::");
        }
        out.push_str(&word);
        word.clear();
        out.push(letter);
    }
    out.trim_end().into()
}

fn main_of_server(versions: &[(&Program, &Version)], module: &str, out: &mut Writer) {
    out.line("");
    out.open("fn main() -> Result<(), Box<dyn std::error::Error>> {");
    out.line("let listen = std::env::args().nth(1).unwrap_or_else(|| \"127.0.0.1:0\".into());");
    out.line("let node = Node::boot(NodeConfig { listen: listen.parse()?, ..NodeConfig::default() })?;");
    out.line("let options = SpawnOptions { local_id: Some(LocalId(1)), ..SpawnOptions::default() };");
    out.line("let me = Process::spawn(&node, options)?;");
    out.line("println!(\"serving at {}\", me.address());");
    out.line("let services = Services::new()");
    out.depth += 1;
    for (place, (_, version)) in versions.iter().enumerate() {
        let end = if place + 1 == versions.len() { ";" } else { "" };
        let (path, name) = (snake(&version.name), camel(&version.name));
        out.line(format!(".with({module}::{path}::Dispatch({name})){end}"));
    }
    out.depth -= 1;
    out.line("Err(services.serve(&me).into())");
    out.close("}");
}

fn main_of_client(types: &Types<'_>, versions: &[(&Program, &Version)], module: &str, out: &mut Writer) {
    out.open("fn main() -> Result<(), Box<dyn std::error::Error>> {");
    out.line(
        "let server = std::env::args().nth(1).ok_or(\"which server? Say where, e.g. 127.0.0.1:7000/1\")?;",
    );
    out.line("let server: Target = server.parse()?;");
    out.line("let node = Node::boot(NodeConfig::default())?;");
    out.line("let me = Process::spawn(&node, SpawnOptions::default())?;");
    for (_, version) in versions {
        let path = snake(&version.name);
        out.line("");
        out.line(format!("let client = {module}::{path}::Client::new(Remote::new(&me, server));"));
        out.line("client.null()?;");
        for one in named(types, version) {
            out.line(format!("// {}", signature(types, one.procedure)));
            out.line(format!("// client.{}(...)?;", one.function));
        }
    }
    out.line("Ok(())");
    out.close("}");
}
