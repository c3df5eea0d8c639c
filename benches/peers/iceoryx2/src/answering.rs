//! The side that serves.
use iceoryx2::active_request::ActiveRequest;
use iceoryx2::prelude::ipc;
use sendrec_measure::{ECHO_BYTES_MAX, FACTS, Fallible, facts};

use crate::services::Services;
use crate::wake::Wake;

type Request = ActiveRequest<ipc::Service, [u8], (), [u8], ()>;

/// Answers for ever, as [`sendrec_measure::Server`] does; `ready` is called when clients may come.
pub(crate) fn answer_all(
    services: &Services,
    wake: &impl Wake,
    ready: impl FnOnce() -> Fallible<()>,
) -> Fallible<()> {
    let server = services.calls.server_builder().initial_max_slice_len(ECHO_BYTES_MAX);
    let server = server.max_loaned_responses_per_request(1).create()?;
    // The last long message stays where it is, in its sender's memory, until it is asked for.
    let mut last: Option<Request> = None;
    ready()?;
    loop {
        let mut answers = 0;
        while let Some(request) = server.receive()? {
            let message = request.payload();
            if message == FACTS {
                let facts = facts(last.take().as_ref().map_or(&[], |last| last.payload()));
                answer(&request, &facts)?;
            } else if message.len() <= ECHO_BYTES_MAX {
                answer(&request, message)?;
            } else {
                answer(&request, &(message.len() as u64).to_be_bytes())?;
                last = Some(request);
            }
            answers += 1;
            if answers == 1 {
                wake.notify()?;
            }
        }
        // The first answer is told of at once, those that follow it together.
        if answers > 1 {
            wake.notify()?;
        }
        wake.wait()?;
    }
}

fn answer(request: &Request, bytes: &[u8]) -> Fallible<()> {
    let sent = request.loan_slice_uninit(bytes.len())?.write_from_slice(bytes).send();
    match sent {
        // A client that is gone wants no answer.
        Err(_) if !request.is_connected() => Ok(()),
        sent => Ok(sent?),
    }
}
