//! How many evaluations of the generated rule set one core makes in a second, without cryptography: `cargo run --release --package
//! sealgate-rules --example evaluations [seconds]`. Subjects are really searched; what keys and the site would say is a constant.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rules::{Answer, BuiltIn, Command, Evaluation, GroupId, RuleSet, Step, Variables, compile, generate};

/// An account, so that rules which ask for one go on.
struct Known;

impl Variables for Known {
    fn get(&self, _: GroupId, name: &str) -> Option<String> {
        (name == "user_mail").then(|| "alice@company.example".to_owned())
    }
}

fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(3);
    let text = generate(&BTreeMap::new()).map(|made| made.text).unwrap_or_default();
    let Ok((rules, _)) = compile("generated", &text, &BuiltIn) else { return };
    for (name, incoming) in [("incoming", true), ("outgoing", false)] {
        let (mut made, began) = (0u64, Instant::now());
        while began.elapsed() < Duration::from_secs(seconds) {
            for _ in 0..1_000 {
                black_box(evaluate(&rules, incoming));
            }
            made += 1_000;
        }
        let rate = made as f64 / began.elapsed().as_secs_f64();
        println!("{{\"rules\":\"generated, {name}\",\"evaluations_per_second\":{rate:.0}}}");
    }
}

/// A plain mail with one recipient; the number of steps.
fn evaluate(rules: &Arc<RuleSet>, incoming: bool) -> usize {
    let mut evaluation = Evaluation::new(Arc::clone(rules), 1);
    loop {
        match evaluation.step(&Known) {
            Step::Ask(ask) => {
                let yes = match &ask.command {
                    Command::Incoming => incoming,
                    Command::Authenticated { .. } => !incoming,
                    Command::Compare { header, how } => header == "subject" && how.fits("Re: Quarterly figures and the offer of last week"),
                    _ => false,
                };
                if evaluation.answer(if yes { Answer::Yes } else { Answer::No }).is_err() {
                    return 0;
                }
            }
            Step::Fork { .. } => {}
            Step::Done(_) => return evaluation.trace().len(),
        }
    }
}
