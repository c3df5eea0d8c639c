//! The views of small scenes as they look; and what holds for the views of any trace.
mod any;
mod capture;
mod looks;
mod scenes;
