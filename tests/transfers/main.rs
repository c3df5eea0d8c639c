//! Moves messages of 1 byte to 64 MiB under every protocol, error control and loss, and compares what comes back.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use sendrec_tests::transfers::{Case, LENGTHS, all};

/// Every protocol x error control x loss: messages of 1 byte to 64 MiB, there and back, byte for byte
#[derive(Parser)]
#[command(after_help = "Example: transfers --seeds 3 && transfers --udp")]
struct Arguments {
    /// Over UDP, with the faults on both sides, instead of in a world
    #[arg(long)]
    udp: bool,
    /// So many seeds
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,
    /// Messages no longer than this
    #[arg(long, value_name = "BYTES", default_value_t = usize::MAX)]
    longest: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let lengths: Vec<usize> = LENGTHS.into_iter().filter(|bytes| *bytes <= arguments.longest).collect();
    let cases: Vec<Case> = (1..=arguments.seeds).flat_map(|seed| all(&lengths, seed)).collect();
    let progress = indicatif::ProgressBar::new(cases.len() as u64);
    let (start, mut failed) = (Instant::now(), 0);
    for case in &cases {
        let result = if arguments.udp { case.over_udp() } else { case.in_a_world() };
        if let Err(text) = result {
            failed += 1;
            progress.suspend(|| println!("{text}"));
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    let place = if arguments.udp { "over UDP" } else { "in a world" };
    let seconds = start.elapsed().as_secs_f64();
    println!("{} messages {place} in {seconds:.1} s, {failed} not as they went", cases.len());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
