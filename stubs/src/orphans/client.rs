//! The client's side: what it does about its orphans when it is back.
use std::io;

use sendrec_trap::{Address, Process, Target, Trap};

use super::protocol::orphans_1::Client;
use super::protocol::{ACall, Found};
use super::{OrphanCure, WARDEN_ID};
use crate::identity::read_log;
use crate::{CallError, Ledger, Remote};

/// What was in the way.
#[derive(Debug, thiserror::Error)]
pub enum ComeBackError {
    /// The log cannot be read.
    #[error("the log of calls: {0}")]
    Log(#[from] io::Error),
    /// A server's warden was not heard from: whether it has orphans is not known.
    #[error("the warden: {0}")]
    Warden(#[from] CallError),
}

/// What a client does when it starts, before its first call: as `cure` wants it, towards the wardens of the servers it may
/// have called (those of its log find themselves). How many orphans were found.
///
/// A server that does not answer is an error, after all others were told.
pub fn come_back<T: Trap + ?Sized>(
    me: &Process<'_, T>,
    cure: OrphanCure,
    servers: &[Address],
    log: &dyn Ledger,
) -> Result<Found, ComeBackError> {
    let warden = |server: Address| Client::new(Remote::new(me, Address::new(server.machine, WARDEN_ID)));
    let mut outcome = Ok(0);
    let mut count = |told: Result<Found, CallError>| match (&mut outcome, told) {
        (Ok(found), Ok(more)) => *found += more,
        (Ok(_), Err(error)) => outcome = Err(ComeBackError::from(error)),
        (Err(_), _) => {}
    };
    match cure {
        OrphanCure::None => {}
        OrphanCure::Extermination => {
            for under_way in read_log(log)? {
                for call in under_way.calls {
                    // One with a sparse id has moved, or not: nobody knows whose warden to ask.
                    let server = std::str::from_utf8(&call.server).ok().and_then(|text| text.parse().ok());
                    let Some(Target::Place(server)) = server else { continue };
                    let call = ACall { client: under_way.client, sequence: call.sequence };
                    count(warden(server).exterminate(&[call]));
                }
            }
            // Until all have heard of it, it stays.
            if outcome.is_ok() {
                log.write(&[])?;
            }
        }
        OrphanCure::Reincarnation | OrphanCure::GentleReincarnation => {
            for server in servers {
                count(warden(*server).reincarnate());
            }
        }
        OrphanCure::Expiration { quantum } => me.sleep(quantum),
    }
    outcome
}
