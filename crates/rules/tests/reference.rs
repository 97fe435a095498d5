//! The reference: each command has its page, and the example on it is loaded and run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

use std::path::Path;

use rules::table::{COMMANDS, command};
use rules::{Answer, Evaluation, Names, Step, compile};

/// All names of the examples are there.
struct Anything;

impl Names for Anything {
    fn template(&self, name: &str) -> bool {
        name == "bounce_noenc"
    }
    fn disclaimer(&self, _: &str) -> bool {
        true
    }
    fn file(&self, _: &str) -> bool {
        true
    }
    fn group(&self, _: &str) -> bool {
        true
    }
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/rules")
}

/// Runs the example with these answers by turns; the commands that it came to.
fn run(name: &str, example: &str, answers: &[Answer]) -> Vec<&'static str> {
    let (rules, found) = compile(name, example, &Anything).unwrap_or_else(|found| panic!("{}", found[0]));
    assert_eq!(found, [], "{name}");
    let mut evaluation = Evaluation::new(rules, 2);
    let mut answers = answers.iter().cycle();
    loop {
        match evaluation.step(&()) {
            Step::Ask(_) => evaluation.answer(answers.next().unwrap().clone()).unwrap(),
            Step::Fork { .. } => panic!("nothing splits here"),
            Step::Done(ends) => {
                assert!(!ends.is_empty());
                return evaluation.trace().iter().map(|step| step.command).collect();
            }
        }
    }
}

#[test]
fn m_r1_each_command_has_a_page_whose_example_runs() {
    for entry in COMMANDS.iter().filter(|entry| entry.built) {
        let page = std::fs::read_to_string(folder().join(format!("{}.md", entry.name))).unwrap_or_else(|e| panic!("{}: {e}", entry.name));
        assert!(page.starts_with(&format!("# {}\n\n    {}\n", entry.name, entry.usage)), "{}: name and usage first", entry.name);
        let example = page
            .split("```rules\n")
            .nth(1)
            .and_then(|rest| rest.split("```").next())
            .unwrap_or_else(|| panic!("{}: no example", entry.name));
        let (yes, no) = (Answer::Yes, Answer::No);
        let turns = [vec![yes.clone()], vec![no.clone()], vec![yes.clone(), no.clone()], vec![no, yes]];
        let seen: Vec<&str> = turns.iter().flat_map(|answers| run(entry.name, example, answers)).collect();
        assert!(seen.contains(&entry.name), "{}: the example does not come to it: {seen:?}", entry.name);
    }
}

#[test]
fn m_r1_each_page_is_of_a_command_and_in_the_index() {
    let index = std::fs::read_to_string(folder().join("README.md")).unwrap();
    for file in std::fs::read_dir(folder()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let Some(stem) = name.strip_suffix(".md").filter(|stem| *stem != "README") else { continue };
        assert_eq!(command(stem).map(|entry| entry.name), Some(stem));
        assert!(index.contains(&format!("[{stem}]({stem}.md)")), "{stem} is not in the index");
    }
}
