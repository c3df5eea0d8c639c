//! `sendrec lab` as a person uses it: in a world, and over UDP with an OS process for each machine.
use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use sendrec::lab::all;

fn sendrec(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sendrec"));
    command.args(arguments).env_remove("RUST_LOG").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

fn ok(arguments: &[&str]) -> String {
    let output = sendrec(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn fails(arguments: &[&str], said: &str) {
    let output = sendrec(arguments);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn slides() -> Vec<u32> {
    let mut slides: Vec<u32> = all().iter().flat_map(|scenario| scenario.slides.clone()).collect();
    slides.sort_unstable();
    slides.dedup();
    slides
}

#[test]
fn every_slide_that_has_something_to_run_runs_and_holds() {
    let slides = slides();
    for slide in [3, 4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 38, 41, 53] {
        assert!(slides.contains(&slide), "nothing runs for slide {slide}");
    }
    for slide in slides {
        let said = ok(&["lab", "slide", &slide.to_string()]);
        assert!(said.contains("Claimed") && !said.contains('\u{2717}'), "slide {slide}: {said}");
    }
}

#[test]
fn slide_22_draws_its_four_exchanges_and_nothing_else() {
    let said = ok(&["lab", "slide", "22", "--width", "80"]);
    let packets: Vec<&str> =
        said.lines().filter_map(|line| line.split("  Packets  ").nth(1)).map(str::trim).collect();
    assert_eq!(
        packets,
        [
            "REQ 1, REP 1: 2 in all, none lost",
            "REQ 1, REP 1, ACK 2: 4 in all, none lost",
            "REQ 1, REP 1, ACK 1: 3 in all, none lost",
            "REQ 1, REP 1, ACK 2, AYA 1, IAA 1: 6 in all, none lost",
        ]
    );
    let arrows = said.lines().filter(|line| line.contains('\u{25ba}') || line.contains('\u{25c4}'));
    let kinds = arrows.filter_map(|line| {
        line.split_whitespace().find(|word| ["REQ", "REP", "ACK", "AYA", "IAA"].contains(word))
    });
    let drawn: Vec<_> = kinds.collect();
    let expected = "REQ REP REQ ACK REP ACK REQ REP ACK REQ ACK AYA IAA REP ACK";
    assert_eq!(drawn.join(" "), expected);
    assert!(said.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn a_page_is_written_that_needs_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("out.html");
    ok(&["lab", "run", "lost-reply", "--html", page.to_str().unwrap()]);
    let html = fs::read_to_string(page).unwrap();
    for words in ["drop=REP#1", "timer: request", "(again)", "(from cache)", "The operation ran once"] {
        assert!(html.contains(words), "the page does not say {words}");
    }
    assert!(html.matches("http://").count() == html.matches("http://www.w3.org/").count());
    assert!(!html.contains("https://"));
}

#[test]
fn the_same_seed_is_the_same_run_and_switches_switch() {
    let arguments = ["lab", "run", "lost-reply", "--loss", "0.3", "--seed", "7", "--as", "json"];
    let (one, other) = (sendrec(&arguments), sendrec(&arguments));
    assert_eq!(one.stdout, other.stdout);
    let other_seed = ["lab", "run", "lost-reply", "--loss", "0.3", "--seed", "8", "--as", "json"];
    assert_ne!(one.stdout, sendrec(&other_seed).stdout);
    let output = sendrec(&["lab", "run", "lost-reply", "--reliability", "unreliable", "--json"]);
    let judged: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&judged["held"], output.status.code()),
        (&false.into(), Some(1)),
        "the claims are of another policy"
    );
    assert_eq!(judged["switches"], "reliability=unreliable");
    for addressing in ["sparse", "name"] {
        let said = sendrec(&["lab", "run", "request-reply", "--addressing", addressing]);
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let sign = if addressing == "sparse" { "LOCATE" } else { "names" };
        assert!(said.contains(sign), "{said}");
    }
}

#[test]
fn two_runs_stand_side_by_side_with_what_differs() {
    let said = ok(&["lab", "compare", "acknowledge-each", "reply-acknowledges"]);
    let row = said.lines().find(|line| line.contains("ACK sent")).unwrap();
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["*", "ACK", "sent", "2", "1"]);
    let both = ok(&["lab", "compare", "lost-reply", "lost-reply; reliability=unreliable", "--json"]);
    let both: serde_json::Value = serde_json::from_str(&both).unwrap();
    assert_eq!((&both[0]["runs"], &both[1]["told"].as_array().unwrap().len()), (&1.into(), &0));
    fails(&["lab", "compare", "lost-reply", "lost-reply; colour=red"], "there are the switches");
}

#[test]
fn two_runs_stand_in_as_many_columns_as_are_asked_for() {
    let compare = |width: &str| ok(&["lab", "compare", "lost-reply", "lost-reply;seed=2", "--width", width]);
    let drawn = |said: &str| -> Vec<usize> {
        let lines = said.lines().filter(|line| line.contains("REQ #1"));
        lines.map(|line| line.chars().count()).collect()
    };
    let [beside, below] = ["170", "100"].map(|width| drawn(&compare(width)));
    assert!(beside.len() == 1 && beside[0] > 100 && beside[0] <= 170, "{beside:?}");
    assert!(below.len() == 2 && below.iter().all(|columns| (81..=100).contains(columns)), "{below:?}");
}

#[test]
fn slide_20_is_the_matrix_with_what_was_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let [one, other] = ["one.html", "other.html"].map(|name| directory.path().join(name));
    let options = ["--json", "--seed", "3", "--loss", "0.1", "--drop", "REP#2", "--html"];
    let slide = ok(&[&["lab", "slide", "20"], &options[..], &[one.to_str().unwrap()]].concat());
    assert_eq!(slide, ok(&[&["matrix"], &options[..], &[other.to_str().unwrap()]].concat()));
    assert_eq!(fs::read(one).unwrap(), fs::read(other).unwrap());
    let made: serde_json::Value = serde_json::from_str(&slide).unwrap();
    assert_eq!((&made["seed"], &made["faults"]), (&3.into(), &"loss=0.1,drop=REP#2".into()));
    assert_eq!(ok(&["lab", "slide", "20", "--width", "160"]), ok(&["matrix", "--width", "160"]));
    assert_eq!(ok(&["lab", "slide", "20", "--width", "60"]), ok(&["matrix", "--width", "80"]));
    for refused in
        [&["--as", "svg"][..], &["--ascii"], &["--blocking", "lent"], &["--reliability", "ack-each"]]
    {
        let arguments = [&["lab", "slide", "20"], refused].concat();
        fails(&arguments, refused[0]);
        fails(&arguments, "`sendrec matrix");
    }
    fails(&["matrix", "--crash", "sever@execute"], "no machine is called sever");
}

/// Slide 9 has no scenario that runs over UDP: there is nothing to say in JSON.
#[test]
fn what_is_skipped_over_udp_is_no_json() {
    let output = sendrec(&["lab", "slide", "9", "--udp", "--json"]);
    assert_eq!((output.status.success(), &output.stdout[..]), (true, &b""[..]));
    assert!(stderr(&output).contains("skipped over UDP"), "{}", stderr(&output));
    assert!(ok(&["lab", "slide", "9", "--udp"]).contains("skipped over UDP"));
}

#[test]
fn a_matrix_over_udp_can_be_stopped() {
    let matrix = command(&["matrix", "--udp"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It listens for the signal before it starts its first machine.
    let has_child = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", matrix.id())).unwrap();
        let mut children = tasks.filter_map(|task| fs::read(task.ok()?.path().join("children")).ok());
        children.any(|children| !children.is_empty())
    };
    while !has_child() {
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&matrix), Signal::TERM).unwrap();
    let output = matrix.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
}

#[test]
fn foretold_packets_are_counted_and_the_exit_status_tells() {
    let foretell = |answers: &str| {
        let mut child = command(&["lab", "run", "lost-reply", "--predict"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let right = foretell("client REQ\nserver REP\nclient req\nserver REP\nclient ACK\nend\n");
    assert!(right.status.success(), "{}", String::from_utf8_lossy(&right.stdout));
    let wrong = foretell("client REQ\nserver REP\nserver REP\nserver REP\nclient ACK\nend\n");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stdout).contains("5 of 6 right"));
    assert!(stderr(&foretell("client REQ\n")).contains("the input ended"));
    // Where the packets end the input may end too.
    assert!(foretell("client REQ\nserver REP\nclient REQ\nserver REP\nclient ACK\n").status.success());
    // What cannot be an answer is asked for again.
    let slips =
        "REQ\ncleint REQ\nclient RQE\nclient REQ\nserver REP\nclient REQ\nserver REP\nclient ACK\nEnd\n";
    let slipped = foretell(slips);
    let said = String::from_utf8_lossy(&slipped.stdout).into_owned();
    assert!(slipped.status.success() && said.contains("6 of 6 right"), "{said}");
    for reason in [
        "write MACHINE TYPE",
        "no machine is called cleint; there are client, server",
        "no packet is called RQE",
    ] {
        assert_eq!(said.matches(reason).count(), 1, "{reason}: {said}");
    }
}

#[test]
fn a_built_in_scenario_is_a_file_to_start_from() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mine.toml");
    let path = file.to_str().unwrap();
    fs::write(&file, ok(&["lab", "show", "lost-reply"])).unwrap();
    ok(&["lab", "run", path]);
    let broken = ok(&["lab", "show", "lost-reply"]).replace("call server", "cal server");
    let line = 1 + broken.lines().position(|line| line.contains("cal server")).unwrap();
    fs::write(&file, broken).unwrap();
    fails(&["lab", "run", path], &format!("{path}:{line}: in `cal server \"pay 100\"`: no such step: 'cal'"));
    fails(&["lab", "run", "no-such"], "no scenario has this name");
    fails(&["lab", "run", "mine.toml"], "No such file");
    fails(&["lab", "slide", "5"], "nothing to run belongs to it");
    fails(&["lab", "slide", "5"], " 19, 20, 21,");
    fails(&["lab", "run", "lost-reply", "--crash", "sever@execute"], "no machine is called sever");
    fails(&["lab", "run", "lost-reply", "--drop", "REPLY#1"], "no such packet type");
    fails(&["lab", "run", "lost-reply", "--loss", "-0.1"], "'loss=-0.1': a probability is from 0 to 1");
}

#[test]
fn the_list_is_for_people_and_programs() {
    let people = ok(&["lab", "list"]);
    let programs = ok(&["lab", "list", "--json"]);
    assert_eq!((people.lines().count(), programs.lines().count()), (all().len() + 1, all().len()));
    // Slide 20 has no scenario of its own.
    let last = people.lines().last().unwrap();
    assert!(last.contains(" 20 ") && last.contains("sendrec matrix"), "{last}");
    for line in programs.lines() {
        let listed: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(people.contains(listed["title"].as_str().unwrap()));
    }
}

#[test]
fn the_readme_has_as_many_scenarios_as_the_library() {
    let readme = include_str!("../README.md");
    let row = readme.lines().find_map(|line| line.strip_prefix("| lab | ")).expect("a row for the lab");
    let count = row.split_once(" scenarios ").expect("how many scenarios").0;
    assert_eq!(count, all().len().to_string());
}

/// Real time and a machine that may be busy: what is claimed here does not depend on how fast.
#[test]
fn over_udp_each_machine_is_a_process_and_a_crash_is_a_kill() {
    for (name, told) in
        [("lost-reply", "paid"), ("by-place", "noon"), ("crash-after", "server crashed: outcome unknown")]
    {
        let output = sendrec(&["lab", "run", name, "--udp", "--json"]);
        let judged: serde_json::Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{name}: {}", stderr(&output)));
        assert_eq!((&judged["udp"], &judged["held"]), (&true.into(), &true.into()), "{name}: {judged}");
        assert!(output.status.success());
        let results: Vec<_> =
            judged["told"].as_array().unwrap().iter().map(|told| told["result"].clone()).collect();
        assert!(results.contains(&told.into()), "{name}: {results:?}");
    }
    fails(&["lab", "run", "partition", "--udp"], "does not run over UDP");
}

#[test]
fn a_fault_that_met_nothing_is_said_apart_from_the_results() {
    for options in [&[][..], &["--udp"], &["--json"]] {
        let output = sendrec(&[&["lab", "run", "request-reply", "--drop", "REP#9"], options].concat());
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && !stdout.contains("met no packet"), "{stdout}");
        assert_eq!(stderr(&output), "request-reply: drop=REP#9 met no packet\n");
    }
    assert_eq!(stderr(&sendrec(&["lab", "slide", "22"])), "");
}

/// A scenario of one's own, run over UDP; what it was judged to be.
fn judged_over_udp(source: &str, options: &[&str]) -> serde_json::Value {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("own.toml");
    fs::write(&file, source).unwrap();
    let output = sendrec(&[&["lab", "run", file.to_str().unwrap(), "--udp", "--json"], options].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
}

/// What steps of a process brought, each with when it began, us.
fn told_to(judged: &serde_json::Value, process: &str) -> Vec<(String, u64)> {
    let told = judged["told"].as_array().unwrap().iter().filter(|told| told["process"] == process);
    told.map(|told| (told["result"].as_str().unwrap().to_owned(), told["began_us"].as_u64().unwrap()))
        .collect()
}

#[test]
fn over_udp_too_the_seed_decides_which_packets_are_lost() {
    let tells: Vec<String> = (1..=32).map(|number| format!("'tell server \"{number}\"'")).collect();
    let source = format!(
        "name = \"tells\"\ntitle = \"T\"\npolicy = {{ reliability = \"unreliable\", buffering = \"mailbox 64 discard\" }}\n\
         [[machine]]\nname = \"client\"\n[[machine.process]]\nscript = [{}]\n\
         [[machine]]\nname = \"server\"\n[[machine.process]]\nname = \"taker\"\n\
         script = ['forever', ['receive']]\n",
        tells.join(", ")
    );
    let arrived = |seed: &str| -> Vec<String> {
        let judged = judged_over_udp(&source, &["--loss", "0.5", "--seed", seed]);
        told_to(&judged, "taker").into_iter().map(|(text, _)| text).collect()
    };
    let one = arrived("1");
    assert!(!one.is_empty() && one.len() < 32, "{one:?}");
    assert_eq!(one, arrived("1"));
    assert_ne!(one, arrived("2"));
}

/// The server dies, is paused while it is down, and boots again.
const DOWN: &str = "name = \"down\"\ntitle = \"D\"\npolicy = { semantics = \"at-least-once\" }\n\
    [network]\nfaults = \"crash=server@execute,pause=server@crash:10ms,restart=server@crash+300ms\"\n\
    [[machine]]\nname = \"client\"\n[[machine.process]]\nname = \"caller\"\nscript = ['call server \"x\" within 5s']\n\
    [[machine]]\nname = \"server\"\n[[machine.process]]\nname = \"answerer\"\nscript = ['receive', 'reply \"y\"']\n";

#[test]
fn over_udp_a_machine_that_is_down_is_not_waited_for_and_its_next_boot_counts_time_from_the_start() {
    let judged = judged_over_udp(DOWN, &[]);
    let answers: Vec<String> = told_to(&judged, "caller").into_iter().map(|(text, _)| text).collect();
    assert_eq!(answers, ["y"], "the caller's patience is shorter than a pause that waits for the dead");
    let (text, began_us) = told_to(&judged, "answerer").pop().unwrap();
    assert_eq!(text, "x");
    assert!(began_us >= 300_000, "it was not there before 300 ms, and says it received at {began_us} us");
}

#[test]
fn slide_38_is_every_protocol_with_a_loss_and_what_else_can_happen_to_a_blast() {
    let said = ok(&["lab", "slide", "38", "--width", "80"]);
    for name in ["stop-and-wait", "sliding-window", "blast-full", "blast-go-back-n", "blast-selective"] {
        assert!(said.contains(&format!("{name}: ")), "{name}: {said}");
    }
    assert!(said.contains("piece 3/8") && said.contains("missing 3"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 100), "{said}");
}

#[test]
fn a_transfer_is_switched_compared_and_unfolded() {
    // Its claims are of another transfer.
    let output = sendrec(&["lab", "run", "blast-selective", "--transfer", "packet=608"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("Switched: transfer=packet=608") && said.contains(" pieces 4-"), "{said}");
    let unfolded = ok(&["lab", "run", "overrun-avoided", "--unfold"]);
    assert!(unfolded.contains("piece 3/24") && !unfolded.contains("REQ #3-"), "{unfolded}");
    let said = ok(&["lab", "compare", "burst-go-back-n", "burst-selective"]);
    let again = said.lines().find(|line| line.contains("sent again")).unwrap();
    let numbers: Vec<u32> = again.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert!(numbers[0] > numbers[1], "{again}");
    fails(&["lab", "run", "overrun", "--transfer", "blast=many"], "expected blast=N, from 1 to");
    fails(&["lab", "slide", "20", "--transfer", "full"], "--transfer");
}

#[test]
fn over_udp_pieces_die_and_go_again_as_in_a_world() {
    for name in ["blast-selective", "last-packet-lost", "last-ack-lost"] {
        let output = sendrec(&["lab", "run", name, "--udp", "--json"]);
        let judged: serde_json::Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{name}: {}", stderr(&output)));
        assert_eq!((&judged["udp"], &judged["held"]), (&true.into(), &true.into()), "{name}: {judged}");
    }
}
