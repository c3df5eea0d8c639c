//! The floor within one OS process: a pair of crossbeam channels that hold one message each.
use crossbeam_channel::bounded;

use sendrec_measure::blocking::round_trips;
use sendrec_measure::{Budget, Cores, on_core, pin};
use sendrec_measure::{Fallible, Figure, MESSAGE_BYTES, check_number, put_number};

/// Round trips of a 64-byte message between two threads.
pub(crate) fn round_trips_between_threads(cores: Cores, budget: Budget) -> Fallible<Figure> {
    on_core(cores.client, || {
        let (to_server, requests) = bounded::<[u8; MESSAGE_BYTES]>(1);
        let (to_client, replies) = bounded::<[u8; MESSAGE_BYTES]>(1);
        std::thread::scope(|scope| {
            let serving = scope.spawn(move || {
                pin(cores.server)?;
                for request in requests {
                    if to_client.send(request).is_err() {
                        break;
                    }
                }
                Ok(())
            });
            let mut message = [0; MESSAGE_BYTES];
            let figure = round_trips(budget, None, |number| {
                put_number(&mut message, number);
                to_server.send(message)?;
                check_number(&replies.recv()?, number)
            });
            drop(to_server);
            let served: Fallible<()> =
                serving.join().unwrap_or_else(|_| Err("the serving thread panicked".into()));
            served.and(figure)
        })
    })
}
