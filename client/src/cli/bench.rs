//! `sendrec bench`: what the crate sendrec-benches measures.
use std::io::ErrorKind;

use super::Failure;
use super::args::BenchArgs;

/// The other side of a measurement is started by these arguments and its own.
const REACH: &[&str] = &["bench"];

pub(crate) fn run(args: BenchArgs) -> Result<(), Failure> {
    match sendrec_benches::run(args.command, REACH) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::Said("bench: not all went well; what was printed names it".into())),
        Err(error) => match error.downcast::<std::io::Error>() {
            Ok(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::BrokenPipe),
            Ok(error) => Err(Failure::new("bench", error)),
            Err(error) => Err(Failure::new("bench", error)),
        },
    }
}
