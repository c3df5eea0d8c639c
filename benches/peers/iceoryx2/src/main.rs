//! iceoryx2 request-response as a peer: sides that wait for events, and sides that look again and again.
use std::process::ExitCode;

use iceoryx2::prelude::{LogLevel, set_log_level};
use sendrec_measure::{Cores, Fallible, Outcome, Peer, Tell, Workload, drive, now, peer_program};

use caller::Caller;
use services::{Role, Services};
use wake::{Events, Looks, Wake};

mod answering;
mod caller;
mod services;
mod wake;

fn main() -> ExitCode {
    set_log_level(LogLevel::Fatal);
    peer_program(&[
        Peer { name: "iceoryx2", serve: serve::<Events>, call: call::<Events> },
        Peer { name: "iceoryx2-poll", serve: serve::<Looks>, call: call::<Looks> },
    ])
}

fn serve<W: Wake>(tell: Tell<'_>) -> Fallible<()> {
    let name = services::fresh_name()?;
    let services = Services::new(&name, Role::Serves)?;
    let wake = W::new(&services, Role::Serves)?;
    answering::answer_all(&services, &wake, || tell(&name))
}

fn call<W: Wake>(address: &str, workload: Workload, _: Cores) -> Fallible<Outcome> {
    let services = Services::new(address, Role::Calls)?;
    let wake = W::new(&services, Role::Calls)?;
    now(drive(Caller::new(&services, wake)?, workload))
}
