//! Each planted fault, and the checker that must find it.
use super::checkers::Rule;
use super::{Planted, Settings, Weather, run};

/// Seeds within which each is to be found.
pub const SEEDS_MAX: u64 = 1_000;

/// The checker that is to find it.
pub const fn rule_of(planted: Planted) -> Rule {
    match planted {
        Planted::DuplicateRuns
        | Planted::FloorLowered
        | Planted::IncarnationIgnored
        | Planted::ResentOnSilence => Rule::AtMostOnce,
        Planted::AnsweredUnrun => Rule::AtLeastOnce,
        Planted::RunToldUnrun => Rule::Truth,
        Planted::ReplyToAnother | Planted::OtherReply => Rule::Replies,
        Planted::ProbeForgotten | Planted::HeldForever => Rule::Ends,
        Planted::MailboxOverfull => Rule::Mailbox,
        Planted::OneWayDropped | Planted::KeptAcknowledged => Rule::OneWay,
        Planted::CacheUnbounded | Planted::NothingForgotten => Rule::Memory,
    }
}

/// A planted fault that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// By which seed.
    pub seed: u64,
    /// What its checker said.
    pub text: String,
    /// Other checkers that had something to say of that seed; none was needed.
    pub others: Vec<Rule>,
}

/// Tries seeds from `first` on, `seeds` of them, until the checker that must finds the fault.
pub fn find(planted: Planted, first: u64, seeds: u64, weather: Weather) -> Option<Found> {
    (first..first + seeds).find_map(|seed| {
        let run = run(seed, Settings { planted: Some(planted), weather, ..Settings::default() });
        let mine = run.violations.iter().find(|violation| violation.rule == rule_of(planted))?;
        let mut others: Vec<_> = run.violations.iter().map(|violation| violation.rule).collect();
        others.retain(|rule| *rule != mine.rule);
        others.sort_unstable();
        others.dedup();
        Some(Found { seed, text: mine.text.clone(), others })
    })
}

/// The one of this name.
pub fn named(name: &str) -> Option<Planted> {
    Planted::ALL.into_iter().find(|planted| planted.name() == name)
}
