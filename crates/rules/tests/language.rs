//! The language as an administrator meets it: what is taken, what is refused and with which words, and the
//! way of groups through it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

use std::sync::Arc;

use model::{Budget, Fault, Guilty, Limits};
use rules::{Answer, BuiltIn, Command, End, Evaluation, GroupId, RuleSet, Step, Variables, compile};

fn rule_set(text: &str) -> Arc<RuleSet> {
    compile("test.rules", text, &BuiltIn).unwrap_or_else(|found| panic!("{}", found[0])).0
}

fn golden(name: &str, text: &str) {
    insta::with_settings!({ snapshot_path => "../cases", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

/// Runs a rule set; `answer` gets the command's name and its group's recipients.
fn run(text: &str, recipients: usize, mut answer: impl FnMut(&rules::Ask) -> Answer) -> String {
    let mut evaluation = Evaluation::new(rule_set(text), recipients);
    let mut story = Vec::new();
    loop {
        match evaluation.step(&()) {
            Step::Ask(ask) => {
                story.push(format!("{}:{}{:?}", ask.command.name(), ask.group.0, ask.recipients));
                let answer = answer(&ask);
                evaluation.answer(answer).unwrap();
            }
            Step::Fork { from, to } => story.push(format!("fork {}>{}", from.0, to.0)),
            Step::Done(ends) => {
                story.extend(ends.iter().map(|end| format!("{}{:?}={}", end.group.0, end.recipients, word(&end.end))));
                return story.join(" ");
            }
        }
    }
}

fn word(end: &End) -> String {
    match end {
        End::Deliver { server } => format!("deliver({})", server.clone().unwrap_or_default()),
        End::Bounce { template, .. } => format!("bounce({template})"),
        End::Drop { code, text } => format!("drop({code} {text})"),
        End::Reprocess => "reprocess".to_owned(),
        End::Temporary(fault) => format!("temporary({})", fault.code),
    }
}

#[test]
fn each_fault_of_a_rule_set_is_shown_with_its_place_and_what_was_expected() {
    let cases = [
        "frobnicate();",
        "encrypt_smim();",
        "encrypt_domain();",
        "encrypt_pgp();",
        "encrypt_pgp('sign');",
        "encrypt_pgp(1, 'nobody');",
        "if (drop()) { }",
        "compare('subject', 'equal');",
        "compare('subject', 'like', 'x');",
        "compare('sub ject', 'equal', 'x');",
        "compare('subject', 'match', '(unclosed');",
        "compareattr('colour', 'equal', 'red');",
        "log(8, 'x');",
        "log(debug, 'x');",
        "setheader('Content-Type', 'text/html');",
        "rmheader('X-Sealgate-Trace');",
        "setvar('from', 'x');",
        "setvar('1x', 'x');",
        "bounce('bounce_noence');",
        "drop(200);",
        "archive('nobody');",
        "createaccount(2);",
        "createkeys(5);",
        "createkeys(0);",
        "createkeys(1, 'wait');",
        "attach('/etc/passwd');",
        "disclaimer('legal');",
        "disclaimer('', 'left');",
        "member_of('sales');",
        "member_of();",
        "setuserattr('mobil', '1');",
        "setuserattr('accountOptions', '2');",
        "replace_rcpt('nobody');",
        "replace_rcpt('(', 'a@b.example');",
        "add_report('a/b', 'auto');",
        "ldap_read('ldap://a;u;p;dc=x', 'mail', 'v');",
        "ldap_read('a;u;p;dc=x;(a=b)', 'mail', 'to');",
        "if (reprocess()) { }",
        "sign_smime('company.example');",
        "validate_smime_sig('maybe');",
        "partoftype('PDFF');",
        "partoftype('!ZIP');",
        "partoftype('EXE', 'remove');",
        "set_sensitivity('secret');",
        "notify('sender', 'bounce_noenc', 'To: x@y.example');",
        "tag_subject('line one\n   line two');\nlog(1, $from);",
        "if (authenticated() { deliver(); }",
        "deliver('';",
        "drop(550, 'never closed);",
    ];
    let shown: Vec<String> = cases
        .iter()
        .map(|text| {
            let found = compile("own.rules", text, &BuiltIn).expect_err(text);
            found.iter().map(ToString::to_string).collect::<String>()
        })
        .collect();
    golden("load_errors", &shown.join("\n"));
}

#[test]
fn doubtful_rules_are_taken_with_a_warning() {
    let text = "log(1, 'from $froom, $1, 5$');\nlog(1, 'one\n  two');\nif (compare('subject', 'match', '')) { }\n\
                partoftype('EXE', 'info', 1);\nif (decrypt_smime()) { drop(550); }\nif (vscan('clean')) { drop(550); }\nif (!compareattr('vscanresult', 'equal', 'clean')) { drop(); }\n\
                isspam(5, '', 9); decrypt_smime();\ndeliver();\ndrop();\nlog(1, 'x');";
    let (_, found) = compile("own.rules", text, &BuiltIn).unwrap();
    golden("load_warnings", &found.iter().map(ToString::to_string).collect::<String>());
}

#[test]
fn every_spelling_of_the_manual_is_taken() {
    let text = r#"# comment
        TagSubject ('x'); tag_subject("y"); LOG("1", 'x'); log(1, "$from $header_from $to $dmarc");
        if (!AUTHENTICATED()) { authenticated("header"); authenticated(1); } else { }
        if (authenticated()) { } else if (incoming() && !(iscalendar() || rmatch('@b\.example$'))) { drop(); }
        validate_smime_sig(); validate_smime_sig('no'); validate_smime_sig(1); validate_smime_sig(TRUE_IS_A_WORD); "#
        .replace("validate_smime_sig(TRUE_IS_A_WORD);", "validate_smime_sig('True');")
        + r#"createaccount(); createaccount(0); createaccount(1); createkeys(1); createkeys('1', 'CONTINUE'); createaccount('', 'bob', "Bob B"); smime_keys_avail("strict"); smime_keys_avail('auto');
        notify("sender", "bounce_noenc"); notify('admin', 'bounce_noenc', 1, 'Subject: a;X-B: "c;d"'); notify("a@b.example", 'bounce_noenc', "From: x");
        setvar('mine', 'x'); if (compareattr('mine', 'equal', 'x')) { setheader('X-Mine', "$mine"); rmheader('X-Old'); }
        set_sensitivity("confidential"); set_sensitivity(''); archive("a@b.example"); comparebody('x'); rmatchsplit('x');
        has_smime_key(); smime_encrypted(); smime_signed(); delete_smime_sig(); delete_pgp_sig(); pgp_key_known(); sign_smime(); encrypt_smime();
        VSCAN("info"); vscan('delete', 'no'); is_spam(6, "[SPAM]", "15"); isspam(0, '', 1000);
        if (smime_key_known()) { partoftype('exe, ARCHIVES,!JAR,image/*', 'DELETE', 'yes'); partoftype("PDF"); partoftype('MS.OFF', '', 1); deliver("[192.0.2.1]:2525"); } else { deliver(''); }"#;
    let (_, found) = compile("t", &text, &BuiltIn).unwrap_or_else(|found| panic!("{}", found[0]));
    assert_eq!(found, []);
}

#[test]
fn groups_divide_yes_first_and_both_go_on_below_the_if() {
    let text = "if (incoming()) { log(1, 'in'); } else { log(1, 'out'); } iscalendar(); if (encrypt_smime()) { deliver('x'); } bounce('bounce_noenc');";
    let story = run(text, 3, |ask| match &ask.command {
        Command::Incoming => Answer::Split(vec![false, true, true]),
        Command::EncryptSmime if ask.group == GroupId(0) => Answer::Split(vec![true, false]),
        Command::EncryptSmime => Answer::Split(vec![true]),
        _ => Answer::No,
    });
    assert_eq!(
        story,
        "incoming:0[0, 1, 2] fork 0>1 log:0[1, 2] iscalendar:0[1, 2] encrypt_smime:0[1, 2] fork 0>2 \
         log:1[0] iscalendar:1[0] encrypt_smime:1[0] 0[1]=deliver(x) 2[2]=bounce(bounce_noenc) 1[0]=deliver(x)"
    );
}

#[test]
fn conditions_stop_as_early_as_they_can() {
    let truth = |text: &str, yes: &[&str]| run(text, 1, |ask| if yes.contains(&ask.command.name()) { Answer::Yes } else { Answer::No });
    let text = "if (authenticated() && (iscalendar() || !smime_signed()) && !smime_encrypted()) { drop(550, 'in'); } drop(551, 'out');";
    assert_eq!(truth(text, &[]), "authenticated:0[0] 0[0]=drop(551 out)");
    assert_eq!(truth(text, &["authenticated", "iscalendar"]), "authenticated:0[0] iscalendar:0[0] smime_encrypted:0[0] 0[0]=drop(550 in)");
    assert_eq!(truth(text, &["authenticated", "smime_signed"]), "authenticated:0[0] iscalendar:0[0] smime_signed:0[0] 0[0]=drop(551 out)");
    let chain = "if (iscalendar()) { drop(501, 'a'); } else if (!smime_signed()) { drop(502, 'b'); } else { drop(503, 'c'); }";
    assert_eq!(truth(chain, &["smime_signed"]), "iscalendar:0[0] smime_signed:0[0] 0[0]=drop(503 c)");
    assert_eq!(truth(chain, &[]), "iscalendar:0[0] smime_signed:0[0] 0[0]=drop(502 b)");
}

#[test]
#[allow(clippy::nonminimal_bool, reason = "the very forms under test")]
fn a_truth_table_of_conditions_is_right() {
    // Against Rust's own && and ||, for all answers of three commands.
    type Truth = fn(bool, bool, bool) -> bool;
    let cases: [(&str, Truth); 5] = [
        ("iscalendar() && smime_signed() || smime_encrypted()", |a, b, c| a && b || c),
        ("iscalendar() && (smime_signed() || smime_encrypted())", |a, b, c| a && (b || c)),
        ("!(iscalendar() && smime_signed()) && !smime_encrypted()", |a, b, c| !(a && b) && !c),
        ("!(iscalendar() || !smime_signed()) || smime_encrypted()", |a, b, c| !(a || !b) || c),
        ("!!iscalendar() || !(!smime_signed() && !(smime_encrypted()))", |a, b, c| a || !(!b && !c)),
    ];
    for (condition, truth) in cases {
        for bits in 0..8u8 {
            let (a, b, c) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
            let story = run(&format!("if ({condition}) {{ drop(501, 'yes'); }} else {{ drop(502, 'no'); }}"), 1, |ask| {
                let yes = match ask.command {
                    Command::IsCalendar => a,
                    Command::SmimeSigned => b,
                    _ => c,
                };
                if yes { Answer::Yes } else { Answer::No }
            });
            assert_eq!(story.ends_with("drop(501 yes)"), truth(a, b, c), "{condition} {a} {b} {c}: {story}");
        }
    }
}

struct Values;
impl Variables for Values {
    fn get(&self, group: GroupId, name: &str) -> Option<String> {
        match name {
            "subject" => Some(format!("a.*b {}", group.0)),
            "connect_from" => Some("192.0.2.1".to_owned()),
            _ => None,
        }
    }
}

#[test]
fn variables_belong_to_their_group() {
    let text = "setvar('a', 'old $subject'); if (incoming()) { setvar('a', 'new'); } log(1, \"$a|$user_mail|$nobody\"); rmatch('^$subject$');\
                if (compareattr('a', 'match', '^OLD') && compareattr('connect_from', 'equal', '192.0.2.1')) { drop(550, '$a'); }";
    let (rules, _) = compile("t", text, &BuiltIn).unwrap();
    let mut evaluation = Evaluation::new(rules, 2);
    let mut seen = Vec::new();
    let ends = loop {
        match evaluation.step(&Values) {
            Step::Ask(ask) => {
                let answer = if let Command::Incoming = ask.command { Answer::Split(vec![true, false]) } else { Answer::Yes };
                match &ask.command {
                    Command::Log { text, .. } => seen.push(text.clone()),
                    Command::RMatch { pattern } => seen.push(pattern.as_str().to_owned()),
                    _ => {}
                }
                evaluation.answer(answer).unwrap();
            }
            Step::Fork { .. } => {}
            Step::Done(ends) => break ends,
        }
    };
    assert_eq!(seen, ["new||$nobody", r"^a\.\*b 0$", "old a.*b 0||$nobody", r"^a\.\*b 1$"], "x_10: values in expressions are escaped");
    assert_eq!(ends.iter().map(|end| word(&end.end)).collect::<Vec<_>>(), ["deliver()", "drop(550 old a.*b 0)"]);
}

#[test]
fn the_trace_tells_each_groups_way_and_no_values() {
    let text = "setvar('a', '$subject');\nif (incoming()) {\n log(1, 'x');\n} else {\n iscalendar(); }\ndeliver();";
    let mut evaluation = Evaluation::new(rule_set(text), 2);
    loop {
        match evaluation.step(&Values) {
            Step::Ask(ask) if ask.command.splits() => evaluation.answer(Answer::Split(vec![false, true])).unwrap(),
            Step::Ask(_) => evaluation.answer(Answer::Unknown).unwrap(),
            Step::Fork { .. } => {}
            Step::Done(_) => break,
        }
    }
    let way = |group: u32| {
        let steps = evaluation.trace_of(GroupId(group));
        steps.iter().map(|s| format!("{}:{}={}", s.line, s.command, s.answer)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(way(0), "1:setvar=yes 2:incoming=yes 3:log=unknown 6:deliver=end");
    assert_eq!(way(1), "1:setvar=yes 2:incoming=no 5:iscalendar=unknown 6:deliver=end");
    assert_eq!(evaluation.trace().len(), 7);
    assert!(evaluation.trace().iter().all(|s| !s.written.contains("a.*b")), "x_21");
}

#[test]
fn a_temporary_failure_ends_the_whole_mail() {
    let fault = || Fault::temporary(Guilty::Ourselves, "disk-full", "test");
    let story = run("if (incoming()) { deliver(); } iscalendar(); deliver();", 2, |ask| match ask.command {
        Command::Incoming => Answer::Split(vec![true, false]),
        _ => Answer::Temporary(fault()),
    });
    assert_eq!(story, "incoming:0[0, 1] fork 0>1 iscalendar:1[1] 0[0]=deliver() 1[1]=temporary(disk-full)");
}

#[test]
fn x_11_time_and_steps_are_bounded() {
    let spent = Budget::new(Limits { time: std::time::Duration::ZERO, ..Limits::default() });
    while spent.time().is_ok() {}
    let mut evaluation = Evaluation::new(rule_set("iscalendar();"), 1).with_budget(spent);
    let Step::Done(ends) = evaluation.step(&()) else { panic!("asked after the deadline") };
    assert_eq!(word(&ends[0].end), "temporary(mail-budget)");

    // 200 groups × 1,000 statements pass the bound.
    let text = format!("{}{}", "rmatchsplit('x');".repeat(200), "setvar('a', 'b');".repeat(1000));
    let mut evaluation = Evaluation::new(rule_set(&text), 200);
    let ends = loop {
        match evaluation.step(&()) {
            Step::Ask(ask) => {
                let answers = (0..ask.recipients.len()).map(|place| place == 0).collect();
                evaluation.answer(Answer::Split(answers)).unwrap();
            }
            Step::Fork { .. } => {}
            Step::Done(ends) => break ends,
        }
    };
    assert_eq!(word(&ends.last().unwrap().end), "temporary(rules-too-long)");
}

#[test]
fn a_wrong_answer_is_an_error_and_changes_nothing() {
    let mut evaluation = Evaluation::new(rule_set("iscalendar(); incoming();"), 2);
    assert!(evaluation.answer(Answer::Yes).is_err(), "nothing was asked");
    let Step::Ask(_) = evaluation.step(&()) else { panic!() };
    assert!(evaluation.answer(Answer::Split(vec![true, false])).is_err(), "iscalendar does not split");
    evaluation.answer(Answer::Yes).unwrap();
    let Step::Ask(ask) = evaluation.step(&()) else { panic!() };
    assert_eq!(ask.command.name(), "incoming");
    assert!(evaluation.answer(Answer::Split(vec![true])).is_err(), "two recipients, one answer");
    evaluation.answer(Answer::Split(vec![true, true])).unwrap();
    assert!(matches!(evaluation.step(&()), Step::Done(ends) if ends.len() == 1));
}

#[test]
fn m_r9_a_group_can_be_divided_before_its_command_is_carried_out() {
    let mut evaluation = Evaluation::new(rule_set("iscalendar(); encrypt_smime(); log(1, 'x');"), 4);
    let Step::Ask(_) = evaluation.step(&()) else { panic!() };
    assert!(evaluation.separate(&[1]).is_err(), "iscalendar does not split");
    evaluation.answer(Answer::Yes).unwrap();
    let Step::Ask(_) = evaluation.step(&()) else { panic!() };
    for wrong in [&[0, 1, 2, 3][..], &[7], &[1, 1, 1]] {
        assert!(evaluation.separate(wrong).is_err(), "{wrong:?}");
    }
    evaluation.separate(&[1, 3]).unwrap();
    let mut story = Vec::new();
    let ends = loop {
        match evaluation.step(&()) {
            Step::Ask(ask) => {
                story.push(format!("{}{:?}", ask.command.name(), ask.recipients));
                evaluation.answer(Answer::Yes).unwrap();
            }
            Step::Fork { from, .. } => story.push(format!("fork {}", from.0)),
            Step::Done(ends) => break ends,
        }
    };
    assert_eq!(story.join(" "), "fork 0 fork 0 encrypt_smime[0, 2] log[0, 2] encrypt_smime[1] log[1] encrypt_smime[3] log[3]");
    assert_eq!(ends.len(), 3);
    let way: Vec<_> = evaluation.trace_of(ends[2].group).iter().map(|step| step.command).collect();
    assert_eq!(way, ["iscalendar", "encrypt_smime", "log"], "the way before the division is part of it");
}

#[test]
fn x_3_a_fault_after_a_key_was_used_ends_its_group_alone() {
    let rules = "if (smime_key_known()) { decrypt_smime(); compare('subject', 'match', '$subject'); }";
    let huge = |_: GroupId, name: &str| (name == "subject").then(|| "x".repeat(3_000_000));
    let mut evaluation = Evaluation::new(rule_set(rules), 2);
    let ends = loop {
        match evaluation.step(&Subject(&huge)) {
            Step::Ask(ask) if ask.command.name() == "smime_key_known" => evaluation.answer(Answer::Split(vec![true, false])).unwrap(),
            Step::Ask(_) => {
                evaluation.key_used();
                evaluation.answer(Answer::Yes).unwrap();
            }
            Step::Fork { .. } => {}
            Step::Done(ends) => break ends,
        }
    };
    let words: Vec<_> = ends.iter().map(|end| format!("{:?} {}", end.recipients, word(&end.end))).collect();
    assert_eq!(words, ["[0] temporary(rules-pattern)", "[1] deliver()"]);
    assert!(matches!(rules::outcome(&ends, false), rules::WholeMail::Accepted(_)));
    assert!(matches!(rules::outcome(&ends, true), rules::WholeMail::TryLater { .. }));
}

struct Subject<'a>(&'a dyn Fn(GroupId, &str) -> Option<String>);

impl Variables for Subject<'_> {
    fn get(&self, group: GroupId, name: &str) -> Option<String> {
        (self.0)(group, name)
    }
}

proptest::proptest! {
    #[test]
    fn x_11_any_text_compiles_or_is_refused_and_what_compiles_ends(
        text in proptest::collection::vec(proptest::sample::select(vec![
            "if", "(", ")", "{", "}", ";", "!", "&&", "||", "else ", "incoming()", "drop", "'a'", "\"", ",", "1", "\\'", "\n", "$x",
            "rmatchsplit('x')", "log(1, 'a')", "setvar('v', '$v$from')", "deliver();", "#", "€", "\0",
        ]), 0..60),
        seed in proptest::prelude::any::<u64>(),
    ) {
        let text = text.concat();
        if let Ok((rules, _)) = compile("fuzz", &text, &BuiltIn) {
            let mut evaluation = Evaluation::new(rules, 5);
            let mut bits = seed;
            loop {
                match evaluation.step(&()) {
                    Step::Ask(ask) if ask.command.splits() => {
                        let answers = ask.recipients.iter().map(|place| (bits >> (place % 64)) & 1 == 1).collect();
                        bits = bits.rotate_left(7);
                        evaluation.answer(Answer::Split(answers)).unwrap();
                    }
                    Step::Ask(_) => evaluation.answer(if bits & 1 == 1 { Answer::Yes } else { Answer::No }).unwrap(),
                    Step::Fork { .. } => {}
                    Step::Done(ends) => {
                        let mut all: Vec<_> = ends.iter().flat_map(|end| end.recipients.iter().copied()).collect();
                        all.sort_unstable();
                        proptest::prop_assert_eq!(all, vec![0, 1, 2, 3, 4], "each recipient ends exactly once");
                        break;
                    }
                }
            }
        }
    }
}
