//! Ladders of simulated runs, as they look; and what holds for any ladder.
mod looks;
pub(crate) mod random;
mod scenes;
