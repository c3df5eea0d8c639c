//! How a side learns that the other has sent something: what is sent is seen in shared memory, whenever one looks.
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::prelude::ipc;
use sendrec_measure::Fallible;

use crate::services::{Role, Services};

/// One side's way.
pub(crate) trait Wake: Sized {
    fn new(services: &Services, role: Role) -> Fallible<Self>;
    /// The other side has something to look at.
    fn notify(&self) -> Fallible<()>;
    /// Until there may be something to look at; whatever has come since the last time ends it at once.
    fn wait(&self) -> Fallible<()>;
}

/// Sleeps until it is woken.
pub(crate) struct Events {
    own: Listener<ipc::Service>,
    other: Notifier<ipc::Service>,
}

impl Wake for Events {
    fn new(services: &Services, role: Role) -> Fallible<Self> {
        let other = if role == Role::Serves { Role::Calls } else { Role::Serves };
        Ok(Self {
            own: services.events_for(role)?.listener_builder().create()?,
            other: services.events_for(other)?.notifier_builder().create()?,
        })
    }

    fn notify(&self) -> Fallible<()> {
        self.other.notify()?;
        Ok(())
    }

    fn wait(&self) -> Fallible<()> {
        self.own.blocking_wait(|_| {})?;
        Ok(())
    }
}

/// Looks again, and lets others run in between.
pub(crate) struct Looks;

impl Wake for Looks {
    fn new(_: &Services, _: Role) -> Fallible<Self> {
        Ok(Self)
    }

    fn notify(&self) -> Fallible<()> {
        Ok(())
    }

    fn wait(&self) -> Fallible<()> {
        std::thread::yield_now();
        Ok(())
    }
}
