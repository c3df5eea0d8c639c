//! The shared code itself: what it counts, how it checks, what it prints and reads.
#![cfg(target_os = "linux")]

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use sendrec_measure::{
    Budget, Check, Client, Cost, ECHO_BYTES_MAX, FACTS, Fallible, Kind, Load, Outcome, Pipeline, Server,
    Spread, Workload, blocking, cost_of, drive, facts, now, percentile,
};

/// A server within the client, which answers at once; and may answer wrongly.
#[derive(Default)]
struct Echo {
    server: Server,
    outstanding: VecDeque<Bytes>,
    spoils: bool,
}

impl Client for Echo {
    async fn call(&mut self, message: &[u8], check: Check<'_>) -> Fallible<()> {
        self.begin(message)?;
        self.finish(check).await
    }

    fn begin(&mut self, message: &[u8]) -> Fallible<()> {
        let mut answer = self.server.answer(message.to_vec()).to_vec();
        if self.spoils {
            answer[7] ^= 1;
        }
        self.outstanding.push_back(answer.into());
        Ok(())
    }

    async fn finish(&mut self, check: Check<'_>) -> Fallible<()> {
        check(&self.outstanding.pop_front().ok_or("nothing is outstanding")?)
    }
}

fn measured(told: &str, client: Echo) -> Fallible<Outcome> {
    now(drive(client, Workload { kind: told.parse()?, time: Duration::from_millis(5) }))
}

#[test]
fn each_workload_gives_what_it_is_about() {
    for told in ["null", "idle", "call:1024", "call:65536"] {
        let outcome = measured(told, Echo::default()).unwrap();
        assert!(outcome.p50_ns.unwrap() <= outcome.p99_ns.unwrap() && outcome.calls > 0, "{told}");
        assert!(outcome.rate.is_none(), "{told}");
    }
    for told in ["rate:1", "rate:64"] {
        let outcome = measured(told, Echo::default()).unwrap();
        assert!(outcome.rate.unwrap() > 0.0 && outcome.p50_ns.is_none(), "{told}");
    }
    assert!(measured("bulk:1000000", Echo::default()).unwrap().p50_ns.is_some());
}

#[test]
fn a_wrong_answer_ends_the_measurement() {
    for told in ["null", "call:1024", "rate:8", "bulk:100000"] {
        let error = measured(told, Echo { spoils: true, ..Echo::default() }).unwrap_err().to_string();
        assert!(error.contains("answered with") || error.contains("came out wrong"), "{told}: {error}");
    }
}

#[test]
fn workloads_are_read_as_they_are_written() {
    for told in ["null", "idle", "call:1024", "rate:64", "bulk:67108864", "quiet"] {
        assert_eq!(told.parse::<Kind>().unwrap().to_string(), told);
    }
    for wrong in ["", "call", "rate:x", "null:1x:2", "sleep"] {
        let read = wrong.parse::<Kind>();
        assert!(read.is_err() || wrong == "null:1x:2", "{wrong}: {read:?}");
    }
}

#[test]
fn a_server_answers_short_messages_with_themselves_and_long_ones_with_their_length() {
    let mut server = Server::default();
    assert_eq!(server.answer(vec![7; 64]), vec![7; 64]);
    assert_eq!(server.answer(vec![7; ECHO_BYTES_MAX]).len(), ECHO_BYTES_MAX);
    let load = Load::new(ECHO_BYTES_MAX as u64 + 1);
    load.check_answer(&server.answer(load.bytes.clone())).unwrap();
    load.check_facts(&server.answer(FACTS.to_vec())).unwrap();
    server.answer(vec![0; ECHO_BYTES_MAX + 1]);
    assert!(load.check_facts(&server.answer(FACTS.to_vec())).is_err(), "that was another message");
    assert_eq!(facts(&load.bytes)[..8], (load.bytes.len() as u64).to_be_bytes());
}

#[test]
fn percentiles_are_the_nearest_rank() {
    let micros: Vec<u64> = (1..=200).map(|micros| micros * 1_000).collect();
    assert_eq!((percentile(&micros, 50), percentile(&micros, 99)), (100.0, 198.0));
    assert_eq!(percentile(&[5_000], 99), 5.0);
}

#[test]
fn a_spread_is_median_and_range() {
    let spread = Spread::of([3.0, 1.0, 2.0, 10.0]).unwrap();
    assert_eq!((spread.median, spread.min, spread.max), (2.5, 1.0, 10.0));
    assert!(Spread::of([]).is_none());
}

/// Counts how many are outstanding at most.
#[derive(Default)]
struct Counting {
    begun: u64,
    finished: u64,
    most: u64,
}

impl Pipeline for Counting {
    fn begin(&mut self, number: u64) -> Fallible<()> {
        self.begun += 1;
        assert_eq!(number, self.begun, "in order");
        self.most = self.most.max(self.begun - self.finished);
        Ok(())
    }

    async fn finish(&mut self, number: u64) -> Fallible<()> {
        self.finished += 1;
        assert_eq!(number, self.finished, "the oldest first");
        Ok(())
    }
}

#[test]
fn so_many_calls_are_outstanding_and_all_are_finished() {
    for outstanding in [1, 8, 64] {
        let mut counting = Counting::default();
        let budget = Budget { time: Duration::from_millis(1), calls: 1_000 };
        blocking::rate(budget, outstanding, &mut counting).unwrap();
        assert_eq!((counting.most, counting.begun), (outstanding, counting.finished));
    }
}

#[test]
fn a_process_has_cost_something() {
    let Cost { cpu_ns, peak_kib } = cost_of(None).unwrap();
    assert!(cpu_ns > 0 && peak_kib > 0);
}
