//! Every built-in scenario holds; files that are wrong say where and why.
use super::{Scenario, Switches, all, run};

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
