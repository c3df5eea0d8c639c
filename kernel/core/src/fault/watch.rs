//! Which incidents are due: fed with events, asked by worlds and labs alike.
use alloc::vec::Vec;
use core::time::Duration;

use super::incident::{IncidentRule, Point};
use crate::trace::Event;

/// An incident that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which: a place in [`super::Faults::incidents`].
    pub rule: usize,
    /// How long from now; from the start, if it goes by time.
    pub after: Duration,
}

/// Incident rules at work. Each comes true once.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    rules: Vec<(IncidentRule, u64)>,
}

impl Watch {
    /// Rules of which nothing has been seen yet.
    pub fn new(incidents: &[IncidentRule]) -> Self {
        Self { rules: incidents.iter().map(|rule| (rule.clone(), 0)).collect() }
    }

    /// One rule more; its place is the number of those before it.
    pub fn add(&mut self, incident: IncidentRule) {
        self.rules.push((incident, 0));
    }

    /// The rules that go by time.
    pub fn by_time(&self) -> impl Iterator<Item = Due> + '_ {
        self.rules.iter().enumerate().filter_map(|(rule, (incident, _))| match incident.point {
            Point::At(after) => Some(Due { rule, after }),
            Point::Event { .. } => None,
        })
    }

    /// Whether an event of this machine may still matter.
    pub fn watches(&self, who: &str) -> bool {
        self.rules.iter().any(|(incident, seen)| match incident.point {
            Point::Event { nth, .. } => *seen < nth && incident.watched_at() == Some(who),
            Point::At(_) => false,
        })
    }

    /// The machine `who` has had this event: what is due by it is appended to `due`, in the order written.
    pub fn see(&mut self, who: &str, event: &Event, due: &mut Vec<Due>) {
        for (rule, (incident, seen)) in self.rules.iter_mut().enumerate() {
            if let Point::Event { event: named, nth, after, .. } = incident.point
                && *seen < nth
                && named.is(event)
                && incident.watched_at() == Some(who)
            {
                *seen += 1;
                if *seen == nth {
                    due.push(Due { rule, after });
                }
            }
        }
    }
}
