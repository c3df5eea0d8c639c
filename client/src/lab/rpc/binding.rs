//! The binder of a scenario, and who registers, finds, binds and calls (slides 33-35).
use sendrec_stubs::Unkept;
use sendrec_stubs::binder::{Binder, Registry};
use sendrec_trap::{Process, Target, Trap};

use super::script::Service;

/// The interface that is published: what `procedures` serves.
const INTERFACE: &str = include_str!("examples.x");

/// Serves as a binder until the kernel takes no more calls.
pub(super) fn serve<T: Trap + ?Sized>(me: &Process<'_, T>) {
    match Registry::open(Unkept) {
        Ok(registry) => drop(registry.serve(me)),
        Err(error) => log::warn!("the binder: {error}"),
    }
}

/// A process proves by its place that an entry is its own, which is enough where nobody lies.
fn credential<T: Trap + ?Sized>(me: &Process<'_, T>) -> ([u8; 16], u64) {
    let mut credential = [0; 16];
    for (place, byte) in credential.iter_mut().zip(me.address().to_string().bytes().rev()) {
        *place = byte;
    }
    let number = credential.iter().fold(7_u64, |hash, byte| hash.wrapping_mul(31) ^ u64::from(*byte));
    (credential, number)
}

/// Registers a process, and publishes its interface.
pub(super) fn offer<T: Trap + ?Sized>(
    me: &Process<'_, T>,
    binder: Target,
    service: &Service,
    handle: Target,
) -> Result<String, String> {
    let (credential, unique_id) = credential(me);
    let (binder, name, version) = (Binder::new(me, binder), &service.name, service.version);
    binder
        .register(name, version, handle, unique_id, credential)
        .and_then(|()| binder.publish(name, version, unique_id, credential, INTERFACE))
        .map_err(|error| error.to_string())?;
    Ok("registered".to_owned())
}

pub(super) fn withdraw<T: Trap + ?Sized>(
    me: &Process<'_, T>,
    binder: Target,
    service: &Service,
) -> Result<String, String> {
    let (credential, unique_id) = credential(me);
    let done = Binder::new(me, binder).deregister(&service.name, service.version, unique_id, credential);
    done.map(|()| "deregistered".to_owned()).map_err(|error| error.to_string())
}

/// Where a service is.
pub(super) fn find<T: Trap + ?Sized>(
    me: &Process<'_, T>,
    binder: Target,
    service: &Service,
) -> Result<Target, String> {
    let found = Binder::new(me, binder).lookup(&service.name, service.version);
    found.map(|(handle, _)| handle).map_err(|error| error.to_string())
}

/// Its interface, in short.
pub(super) fn interface<T: Trap + ?Sized>(
    me: &Process<'_, T>,
    binder: Target,
    service: &Service,
) -> Result<String, String> {
    let fetched = Binder::new(me, binder).interface(&service.name, service.version);
    let text = fetched.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&text);
    let made = sendrec_idl::compile("fetched.x", &text, &sendrec_idl::Options::default());
    let made = made.map_err(|refused| refused.to_string())?;
    let programs: Vec<_> = made.model.programs.iter().map(|program| program.name.as_str()).collect();
    Ok(format!("programs {}", programs.join(", ")))
}
