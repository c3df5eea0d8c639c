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

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).expect("the corpus is there").map(|entry| entry.unwrap().path());
    let paths: BTreeSet<PathBuf> = entries.collect();
    assert!(paths.len() >= 3, "{target}");
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

fn run(target: &str, fuzz: fn(&[u8])) {
    let corpus = corpus(target);
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
    run("value", fuzz::value);
}

#[test]
fn calls() {
    run("call", fuzz::call);
}

#[test]
fn interfaces() {
    run("interface", fuzz::interface);
}
