//! The prediction: what a transfer should take, from a few constants that are fixed before the run. `model.md` says how.
use serde::{Deserialize, Serialize};

use super::case::{BURST_PACKETS, Case, Errors, Pattern, ProtocolName};

/// The model in words, for the report.
pub(crate) const EXPLANATION: &str = include_str!("model.md");

/// What the model knows of a place. Seconds and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Constants {
    /// For each packet.
    pub(crate) packet: f64,
    /// For each byte of it.
    pub(crate) byte: f64,
    /// R: from a packet that is out to its acknowledgement.
    pub(crate) turn: f64,
    /// What an acknowledgement costs the packets that go the other way.
    pub(crate) acknowledgement: f64,
    /// For each message, whatever its length.
    pub(crate) start: f64,
    /// T: the first silence that counts.
    pub(crate) timeout: f64,
    /// Where it stops being doubled.
    pub(crate) timeout_max: f64,
    /// What the receiver lets be under way.
    pub(crate) under_way_bytes: f64,
    /// What goes before anything is granted.
    pub(crate) first_flight_bytes: f64,
    /// Whether a sender hands over all it may at once, to a line that queues: then all of it has gone before a gap is known.
    pub(crate) queues: bool,
}

/// What is expected of one message.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Prediction {
    pub(crate) seconds: f64,
    /// Packets with pieces, those sent again included.
    pub(crate) pieces: f64,
}

/// Terms of sums that matter.
const TERMS_MAX: i32 = 400;

impl Constants {
    /// The time of waiting in silence, over and over: each is followed by another with chance `again`.
    fn silence(&self, first: f64, again: f64) -> f64 {
        let mut chance = first;
        let mut wait = self.timeout;
        let mut sum = 0.0;
        for _ in 0..TERMS_MAX {
            sum += chance * wait;
            chance *= again;
            wait = (wait * 2.0).min(self.timeout_max.max(self.timeout));
        }
        sum
    }

    /// Seconds of a full packet and what it carries.
    fn piece(&self, case: &Case) -> f64 {
        let carried = case.message_bytes as f64 / case.pieces() as f64 + HEADER;
        self.packet + self.byte * carried.min(f64::from(case.packet_bytes))
    }

    pub(crate) fn predict(&self, case: &Case) -> Prediction {
        let n = case.pieces() as f64;
        let (t, r) = (self.piece(case), self.turn);
        let p = case.loss.chance;
        let bursts = case.loss.pattern == Pattern::Bursts && p > 0.0;
        let length = if bursts { BURST_PACKETS } else { 1.0 };
        // A piece or its answer is lost; and in the silence that follows, the next one too.
        let either = case.loss.either();
        let again = if bursts { 1.0 - 1.0 / length } else { either };
        let silence = |first| if p > 0.0 { self.silence(first, again) } else { 0.0 };

        if case.protocol == ProtocolName::StopAndWait || n <= 1.0 {
            // Of the pieces that a burst swallows, all but the first are the silence of that one.
            let silence = silence(either / length);
            return Prediction { seconds: self.start + n * (t + r + silence), pieces: n / (1.0 - either) };
        }
        let granted = (self.under_way_bytes / f64::from(case.packet_bytes)).max(1.0);
        let (under_way, acks) = match case.protocol {
            ProtocolName::Window => {
                (f64::from(case.window).min(granted), self.acknowledgement / f64::from(case.ack_every))
            }
            _ => (granted, 0.0),
        };
        let blasts = case.blast.filter(|_| case.protocol == ProtocolName::Blast);
        let blasts = blasts.map_or(1.0, |packets| (n / f64::from(packets.get())).ceil());
        let t = t + acks;
        let first_flight = (self.first_flight_bytes / f64::from(case.packet_bytes)).max(1.0);
        let grant = match case.protocol {
            _ if n <= first_flight => 0.0,
            // Acknowledgements grant while the first flight goes.
            ProtocolName::Window => (r + t - first_flight * t).max(0.0),
            _ => r,
        };
        // Of so many pieces, in round k again: the chance that one is missing.
        let missing = |of: f64, k: i32| 1.0 - (1.0 - p.powi(k)).powf(of / length);
        let rounds: f64 = (1..TERMS_MAX).map(|k| missing(n, k)).sum();
        let (pieces, besides) = match (case.errors, case.protocol) {
            _ if p <= 0.0 => (n, 0.0),
            (Errors::Selective, _) => (n / (1.0 - p), (rounds * r - n * t).max(0.0)),
            (Errors::Full, ProtocolName::Blast) => (n * (1.0 + rounds), rounds * r),
            _ => {
                // On a shared line the report waits for the packet that is going.
                let shared = if self.acknowledgement > 0.0 { 1.0 } else { 0.0 };
                let noticed = if self.queues { n } else { 1.0 + r / t + shared };
                let flight = n.min(under_way).min(noticed);
                // From the first that is missing on: half of a flight if it is one, most of it if they are many.
                let part = |k: i32| {
                    let count = (flight * p.powi(k) / length).max(1.0);
                    count / (1.0 + count)
                };
                let back: f64 = (1..TERMS_MAX).map(|k| missing(flight, k) * part(k)).sum();
                (n * (1.0 + back), if flight < n { 0.0 } else { rounds * r })
            }
        };
        // What a rule destroys is never on a line that queues; a sender that paces itself has lost the time.
        let line = if self.queues { pieces * (1.0 - p) } else { pieces };
        let stalls = (line / under_way - 1.0).max(0.0) * (t + r - under_way * t).max(0.0);
        // Under a window the last piece is waited for; a blast's sender asks after each round.
        let questions = if case.protocol == ProtocolName::Blast { 1.0 + rounds } else { 1.0 };
        let silence = questions * silence(either);
        let seconds = self.start + grant + line * t + stalls + blasts * r + besides + silence;
        Prediction { seconds, pieces }
    }

    /// Fits packet and byte to two measured floods: (packets, bytes, seconds) each.
    pub(crate) fn fit(many: (f64, f64, f64), few: (f64, f64, f64)) -> (f64, f64) {
        let determinant = many.0 * few.1 - few.0 * many.1;
        let packet = (many.2 * few.1 - few.2 * many.1) / determinant;
        let byte = (many.0 * few.2 - few.0 * many.2) / determinant;
        if packet > 0.0 && byte > 0.0 {
            return (packet, byte);
        }
        // Noise: one of them explains it all.
        if packet <= 0.0 { (0.0, many.2 / many.1) } else { (many.2 / many.0, 0.0) }
    }
}

/// Bytes of a piece's headers.
const HEADER: f64 = (sendrec_core::wire::HEADER_BYTES + sendrec_core::wire::FRAGMENT_BYTES) as f64;
