//! How messages in pieces are to go (slide 38), as scenario files and switches write it.
//!
//! Words between commas: `blast`, `blast=16`, `stop-and-wait`, `window=8`, `ack-every=4`, `full`, `go-back-n`,
//! `selective`, `packet=1024`, `gap=1ms`, `checksum`. What is not said stays as it is.
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use sendrec_core::fault::{Span, parse_span};
use sendrec_core::limits::{DATAGRAM_BYTES_MAX, PACKET_BYTES_MIN};
use sendrec_core::{ErrorControl, Protocol, Transfer};

use super::words::did_you_mean;

/// What is to be otherwise of a transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferChange {
    protocol: Option<Protocol>,
    errors: Option<ErrorControl>,
    packet_bytes: Option<u32>,
    gap: Option<Duration>,
    checksum: bool,
}

impl TransferChange {
    /// The transfer with it.
    #[must_use]
    pub fn applied_to(&self, transfer: Transfer) -> Transfer {
        Transfer {
            protocol: self.protocol.unwrap_or(transfer.protocol),
            errors: self.errors.unwrap_or(transfer.errors),
            packet_bytes: self.packet_bytes.or(transfer.packet_bytes),
            gap: self.gap.unwrap_or(transfer.gap),
            checksum: self.checksum || transfer.checksum,
        }
    }

    /// One word of it.
    fn set(&mut self, word: &str) -> Result<(), String> {
        const NAMES: [&str; 10] = [
            "blast",
            "stop-and-wait",
            "window",
            "ack-every",
            "full",
            "go-back-n",
            "selective",
            "packet",
            "gap",
            "checksum",
        ];
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let number = |least: u32, most: u32| match value.map(str::parse::<u32>) {
            Some(Ok(number)) if (least..=most).contains(&number) => Ok(number),
            _ => Err(format!("'{word}': expected {name}=N, from {least} to {most}")),
        };
        if matches!(name, "stop-and-wait" | "full" | "go-back-n" | "selective" | "checksum")
            && value.is_some()
        {
            return Err(format!("'{word}': {name} takes no value"));
        }
        match name {
            "blast" if value.is_none() => self.begin(Protocol::Blast { packets: None })?,
            "blast" => self.begin(Protocol::Blast { packets: NonZeroU32::new(number(1, u32::MAX)?) })?,
            "stop-and-wait" => self.begin(Protocol::StopAndWait)?,
            "window" => {
                self.begin(Protocol::SlidingWindow { packets: number(1, u32::MAX)?, ack_every: 1 })?;
            }
            "ack-every" => match &mut self.protocol {
                Some(Protocol::SlidingWindow { ack_every, .. }) => *ack_every = number(1, u32::MAX)?,
                _ => return Err(format!("'{word}': it stands behind window=N")),
            },
            "full" => self.errors = Some(ErrorControl::Full),
            "go-back-n" => self.errors = Some(ErrorControl::GoBackN),
            "selective" => self.errors = Some(ErrorControl::Selective),
            "packet" => {
                self.packet_bytes = Some(number(PACKET_BYTES_MIN as u32, DATAGRAM_BYTES_MAX as u32)?);
            }
            "gap" => {
                let gap = value.ok_or("expected a time such as 1ms").and_then(parse_span);
                self.gap = Some(gap.map_err(|reason| format!("'{word}': {reason}"))?);
            }
            "checksum" => self.checksum = true,
            _ => {
                return Err(format!(
                    "'{word}' is nothing of a transfer{}",
                    did_you_mean(name, NAMES.into_iter())
                ));
            }
        }
        Ok(())
    }

    fn begin(&mut self, protocol: Protocol) -> Result<(), String> {
        if self.protocol.replace(protocol).is_some() {
            return Err("only one of blast, stop-and-wait and window can be".to_owned());
        }
        Ok(())
    }
}

impl FromStr for TransferChange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut change = Self::default();
        for word in text.split(',').map(str::trim) {
            change.set(word)?;
        }
        Ok(change)
    }
}

impl fmt::Display for TransferChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        match self.protocol {
            None => {}
            Some(Protocol::StopAndWait) => words.push("stop-and-wait".to_owned()),
            Some(Protocol::SlidingWindow { packets, ack_every }) => {
                words.push(format!("window={packets}"));
                words.extend((ack_every != 1).then(|| format!("ack-every={ack_every}")));
            }
            Some(Protocol::Blast { packets: None }) => words.push("blast".to_owned()),
            Some(Protocol::Blast { packets: Some(packets) }) => words.push(format!("blast={packets}")),
        }
        let errors = self.errors.map(|errors| match errors {
            ErrorControl::Full => "full",
            ErrorControl::GoBackN => "go-back-n",
            ErrorControl::Selective => "selective",
        });
        words.extend(errors.map(str::to_owned));
        words.extend(self.packet_bytes.map(|bytes| format!("packet={bytes}")));
        words.extend(self.gap.map(|gap| format!("gap={}", Span(gap))));
        words.extend(self.checksum.then(|| "checksum".to_owned()));
        f.write_str(&words.join(","))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn change() -> impl Strategy<Value = TransferChange> {
        let protocol = prop_oneof![
            Just(Protocol::StopAndWait),
            (1u32.., 1u32..).prop_map(|(packets, ack_every)| Protocol::SlidingWindow { packets, ack_every }),
            any::<u32>().prop_map(|packets| Protocol::Blast { packets: NonZeroU32::new(packets) }),
        ];
        let errors =
            prop_oneof![Just(ErrorControl::Full), Just(ErrorControl::GoBackN), Just(ErrorControl::Selective)];
        let bytes = PACKET_BYTES_MIN as u32..=DATAGRAM_BYTES_MAX as u32;
        let gap = (0u64..1_000_000_000).prop_map(Duration::from_micros);
        let parts = (
            prop::option::of(protocol),
            prop::option::of(errors),
            prop::option::of(bytes),
            prop::option::of(gap),
            any::<bool>(),
        );
        parts.prop_map(|(protocol, errors, packet_bytes, gap, checksum)| TransferChange {
            protocol,
            errors,
            packet_bytes,
            gap,
            checksum,
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(change in change()) {
            let text = change.to_string();
            prop_assume!(!text.is_empty());
            prop_assert_eq!(text.parse(), Ok(change));
        }
    }

    #[test]
    fn what_is_wrong_is_said_by_its_word() {
        for (text, reason) in [
            ("blst", "'blst' is nothing of a transfer; did you mean 'blast'?"),
            ("window", "'window': expected window=N, from 1 to 4294967295"),
            ("blast=0", "'blast=0': expected blast=N, from 1 to 4294967295"),
            ("packet=10", "'packet=10': expected packet=N, from 128 to 65507"),
            ("blast,ack-every=2", "'ack-every=2': it stands behind window=N"),
            ("blast,window=3", "only one of blast, stop-and-wait and window can be"),
            ("full=1", "'full=1': full takes no value"),
            ("gap=1", "'gap=1': expected a time such as 5ms, 200us or 1.5s"),
        ] {
            assert_eq!(text.parse::<TransferChange>(), Err(reason.to_owned()));
        }
    }

    #[test]
    fn what_is_not_said_stays() {
        let change: TransferChange = "window=8,packet=512".parse().unwrap();
        let before = Transfer { errors: ErrorControl::GoBackN, checksum: true, ..Transfer::DEFAULT };
        let after = change.applied_to(before);
        assert_eq!(after.protocol, Protocol::SlidingWindow { packets: 8, ack_every: 1 });
        assert_eq!((after.errors, after.packet_bytes, after.checksum), (before.errors, Some(512), true));
    }
}
