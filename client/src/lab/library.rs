//! The built-in scenarios: files like a person's own, in the order of their slides.
use std::sync::OnceLock;

use super::scenario::Scenario;

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("library/", $name, ".toml"))),)+];
    };
}

files! {
    "layers",
    "cells",
    "cells-multicast",
    "cells-lost",
    "client-and-server",
    "read-loop",
    "forward",
    "reply-later",
    "by-place",
    "locate",
    "locate-lost",
    "locate-nobody",
    "locate-two",
    "find-by-broadcast",
    "moved",
    "moved-silent",
    "name-server",
    "name-moved",
    "name-unknown",
    "blocking-send",
    "copied-send",
    "lent-send",
    "reuse-gone-wrong",
    "reuse-copied",
    "reuse-after-interrupt",
    "poll",
    "cancelled",
    "interrupts",
    "receive-deadline",
    "try-receive",
    "deadlock",
    "discard",
    "keep-in-time",
    "keep-too-late",
    "mailbox",
    "overflow-discard",
    "overflow-try-again",
    "overflow-block",
    "refused",
    "late-ack",
    "late-ack-never",
    "unreliable-lost",
    "one-way",
    "seven-types",
    "address-unknown",
    "ping",
    "request-reply",
    "acknowledge-each",
    "reply-acknowledges",
    "alive",
    "sum",
    "rpc-program",
    "rpc-timeout",
    "ten-steps",
    "sum-reply-lost",
    "incr",
    "representation",
    "binder",
    "find-bind-call",
    "rpc-no-server",
    "rpc-request-lost",
    "lost-request",
    "lost-reply",
    "lost-ack",
    "lost-ack-of-request",
    "lost-ack-of-reply",
    "duplicate-during",
    "duplicate-after",
    "at-least-once",
    "reordered",
    "corrupted",
    "paused-server",
    "killed-before",
    "killed-during",
    "crash-before",
    "crash-after",
    "crash-replied",
    "crash-for-good",
    "crash-probed",
    "first-contact",
    "old-packet",
    "clock-set-back",
    "client-crashes",
    "rpc-at-least-once",
    "rpc-at-most-once",
    "rpc-exactly-once",
    "orphan",
    "orphan-extermination",
    "orphan-reincarnation",
    "orphan-gentle",
    "orphan-expiration",
    "partition",
    "one-way-cut",
    "stop-and-wait",
    "sliding-window",
    "blast-full",
    "blast-go-back-n",
    "blast-selective",
    "last-packet-lost",
    "last-ack-lost",
    "overrun",
    "overrun-avoided",
    "burst-go-back-n",
    "burst-selective",
    "cell-of-blast",
    "rpc-cost",
    "copies",
    "timers",
    "globals",
    "weak-typing",
    "pipe-read-driven",
    "pipe-write-driven",
    "pipe-between",
    "read-your-writes",
}

/// All of them.
///
/// # Panics
///
/// If one is wrong, which a test rules out.
pub fn all() -> &'static [Scenario] {
    static ALL: OnceLock<Vec<Scenario>> = OnceLock::new();
    ALL.get_or_init(|| {
        let parse = |(name, source): &(&str, &str)| match Scenario::parse(source, &format!("{name}.toml")) {
            Ok(scenario) => scenario,
            Err(problems) => panic!("a built-in scenario is wrong: {problems}"),
        };
        FILES.iter().map(parse).collect()
    })
}

/// The one of this name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    all().iter().find(|scenario| scenario.name == name)
}

/// Those that belong to a slide.
pub fn of_slide(slide: u32) -> Vec<&'static Scenario> {
    all().iter().filter(|scenario| scenario.slides.contains(&slide)).collect()
}
