//! Every built-in scenario holds; files that are wrong say where and why.
use std::collections::BTreeSet;

use sendrec_core::Reliability;
use sendrec_core::fault::{Faults, Harm};

use super::claim::{Claim, Moment};
use super::script::{Kind, Step, Whom};
use super::{Addressing, HAPPENINGS, Manner, Scenario, Sending, Switches, all, find, of_slide, run};

#[test]
fn every_built_in_scenario_holds_what_it_claims() {
    for scenario in all() {
        let run = run(scenario, &Switches::default());
        assert_eq!(run.cut_short, None, "{}", scenario.name);
        assert!(!scenario.claims.is_empty() && !scenario.text.is_empty(), "{}", scenario.name);
        for (text, verdict) in run.verdicts(true) {
            assert!(verdict.held, "{}: {text}: found {}", scenario.name, verdict.found);
        }
    }
}

#[test]
fn a_fault_that_never_strikes_is_named_and_no_other() {
    for scenario in all() {
        assert_eq!(run(scenario, &Switches::default()).unmet(), Vec::<String>::new(), "{}", scenario.name);
    }
    let switches = |faults: &str| Switches { faults: faults.parse().unwrap(), ..Switches::default() };
    let unmet = |faults: &str| run(find("lost-reply").unwrap(), &switches(faults)).unmet();
    assert_eq!(
        unmet(
            "drop=REP#9,drop=REQ#2,delay=TA#1:5ms,duplicate=ACK#1@server>*,crash=server@execute#9,loss=0.000001"
        ),
        [
            "drop=REP#9 met no packet",
            "delay=TA#1:5ms met no packet",
            "duplicate=ACK#1@server>* met no packet",
            "crash=server@execute#9 never came about"
        ]
    );
    // Only one of two rules about a packet is told of.
    for faults in
        ["drop=REQ#1,delay=REQ#1:5ms,duplicate=REQ#1", "crash=server@execute,restart=server@crash+20ms"]
    {
        assert_eq!(run(find("alive").unwrap(), &switches(faults)).unmet(), Vec::<String>::new(), "{faults}");
    }
}

/// Whether chance decides more about it than how long a wait is.
fn is_chance(scenario: &Scenario) -> bool {
    let harms = scenario.network.faults.packets.iter().map(|rule| rule.harm);
    let rules = harms.into_iter().any(|harm| {
        !matches!(
            harm,
            Harm::DropNth(_)
                | Harm::DuplicateNth(_)
                | Harm::CorruptNth(_)
                | Harm::DelayNth(..)
                | Harm::Delay(_)
        )
    });
    rules || scenario.network.atm.cell_loss > 0.0
}

#[test]
fn what_no_chance_decides_holds_for_every_seed() {
    for scenario in all().iter().filter(|scenario| !is_chance(scenario)) {
        for seed in 1..=10 {
            let run = run(scenario, &Switches { seed: Some(seed), ..Switches::default() });
            for (text, verdict) in run.verdicts(true) {
                assert!(verdict.held, "{} seed {seed}: {text}: found {}", scenario.name, verdict.found);
            }
        }
    }
}

#[test]
fn claims_fail_where_nothing_goes_wrong_that_was_to() {
    for scenario in all().iter().filter(|scenario| !scenario.network.faults.is_empty()) {
        let mut unharmed = scenario.clone();
        unharmed.network.faults = Faults::default();
        let run = run(&unharmed, &Switches::default());
        assert!(run.verdicts(true).iter().any(|(_, verdict)| !verdict.held), "{}", scenario.name);
    }
}

#[test]
fn claims_fail_under_another_policy() {
    // What every policy does alike: nothing arrives, nothing leaves the machine, or the claims are of the ends alone.
    const ALIKE: [&str; 16] = [
        "locate-nobody",
        "find-by-broadcast",
        "copied-send",
        "try-receive",
        "deadlock",
        "overflow-block",
        "address-unknown",
        "ping",
        "pipe-between",
        "rpc-timeout",
        "binder",
        "orphan",
        "orphan-extermination",
        "orphan-reincarnation",
        "orphan-gentle",
        "orphan-expiration",
    ];
    let mut alike = Vec::new();
    for scenario in all().iter().filter(|scenario| !ALIKE.contains(&&scenario.name[..])) {
        let fails = Reliability::ALL.into_iter().any(|reliability| {
            let run = run(scenario, &Switches { reliability: Some(reliability), ..Switches::default() });
            run.verdicts(true).iter().any(|(_, verdict)| !verdict.held)
        });
        if !fails {
            alike.push(&scenario.name);
        }
    }
    assert!(alike.is_empty(), "{alike:?}");
}

#[test]
fn every_slide_that_has_something_to_run_has_a_scenario() {
    for slide in [3, 4, 7, 8, 9, 10].into_iter().chain(11..=19).chain(21..=41).chain([53]) {
        assert!(!of_slide(slide).is_empty(), "slide {slide}");
    }
}

#[test]
fn slide_22_is_its_four_exchanges() {
    let names: Vec<_> = of_slide(22).iter().map(|scenario| &scenario.name[..]).collect();
    assert_eq!(names, ["request-reply", "acknowledge-each", "reply-acknowledges", "alive"]);
}

#[test]
fn explanations_are_short_and_every_claim_says_something() {
    for scenario in all() {
        let text = scenario.text.join(" ") + " ";
        let sentences = text.matches(". ").count() + text.matches("? ").count();
        assert!((2..=6).contains(&sentences), "{}: {sentences} sentences", scenario.name);
        assert!(scenario.claims.iter().all(|claim| claim.text.len() > 2), "{}", scenario.name);
    }
}

#[test]
fn a_ladder_hidden_from_a_packet_on_draws_all_before_it_and_nothing_of_it() {
    for scenario in all() {
        let run = run(scenario, &Switches::default());
        for packet in 0..run.joined.packets.len() {
            let style =
                crate::ladder::Style { hidden_from: Some(packet), tally: false, ..Default::default() };
            let drawn = crate::ladder::draw(&run.joined, &style);
            let of = &run.joined.packets[packet];
            let number = format!(" {} #{} ", of.note.kind, of.note.number);
            let same = |other: &&crate::trace::Passage| {
                (other.note.kind, other.note.number) == (of.note.kind, of.note.number)
            };
            // Packets are numbered by each machine.
            let shown = run.joined.packets[..packet].iter().filter(same).count();
            assert!(drawn.matches(&number).count() <= shown, "{}: packet {packet}\n{drawn}", scenario.name);
        }
    }
}

/// Every step of all scripts, those in lists too.
fn steps() -> Vec<&'static Step> {
    fn add(steps: &'static [Step], all: &mut Vec<&'static Step>) {
        for step in steps {
            all.push(step);
            if let Step::Repeat(_, inner) = step {
                add(inner, all);
            }
        }
    }
    let mut steps = Vec::new();
    for process in all().iter().flat_map(|scenario| &scenario.machines).flat_map(|machine| &machine.processes)
    {
        add(&process.script, &mut steps);
    }
    steps
}

#[test]
fn every_step_of_the_language_is_used() {
    let steps = steps();
    let used: BTreeSet<String> = steps.iter().map(|step| name_of(step)).collect();
    let names = [
        "sleep",
        "call",
        "send",
        "tell",
        "start",
        "wait",
        "test",
        "cancel",
        "scribble",
        "receive",
        "receive from",
        "try-receive",
        "reply",
        "reply to",
        "hold",
        "forward",
        "serve",
        "ping",
        "locate",
        "locate anew",
        "interrupts",
        "interrupt",
        "names",
        "files",
        "read",
        "register",
        "unregister",
        "repeat",
        "forever",
        "exit",
    ];
    let remote = [
        "procedures",
        "procedures kept",
        "variable",
        "rpc sum",
        "rpc incr",
        "rpc runs",
        "rpc missing program",
        "rpc missing version",
        "rpc missing procedure",
        "rpc mistyped",
        "rpc work",
        "rpc lock",
        "jobs",
        "warden",
        "come-back",
        "binder",
        "offer",
        "withdraw",
        "find",
        "interface",
        "import",
        "write",
        "browse",
        "browse unchecked",
        "reads-as",
        "convey raw",
        "convey swapped",
        "convey canonical",
    ];
    let all = || names.into_iter().chain(remote);
    assert_eq!(used, all().map(str::to_owned).collect());
    let heads: BTreeSet<&str> = all().filter_map(|name| name.split(' ').next()).collect();
    let known = super::script::NAMES.into_iter().chain(super::rpc::script::NAMES);
    assert_eq!(heads, known.collect());
    let whom = |is: fn(&Whom) -> bool| {
        steps.iter().any(|step| matches!(step, Step::Send(sending) if is(&sending.to)))
    };
    assert!(whom(|to| matches!(to, Whom::Process(_))) && whom(|to| matches!(to, Whom::Sparse(_))));
    assert!(whom(|to| matches!(to, Whom::Name(_))));
    let manner = |wanted| {
        steps
            .iter()
            .any(|step| matches!(step, Step::Start(_, Sending { manner, .. }) if *manner == Some(wanted)))
    };
    assert!(manner(Manner::Copied) && manner(Manner::Lent));
}

fn name_of(step: &Step) -> String {
    let name = match step {
        Step::Sleep(_) => "sleep",
        Step::Send(Sending { kind: Kind::Call, .. }) => "call",
        Step::Send(Sending { kind: Kind::Send, .. }) => "send",
        Step::Send(Sending { kind: Kind::Tell, .. }) => "tell",
        Step::Start(..) => "start",
        Step::Wait(..) => "wait",
        Step::Test(_) => "test",
        Step::Cancel(_) => "cancel",
        Step::Scribble(..) => "scribble",
        Step::Receive { from: Some(_), .. } => "receive from",
        Step::Receive { within, .. } if within.is_some_and(|within| within.is_zero()) => "try-receive",
        Step::Receive { .. } => "receive",
        Step::Reply { to: Some(_), .. } => "reply to",
        Step::Reply { .. } => "reply",
        Step::Hold(_) => "hold",
        Step::Forward(_) => "forward",
        Step::Serve { .. } => "serve",
        Step::Ping(..) => "ping",
        Step::Locate { anew: false, .. } => "locate",
        Step::Locate { anew: true, .. } => "locate anew",
        Step::Interrupts => "interrupts",
        Step::Interrupt(_) => "interrupt",
        Step::Names => "names",
        Step::Files(..) => "files",
        Step::Read { .. } => "read",
        Step::Rpc(step) => return step.name(),
        Step::Register(_) => "register",
        Step::Unregister(_) => "unregister",
        Step::Repeat(Some(_), _) => "repeat",
        Step::Repeat(None, _) => "forever",
        Step::Exit => "exit",
    };
    name.to_owned()
}

#[test]
fn every_claim_of_the_language_is_used() {
    let claims: Vec<&Claim> =
        all().iter().flat_map(|scenario| &scenario.claims).map(|claim| &claim.claim).collect();
    let used: BTreeSet<String> = claims.iter().map(|claim| kind_of(claim)).collect();
    let names = [
        "packets",
        "Sent",
        "Lost",
        "Doubled",
        "Corrupted",
        "Again",
        "Cached",
        "Pieces",
        "Asking",
        "Reports",
        "runs",
        "told All",
        "told Part",
        "told any",
        "tells",
        "event",
        "fate",
        "copied",
        "cells From",
        "cells To",
        "cells LostTo",
        "before",
        "took",
    ];
    assert_eq!(used, names.into_iter().map(str::to_owned).collect());
    let moments = claims.iter().filter_map(|claim| match claim {
        Claim::Before(first, second) => Some([first, second]),
        _ => None,
    });
    let happened = moments.flatten().filter_map(|moment| match moment {
        Moment::Happened(happening, _) => Some(*happening),
        _ => None,
    });
    let counted = claims.iter().filter_map(|claim| match claim {
        Claim::Event(happening, ..) => Some(*happening),
        _ => None,
    });
    let happenings: Vec<_> = happened.chain(counted).collect();
    for (name, happening) in HAPPENINGS {
        assert!(happenings.contains(&happening), "no scenario claims anything of '{name}'");
    }
}

fn kind_of(claim: &Claim) -> String {
    match claim {
        Claim::Packets(_) => "packets".to_owned(),
        Claim::Count(what, ..) => format!("{what:?}"),
        Claim::Runs(..) => "runs".to_owned(),
        Claim::Told(_, None, ..) => "told any".to_owned(),
        Claim::Told(_, Some(_), whole, _) => format!("told {whole:?}"),
        Claim::Tells(..) => "tells".to_owned(),
        Claim::Event(..) => "event".to_owned(),
        Claim::Fate(..) => "fate".to_owned(),
        Claim::Copied(..) => "copied".to_owned(),
        Claim::Cells(which, ..) => format!("cells {which:?}"),
        Claim::Before(..) => "before".to_owned(),
        Claim::Took(..) => "took".to_owned(),
    }
}

#[test]
fn every_scenario_runs_as_a_person_switches_it() {
    for scenario in all() {
        for addressing in Addressing::ALL {
            for blocking in Manner::ALL {
                let switches = Switches {
                    addressing: Some(addressing),
                    blocking: Some(blocking),
                    ..Switches::default()
                };
                let run = run(scenario, &switches);
                assert_eq!(run.cut_short, None, "{} {switches}", scenario.name);
            }
        }
    }
}

#[test]
fn names_are_those_of_the_files_and_told_apart() {
    let mut names: Vec<_> = all().iter().map(|scenario| &scenario.name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all().len());
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_line() {
    let source = "name = \"mine\"\ntitle = \"Mine\"\n\n[[machine]]\nname = \"client\"\n[[machine.process]]\n\
                  script = [\n  'cal server \"x\"',\n  'call sever \"x\"',\n  'repeat 2', ['sleep 5'],\n]\n\n\
                  [[machine]]\nname = \"server\"\npolicy = { late-ack = \"soon\" }\n[[machine.process]]\n\
                  script = []\n\n[[claim]]\ntext = \"t\"\nholds = \"runs server = many\"\n";
    let problems = Scenario::parse(source, "mine.toml").unwrap_err();
    let expected = [
        "mine.toml:8: in `cal server \"x\"`: no such step: 'cal'; did you mean 'call'?",
        "mine.toml:9: in `call sever \"x\"`: no process or machine is called 'sever'; did you mean 'server'?",
        "mine.toml:10: in `sleep 5`: '5': expected a time such as 5ms, 200us or 1.5s",
        "mine.toml:15: in `soon`: expected a time such as 5ms, 200us or 1.5s",
        "mine.toml:21: in `runs server = many`: expected a number, found 'many'",
    ];
    assert_eq!(problems.to_string().lines().collect::<Vec<_>>(), expected);
}

/// The problems of a scenario with this in it, each without the file's name.
fn problems(source: &str) -> Vec<String> {
    let machine = "[[machine]]\nname = \"a\"\n[[machine.process]]\n";
    let head = "name = \"mine\"\ntitle = \"Mine\"\n";
    let source = format!("{head}{}", source.replace("MACHINE", machine));
    let problems = Scenario::parse(&source, "mine").unwrap_err().problems;
    problems.into_iter().map(|problem| problem.reason).collect()
}

#[test]
fn late_starts_long_texts_and_switches_are_read_or_refused_with_a_reason() {
    let source = "name = \"m\"\ntitle = \"M\"\n[network.link]\natm = true\n[network.atm]\nrate = \"51.84Mbit\"\n\
                  queue-cells = 8\ncell-loss = 0.5\n[[machine]]\nname = \"a\"\nfirst-epoch = 7\nepoch-step = -2\n\
                  [[machine.process]]\nstarts = \"5ms\"\nscript = ['send a \"ab\" x 3']\n[[claim]]\ntext = \"t\"\n\
                  holds = \"cells lost to a = 0\"\n";
    let scenario = Scenario::parse(source, "m").unwrap();
    let machine = &scenario.machines[0];
    assert_eq!(machine.processes[0].starts.as_millis(), 5);
    assert_eq!((machine.epochs.first.0, machine.epochs.step), (7, -2));
    assert_eq!((scenario.network.atm.rate, scenario.network.atm.queue_cells), (51_840_000, 8));
    assert!((scenario.network.atm.cell_loss - 0.5).abs() < f64::EPSILON);
    assert!(matches!(&machine.processes[0].script[0], Step::Send(Sending { text, .. }) if text == "ababab"));

    assert_eq!(
        problems("MACHINEscript = ['start x tell a \"t\"']\n"),
        ["in `start x tell a \"t\"`: a one-way message has no reply to run on from: write tell alone"]
    );
    assert_eq!(
        problems("MACHINEscript = ['send a \"ab\" x 600000']\n"),
        ["in `send a \"ab\" x 600000`: a text is 1048576 bytes long at most"]
    );
    assert_eq!(
        problems("MACHINEscript = ['reply \"ab\" x 600000']\n"),
        ["in `reply \"ab\" x 600000`: a text is 1048576 bytes long at most"]
    );
    assert_eq!(
        problems("MACHINEstarts = \"soon\"\nscript = []\n"),
        ["in `soon`: expected a time such as 5ms, 200us or 1.5s"]
    );
    assert_eq!(
        problems("[network.atm]\ncell-loss = 1.5\nMACHINEscript = []\n"),
        ["cell-loss: expected a probability from 0 to 1"]
    );
    for (claim, reason) in [
        ("cells into a = 3", "expected 'from', 'to' or 'lost to' and a machine"),
        ("told a 1 is 'x'", "expected = or has, and a text"),
    ] {
        let found = problems(&format!("MACHINEscript = []\n[[claim]]\ntext = \"t\"\nholds = \"{claim}\"\n"));
        assert_eq!(found, [format!("in `{claim}`: {reason}")]);
    }
}

#[test]
fn each_mistake_is_said_once_and_what_follows_from_it_not_at_all() {
    let second = "[[machine]]\nname = \"a\"\n";
    // The one that is called is missing because its name is another's.
    assert_eq!(
        problems(&format!("MACHINEscript = ['call b \"x\"']\n{second}")),
        ["in `a`: another machine has this name"]
    );
    let [rule] = &problems("[network]\nfaults = \"rain=1\"\nMACHINEscript = []\n")[..] else { panic!("one") };
    assert_eq!(rule.matches("rain=1").count(), 1, "{rule}");
    let told = |script: &str, step: u32, faults: &str| {
        let source = format!(
            "[network]\nfaults = \"{faults}\"\nMACHINEscript = [{script}]\n[[claim]]\ntext = \"t\"\n\
             holds = 'told a {step} = \"x\"'\n"
        );
        let machine = "[[machine]]\nname = \"a\"\n[[machine.process]]\n";
        let source = format!("name = \"m\"\ntitle = \"M\"\n{}", source.replace("MACHINE", machine));
        Scenario::parse(&source, "m").map(drop).map_err(|problems| problems.to_string())
    };
    let twice = "'sleep 1ms', 'repeat 2', ['call a \"y\"', 'hold h']";
    assert_eq!(told(twice, 2, ""), Ok(()));
    let expected =
        "m:11: in `told a 3 = \"x\"`: there is no step 3: the script's steps can have 2 results at most";
    assert_eq!(told(twice, 3, ""), Err(expected.to_owned()));
    assert_eq!(told(twice, 4, "restart=a@5ms"), Ok(()));
    assert!(told(twice, 5, "restart=a@5ms").is_err() && told(twice, 3, "crash=a@5ms").is_err());
    assert_eq!(told("'forever', ['receive']", 99, ""), Ok(()));
    assert!(told("'forever', ['sleep 5ms']", 1, "").is_err() && told("'serve 3 times'", 4, "").is_err());
}

#[test]
fn no_file_however_mangled_makes_the_reader_panic() {
    const MANGLED: u64 = 3_000;
    let sources: Vec<&str> = all().iter().map(|scenario| scenario.source.as_str()).collect();
    let mut refused = 0;
    for seed in 0..MANGLED {
        let mut rng = sendrec_core::rng::Rng::new(seed);
        let mut text: Vec<char> = sources[rng.below(sources.len() as u64) as usize].chars().collect();
        for _ in 0..=rng.below(4) {
            let at = rng.below(text.len() as u64) as usize;
            let until = (at + rng.below(12) as usize).min(text.len());
            match rng.below(4) {
                0 => drop(text.drain(at..until)),
                1 => text[at] = ['"', '\'', '[', '=', '\u{e9}', '\\', ' ', '9'][rng.below(8) as usize],
                2 => text.splice(at..at, "99999999999999999999s".chars()).for_each(drop),
                _ => {
                    let copy = text[at..until].to_vec();
                    text.splice(at..at, copy);
                }
            }
        }
        let source: String = text.into_iter().collect();
        if let Err(problems) = Scenario::parse(&source, "mangled.toml") {
            refused += 1;
            let lines = source.lines().count() + 1;
            assert!(
                problems.problems.iter().all(|problem| (1..=lines).contains(&problem.line)),
                "seed {seed}"
            );
        }
    }
    assert!(refused > MANGLED / 4, "only {refused} were refused");
}

#[test]
fn a_transfer_is_switched_and_what_is_not_said_stays() {
    let scenario = super::find("blast-selective").unwrap();
    let sent = |transfer: &str| {
        let switches: Switches = format!("transfer={transfer}").parse().unwrap();
        assert_eq!(switches.to_string(), format!("transfer={transfer}"));
        let run = run(scenario, &switches);
        let pieces = run.joined.packets.iter().filter(|packet| packet.note.part.is_some());
        (pieces.count(), run.told[0].result.clone())
    };
    let told = "received".to_owned();
    assert_eq!(sent("full"), (16, told.clone()));
    assert_eq!(sent("go-back-n"), (14, told.clone()));
    assert_eq!(sent("stop-and-wait"), (9, told.clone()));
    assert_eq!(sent("packet=608"), (17, told));
    assert_eq!(
        problems("[policy]\ntransfer = \"blast,fast\"\nMACHINEscript = []\n"),
        ["in `blast,fast`: 'fast' is nothing of a transfer; did you mean 'blast'?"]
    );
}

#[test]
fn a_file_is_read_as_it_is_and_what_is_not_there_is_said() {
    let source = "name = \"m\"\ntitle = \"M\"\n[[machine]]\nname = \"a\"\n[[machine.process]]\n\
                  script = ['read b \"f\" 5000 by 999', 'read b \"f\" 9000', 'read b \"g\" 1']\n\
                  [[machine]]\nname = \"b\"\n[[machine.process]]\nscript = ['files \"f\" 6000']\n";
    let run = run(&Scenario::parse(source, "m").unwrap(), &Switches::default());
    let told: Vec<_> = run.told.iter().map(|told| &told.result[..]).collect();
    assert_eq!(
        told,
        ["5000 bytes in 6 calls", "6000 bytes in 2 calls", "no such file or directory (E_NOT_FOUND)"]
    );
}
