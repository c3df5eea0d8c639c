//! The model, what is typed, what is compared.
use super::buffers::Granted;
use super::case::{Case, Errors, Loss, Pattern, ProtocolName, Size};
use super::compare::{Change, compare};
use super::document::{Document, FORMAT, KIND, Round, Row};
use super::links::LinkName;
use super::model::{Constants, Prediction};
use super::options::BulkOptions;
use super::output::Outputs;
use super::run::too_long;
use super::{plot, text, world};
use crate::machine::Machine;
use clap::Parser;
use sendrec_measure::Load;
use sendrec_measure::Spread;

#[derive(Debug, Parser)]
struct Typed {
    #[command(flatten)]
    bulk: BulkOptions,
}

fn typed(words: &[&str]) -> Result<BulkOptions, String> {
    let words = ["bulk"].iter().chain(words);
    Typed::try_parse_from(words).map(|typed| typed.bulk).map_err(|error| error.to_string())
}

fn case(protocol: ProtocolName, errors: Errors, message_bytes: u64, loss: Loss) -> Case {
    typed(&[]).unwrap().case(protocol, errors, 1_472, message_bytes, loss)
}

fn independent(chance: f64) -> Loss {
    Loss::each_way(chance, Pattern::Independent)
}

#[test]
fn sizes_are_read_as_people_write_them() {
    for (text, bytes) in
        [("1KiB", 1 << 10), ("64 MiB", 64 << 20), ("1g", 1 << 30), ("1472", 1_472), ("2mb", 2 << 20)]
    {
        assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
    }
    for text in ["", "MiB", "1.5KiB", "-1", "1TiB", "99999999999GiB"] {
        assert!(text.parse::<Size>().is_err(), "{text}");
    }
    for bytes in [1, 1_472, 1 << 10, 64 << 20, 1 << 30, (1 << 20) + 1] {
        assert_eq!(Size(bytes).to_string().trim_end_matches(" B").parse(), Ok(Size(bytes)));
    }
}

#[test]
fn what_was_named_is_measured_and_nothing_twice() {
    let options = typed(&["--errors", "full,go-back-n,selective", "--loss", "0,0.01"]).unwrap();
    let cases = options.cases(&[1_472], &[]);
    for (place, case) in cases.iter().enumerate() {
        assert!(!cases[..place].contains(case), "{case} twice");
    }
    // One kind of stop-and-wait, two of windows, three of blasts; without loss, with it independent and in bursts.
    assert_eq!(cases.len(), 6 * 3);
    assert!(typed(&["--loss", "0.6"]).unwrap_err().contains("0 to 0.5"));
    assert!(typed(&["--message", "1"]).unwrap_err().contains("1KiB to 1GiB"));
    assert!(typed(&["--server", "somewhere"]).unwrap_err().contains("HOST:PORT/ID"));
}

#[test]
fn losses_are_as_many_as_asked_for() {
    use sendrec_core::fault::Harm;
    assert_eq!(Loss::NONE.faults(1), None);
    for chance in [0.001, 0.01, 0.05, 0.2] {
        let faults = Loss::each_way(chance, Pattern::Bursts).faults(7).unwrap();
        let Harm::Burst { enter, leave, loss } = faults.packets[0].harm else { panic!("{faults}") };
        let part = enter / (enter + leave) * loss;
        assert!((part - chance).abs() < 1e-9, "{part} instead of {chance}");
        assert_eq!(independent(chance).faults(7).unwrap().packets[0].harm, Harm::Loss(chance));
    }
}

#[test]
fn the_model_is_exact_where_nothing_is_lost() {
    let constants = LinkName::Lan.constants();
    let time = |protocol, bytes| constants.predict(&case(protocol, Errors::Selective, bytes, Loss::NONE));
    // A piece carries 1,376 bytes; a line of 1 Gb/s takes 8 ns a byte.
    let (packet, turn) = (1_472.0 * 8e-9, 100e-6 + 113.0 * 8e-9);
    let bytes = 100 * 1_376;
    let close = |one: f64, other: f64| assert!((one / other - 1.0).abs() < 1e-9, "{one} {other}");
    close(time(ProtocolName::StopAndWait, bytes).seconds, 100.0 * (packet + turn));
    close(time(ProtocolName::Blast, bytes).seconds, 100.0 * packet + 2.0 * turn);
    assert_eq!(time(ProtocolName::Blast, bytes).pieces, 100.0);
    // One packet is one packet, whatever the protocol.
    close(time(ProtocolName::Blast, 1_024).seconds, time(ProtocolName::StopAndWait, 1_024).seconds);
}

#[test]
fn the_model_orders_error_control_as_it_should() {
    let constants = LinkName::Lan.constants();
    for chance in [0.001, 0.01, 0.05, 0.2] {
        for pattern in Pattern::ALL {
            let loss = Loss::each_way(chance, pattern);
            let steps =
                constants.predict(&case(ProtocolName::StopAndWait, Errors::Selective, 100 * 1_376, loss));
            // A burst loses as many tries as independent losses do: each piece takes as many as its answer needs.
            assert!((steps.pieces * (1.0 - chance).powi(2) / 100.0 - 1.0).abs() < 1e-9, "{}", steps.pieces);
            let pieces = |errors| {
                constants
                    .predict(&case(ProtocolName::Blast, errors, 1 << 20, Loss::each_way(chance, pattern)))
                    .pieces
            };
            let [full, back, some] = Errors::ALL.map(pieces);
            assert!(full >= back && back >= some, "{chance} {pattern:?}: {full} {back} {some}");
            assert!(some > case(ProtocolName::Blast, Errors::Selective, 1 << 20, Loss::NONE).pieces() as f64);
        }
    }
}

#[test]
fn a_fit_finds_what_it_was_made_from() {
    let flood = |packets: f64, bytes: f64| (packets, bytes, packets * 2e-6 + bytes * 3e-10);
    let (packet, byte) = Constants::fit(flood(3_000.0, 4.2e6), flood(65.0, 4.0e6));
    assert!((packet - 2e-6).abs() < 1e-12 && (byte - 3e-10).abs() < 1e-16, "{packet} {byte}");
    // Noise makes no constant negative.
    let (packet, byte) = Constants::fit((3_000.0, 4.2e6, 1e-3), (65.0, 4.0e6, 2e-3));
    assert!(packet >= 0.0 && byte >= 0.0, "{packet} {byte}");
}

#[test]
fn a_world_takes_as_long_as_predicted_where_nothing_is_lost() {
    let load = Load::new(64 << 10);
    for link in LinkName::ALL {
        for protocol in ProtocolName::ALL {
            let packet = link.packets()[0];
            let case =
                Case { packet_bytes: packet, ..case(protocol, Errors::Selective, 64 << 10, Loss::NONE) };
            let round = world::transfer(link, &case, &load.bytes, 1).unwrap();
            let (took, expected) = (round.seconds[0], link.constants().predict(&case).seconds);
            // What waits for each acknowledgement shows how long one is.
            let bound = if protocol == ProtocolName::StopAndWait { 0.01 } else { 0.1 };
            assert!(
                (took / expected - 1.0).abs() < bound,
                "{}: {case}: {took} instead of {expected}",
                link.name()
            );
            assert_eq!(
                world::transfer(link, &case, &load.bytes, 1).unwrap(),
                round,
                "another run, another result"
            );
        }
    }
}

#[test]
fn a_round_with_loss_is_as_many_messages_as_over_udp_each_by_a_seed_of_its_own() {
    let load = Load::new(16 << 10);
    let lossy = case(ProtocolName::Blast, Errors::Selective, 16 << 10, independent(0.2));
    let round = |case: &Case, pieces| world::measure(LinkName::Lan, case, &load.bytes, 1, pieces).unwrap();
    let several = round(&lossy, 20.0);
    assert_eq!(several.seconds.len(), 32);
    assert!(several.seconds.iter().any(|time| *time != several.seconds[0]), "{several:?}");
    assert!(several.retransmitted > 0.0 && several.packets >= lossy.pieces() as f64);
    assert_eq!(round(&lossy, 1e4).seconds.len(), 3);
    assert_eq!(round(&lossy, 1e6).seconds.len(), 1);
    assert_eq!(round(&Case { loss: Loss::NONE, ..lossy }, 20.0).seconds.len(), 1);
}

#[test]
fn every_protocol_brings_the_message_intact_whatever_is_lost() {
    let load = Load::new(40_000);
    for errors in Errors::ALL {
        for protocol in ProtocolName::ALL {
            for pattern in Pattern::ALL {
                let case = case(protocol, errors, 40_000, Loss::each_way(0.2, pattern));
                for seed in 0..5 {
                    let round = world::transfer(LinkName::Lan, &case, &load.bytes, seed).unwrap();
                    assert!(round.packets >= case.pieces() as f64, "{case}");
                }
            }
        }
    }
}

#[test]
fn towards_another_host_only_what_leaves_here_is_lost() {
    let options =
        typed(&["--server", "192.0.2.7:7100/1", "--loss", "0.05", "--pattern", "independent"]).unwrap();
    let constants = LinkName::Lan.constants();
    let cases = options.cases(&[1_472], &[]);
    assert!(!cases.is_empty());
    for case in cases {
        assert_eq!(case.loss.to_string(), "5 % independent from here");
        let each_way = Case { loss: independent(0.05), ..case };
        assert_eq!(each_way.loss.to_string(), "5 % independent");
        // Half as many answers are missed.
        let [one, both] = [case, each_way].map(|case| constants.predict(&case));
        assert!(one.seconds < both.seconds, "{case}");
        if case.protocol == ProtocolName::StopAndWait {
            assert!((one.pieces * 0.95 / case.pieces() as f64 - 1.0).abs() < 1e-9, "{}", one.pieces);
        }
    }
}

#[test]
fn without_tcp_the_other_rows_are_measured_all_the_same() {
    use super::peers::{Carrier, items};
    let tcp = Carrier::Tcp { enlarged: true, write_bytes: 1 << 20 };
    let names = |tcp| items(1 << 20, tcp).into_iter().map(|item| item.name).collect::<Vec<_>>();
    let (with, without) = (names(Some(tcp)), names(None));
    assert!(with[0].contains("TCP") && !without.is_empty());
    assert_eq!(with[1..], without);
}

#[test]
fn what_would_be_ignored_is_refused() {
    let ignored_by_1985 =
        ["--json=x", "--world", "--section=table", "--pattern=bursts", "--placement=one", "--rounds=2"];
    let rows = ["--window=8", "--ack-every=2", "--blast=4", "--peer-message=1MiB", "--seconds-per-row=1"];
    for option in ignored_by_1985.into_iter().chain(rows) {
        assert!(typed(&["--1985", option]).unwrap_err().contains("cannot be used with"), "{option}");
    }
    assert!(typed(&["--1985", "--quick", "--seed=3"]).is_ok());
    for option in ["--section=table", "--placement=one", "--peer-message=1MiB", "--seconds-per-row=1"] {
        assert!(typed(&["--world", option]).unwrap_err().contains("cannot be used with"), "{option}");
    }
    for option in ["--placement=one", "--peer-message=1MiB"] {
        let typed = typed(&["--server=192.0.2.7:7100/1", option]);
        assert!(typed.unwrap_err().contains("cannot be used with"), "{option}");
    }
}

#[test]
fn a_row_that_is_left_out_has_a_reason_and_advice_that_fit() {
    let predicted = Prediction { seconds: 100.0, pieces: 3e5 };
    let reason = |words: &[&str]| too_long(&typed(words).unwrap(), predicted);
    assert!(reason(&["--seconds-per-row=20"]).is_none());
    assert!(reason(&[]).unwrap().contains("100 s; give more --seconds-per-row"));
    let reason = reason(&["--world"]).unwrap();
    assert!(reason.contains("300000 packets") && !reason.contains("seconds"), "{reason}");
    assert!(too_long(&typed(&["--world"]).unwrap(), Prediction { pieces: 1e5, ..predicted }).is_none());
}

#[test]
fn outputs_are_kept_until_there_is_something_to_write() {
    let folder = std::env::temp_dir().join(format!("sendrec-bulk-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("run.json");
    let before = "what was there".repeat(10_000);
    std::fs::write(&path, &before).unwrap();
    let path_text = path.to_str().unwrap();
    let options = typed(&["--json", path_text]).unwrap();
    let outputs = Outputs::open(&options).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    let document = document(&[1.0, 2.0, 3.0]);
    assert_eq!(outputs.write(&document).unwrap(), text::tables(&document));
    assert_eq!(super::compare::read(&path).unwrap().rows.len(), 4);
    let options = typed(&["--html=-"]).unwrap();
    assert!(Outputs::open(&options).unwrap().write(&document).unwrap().starts_with("<!doctype html>"));
    for words in [["--json=-", "--csv=-"], ["--html=-", "--csv=-"], ["--json=-", "--html=-"]] {
        let options = typed(&words).unwrap();
        assert!(Outputs::open(&options).err().unwrap().to_string().contains("only one"), "{words:?}");
    }
    let nowhere = folder.join("none").join("run.json");
    let options = typed(&["--html=-", "--json", nowhere.to_str().unwrap()]).unwrap();
    assert!(Outputs::open(&options).err().unwrap().to_string().contains("cannot be written"));
    std::fs::remove_dir_all(&folder).unwrap();
}

fn spread(min: f64, median: f64, max: f64) -> Spread {
    Spread { median, min, max }
}

#[test]
fn a_change_is_one_beyond_the_spread() {
    let old = spread(0.9, 1.0, 1.1);
    assert_eq!(Change::of(old, spread(0.5, 0.6, 0.7)), Change::Faster);
    assert_eq!(Change::of(old, spread(1.2, 1.3, 1.4)), Change::Slower);
    assert_eq!(Change::of(old, spread(0.7, 0.8, 0.95)), Change::None);
    assert_eq!(Change::of(old, old), Change::None);
    // However still the machine was.
    assert_eq!(Change::of(spread(1.0, 1.0, 1.0), spread(1.01, 1.01, 1.01)), Change::None);
}

fn document(seconds: &[f64]) -> Document {
    let round = |seconds: &f64| {
        Some(Round { seconds: vec![*seconds], packets: 50.0, retransmitted: 1.0, acknowledgements: 2.0 })
    };
    let predicted = Prediction { seconds: 1.0, pieces: 48.0 };
    let row = |case| Row::new("lan", case, predicted, seconds.iter().map(round).collect());
    let mut rows = vec![row(case(ProtocolName::Blast, Errors::Selective, 1 << 16, Loss::NONE))];
    rows.extend(
        [1 << 20, 1 << 22].map(|bytes| row(case(ProtocolName::Blast, Errors::Selective, bytes, Loss::NONE))),
    );
    rows.push(row(case(ProtocolName::Blast, Errors::GoBackN, 1 << 20, independent(0.01))));
    Document {
        kind: KIND.into(),
        format: FORMAT,
        command: "sendrec bench bulk".into(),
        machine: Machine::here(1),
        rounds: 3,
        seed: 1,
        configured: super::config::differences(true),
        granted: Some(Granted { asked_bytes: 4 << 20, udp_bytes: 416 << 10, tcp_bytes: 8 << 20 }),
        models: Vec::new(),
        rows,
        peers: Vec::new(),
        ratios: Vec::new(),
        fairness: Vec::new(),
        skipped: Vec::new(),
        failed: Vec::new(),
    }
}

#[test]
fn runs_are_compared_row_by_row_also_when_read_back() {
    let (old, new) = (document(&[1.0, 1.1, 1.2]), document(&[2.0, 2.1, 2.2]));
    let again: Document = serde_json::from_str(&serde_json::to_string(&old).unwrap()).unwrap();
    // A float's last bit may be lost in JSON.
    for (read, written) in again.rows.iter().zip(&old.rows) {
        assert_eq!((read.name(), read.case), (written.name(), written.case));
        assert_eq!(read.rounds.len(), written.rounds.len());
    }
    let text = compare(&again, &new, true);
    assert!(text.contains("4 rows in both runs: 0 faster, 4 slower"), "{text}");
    assert!(text.contains("1.91 slower"), "{text}");
    let text = compare(&new, &new, true);
    assert!(text.contains("4 rows in both runs: 0 faster, 0 slower"), "{text}");
}

#[test]
fn a_run_in_another_format_is_refused_for_that() {
    let earlier = r#"{"kind": "sendrec bench bulk", "format": 1, "rows": [{"case": {"way": "blast"}}]}"#;
    let error = super::compare::parse(earlier).err().unwrap();
    assert!(error.contains("format 1") && error.contains("not 2"), "{error}");
}

#[test]
fn the_time_shown_is_the_one_whose_deviation_is_told() {
    // One round in many waits for a time-out.
    let row = document(&[1.0, 1.0, 4.0]).rows.pop().unwrap();
    assert!(row.case.loss.chance > 0.0);
    let time = row.time().unwrap();
    assert_eq!((time.median, time.min, time.max), (2.0, 1.0, 4.0));
    assert_eq!((row.expected, row.deviation), (Some(2.0), Some(1.0)));
    let megabytes = row.case.message_bytes as f64 / 1e6;
    assert_eq!(row.megabytes_per_second.unwrap().median, megabytes / 2.0);
    let [.., lossless, _] = &document(&[1.0, 1.0, 4.0]).rows[..] else { panic!("too few rows") };
    assert_eq!((lossless.expected, lossless.deviation), (Some(1.0), Some(0.0)));
    let table = text::tables(&document(&[1.0, 1.0, 4.0]));
    let line = table.lines().find(|line| line.contains("1 % independent")).unwrap();
    assert!(line.contains("2.00 s (1.00 s-4.00 s)") && line.contains("+100 %"), "{line}");
}

#[test]
fn what_is_told_names_each_row_and_what_is_off() {
    let document = document(&[2.0, 2.1, 2.2]);
    let table = text::tables(&document);
    assert!(table.contains("UDP 416 KiB, TCP 8 MiB"), "{table}");
    assert!(table.contains("predictions off by more than 25 %: 4 of 4"), "{table}");
    assert_eq!(text::csv(&document).lines().count(), 1 + 4);
    let columns = text::csv(&document);
    let columns: Vec<_> = columns.lines().map(|line| line.split(',').count()).collect();
    assert!(columns.iter().all(|count| *count == columns[0]), "{columns:?}");
    let plots = plot::plots(&document, "lan").unwrap();
    assert_eq!(plots.len(), 4);
    assert!(plots.iter().all(|plot| plot.starts_with("<svg")));
    let page = super::html::page(&document).unwrap();
    assert!(page.contains("id=samples") && !page.contains("src=\"http"));
}
