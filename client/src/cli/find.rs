//! How a process is found that is not named by its place: the options for it, and a node that can ask.
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::Args as ClapArgs;
use sendrec::Server;
use sendrec_kernel::{Discovery, Node, NodeConfig};
use sendrec_names::{NAME_SERVER, Name, Names};
use sendrec_trap::{Address, CallError, Process, SpawnOptions, Target};

use super::Failure;
use super::address::{Whom, any_like, local_address_toward, parse_discovery, parse_names};

/// What every command has that may be given a sparse id or a name.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct FindArgs {
    /// Whom to ask where a sparse id is: a multicast group (GROUP:PORT or GROUP:PORT@INTERFACE-IP), machines
    /// (HOST:PORT,...), or off [default: 239.83.82.1:7083]
    #[arg(long, env = "SENDREC_DISCOVER", value_name = "GROUP|MACHINES|off", value_parser = parse_discovery, help_heading = "Finding")]
    discover: Option<Discovery>,
    /// The name server, which knows where name:NAME is [default: found by broadcast]
    #[arg(long, env = "SENDREC_NAMES", value_name = "HOST:PORT[/ID]", value_parser = parse_names, help_heading = "Finding")]
    names: Option<Target>,
}

impl FindArgs {
    /// How a node that listens at `listen` asks everyone.
    pub(crate) fn discovery(&self, listen: SocketAddr) -> Discovery {
        match &self.discover {
            Some(discovery) => discovery.clone(),
            // The default group is an IPv4 one.
            None if listen.is_ipv6() => Discovery::Off,
            None => Discovery::Multicast { group: Discovery::DEFAULT_GROUP, interface: None, listen: false },
        }
    }

    /// The name server.
    pub(crate) fn names(&self, timeout: Duration) -> Names {
        Names::new(self.names.unwrap_or(Target::Sparse(NAME_SERVER)), timeout)
    }

    /// The server that was typed.
    pub(crate) fn server(&self, whom: &Whom, timeout: Duration) -> Server {
        match whom {
            Whom::Target(target) => (*target).into(),
            Whom::Named(name) => Server::Named { name: name.clone(), names: self.names(timeout) },
        }
    }

    /// What a node is told that is to reach `whom`. A place is reached from one address. Whoever is to be found first may
    /// be anywhere: the node listens on all addresses, and calls itself by the one from which whom it asks first is
    /// reached, or loopback.
    pub(crate) fn node_toward(&self, whom: &Whom) -> Result<NodeConfig, Failure> {
        let toward = |machine| local_address_toward(machine).map_err(|error| Failure::new(machine, error));
        if let Whom::Target(Target::Place(address)) = whom {
            return Ok(NodeConfig { listen: toward(address.machine)?, ..NodeConfig::default() });
        }
        if let Some(Discovery::Multicast { interface: Some(interface), .. }) = self.discover {
            let listen = SocketAddr::new(interface, 0);
            return Ok(NodeConfig { listen, discovery: self.discovery(listen), ..NodeConfig::default() });
        }
        let asked_first = match (whom, self.names, &self.discover) {
            (Whom::Named(_), Some(Target::Place(names)), _) => Some(names.machine),
            (_, _, Some(Discovery::Machines(machines))) => {
                machines.first().copied().map(sendrec_trap::Machine::new)
            }
            _ => None,
        };
        let ipv6_group = matches!(self.discover, Some(Discovery::Multicast { group, .. }) if group.is_ipv6());
        let advertise = match asked_first {
            Some(machine) => toward(machine)?,
            None if ipv6_group => (IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1u16]), 0).into(),
            None => (IpAddr::V4(Ipv4Addr::LOCALHOST), 0).into(),
        };
        let listen = any_like(advertise.ip());
        let discovery = self.discovery(listen);
        Ok(NodeConfig { listen, advertise: Some(advertise), discovery, ..NodeConfig::default() })
    }
}

/// The process that was typed, found.
pub(crate) fn resolve(
    node: &Node,
    whom: &Whom,
    find: &FindArgs,
    timeout: Duration,
) -> Result<Address, Failure> {
    let me =
        Process::spawn(node, SpawnOptions::default()).map_err(|error| Failure::new("cannot ask", error))?;
    let target = match whom {
        Whom::Target(target) => *target,
        Whom::Named(name) => {
            find.names(timeout).lookup(&me, name).map_err(|error| Failure::of_names(&error))?
        }
    };
    match target {
        Target::Place(address) => Ok(address),
        Target::Sparse(sparse) => {
            me.locate(sparse, false, Some(timeout)).map_err(|error| Failure::of_call(whom, error))
        }
    }
}

/// What to do where nobody answers.
pub(crate) fn hint(error: CallError) -> &'static str {
    match error {
        CallError::NotLocated => {
            "; is it up, was it given its --sparse id, and do both sides have the same --discover?"
        }
        CallError::NoAnswer | CallError::TimedOut => SILENT_HINT,
        _ => "",
    }
}

/// What to do where a server is silent.
pub(crate) const SILENT_HINT: &str =
    "; is it running? 'sendrec serve --root DIR --listen HOST:PORT' starts a file server";

/// And where a name server is.
pub(crate) const SILENT_NAMES_HINT: &str =
    "; is it running? 'sendrec names serve --listen HOST:PORT' starts a name server";

/// What to do where no name server is found.
pub(crate) const NO_NAME_SERVER_HINT: &str = "start one with 'sendrec names serve', or say where it is with \
                                              --names HOST:PORT (--discover says whom a broadcast reaches)";

/// A name, with or without its prefix.
pub(crate) fn parse_name(text: &str) -> Result<Name, String> {
    text.parse().map_err(|error: sendrec_names::BadName| error.to_string())
}
