//! What one row of the table measures: how a message goes, how long it is, what is lost on the way.
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use clap::ValueEnum;
use sendrec_core::fault::Faults;
use sendrec_core::wire::{FRAGMENT_BYTES, HEADER_BYTES};
use sendrec_core::{ErrorControl, Protocol, Transfer};
use serde::{Deserialize, Serialize};

/// Packets that are lost in one go, on average, where losses come in bursts.
pub(crate) const BURST_PACKETS: f64 = 4.0;

/// When pieces go: a protocol without its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProtocolName {
    /// Each piece waits for the acknowledgement of the one before
    StopAndWait,
    /// So many pieces under way, as --window says
    Window,
    /// All at once, and one acknowledgement
    Blast,
}

/// What goes again: error control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Errors {
    /// The whole blast; a window goes back n
    Full,
    /// From the first that is missing on
    GoBackN,
    /// What is missing
    Selective,
}

/// How losses come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Pattern {
    /// Each packet by itself
    Independent,
    /// Several in a row: four on average
    Bursts,
}

impl ProtocolName {
    pub(crate) const ALL: [Self; 3] = [Self::StopAndWait, Self::Window, Self::Blast];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::StopAndWait => "stop-and-wait",
            Self::Window => "window",
            Self::Blast => "blast",
        }
    }
}

impl Errors {
    pub(crate) const ALL: [Self; 3] = [Self::Full, Self::GoBackN, Self::Selective];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::GoBackN => "go-back-n",
            Self::Selective => "selective",
        }
    }
}

impl Pattern {
    pub(crate) const ALL: [Self; 2] = [Self::Independent, Self::Bursts];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Independent => "independent",
            Self::Bursts => "bursts",
        }
    }
}

/// What is lost, in each direction or from here alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Loss {
    /// Of all packets, this part.
    pub(crate) chance: f64,
    pub(crate) pattern: Pattern,
    /// Only what the client sends: the other side is on another host, and harms its own packets or not.
    pub(crate) from_here: bool,
}

impl Loss {
    pub(crate) const NONE: Self = Self::each_way(0.0, Pattern::Independent);

    pub(crate) const fn each_way(chance: f64, pattern: Pattern) -> Self {
        Self { chance, pattern, from_here: false }
    }

    /// That a packet or its answer is lost.
    pub(crate) fn either(self) -> f64 {
        if self.from_here { self.chance } else { 1.0 - (1.0 - self.chance).powi(2) }
    }

    /// As rules. A burst begins so seldom that the part lost is as asked for.
    pub(crate) fn faults(self, seed: u64) -> Option<Faults> {
        if self.chance <= 0.0 {
            return None;
        }
        let text = match self.pattern {
            Pattern::Independent => format!("loss={},seed={seed}", self.chance),
            Pattern::Bursts => {
                let leave = 1.0 / BURST_PACKETS;
                let enter = self.chance * leave / (1.0 - self.chance);
                format!("burst={enter}:{leave},seed={seed}")
            }
        };
        text.parse().ok()
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.chance {
            0.0 => f.write_str("none"),
            chance => {
                let direction = if self.from_here { " from here" } else { "" };
                write!(f, "{} % {}{direction}", (chance * 1e4).round() / 1e2, self.pattern.name())
            }
        }
    }
}

/// One row's key.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) protocol: ProtocolName,
    pub(crate) errors: Errors,
    /// Of a window.
    pub(crate) window: u32,
    pub(crate) ack_every: u32,
    /// Of a blast; `None` is the whole message.
    pub(crate) blast: Option<NonZeroU32>,
    /// Header included.
    pub(crate) packet_bytes: u32,
    pub(crate) message_bytes: u64,
    pub(crate) loss: Loss,
}

impl Case {
    /// As the kernel is told.
    pub(crate) fn transfer(&self) -> Transfer {
        let protocol = match self.protocol {
            ProtocolName::StopAndWait => Protocol::StopAndWait,
            ProtocolName::Window => {
                Protocol::SlidingWindow { packets: self.window, ack_every: self.ack_every }
            }
            ProtocolName::Blast => Protocol::Blast { packets: self.blast },
        };
        let errors = match self.errors {
            Errors::Full => ErrorControl::Full,
            Errors::GoBackN => ErrorControl::GoBackN,
            Errors::Selective => ErrorControl::Selective,
        };
        Transfer { protocol, errors, packet_bytes: Some(self.packet_bytes), ..Transfer::DEFAULT }
    }

    /// Packets that carry the message, each once.
    pub(crate) fn pieces(&self) -> u64 {
        if self.message_bytes + HEADER_BYTES as u64 <= u64::from(self.packet_bytes) {
            return 1;
        }
        let piece = u64::from(self.packet_bytes).saturating_sub((HEADER_BYTES + FRAGMENT_BYTES) as u64);
        self.message_bytes.div_ceil(piece.max(1))
    }

    /// "window 64", where a number belongs to it.
    pub(crate) fn protocol_name(&self) -> String {
        match (self.protocol, self.blast) {
            (ProtocolName::Window, _) if self.ack_every > 1 => {
                format!("window {}/{}", self.window, self.ack_every)
            }
            (ProtocolName::Window, _) => format!("window {}", self.window),
            (ProtocolName::Blast, Some(packets)) => format!("blast {packets}"),
            (protocol, _) => protocol.name().into(),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (protocol, errors) = (self.protocol_name(), self.errors.name());
        let (message, packet, loss) = (Size(self.message_bytes), self.packet_bytes, self.loss);
        write!(f, "{protocol}, {errors}, {message} in {packet}-byte packets, loss {loss}")
    }
}

/// So many bytes, as people write them: `64MiB`, `1472`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(pub(crate) u64);

/// By the exponent of each name.
const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const ADVICE: &str = "expected bytes, for example 1472, 64KiB, 64MiB, 1GiB";
        let lower = text.trim().to_ascii_lowercase();
        let digits = lower.trim_end_matches(|letter: char| !letter.is_ascii_digit());
        let shift = match lower[digits.len()..].trim() {
            "" | "b" => 0,
            "k" | "kb" | "kib" => 10,
            "m" | "mb" | "mib" => 20,
            "g" | "gb" | "gib" => 30,
            _ => return Err(ADVICE.into()),
        };
        let number: u64 = digits.parse().map_err(|_| ADVICE)?;
        number.checked_mul(1 << shift).map(Self).ok_or_else(|| ADVICE.into())
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, shift) in UNITS {
            if self.0 >= 1 << shift && self.0.is_multiple_of(1 << shift) {
                return write!(f, "{} {name}", self.0 >> shift);
            }
        }
        write!(f, "{} B", self.0)
    }
}
