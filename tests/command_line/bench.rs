//! `sendrec bench`: runs in a world and between OS processes, and what they are told as.
#[path = "../../client/tests/support/mod.rs"]
mod support;

use std::fs;

use support::run_ok;

/// A quick run in a world: no time is looked at but by its model.
#[test]
fn long_messages_are_measured_and_told_as_json_and_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let file = folder.path().join("run.json");
    let run = |arguments: &[&str]| run_ok(&[&["bench"], arguments].concat());
    let html = page.to_str().unwrap();
    let text = run(&["bulk", "--world", "--quick", "--json", "-", "--html", html]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rows = document["rows"].as_array().unwrap();
    for place in ["ethernet", "lan", "wan"] {
        assert!(rows.iter().any(|row| row["place"] == place), "{place}");
    }
    assert!(rows.iter().all(|row| row["seconds"]["median"].as_f64().is_some_and(|time| time > 0.0)));
    assert!(document["failed"].as_array().unwrap().is_empty());
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("<svg") && html.contains("stop-and-wait"));

    // The same seed, the same figures.
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    run(&["bulk", "--world", "--quick", "--json", &format!("{file}2")]);
    let compared = run(&["compare", file, &format!("{file}2"), "--changed"]);
    assert!(
        compared.contains(&format!("{} rows in both runs: 0 faster, 0 slower", rows.len())),
        "{compared}"
    );
}

#[test]
fn long_messages_are_measured_over_udp_between_two_os_processes() {
    let arguments = [
        "bench",
        "bulk",
        "--section",
        "table",
        "--message",
        "64KiB",
        "--packet",
        "1472",
        "--quick",
        "--csv",
        "-",
    ];
    let text = run_ok(&arguments);
    assert_eq!(text.lines().count(), 1 + 6, "{text}");
    for way in ["stop-and-wait", "window 64", "blast"] {
        assert!(text.contains(way), "{text}");
    }
}
