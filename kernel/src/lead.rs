//! Who leads: one waiting thread polls the socket, the others follow and are told.
use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::parker::Parker;

#[derive(Default)]
struct State {
    taken: bool,
    /// Whether the keeper has the lead, and gives it up when asked.
    by_keeper: bool,
    followers: VecDeque<Arc<Parker>>,
}

/// The lead of a node: a token that one thread has at a time.
#[derive(Default)]
pub(crate) struct Lead(Mutex<State>);

/// What came of asking for the lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Leader,
    /// Another leads; this thread is queued and will be told.
    Follower,
    /// The keeper leads, and should be asked to give way; this thread is queued.
    FollowerOfKeeper,
}

impl Lead {
    /// Takes the lead, or queues the thread behind whoever has it.
    pub(crate) fn take_or_follow(&self, parker: &Arc<Parker>) -> Role {
        let mut state = self.0.lock();
        if !state.taken {
            state.taken = true;
            return Role::Leader;
        }
        state.followers.push_back(parker.clone());
        if state.by_keeper { Role::FollowerOfKeeper } else { Role::Follower }
    }

    /// Takes the lead if it is free.
    pub(crate) fn try_take(&self, by_keeper: bool) -> bool {
        let mut state = self.0.lock();
        if state.taken {
            return false;
        }
        state.taken = true;
        state.by_keeper = by_keeper;
        true
    }

    /// Passes the lead to a follower; returns whom to tell, or `None` if it is free now.
    #[must_use]
    pub(crate) fn pass_on(&self) -> Option<Arc<Parker>> {
        let mut state = self.0.lock();
        state.by_keeper = false;
        let next = state.followers.pop_front();
        state.taken = next.is_some();
        next
    }

    /// A follower leaves the queue. False if it was not in it: then the lead is its own, or about to be.
    pub(crate) fn leave(&self, parker: &Arc<Parker>) -> bool {
        let mut state = self.0.lock();
        let before = state.followers.len();
        state.followers.retain(|follower| !Arc::ptr_eq(follower, parker));
        state.followers.len() != before
    }

    /// Whether anybody waits for the lead.
    pub(crate) fn has_followers(&self) -> bool {
        !self.0.lock().followers.is_empty()
    }

    pub(crate) fn is_free(&self) -> bool {
        !self.0.lock().taken
    }

    /// Everybody in the queue, to be told that the node is down.
    pub(crate) fn followers(&self) -> Vec<Arc<Parker>> {
        self.0.lock().followers.iter().cloned().collect()
    }
}
