//! Work that takes long, with a lock, and what is done when its client is gone (slide 37).
use std::sync::Arc;

use sendrec_stubs::orphans::{OrphanCure, come_back, watch};
use sendrec_stubs::{Bytes, Context, Refusal, Rules, serve_with};
use sendrec_trap::{Process, Target};

use super::examples::jobs_1;
use super::procedures::STEP;
use crate::lab::cast::Stage;
use crate::lab::desk::{Desk, Log};

const LOCK: &[u8] = b"the lock";

struct Jobs<'p, 't, T: Stage + ?Sized> {
    me: &'p Process<'t, T>,
    desk: &'p Desk,
}

impl<T: Stage + ?Sized> jobs_1::Server for Jobs<'_, '_, T> {
    fn work(&self, context: &Context<'_>, ms: u32) -> Result<u32, Refusal> {
        // Of several that work one has it.
        let _lock = self.desk.locks.take(context, LOCK).ok();
        let steps = ms / STEP.as_millis() as u32;
        for _ in 0..steps {
            self.me.gate().sleep(STEP);
            context.check()?;
        }
        Ok(steps)
    }

    fn lock(&self, context: &Context<'_>) -> Result<Bytes, Refusal> {
        Ok(match self.desk.locks.take(context, LOCK) {
            Ok(_lock) => Bytes::from_static(b"it is free"),
            Err(_) => Bytes::from_static(b"somebody has it"),
        })
    }
}

/// Serves work until the kernel takes no more calls.
pub(super) fn serve<T: Stage + ?Sized>(me: &Process<'_, T>, desk: &Desk, cure: OrphanCure) {
    let rules = Rules { works: Some(desk.works(cure)), ..Rules::default() };
    serve_with(me, &[&jobs_1::Dispatch(Jobs { me, desk })], &rules);
}

/// Looks after this machine's orphans until the kernel takes no more calls.
pub(super) fn serve_warden<T: Stage + ?Sized>(me: &Process<'_, T>, desk: &Desk, cure: OrphanCure) {
    watch(me, desk.works(cure));
}

/// What a client does when it starts; how many orphans there were.
pub(super) fn start<T: Stage + ?Sized>(
    me: &Process<'_, T>,
    desk: &Arc<Desk>,
    cure: OrphanCure,
    server: Target,
) -> Result<String, String> {
    let servers = match server {
        Target::Place(place) => vec![place],
        Target::Sparse(_) => Vec::new(),
    };
    match come_back(me, cure, &servers, &Log(desk.clone())) {
        Ok(1) => Ok("1 orphan ended".to_owned()),
        Ok(found) => Ok(format!("{found} orphans ended")),
        Err(error) => Err(error.to_string()),
    }
}
