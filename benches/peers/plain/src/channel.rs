//! Two threads of one OS process and a pair of crossbeam channels that hold what may be outstanding: a message each.
use crossbeam_channel::{Receiver, Sender, bounded};
use sendrec_measure::{Check, Client, Cores, Fallible, Kind, Outcome, Tell, Workload, drive, now, pin};

struct Caller {
    requests: Sender<Vec<u8>>,
    answers: Receiver<Vec<u8>>,
    /// A message's memory goes there and back with it.
    spare: Vec<Vec<u8>>,
}

impl Client for Caller {
    async fn call(&mut self, message: &[u8], check: Check<'_>) -> Fallible<()> {
        self.begin(message)?;
        self.finish(check).await
    }

    fn begin(&mut self, message: &[u8]) -> Fallible<()> {
        let mut place = self.spare.pop().unwrap_or_default();
        place.clear();
        place.extend_from_slice(message);
        Ok(self.requests.send(place)?)
    }

    async fn finish(&mut self, check: Check<'_>) -> Fallible<()> {
        let answer = self.answers.recv()?;
        check(&answer)?;
        self.spare.push(answer);
        Ok(())
    }

    async fn send(&mut self, _: &bytes::Bytes, _: Check<'_>) -> Fallible<()> {
        Err("a long message is handed over, and none of its bytes move".into())
    }
}

/// Nothing serves here: both sides are threads of the process that calls.
pub(crate) fn serve(tell: Tell<'_>) -> Fallible<()> {
    tell("in the calling process")?;
    loop {
        std::thread::park();
    }
}

pub(crate) fn call(_: &str, workload: Workload, cores: Cores) -> Fallible<Outcome> {
    let room = match workload.kind {
        Kind::Rate { outstanding } => outstanding as usize,
        _ => 1,
    };
    let (requests, asked) = bounded(room);
    let (answered, answers) = bounded(room);
    let serving = std::thread::spawn(move || -> Fallible<()> {
        pin(cores.server)?;
        for request in asked {
            if answered.send(request).is_err() {
                break;
            }
        }
        Ok(())
    });
    let outcome = now(drive(Caller { requests, answers, spare: Vec::new() }, workload))?;
    serving.join().map_err(|_| "the serving thread panicked")??;
    Ok(outcome)
}
