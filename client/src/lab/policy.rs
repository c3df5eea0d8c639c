//! Policies by name and text: the settings of a kernel as scenario files and switches write them.
use std::time::Duration;

use sendrec_core::fault::parse_span;
use sendrec_core::limits;
use sendrec_core::timer::StrategyError;
use sendrec_core::{Buffering, Config, Overflow, Reliability, Semantics};

use super::transfer::TransferChange;
use super::words::{Words, Wrong};

/// Sets one field of a configuration.
pub(super) fn set(config: &mut Config, name: &str, text: &str) -> Result<(), Wrong> {
    match name {
        "reliability" => config.options.reliability = reliability(text)?,
        "semantics" => config.options.semantics = semantics(text)?,
        "buffering" => config.buffering = buffering(text)?,
        "late-ack" => config.late_ack = if text == "never" { None } else { Some(span(text)?) },
        "ack-delay" => config.ack_delay = span(text)?,
        "retransmit-first" => config.retransmit_first = span(text)?,
        "retransmit-min" => config.retransmit_min = span(text)?,
        "retransmit-max" => config.retransmit_max = span(text)?,
        "retries" => config.retries = number(text)?,
        "locate-first" => config.locate_first = span(text)?,
        "locate-retries" => config.locate_retries = number(text)?,
        "probe-interval" => config.probe_interval = span(text)?,
        "try-again" => config.try_again = span(text)?,
        "try-agains" => config.try_agains = number(text)?,
        "window" => config.window = number(text)?,
        "cache-bytes" => config.cache_bytes = number(text)? as usize,
        "transfer" => {
            config.options.transfer = text.parse::<TransferChange>()?.applied_to(config.options.transfer);
        }
        "packet-bytes" => config.packet_bytes = number(text)? as usize,
        "message-bytes" => config.message_bytes = number(text)? as usize,
        "arriving-bytes" => config.arriving_bytes = number(text)? as usize,
        "receive-bytes" => config.receive_bytes = number(text)? as usize,
        "first-flight-bytes" => config.first_flight_bytes = number(text)? as usize,
        "trace-steps" => {
            config.trace_steps = text.parse().map_err(|_| "expected true or false".to_owned())?;
        }
        "checksum" => config.checksum = text.parse().map_err(|_| "expected true or false".to_owned())?,
        "packet-life" => config.packet_life = span(text)?,
        "timers" => config.timers = text.parse().map_err(|error: StrategyError| error.to_string())?,
        "sweep-interval" => config.sweep_interval = span(text)?,
        _ => return Err("no such setting".to_owned()),
    }
    Ok(())
}

pub(super) fn span(text: &str) -> Result<Duration, Wrong> {
    parse_span(text).map_err(str::to_owned)
}

fn number(text: &str) -> Result<u32, Wrong> {
    text.parse().map_err(|_| "expected a number".to_owned())
}

/// One of the three of slide 19, by name.
pub fn reliability(text: &str) -> Result<Reliability, String> {
    match text {
        "unreliable" => Ok(Reliability::Unreliable),
        "ack-each" => Ok(Reliability::AckEach),
        "reply-acks" => Ok(Reliability::ReplyAcks),
        _ => Err("expected unreliable, ack-each or reply-acks".to_owned()),
    }
}

/// Its name.
pub(super) const fn reliability_name(reliability: Reliability) -> &'static str {
    match reliability {
        Reliability::Unreliable => "unreliable",
        Reliability::AckEach => "ack-each",
        Reliability::ReplyAcks => "reply-acks",
    }
}

fn semantics(text: &str) -> Result<Semantics, Wrong> {
    match text {
        "at-least-once" => Ok(Semantics::AtLeastOnce),
        "at-most-once" => Ok(Semantics::AtMostOnce),
        _ => Err("expected at-least-once or at-most-once".to_owned()),
    }
}

/// A buffering policy of slide 18: `discard`, `keep 50ms`, `keep 50ms of 4`, `mailbox`, `mailbox 4 try-again`.
pub fn buffering(text: &str) -> Result<Buffering, String> {
    const MESSAGES_KEPT: usize = 16;
    let mut words = Words::of(text)?;
    let kind = words.bare("discard, keep or mailbox")?;
    let parsed = match kind.as_str() {
        "discard" => Buffering::Discard,
        "keep" => {
            let time = words.span()?;
            let messages =
                if words.eat("of") { words.number("a number of messages")? as usize } else { MESSAGES_KEPT };
            Buffering::Keep { messages, bytes: limits::KEEP_BYTES_DEFAULT, time }
        }
        "mailbox" => {
            let messages = match words.peek() {
                Some(_) => words.number("a number of messages")? as usize,
                None => limits::MAILBOX_MESSAGES_DEFAULT,
            };
            let overflow = match words.peek() {
                None => Overflow::default(),
                Some(_) => match words.bare("discard, try-again or block")?.as_str() {
                    "discard" => Overflow::Discard,
                    "try-again" => Overflow::TryAgain,
                    "block" => Overflow::Block,
                    other => return Err(format!("expected discard, try-again or block, found '{other}'")),
                },
            };
            Buffering::Mailbox { messages, bytes: limits::MAILBOX_BYTES_DEFAULT, overflow }
        }
        other => return Err(format!("expected discard, keep or mailbox, found '{other}'")),
    };
    words.end()?;
    Ok(parsed)
}

/// Bits per second: `10Mbit`, `155.52Mbit`, `1Gbit`, `64kbit`.
pub(super) fn rate(text: &str) -> Result<u64, Wrong> {
    const WANTED: &str = "expected a rate such as 64kbit, 10Mbit or 1Gbit";
    let (number, factor) = [("kbit", 1e3), ("Mbit", 1e6), ("Gbit", 1e9)]
        .into_iter()
        .find_map(|(unit, factor)| text.strip_suffix(unit).map(|number| (number, factor)))
        .ok_or(WANTED)?;
    let number: f64 = number.parse().map_err(|_| WANTED.to_owned())?;
    let rate = number * factor;
    if (1.0..=1e15).contains(&rate) { Ok(rate as u64) } else { Err(WANTED.to_owned()) }
}
