//! The rule language: text to program, and a program run to its end.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use model::{Fault, Guilty};
use rules::{Answer, BuiltIn, Evaluation, RuleSet, Step, compile, generate, outcome};

/// The octets as rule text.
pub fn rule_parser(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let found = match compile("fuzz", text, &BuiltIn) {
        Ok((_, found)) => found,
        Err(found) => {
            assert!(!found.is_empty(), "refused without a reason");
            found
        }
    };
    for diagnostic in found {
        let _ = (diagnostic.render(false), diagnostic.one_line(), diagnostic.to_string());
    }
}

/// Rule text behind the first zero octet, answers before it; without one, the default rules.
pub fn rule_evaluator(data: &[u8]) {
    let (answers, text) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (data.get(..at).unwrap_or_default(), data.get(at + 1..).unwrap_or_default()),
        None => (data, &[][..]),
    };
    let rules = if text.is_empty() { default_rules() } else { std::str::from_utf8(text).ok().and_then(compiled) };
    let Some(rules) = rules else { return };
    let recipients = answers.first().map_or(1, |byte| usize::from(byte % 8) + 1);
    run(rules, recipients, answers);
}

fn default_rules() -> Option<Arc<RuleSet>> {
    static RULES: OnceLock<Option<Arc<RuleSet>>> = OnceLock::new();
    RULES.get_or_init(|| compiled(&generate(&BTreeMap::new()).ok()?.text)).clone()
}

fn compiled(text: &str) -> Option<Arc<RuleSet>> {
    compile("fuzz", text, &BuiltIn).ok().map(|(rules, _)| rules)
}

fn run(rules: Arc<RuleSet>, recipients: usize, answers: &[u8]) {
    let mut evaluation = Evaluation::new(rules, recipients);
    let mut answers = answers.iter().copied();
    loop {
        match evaluation.step(&()) {
            Step::Ask(ask) => {
                assert!(!ask.recipients.is_empty(), "a command for nobody");
                let byte = answers.next().unwrap_or(0);
                if byte & 0x10 != 0 {
                    evaluation.key_used();
                }
                if ask.command.name() == "autoreply" && byte & 1 == 1 {
                    let made = evaluation.reply(usize::from(byte % 4)).expect("a reply to what asked for one");
                    assert_eq!(made.len(), usize::from(byte % 4));
                    continue;
                }
                if ask.command.name() == "replace_rcpt" {
                    let turned: Vec<usize> = ask.recipients.iter().rev().copied().collect();
                    evaluation.replace_recipients(turned.into()).expect("somebody is left");
                }
                if byte & 0x20 != 0 {
                    evaluation.set_variable("v", "$from (.*)".to_owned());
                }
                let split = (0..ask.recipients.len()).map(|place| byte >> (place % 8) & 1 == 1).collect();
                let answer = match byte % 6 {
                    0 => Answer::No,
                    1 => Answer::Yes,
                    2 => Answer::Unknown,
                    3 if byte > 250 => Answer::Temporary(Fault::temporary(Guilty::Ourselves, "fuzz", "fuzz")),
                    _ => Answer::Split(split),
                };
                if evaluation.answer(answer).is_err() {
                    evaluation.answer(Answer::No).expect("every command takes a no");
                }
            }
            Step::Fork { from, to } => assert_ne!(from, to),
            Step::Done(ends) => {
                let temporary = ends.iter().any(|end| matches!(end.end, rules::End::Temporary(_)));
                let mut all: Vec<usize> = ends.iter().filter(|end| !end.reply).flat_map(|end| end.recipients.iter().copied()).collect();
                all.sort_unstable();
                assert!(temporary || all == (0..recipients).collect::<Vec<_>>(), "a recipient was lost or doubled");
                let _ = (outcome(&ends, true), outcome(&ends, false));
                return;
            }
        }
    }
}
