//! Faults planted in the kernel on purpose, one per rule, so that a suite can show that its checkers bite.
//!
//! Without the feature `planted` none can be chosen, and each place that asks for one is compiled away.

/// A rule to be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(not(feature = "planted"), allow(unreachable_pub))]
pub enum Planted {
    /// A duplicate of what is to run at most once runs again.
    DuplicateRuns,
    /// A late packet lowers the floor, and what was below it is forgotten.
    FloorLowered,
    /// A request for another incarnation runs.
    IncarnationIgnored,
    /// What was sent to a sparse id is sent elsewhere on mere silence.
    ResentOnSilence,
    /// What died while it ran is told as not executed.
    RunToldUnrun,
    /// A reply to another incarnation of the machine is taken for one's own.
    ReplyToAnother,
    /// A reply that goes again from the cache is that of another request.
    OtherReply,
    /// After an ACK nobody asks whether the server still lives.
    ProbeForgotten,
    /// What waits for the window is not sent when that opens.
    HeldForever,
    /// A mailbox holds one message more than it may.
    MailboxOverfull,
    /// A one-way message without room is acknowledged and thrown away.
    OneWayDropped,
    /// A message that is kept only for a while is acknowledged before it is taken.
    KeptAcknowledged,
    /// The duplicate cache ignores its bound.
    CacheUnbounded,
    /// What is too old to matter is kept for good.
    NothingForgotten,
    /// A request without room that may run more than once is answered, and does not run.
    AnsweredUnrun,
}

#[cfg(feature = "planted")]
impl Planted {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::DuplicateRuns,
        Self::FloorLowered,
        Self::IncarnationIgnored,
        Self::ResentOnSilence,
        Self::RunToldUnrun,
        Self::ReplyToAnother,
        Self::OtherReply,
        Self::ProbeForgotten,
        Self::HeldForever,
        Self::MailboxOverfull,
        Self::OneWayDropped,
        Self::KeptAcknowledged,
        Self::CacheUnbounded,
        Self::NothingForgotten,
        Self::AnsweredUnrun,
    ];

    /// Its name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DuplicateRuns => "duplicate-runs",
            Self::FloorLowered => "floor-lowered",
            Self::IncarnationIgnored => "incarnation-ignored",
            Self::ResentOnSilence => "resent-on-silence",
            Self::RunToldUnrun => "run-told-unrun",
            Self::ReplyToAnother => "reply-to-another",
            Self::OtherReply => "other-reply",
            Self::ProbeForgotten => "probe-forgotten",
            Self::HeldForever => "held-forever",
            Self::MailboxOverfull => "mailbox-overfull",
            Self::OneWayDropped => "one-way-dropped",
            Self::KeptAcknowledged => "kept-acknowledged",
            Self::CacheUnbounded => "cache-unbounded",
            Self::NothingForgotten => "nothing-forgotten",
            Self::AnsweredUnrun => "answered-unrun",
        }
    }
}
