//! Requests under way, whose answers are taken in the order they were asked, or as they come.
//!
//! Deliberately not here: what is asked, and what an answer means.
use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use sendrec_fileserver::{DATA_BYTES_MAX, FileMessage};
use sendrec_trap::{CallError, Completion, Instant, SendError, Target, Trap};

use crate::files::{FileError, Files, TRIES_MAX, call_error, check_answer};

/// File data in requests whose answers are not taken yet, bytes: how far a copy reads ahead, and what it needs of memory
/// on either side. Eight chunks keep both disks and the network at work while one answer is late.
pub(super) const AHEAD_BYTES: usize = 8 * DATA_BYTES_MAX;
/// Requests under way at once, where they are short: between the holes of a file.
const REQUESTS_MAX: usize = 64;
/// How long to wait for the answer that is next before looking whether the copy is to stop.
const STOP_INTERVAL: Duration = Duration::from_millis(20);
/// How long to wait for one answer before looking whether another has come.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// Which answer is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// That of the first request.
    AsAsked,
    /// Whichever is there: one that was lost, and comes late, does not hold up the others.
    AsTheyCome,
}
/// An answer that took this part of the time-out is slow: less is asked ahead, for all that is under way shares the path.
const SLOW_PART: u32 = 2;
/// One that took this part is quick: more may be.
const QUICK_PART: u32 = 8;

/// A copy begins with one chunk, and asks further ahead as answers come: twice as far with each that came quickly. So a
/// path that is slow has no more under way than it carries within the time-out, and a short file costs few requests.
pub(super) struct Pipeline<'f, 't, T: Trap + ?Sized, G> {
    files: &'f Files<'t, T>,
    order: Order,
    calls: VecDeque<Call<G>>,
    /// Bytes of file data in them.
    bytes: usize,
    /// So many there may be.
    bytes_max: usize,
    /// When the last answer was taken.
    answered: Instant,
}

struct Call<G> {
    completion: Completion<Result<Bytes, SendError>>,
    message: Bytes,
    /// Of file data, in the request or the answer.
    bytes: usize,
    asked: Instant,
    tag: G,
    /// Where it was sent, and how often a request like it was.
    place: Target,
    tries: u32,
}

impl<'f, 't, T: Trap + ?Sized, G> Pipeline<'f, 't, T, G> {
    pub(super) fn new(files: &'f Files<'t, T>, order: Order) -> Self {
        let answered = files.process().gate().now();
        Self { files, order, calls: VecDeque::new(), bytes: 0, bytes_max: DATA_BYTES_MAX, answered }
    }

    pub(super) fn has_room(&self) -> bool {
        self.calls.len() < REQUESTS_MAX && (self.calls.is_empty() || self.bytes < self.bytes_max)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Sends a request about so many bytes of file data.
    pub(super) fn ask(&mut self, message: Bytes, bytes: usize, tag: G) -> Result<(), FileError> {
        let process = self.files.process();
        let asked = process.gate().now();
        let place = self.files.target()?;
        let completion = process.start_call(place, message.clone());
        self.bytes += bytes;
        self.calls.push_back(Call { completion, message, bytes, asked, tag, place, tries: 1 });
        Ok(())
    }

    /// Nobody wants to know any more.
    pub(super) fn forget_all(&mut self) {
        for call in self.calls.drain(..) {
            self.files.process().cancel(call.completion);
        }
        self.bytes = 0;
    }

    /// The next answer, with what it was asked with; `None` if it has not come yet, or nothing was asked.
    pub(super) fn next(&mut self) -> Result<Option<(FileMessage, G)>, FileError> {
        let is_done = |call: &Call<G>| call.completion.is_done();
        let (place, wait) = match self.order {
            Order::AsAsked => (0, STOP_INTERVAL),
            Order::AsTheyCome => (self.calls.iter().position(is_done).unwrap_or(0), LOOK_INTERVAL),
        };
        let Some(mut call) = self.calls.remove(place) else { return Ok(None) };
        let (files, process) = (self.files, self.files.process());
        call.completion = match process.wait_within(call.completion, wait) {
            Ok(Ok(message)) => {
                self.bytes -= call.bytes;
                self.on_answer(call.asked);
                return Ok(Some((check_answer(message, || files.server())?, call.tag)));
            }
            Ok(Err(SendError { failure, .. })) => {
                let error = call_error(failure);
                if !files.may_follow(call.place, error) || call.tries >= TRIES_MAX {
                    return Err(files.call_failed(call.place, error));
                }
                (call.place, call.tries) = (files.target()?, call.tries + 1);
                process.start_call(call.place, call.message.clone())
            }
            Err(completion) => {
                // Those under way share the path: what counts is how long none was answered.
                let since = call.asked.max(self.answered);
                if process.gate().now() >= since + files.timeout() {
                    process.cancel(completion);
                    return Err(files.call_failed(call.place, CallError::TimedOut));
                }
                completion
            }
        };
        self.calls.insert(place, call);
        Ok(None)
    }

    fn on_answer(&mut self, asked: Instant) {
        let now = self.files.process().gate().now();
        self.answered = now;
        let took = now.since(asked);
        let timeout = self.files.timeout();
        if took <= timeout / QUICK_PART {
            self.bytes_max = (2 * self.bytes_max).min(AHEAD_BYTES);
        } else if took > timeout / SLOW_PART {
            self.bytes_max = (self.bytes_max / 2).max(1);
        }
    }
}

impl<T: Trap + ?Sized, G> Drop for Pipeline<'_, '_, T, G> {
    fn drop(&mut self) {
        self.forget_all();
    }
}
