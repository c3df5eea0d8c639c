//! The fuzzers' corpora, run without a fuzzer.
#[path = "../fuzz/src/lib.rs"]
#[allow(dead_code)]
mod fuzz;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sendrec_core::rng::Rng;
use sendrec_core::wire::{Malformed, PacketType, View};

/// The files of a corpus in the order of their names.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).expect("the corpus is there").map(|entry| entry.unwrap().path());
    let paths: BTreeSet<_> = entries.collect();
    let read = |path: std::path::PathBuf| (path.display().to_string(), fs::read(&path).unwrap());
    paths.into_iter().map(read).collect()
}

#[test]
fn packets() {
    for (path, bytes) in corpus("packet") {
        println!("{path}");
        fuzz::packet(&bytes);
    }
}

#[test]
fn kernels() {
    for (path, bytes) in corpus("kernel") {
        println!("{path}");
        fuzz::kernel(&bytes);
    }
}

#[test]
fn every_type_and_most_ways_to_be_malformed_are_in_the_corpus() {
    let views: Vec<_> = corpus("packet").into_iter().map(|(_, bytes)| bytes).collect();
    let parsed: Vec<_> = views.iter().map(|bytes| View::new(bytes)).collect();
    let types = parsed.iter().flatten().map(|view| view.header().kind.packet_type());
    assert_eq!(types.collect::<BTreeSet<_>>(), PacketType::ALL.into());
    let reasons: BTreeSet<_> = parsed.iter().filter_map(|view| view.as_ref().err()).collect();
    assert!(reasons.len() >= Malformed::ALL.len() - 2, "{reasons:?}");
}

/// What a fuzzer does, by seed: inputs joined, cut and changed.
#[test]
fn mutants_of_kernels() {
    const MUTANTS: u64 = 3_000;
    let corpus = corpus("kernel");
    for seed in 0..MUTANTS {
        let mut rng = Rng::new(seed);
        let mut pick = |below: usize| rng.below(below.max(1) as u64) as usize;
        let mut input = Vec::new();
        for _ in 0..1 + pick(3) {
            let (_, bytes) = &corpus[pick(corpus.len())];
            input.extend_from_slice(bytes);
        }
        for _ in 0..pick(6) {
            let place = pick(input.len());
            match pick(3) {
                0 => input[place] ^= 1 << pick(8),
                1 => input[place] = pick(256) as u8,
                _ => input.truncate(place + 1),
            }
        }
        println!("seed {seed}");
        fuzz::kernel(&input);
    }
}
