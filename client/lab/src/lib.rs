//! Scenarios (slides 3-41): machines, processes, policies, links and faults as data, run in a world or over UDP, and
//! checked against the trace.
#![forbid(unsafe_code)]
