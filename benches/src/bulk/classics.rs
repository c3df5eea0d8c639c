//! The findings of 1985, tested again (Zwaenepoel, "Protocols for large data transfers over local networks"): on the Ethernet
//! model, 64 KiB in packets of 1 KB, by seed in virtual time.
use std::fmt::Write;

use super::case::{Errors, Loss, Pattern, ProtocolName};
use super::links::{CLASSIC_PACKET_BYTES, LinkName};
use super::options::BulkOptions;
use super::progress::Progress;
use super::{show, world};
use sendrec_measure::Fallible;
use sendrec_measure::Load;

const MESSAGE_BYTES: u64 = 64 << 10;
/// Transfers for each figure with loss.
const SEEDS: u64 = 400;
const SEEDS_QUICK: u64 = 60;

/// What transfers took: seconds.
#[derive(Clone, Copy, Debug)]
struct Times {
    mean: f64,
    deviation: f64,
    /// Pieces sent again, mean.
    again: f64,
}

/// A finding, and whether it holds here.
#[derive(Clone, Debug)]
struct Finding {
    claim: &'static str,
    figures: String,
    holds: bool,
    /// Whether it did when this was written.
    held: bool,
}

/// Where transfers are tried.
struct Bench<'a> {
    options: &'a BulkOptions,
    load: Load,
    seeds: u64,
    progress: Progress,
}

impl Bench<'_> {
    fn times(
        &self,
        protocol: ProtocolName,
        errors: Errors,
        chance: f64,
        pattern: Pattern,
    ) -> Fallible<Times> {
        let loss = if chance > 0.0 { Loss::each_way(chance, pattern) } else { Loss::NONE };
        let case = self.options.case(protocol, errors, CLASSIC_PACKET_BYTES, MESSAGE_BYTES, loss);
        self.progress.step(&case.to_string());
        let seeds = if chance > 0.0 { self.seeds } else { 1 };
        let (mut seconds, mut again) = (Vec::new(), 0.0);
        for seed in 0..seeds {
            let seed = self.options.seed.wrapping_mul(1_000_003).wrapping_add(seed);
            let round = world::transfer(LinkName::Ethernet, &case, &self.load.bytes, seed)?;
            again += round.retransmitted / seeds as f64;
            seconds.extend(round.seconds);
        }
        let count = seconds.len() as f64;
        let mean = seconds.iter().sum::<f64>() / count;
        let deviation = (seconds.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / count).sqrt();
        Ok(Times { mean, deviation, again })
    }

    fn findings(&self) -> Fallible<Vec<Finding>> {
        let mut findings = Vec::new();
        let clean = |protocol| self.times(protocol, Errors::Selective, 0.0, Pattern::Independent);
        let [one, window, blast] =
            [clean(ProtocolName::StopAndWait)?, clean(ProtocolName::Window)?, clean(ProtocolName::Blast)?];
        let show = |times: Times| show::seconds(times.mean);
        findings.push(Finding {
            claim: "without errors, blast and window take far less time than stop-and-wait (at most 0.75 of it)",
            figures: format!("stop-and-wait {}, window {}, blast {}", show(one), show(window), show(blast)),
            holds: window.mean <= 0.75 * one.mean && blast.mean <= 0.75 * one.mean,
            held: true,
        });
        findings.push(Finding {
            claim: "blast takes slightly less time than window (0.85 to 1 of it)",
            figures: format!("{:.3} of it", blast.mean / window.mean),
            holds: blast.mean < window.mean && blast.mean >= 0.85 * window.mean,
            held: true,
        });
        for (chance, claim, held) in [
            (
                0.001,
                "independent errors, 0.1 %: go-back-n takes only marginally longer than selective (at most 1.1)",
                true,
            ),
            (0.01, "independent errors, 1 %: the same", true),
            (0.05, "independent errors, 5 %: the same", false),
        ] {
            findings.push(self.against_selective(claim, chance, Pattern::Independent, held)?);
        }
        let full = self.times(ProtocolName::Blast, Errors::Full, 0.001, Pattern::Independent)?;
        let back = self.times(ProtocolName::Blast, Errors::GoBackN, 0.001, Pattern::Independent)?;
        findings.push(Finding {
            claim: "independent errors, 0.1 %: full retransmission is as good as go-back-n on average (at most 1.1)",
            figures: format!("full {}, go-back-n {}", show(full), show(back)),
            holds: full.mean <= 1.1 * back.mean,
            held: true,
        });
        findings.push(Finding {
            claim: "but varies more (standard deviation)",
            figures: format!(
                "full {}, go-back-n {}",
                show::seconds(full.deviation),
                show::seconds(back.deviation)
            ),
            holds: full.deviation > back.deviation,
            held: true,
        });
        for (chance, claim, held) in [
            (
                0.01,
                "errors in bursts, 1 %: go-back-n takes only marginally longer than selective (at most 1.1)",
                true,
            ),
            // Near the bound, with other seeds 0.99 to 1.07: it fails no run.
            (0.05, "errors in bursts, 5 %: the same", false),
        ] {
            findings.push(self.against_selective(claim, chance, Pattern::Bursts, held)?);
        }
        Ok(findings)
    }

    fn against_selective(
        &self,
        claim: &'static str,
        chance: f64,
        pattern: Pattern,
        held: bool,
    ) -> Fallible<Finding> {
        let back = self.times(ProtocolName::Blast, Errors::GoBackN, chance, pattern)?;
        let some = self.times(ProtocolName::Blast, Errors::Selective, chance, pattern)?;
        let ratio = back.mean / some.mean;
        let figures = format!(
            "go-back-n {} ({} pieces again), selective {} ({}): {ratio:.3}",
            show::seconds(back.mean),
            show::digits(back.again),
            show::seconds(some.mean),
            show::digits(some.again)
        );
        Ok(Finding { claim, figures, holds: ratio <= 1.1, held })
    }
}

/// Tests them all: the text to print, and whether each that held still holds.
pub(crate) fn run(options: &BulkOptions) -> Fallible<(String, bool)> {
    /// Figures that are taken.
    const STEPS: u64 = 15;
    let seeds = if options.quick { SEEDS_QUICK } else { SEEDS };
    let bench = Bench { options, load: Load::new(MESSAGE_BYTES), seeds, progress: Progress::new(STEPS) };
    let findings = bench.findings()?;
    let mut text = format!(
        "64 KiB in packets of 1 KB over {}; with errors, means of {seeds} seeds.\n",
        LinkName::Ethernet.explanation()
    );
    let mut all = true;
    for Finding { claim, figures, holds, held } in findings {
        let verdict = match (holds, held) {
            (true, _) => "holds",
            (false, false) => "does not hold",
            (false, true) => "NO LONGER HOLDS",
        };
        all &= holds || !held;
        let _ = writeln!(text, "\n{verdict}: {claim}\n    {figures}");
    }
    Ok((text, all))
}
