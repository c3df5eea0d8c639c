//! ASCII names for processes (slides 15-16): a name server that is an ordinary process, and how one asks it.
#![forbid(unsafe_code)]
