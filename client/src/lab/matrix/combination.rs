//! The combinations: four dimensions of three choices each, in the order of slide 20.
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sendrec_core::fault::Faults;
use sendrec_core::{Buffering, Overflow, Reliability, limits};
use serde::{Serialize, Serializer};

use crate::lab::policy::reliability_name;
use crate::lab::script::Manner;
use crate::lab::switches::{Addressing, Switches};

/// Messages that a mailbox of the matrix holds, or that are kept at once: fewer than its crowd sends.
pub(super) const ROOM: usize = 5;
/// How long the unexpected is kept, where it is kept for a while: not as long as its receiver sleeps.
pub(super) const KEEP: Duration = Duration::from_millis(60);

/// What happens to the unexpected (slide 18), in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It is thrown away.
    Discard,
    /// It is kept for a while.
    Keep,
    /// It goes into a mailbox; one that is full says TA.
    Mailbox,
}

impl Keeping {
    /// All three, in the order of slide 20.
    pub const ALL: [Self; 3] = [Self::Discard, Self::Keep, Self::Mailbox];

    /// As tables have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Discard => "discard",
            Self::Keep => "keep",
            Self::Mailbox => "mailbox",
        }
    }

    const fn buffering(self) -> Buffering {
        match self {
            Self::Discard => Buffering::Discard,
            Self::Keep => Buffering::Keep { messages: ROOM, bytes: limits::KEEP_BYTES_DEFAULT, time: KEEP },
            Self::Mailbox => Buffering::Mailbox {
                messages: ROOM,
                bytes: limits::MAILBOX_BYTES_DEFAULT,
                overflow: Overflow::TryAgain,
            },
        }
    }
}

/// One of slide 20's four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dimension {
    /// Slides 15-16.
    Addressing,
    /// Slide 17.
    Blocking,
    /// Slide 18.
    Buffering,
    /// Slide 19.
    Reliability,
}

impl Dimension {
    /// All four, in the order of slide 20.
    pub const ALL: [Self; 4] = [Self::Addressing, Self::Blocking, Self::Buffering, Self::Reliability];

    /// As switches have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Addressing => "addressing",
            Self::Blocking => "blocking",
            Self::Buffering => "buffering",
            Self::Reliability => "reliability",
        }
    }
}

/// One choice of each dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Combination {
    /// Slides 15-16.
    #[serde(serialize_with = "addressing")]
    pub addressing: Addressing,
    /// Slide 17.
    #[serde(serialize_with = "blocking")]
    pub blocking: Manner,
    /// Slide 18.
    #[serde(serialize_with = "buffering")]
    pub buffering: Keeping,
    /// Slide 19.
    #[serde(serialize_with = "reliability")]
    pub reliability: Reliability,
}

fn addressing<S: Serializer>(addressing: &Addressing, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(addressing.name())
}

fn blocking<S: Serializer>(blocking: &Manner, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(blocking.name())
}

fn buffering<S: Serializer>(buffering: &Keeping, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(buffering.name())
}

fn reliability<S: Serializer>(reliability: &Reliability, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(reliability_name(*reliability))
}

impl Combination {
    /// All 81: reliability changes fastest, addressing slowest.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for addressing in Addressing::ALL {
            for blocking in Manner::ALL {
                for buffering in Keeping::ALL {
                    all.extend(Reliability::ALL.map(|reliability| Self {
                        addressing,
                        blocking,
                        buffering,
                        reliability,
                    }));
                }
            }
        }
        all
    }

    /// The choices by name, in the order of [`Dimension::ALL`].
    pub const fn names(&self) -> [&'static str; 4] {
        [
            self.addressing.name(),
            self.blocking.name(),
            self.buffering.name(),
            reliability_name(self.reliability),
        ]
    }

    /// What has a scenario run as it says.
    pub fn switches(&self, seed: u64, faults: &Faults) -> Switches {
        Switches {
            addressing: Some(self.addressing),
            blocking: Some(self.blocking),
            buffering: Some(self.buffering.buffering()),
            reliability: Some(self.reliability),
            transfer: None,
            seed: Some(seed),
            faults: faults.clone(),
        }
    }
}

impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(" "))
    }
}

/// Which rows are wanted, as `addressing=sparse,blocking=lent`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Only {
    chosen: Vec<(Dimension, &'static str)>,
}

impl Only {
    /// Whether the row is one of those.
    pub fn admits(&self, combination: &Combination) -> bool {
        let names = combination.names();
        // Several choices of one dimension: either.
        Dimension::ALL.into_iter().all(|dimension| {
            let mut chosen = self.chosen.iter().filter(|(of, _)| *of == dimension).peekable();
            chosen.peek().is_none() || chosen.any(|(_, name)| names[dimension as usize] == *name)
        })
    }
}

impl FromStr for Only {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut chosen = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (dimension, value) =
                part.split_once('=').ok_or_else(|| format!("'{part}': expected DIMENSION=CHOICE"))?;
            let dimension = Dimension::ALL.into_iter().find(|known| known.name() == dimension);
            let dimension = dimension.ok_or_else(|| {
                format!("'{part}': the dimensions are addressing, blocking, buffering and reliability")
            })?;
            let mut names: Vec<&str> = Combination::all()
                .iter()
                .map(|combination| combination.names()[dimension as usize])
                .collect();
            names.sort_unstable();
            names.dedup();
            let Some(name) = names.iter().find(|name| **name == value) else {
                return Err(format!("'{part}': the choices are {}", names.join(", ")));
            };
            chosen.push((dimension, *name));
        }
        Ok(Self { chosen })
    }
}
