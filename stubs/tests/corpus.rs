//! The fuzzers' corpora, and mutants of them by seed, run without a fuzzer.
#[path = "../fuzz/src/lib.rs"]
#[allow(dead_code, unreachable_pub)]
mod fuzz;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sendrec_core::rng::Rng;

/// Mutants of each file.
const MUTANTS: u64 = 300;

/// The files of these folders.
fn corpus(folders: &[&str]) -> Vec<Vec<u8>> {
    let read = |folder: &&str| fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    let paths: BTreeSet<PathBuf> = folders.iter().flat_map(read).map(|entry| entry.unwrap().path()).collect();
    assert!(paths.len() >= 3, "{folders:?}");
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Bytes changed, cut out, and brought in from elsewhere.
fn mutant(bytes: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut mutant = bytes.to_vec();
    for _ in 0..=rng.below(4) {
        let place = |length: usize, rng: &mut Rng| rng.below(length as u64 + 1) as usize;
        let (from, to) = (place(mutant.len(), rng), place(mutant.len(), rng));
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 16));
        match rng.below(4) {
            0 => mutant[from..to].iter_mut().for_each(|byte| *byte ^= 1 << rng.below(8)),
            1 => mutant[from..to].fill([0, 1, 0x7f, 0xff][rng.below(4) as usize]),
            2 => drop(mutant.drain(from..to)),
            _ => {
                let begin = place(other.len(), rng);
                let end = other.len().min(begin + 16);
                mutant.splice(from..from, other[begin..end].iter().copied());
            }
        }
    }
    mutant
}

fn run(folders: &[&str], fuzz: fn(&[u8])) {
    let corpus = corpus(folders);
    let mut rng = Rng::new(4506);
    for bytes in &corpus {
        fuzz(bytes);
        for _ in 0..MUTANTS {
            let other = &corpus[rng.below(corpus.len() as u64) as usize];
            fuzz(&mutant(bytes, other, &mut rng));
        }
    }
}

#[test]
fn values() {
    run(&["fuzz/corpus/value"], fuzz::value);
}

#[test]
fn calls() {
    run(&["fuzz/corpus/call"], fuzz::call);
}

#[test]
fn interfaces() {
    run(&["fuzz/corpus/interface", "tests/interfaces"], fuzz::interface);
}
