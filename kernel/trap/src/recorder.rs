//! Who takes a driver's events down.
use sendrec_core::trace::Event;

/// Takes down the events of a node, in order, under the node's lock: be quick.
pub trait Recorder: Send {
    /// One event.
    fn record(&mut self, event: &Event);
}
