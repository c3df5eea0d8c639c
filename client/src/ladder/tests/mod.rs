//! Ladders of simulated runs, as they look; and what holds for any ladder.
mod looks;
mod random;
mod scenes;
