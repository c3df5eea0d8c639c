//! How the kernels that are measured are configured: as by default, but for what stands here.
//!
//! Deliberately not here: what a transfer is told (`Case`), and what a link is made of.
use std::time::Duration;

use sendrec_core::Config;
use sendrec_core::limits::{RETRANSMIT_FIRST_DEFAULT, RETRANSMIT_MAX_DEFAULT, RETRIES_DEFAULT};

use super::case::Size;
use super::links::LinkName;

/// Where backing off stops, and how often silence is borne, where packets are lost: a burst is counted in packets, so that
/// it ends only as fast as packets are sent.
const LOSSY_RETRANSMIT_MAX: Duration = Duration::from_millis(200);
const LOSSY_RETRIES: u32 = 200;
/// The same over a wide area, whose round trip with a queue is longer; a burst must end before the kernel gives up, after 30 s.
const LOSSY_RETRANSMIT_MAX_WAN: Duration = Duration::from_millis(400);
/// What may be under way in a world: a line without a queue's bound loses nothing by being full.
const WORLD_RECEIVE_BYTES: usize = 4 << 20;
/// Longer than a wide area's round trip, or each first packet is sent twice.
const RETRANSMIT_FIRST_WAN: Duration = Duration::from_millis(300);

/// Over UDP; `lossy` if rules harm the packets of this side.
pub(crate) fn config(lossy: bool) -> Config {
    if lossy {
        let (retransmit_max, retries) = (LOSSY_RETRANSMIT_MAX, LOSSY_RETRIES);
        return Config { retransmit_max, retries, ..Config::default() };
    }
    Config::default()
}

/// In a world.
pub(crate) fn config_over(link: LinkName, lossy: bool) -> Config {
    let mut config = Config { receive_bytes: WORLD_RECEIVE_BYTES, ..config(lossy) };
    if link == LinkName::Wan {
        config.retransmit_first = RETRANSMIT_FIRST_WAN;
        if lossy {
            config.retransmit_max = LOSSY_RETRANSMIT_MAX_WAN;
        }
    }
    config
}

/// What is other than by default, in words, for the report.
pub(crate) fn differences(in_worlds: bool) -> Vec<String> {
    let ms = |time: Duration| format!("{} ms", time.as_millis());
    let retransmit = |place: &str, max: Duration| {
        let (max, default) = (ms(max), ms(RETRANSMIT_MAX_DEFAULT));
        format!(
            "a side whose packets are lost{place}: retransmit_max {max} (default {default}), retries {LOSSY_RETRIES} ({RETRIES_DEFAULT})"
        )
    };
    let mut lines = vec![retransmit("", LOSSY_RETRANSMIT_MAX)];
    if in_worlds {
        lines.push(retransmit(" over wan", LOSSY_RETRANSMIT_MAX_WAN));
        lines.push(format!("worlds: receive_bytes {}", Size(WORLD_RECEIVE_BYTES as u64)));
        let (first, default) = (ms(RETRANSMIT_FIRST_WAN), ms(RETRANSMIT_FIRST_DEFAULT));
        lines.push(format!("wan: retransmit_first {first} (default {default})"));
    }
    lines
}
