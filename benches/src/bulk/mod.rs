//! Long messages (slide 38): protocols, error control, packets, sizes and loss, in one table; beside raw UDP and TCP; beside
//! what a simple model predicts.
//!
//! Rows are measured in turn, and that several times. Deliberately not here: goals that fail a run. Machines differ.
mod buffers;
mod case;
mod classics;
mod compare;
mod config;
mod document;
mod fairness;
mod flood;
mod html;
mod kernel;
mod links;
mod model;
mod options;
mod output;
mod peers;
mod plot;
mod progress;
mod run;
mod show;
mod tcp;
#[cfg(test)]
mod tests;
mod text;
mod udp;
mod world;

pub use flood::{Flood, Sink, Style as FloodStyle};
pub(crate) use kernel::{BulkServer, serve_child};
pub(crate) use options::{BulkOptions, CompareOptions, ServeOptions};
pub(crate) use run::{compare_files as compare, run, serve};
pub(crate) use tcp::{listener as tcp_listener, serve as serve_tcp};
