//! What a person may choose: the dimensions of slide 20, every time-out, every bound. Policies are values.
use core::time::Duration;

use crate::bulk::Transfer;
use crate::limits;
pub(crate) use crate::planted::Planted;
use crate::timer::Strategy;

/// How far a message can be relied on to arrive (slide 19).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reliability {
    /// REQ REP. Nothing is sent again and nothing acknowledged: the user copes.
    Unreliable,
    /// REQ ACK REP ACK. Every message is acknowledged, kernel to kernel.
    AckEach,
    /// REQ REP ACK. The reply acknowledges the request; if it is late, the server's timer sends an ACK meanwhile.
    #[default]
    ReplyAcks,
}

impl Reliability {
    /// All three, in the order of slide 20.
    pub const ALL: [Self; 3] = [Self::Unreliable, Self::AckEach, Self::ReplyAcks];
}

/// How often a request may run (slide 37).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Semantics {
    /// Sent again until an answer comes, and run again each time it arrives. For what may be repeated harmlessly.
    AtLeastOnce,
    /// Run once or not at all: the server keeps duplicates out.
    #[default]
    AtMostOnce,
}

/// What happens to a message that the mailbox has no room for (slide 18, "overflow").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// It is thrown away without a word.
    Discard,
    /// TA: the sender's kernel waits and tries again, a bounded number of times.
    #[default]
    TryAgain,
    /// A sender on the same kernel blocks until there is room. One on another machine gets TA.
    Block,
}

/// What a process's kernel does with messages nobody waits for (slide 18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Buffering {
    /// Nothing is kept: a message that finds no one in `receive` is thrown away.
    Discard,
    /// A message that finds no one in `receive` is kept for a while in the hope that somebody will be; then it is thrown
    /// away, as if it had never come: until it is taken it is not acknowledged.
    Keep {
        /// Messages kept at most; one more is thrown away at once.
        messages: usize,
        /// Bytes kept at most.
        bytes: usize,
        /// How long each is kept.
        time: Duration,
    },
    /// A mailbox of so many messages and bytes.
    Mailbox {
        /// Messages it holds at most.
        messages: usize,
        /// Bytes it holds at most, each message charged its capacity and an overhead.
        bytes: usize,
        /// What happens to one more.
        overflow: Overflow,
    },
}

impl Default for Buffering {
    fn default() -> Self {
        Self::Mailbox {
            messages: limits::MAILBOX_MESSAGES_DEFAULT,
            bytes: limits::MAILBOX_BYTES_DEFAULT,
            overflow: Overflow::default(),
        }
    }
}

/// How a message comes into the kernel (slide 17).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Handing {
    /// It is the kernel's from here on.
    #[default]
    Moved,
    /// The kernel has made a copy: the buffer is free at once.
    Copied,
    /// The buffer stays its owner's, who may not touch it until the call is over.
    Lent,
}

impl Handing {
    /// Whether it is the ordinary way, which a trace need not mention.
    pub fn is_moved(&self) -> bool {
        *self == Self::Moved
    }
}

/// What may be said with a single send or call; a configuration holds the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Slide 19.
    pub reliability: Reliability,
    /// Slide 37.
    pub semantics: Semantics,
    /// Slide 38: how a message longer than a packet goes.
    pub transfer: Transfer,
}

impl Options {
    /// So reliably, so often, and in pieces as by default.
    pub const fn new(reliability: Reliability, semantics: Semantics) -> Self {
        Self { reliability, semantics, transfer: Transfer::DEFAULT }
    }
}

/// Everything a kernel is told at boot. `Config::default()` suits a local network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How messages are sent that say nothing else.
    pub options: Options,
    /// Mailboxes of processes that say nothing else.
    pub buffering: Buffering,
    /// Server: how long a request stays without an ACK while its reply is on the way; `None` is never (slide 19c).
    /// Clients assume that a server they do not know has the same.
    pub late_ack: Option<Duration>,
    /// Client: how long the ACK of a reply waits for a request to ride on; zero sends it alone at once (slide 22).
    pub ack_delay: Duration,
    /// Retransmission time-out before a round trip to the machine is known.
    pub retransmit_first: Duration,
    /// The estimate's lower bound, late-ACK delay and round trip not counted.
    pub retransmit_min: Duration,
    /// Where backing off stops.
    pub retransmit_max: Duration,
    /// How often a packet is sent again before *no answer*.
    pub retries: u32,
    /// How long to wait for a HERE before LOCATE is sent again; each further wait is twice as long.
    pub locate_first: Duration,
    /// How often LOCATE is sent again before *nobody has this sparse id*.
    pub locate_retries: u32,
    /// Time from an ACK (or IAA) to the next AYA.
    pub probe_interval: Duration,
    /// The first wait after a TA.
    pub try_again: Duration,
    /// How many TA in a row are borne before *refused*.
    pub try_agains: u32,
    /// W: sequence numbers from the floor up that may be awaited at one machine.
    pub window: u32,
    /// Bytes of unacknowledged replies kept for duplicates.
    pub cache_bytes: usize,
    /// Bytes of a packet at most, header included, on a path of which nothing else is known. A message that has no room in
    /// one packet goes in pieces.
    pub packet_bytes: usize,
    /// The longest message, bytes.
    pub message_bytes: usize,
    /// Memory for messages on their way here in pieces, all together, bytes.
    pub arriving_bytes: usize,
    /// What the machine can take at once of packets nobody has looked at, bytes: so much may be under way to it, all
    /// transfers together.
    pub receive_bytes: usize,
    /// Bytes of a message that go before its receiver has said how much it has room for.
    pub first_flight_bytes: usize,
    /// Whether packets carry a checksum of their own.
    pub checksum: bool,
    /// The longest life of a packet in the network.
    pub packet_life: Duration,
    /// How timers are kept (slide 41). What happens is the same with each, and when; what it costs is not.
    pub timers: Strategy,
    /// Granularity of timers, whatever the strategy: none fires more than this too late.
    pub sweep_interval: Duration,
    /// Told that no incarnation lived at this machine's address before: a port just chosen by the system, a first boot.
    pub first_incarnation: bool,
    /// Whether events are handed out for a trace.
    pub trace: bool,
    /// And whether the steps that stubs take are among them (slides 28-29).
    pub trace_steps: bool,
    /// A rule that this kernel breaks on purpose.
    #[cfg(feature = "planted")]
    pub planted: Option<Planted>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            options: Options::default(),
            buffering: Buffering::default(),
            late_ack: Some(limits::LATE_ACK_DEFAULT),
            ack_delay: limits::ACK_DELAY_DEFAULT,
            retransmit_first: limits::RETRANSMIT_FIRST_DEFAULT,
            retransmit_min: limits::RETRANSMIT_MIN_DEFAULT,
            retransmit_max: limits::RETRANSMIT_MAX_DEFAULT,
            retries: limits::RETRIES_DEFAULT,
            locate_first: limits::LOCATE_FIRST_DEFAULT,
            locate_retries: limits::LOCATE_RETRIES_DEFAULT,
            probe_interval: limits::PROBE_INTERVAL_DEFAULT,
            try_again: limits::TRY_AGAIN_DEFAULT,
            try_agains: limits::TRY_AGAINS_DEFAULT,
            window: limits::WINDOW_DEFAULT,
            cache_bytes: limits::CACHE_BYTES_DEFAULT,
            packet_bytes: limits::PACKET_BYTES_DEFAULT,
            message_bytes: limits::MESSAGE_BYTES_DEFAULT,
            arriving_bytes: limits::ARRIVING_BYTES_DEFAULT,
            receive_bytes: limits::RECEIVE_BYTES_DEFAULT,
            first_flight_bytes: limits::FIRST_FLIGHT_BYTES_DEFAULT,
            checksum: false,
            packet_life: limits::PACKET_LIFE,
            timers: Strategy::default(),
            sweep_interval: limits::SWEEP_INTERVAL_DEFAULT,
            first_incarnation: false,
            trace: false,
            trace_steps: false,
            #[cfg(feature = "planted")]
            planted: None,
        }
    }
}

impl Config {
    /// The longest message, bytes.
    pub const fn message_bytes_max(&self) -> usize {
        self.message_bytes
    }

    /// Whether the kernel is to break this rule.
    #[cfg_attr(not(feature = "planted"), allow(clippy::unused_self, clippy::missing_const_for_fn))]
    pub(crate) fn breaks(&self, rule: Planted) -> bool {
        #[cfg(feature = "planted")]
        return self.planted == Some(rule);
        #[cfg(not(feature = "planted"))]
        {
            let _ = rule;
            false
        }
    }

    /// Brings fields that the kernel could not work with into range: a window of 1 to [`limits::WINDOW_MAX`],
    /// packets between the largest control packet and the largest datagram, messages no longer than
    /// [`limits::MESSAGE_BYTES_MAX`], a sweep between a microsecond and an
    /// hour.
    #[must_use]
    pub fn in_range(mut self) -> Self {
        const PACKET_BYTES_MIN: usize = limits::PACKET_BYTES_MIN;
        self.window = self.window.clamp(1, limits::WINDOW_MAX);
        self.packet_bytes = self.packet_bytes.clamp(PACKET_BYTES_MIN, limits::DATAGRAM_BYTES_MAX);
        self.message_bytes = self.message_bytes.min(limits::MESSAGE_BYTES_MAX);
        self.sweep_interval = self.sweep_interval.clamp(Duration::from_micros(1), Duration::from_secs(3_600));
        self
    }
}
