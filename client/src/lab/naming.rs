//! Names in scenarios: a name server among the processes, asked as any program asks one.
use sendrec_trap::{Address, Process, Target, Trap};

pub(super) fn serve<T: Trap + ?Sized>(_me: &Process<'_, T>) {}

pub(super) fn look_up<T: Trap + ?Sized>(
    _me: &Process<'_, T>,
    _server: Option<Address>,
    _name: &str,
) -> Result<Target, String> {
    Err("there is no name server".to_owned())
}

pub(super) fn register<T: Trap + ?Sized>(
    _me: &Process<'_, T>,
    _server: Option<Address>,
    _name: &str,
) -> Result<(), String> {
    Err("there is no name server".to_owned())
}

pub(super) fn unregister<T: Trap + ?Sized>(
    _me: &Process<'_, T>,
    _server: Option<Address>,
    _name: &str,
) -> Result<(), String> {
    Err("there is no name server".to_owned())
}
