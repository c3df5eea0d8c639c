//! What both sides find in shared memory by the name of a server.
use std::time::{SystemTime, UNIX_EPOCH};

use iceoryx2::node::Node;
use iceoryx2::port::client::Client;
use iceoryx2::prelude::{NodeBuilder, ServiceName, ipc};
use iceoryx2::service::port_factory::{event, request_response};
use sendrec_measure::Fallible;

/// Calls that a client may have outstanding.
const OUTSTANDING_MAX: usize = 64;
/// One that calls has two, and one that was killed has them until the next one cleans up.
const CLIENTS_MAX: usize = 8;

pub(crate) type Requests = Client<ipc::Service, [u8], (), [u8], ()>;

/// Of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Serves,
    Calls,
}

/// Made by the server, opened by its clients.
pub(crate) struct Services {
    pub(crate) calls: request_response::PortFactory<ipc::Service, [u8], (), [u8], ()>,
    name: String,
    node: Node<ipc::Service>,
}

/// Of a server that is there once.
pub(crate) fn fresh_name() -> Fallible<String> {
    let time = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    Ok(format!("sendrec-peer-{}-{time}", std::process::id()))
}

impl Services {
    pub(crate) fn new(name: &str, role: Role) -> Fallible<Self> {
        // Cleans up after those that were killed.
        let node = NodeBuilder::new().create::<ipc::Service>()?;
        let calls = node
            .service_builder(&part(name, "calls")?)
            .request_response::<[u8], [u8]>()
            .max_servers(1)
            .max_clients(CLIENTS_MAX)
            .max_active_requests_per_client(OUTSTANDING_MAX)
            .max_loaned_requests(1)
            .max_response_buffer_size(1)
            .max_borrowed_responses_per_pending_response(1)
            .enable_safe_overflow_for_requests(false)
            .enable_safe_overflow_for_responses(false);
        let calls = match role {
            Role::Serves => calls.create()?,
            Role::Calls => calls.open()?,
        };
        Ok(Self { calls, name: name.into(), node })
    }

    /// Events that wake the side of that role.
    pub(crate) fn events_for(&self, role: Role) -> Fallible<event::PortFactory<ipc::Service>> {
        let name = part(&self.name, if role == Role::Serves { "server" } else { "client" })?;
        Ok(self.node.service_builder(&name).event().open_or_create()?)
    }
}

fn part(name: &str, part: &str) -> Fallible<ServiceName> {
    Ok(format!("{name}/{part}").as_str().try_into()?)
}
