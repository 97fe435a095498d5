//! The generated rule text: a golden file for each built switch on and off, and what must hold whatever is
//! switched (security.md ).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

use std::collections::BTreeMap;

use rules::generate::switches::{Kind, SWITCHES, State};
use rules::{Answer, BuiltIn, Command, Comparison, End, Evaluation, GroupId, RuleSet, Step, Variables, compile, generate};
use serde_json::{Value, json};

fn switches(given: &[(&str, Value)]) -> BTreeMap<String, Value> {
    given.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

fn text(given: &[(&str, Value)]) -> String {
    generate(&switches(given)).unwrap_or_else(|found| panic!("{}", found[0])).text
}

fn golden(name: &str, text: &str) {
    insta::with_settings!({ snapshot_path => "../cases", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

/// What a switch changes: lines that go and lines that come.
fn changes(before: &str, after: &str) -> String {
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let mut table = vec![vec![0usize; after.len() + 1]; before.len() + 1];
    for (i, a) in before.iter().enumerate().rev() {
        for (j, b) in after.iter().enumerate().rev() {
            table[i][j] = if a == b { table[i + 1][j + 1] + 1 } else { table[i + 1][j].max(table[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    while i < before.len() || j < after.len() {
        if i < before.len() && j < after.len() && before[i] == after[j] {
            (i, j) = (i + 1, j + 1);
        } else if j >= after.len() || (i < before.len() && table[i + 1][j] >= table[i][j + 1]) {
            out.push(format!("- {}", before[i]));
            i += 1;
        } else {
            out.push(format!("+ {}", after[j]));
            j += 1;
        }
    }
    out.join("\n")
}

#[test]
fn m_r2_the_default_rule_set() {
    let generated = generate(&BTreeMap::new()).unwrap();
    assert_eq!(generated.left_out, ["out_webmail_tag", "out_webmail_emptypw_tag", "out_webmail_zip_tag"]);
    for key in &generated.left_out {
        assert!(generated.text.contains(key.as_str()), "{key} is not named in the text");
    }
    golden("default_rules", &generated.text);
}

#[test]
fn m_r2_each_built_switch_on_and_off_is_a_golden_file() {
    for switch in SWITCHES.iter().filter(|s| s.state == State::Built) {
        // Details of a scanner show where the scanner is asked.
        let base: Vec<(&str, Value)> = match switch.key {
            "virus_to" | "virus_unscanned" => vec![("virus_check", json!(true)), ("virus_check_outgoing", json!(true))],
            "spam_tag" | "spam_tag_level" | "spam_redirect" => vec![("spam_check", json!(true))],
            "spam_to" | "spam_drop_level" => vec![("spam_check", json!(true)), ("spam_redirect", json!(true))],
            "disclaimer_replies" => vec![("disclaimer_outgoing", json!(true))],
            "out_sign_domain_tag" | "out_sign_domain_all" => vec![("domain_cert", json!("signature@company.example"))],
            "domain_cert" | "name_prefix" | "name_suffix" => {
                vec![("domain_cert", json!("signature@company.example")), ("out_sign_domain_all", json!(true))]
            }
            _ => Vec::new(),
        };
        let default = text(&base);
        let values: Vec<Value> = match switch.kind {
            Kind::Tag("") => vec![json!(format!("[{}]", switch.key))],
            Kind::Tag(_) => vec![json!(""), json!("[other text]")],
            Kind::Flag(on) => vec![json!(!on)],
            Kind::Word(default, words) => words.iter().filter(|word| **word != default).map(|word| json!(word)).collect(),
            Kind::Address => vec![json!("archive@company.example")],
            Kind::Number(default) => vec![json!(default + 1)],
            Kind::Rules => vec![json!("if (rmatch('@partner\\.example$')) {\n    log(1, \"custom\");\n}")],
            Kind::Free => vec![json!("Company AG:")],
        };
        for value in values {
            let changed = text(&[base.as_slice(), &[(switch.key, value.clone())]].concat());
            let (_, found) = compile(switch.key, &changed, &BuiltIn).unwrap_or_else(|found| panic!("{changed}\n{}", found[0]));
            assert_eq!(found, [], "{} = {value} makes text with warnings:\n{changed}", switch.key);
            assert_ne!(changed, default, "{} = {value} changes nothing", switch.key);
            let word: String = value.to_string().chars().filter(char::is_ascii_alphanumeric).take(12).collect();
            let name = format!("switch_{}_{}", switch.key, if word.is_empty() { "empty" } else { &word });
            golden(&name, &format!("{} = {value}\n{}", switch.key, changes(&default, &changed)));
        }
    }
}

#[test]
fn unknown_unavailable_and_wrong_switches_are_refused_by_name() {
    let refused = |key: &str, value: Value| {
        let found = generate(&switches(&[(key, value)])).expect_err(key);
        format!("{} / {}", found[0].message, found[0].hint.clone().unwrap_or_default())
    };
    assert_eq!(refused("out_encrypt_tga", json!("x")), "there is no switch `out_encrypt_tga` / did you mean `out_encrypt_tag`?");
    for later in ["new_user_smime", "new_user_external_ca", "new_user_defer"] {
        assert_eq!(refused(later, json!(true)), format!("{later} is not available yet / leave it out, or give its default"));
    }
    assert!(refused("spam_tag_level", json!(2_000)).contains("0 to 1000"));
    assert_eq!(refused("out_sign_all", json!("yes")), "`out_sign_all` has a value that it can't have / expected true or false");
    assert!(refused("user_creation", json!("never")).ends_with("expected one of manual, on_use, all"));
    assert!(refused("out_encrypt_tag", json!("[a\\")).contains("backslash"));
    assert!(refused("out_encrypt_tag", json!("[$from]")).contains("variables"));
    assert!(refused("out_encrypt_tag", json!("a\nb")).contains("visible"));
    assert!(refused("archive_to", json!("nobody")).contains("@"));
    assert!(refused("out_sign_domain_all", json!(true)).contains("needs a domain certificate"));
    let found = generate(&switches(&[("custom_outgoing", json!("log(1, 'x');\n} deliver();"))])).unwrap_err();
    assert_eq!((found[0].file.as_str(), found[0].line), ("custom_outgoing", 2), "custom text can't close a block of ours");
    assert!(
        generate(&switches(&[("disclaimer_outgoing", json!(false)), ("out_webmail_tag", json!("[webmail]"))])).is_ok(),
        "defaults are no wish"
    );
}

#[test]
fn every_key_of_the_contract_is_known() {
    let contract = "no_touch_tag disclaimer_outgoing disclaimer_replies reprocess log_subject user_creation in_tag_decrypted in_set_confidential \
        in_reject_undecryptable out_encrypt_tag out_encrypt_confidential out_webmail_tag out_webmail_private out_webmail_emptypw_tag \
        out_webmail_zip_tag out_always_keys out_always_webmail out_no_encrypt_tag in_tag_sig_ok in_tag_sig_bad in_strip_sig_ok in_strip_sig_bad \
        out_sign_tag out_sign_all out_no_sign_tag out_sign_calendar out_sign_domain_tag out_sign_domain_all domain_cert name_prefix name_suffix \
        new_user_pgp new_user_smime new_user_external_ca new_user_defer virus_check virus_to virus_check_outgoing virus_unscanned spam_check \
        spam_tag spam_tag_level spam_redirect spam_to spam_drop_level archive_to custom_incoming custom_outgoing custom_user_creation reinject \
        queueless";
    assert_eq!(SWITCHES.iter().map(|s| s.key).collect::<Vec<_>>(), contract.split_whitespace().collect::<Vec<_>>());
}

/// A mail as the model flow sees it.
#[derive(Clone, Debug)]
struct Mail {
    subject: String,
    sensitivity: &'static str,
    authenticated: bool,
    account: bool,
    encrypted: bool,
    incoming: bool,
    /// Who of the recipients has a certificate.
    certificates: Vec<bool>,
}

struct NoAccount(bool);
impl Variables for NoAccount {
    fn get(&self, _: GroupId, name: &str) -> Option<String> {
        (name == "user_mail" && self.0).then(|| "alice@company.example".to_owned())
    }
}

struct Delivered {
    end: End,
    encrypted: bool,
    subject: String,
}

/// A flow without mail: subject and "is encrypted" for each group, copied at forks.
fn run(rules: &std::sync::Arc<RuleSet>, mail: &Mail) -> Vec<Delivered> {
    let mut evaluation = Evaluation::new(std::sync::Arc::clone(rules), mail.certificates.len());
    let mut state = BTreeMap::from([(GroupId(0), (mail.subject.clone(), mail.encrypted))]);
    let mut encrypting = None;
    loop {
        match evaluation.step(&NoAccount(mail.account)) {
            Step::Ask(ask) => {
                if let Some(group) = encrypting.take() {
                    state.get_mut(&group).unwrap().1 = true;
                }
                let (subject, encrypted) = state.get_mut(&ask.group).unwrap();
                let yes = |yes: bool| if yes { Answer::Yes } else { Answer::No };
                let answer = match &ask.command {
                    Command::Incoming => yes(mail.incoming),
                    Command::Authenticated { .. } => yes(mail.authenticated),
                    Command::Compare { header, how } if header == "subject" => {
                        let fits = how.fits(subject);
                        if let (Comparison::Substitute(_), Some(shorter)) = (how, how.removed(subject)) {
                            *subject = shorter;
                        }
                        yes(fits)
                    }
                    Command::Compare { how, .. } => yes(!mail.sensitivity.is_empty() && how.fits(mail.sensitivity)),
                    Command::SmimeEncrypted => yes(*encrypted),
                    Command::EncryptSmime => {
                        let answers: Vec<bool> = ask.recipients.iter().map(|place| mail.certificates[*place]).collect();
                        if answers.iter().any(|yes| *yes) {
                            encrypting = Some(ask.group);
                        }
                        Answer::Split(answers)
                    }
                    Command::TagSubject { text } => {
                        subject.push(' ');
                        subject.push_str(text);
                        Answer::Yes
                    }
                    Command::CreateAccount { .. } => yes(mail.authenticated),
                    Command::SignSmime | Command::DecryptSmime | Command::SmimeSigned | Command::IsCalendar => Answer::No,
                    Command::DecryptPgp | Command::EncryptPgp { .. } | Command::PgpSigned | Command::PgpEncrypted => Answer::No,
                    Command::SmimeKeyKnown | Command::PgpKeyKnown => Answer::Yes,
                    _ => Answer::Yes,
                };
                evaluation.answer(answer).unwrap();
            }
            Step::Fork { from, to } => {
                let copy = state[&from].clone();
                state.insert(to, copy);
            }
            Step::Done(ends) => {
                if let Some(group) = encrypting.take() {
                    state.get_mut(&group).unwrap().1 = true;
                }
                let made = |end: rules::GroupEnd| {
                    let (subject, encrypted) = state[&end.group].clone();
                    Delivered { end: end.end, encrypted, subject }
                };
                return ends.into_iter().map(made).collect();
            }
        }
    }
}

fn mails() -> Vec<Mail> {
    let mut all = Vec::new();
    for bits in 0..64u32 {
        let on = |bit: u32| bits & (1 << bit) != 0;
        let tag = |bit: u32, text: &str| if on(bit) { format!(" {text}") } else { String::new() };
        all.push(Mail {
            subject: format!("Offer{}{}{}", tag(0, "[SECURE]"), tag(1, "[pass]"), tag(2, "[plain]")),
            sensitivity: if on(3) { "Company-Confidential" } else { "" },
            authenticated: bits % 8 != 7,
            account: on(4),
            encrypted: on(5),
            incoming: false,
            certificates: vec![true, false],
        });
    }
    all
}

#[test]
fn x_13_demanded_encryption_never_leaves_in_clear() {
    for bits in 0..32u32 {
        let on = |bit: u32| bits & (1 << bit) != 0;
        let (by_text, by_flag) = (on(0), on(1));
        for creation in ["manual", "on_use", "all"] {
            let given = switches(&[
                ("out_encrypt_tag", json!(if by_text { "[secure]" } else { "" })),
                ("out_encrypt_confidential", json!(by_flag)),
                ("no_touch_tag", json!(if on(2) { "[pass]" } else { "" })),
                ("out_no_encrypt_tag", json!(if on(3) { "[plain]" } else { "" })),
                ("out_always_keys", json!(on(4))),
                ("user_creation", json!(creation)),
            ]);
            let (rules, _) = compile("generated", &generate(&given).unwrap().text, &BuiltIn).unwrap();
            for mail in mails() {
                let demanded = mail.authenticated
                    && ((by_text && mail.subject.contains("[SECURE]")) || (by_flag && mail.sensitivity == "Company-Confidential"));
                for group in run(&rules, &mail) {
                    let clear = matches!(group.end, End::Deliver { .. }) && !group.encrypted;
                    assert!(!(demanded && clear), "{mail:?} leaves in clear with {given:?}");
                    let refused = matches!(group.end, End::Bounce { .. });
                    assert!(demanded || !refused, "{mail:?} bounces without a demand, with {given:?}");
                }
            }
        }
    }
}

#[test]
fn x_13_secure_webmail_that_is_not_there_demands_encryption() {
    let (rules, _) = compile("generated", &text(&[("out_webmail_private", json!(true))]), &BuiltIn).unwrap();
    let mail = Mail {
        subject: "Offer [webmail]".into(),
        sensitivity: "",
        authenticated: true,
        account: true,
        encrypted: false,
        incoming: false,
        certificates: vec![false],
    };
    assert!(matches!(run(&rules, &mail)[0].end, End::Bounce { .. }));
    let mail = Mail { subject: "Offer".into(), sensitivity: "private", ..mail };
    assert!(matches!(run(&rules, &mail)[0].end, End::Bounce { .. }));
}

#[test]
fn x_6_texts_from_outside_command_nothing_and_are_removed() {
    let (rules, _) = compile("generated", &text(&[("no_touch_tag", json!("[pass]"))]), &BuiltIn).unwrap();
    let subject = "[signed OK] Offer [se[nosign]cure] [pass] [signed [secure]OK] [emptypw] [owa] [webmail] [signed INVALID]";
    for incoming in [true, false] {
        let mail = Mail {
            subject: subject.into(),
            sensitivity: "",
            authenticated: false,
            account: true,
            encrypted: false,
            incoming,
            certificates: vec![false],
        };
        let group = &run(&rules, &mail)[0];
        assert!(matches!(group.end, End::Deliver { .. }), "it commands nothing");
        assert!(!group.subject.contains("pass") && !group.subject.contains("nosign"), "{}", group.subject);
        if incoming {
            assert_eq!(group.subject, "Offer");
        }
    }
}

#[test]
fn tags_that_command_are_removed_before_the_mail_leaves() {
    let (rules, _) = compile("generated", &text(&[]), &BuiltIn).unwrap();
    let mail = Mail {
        subject: "[secure] Offer [sign]".into(),
        sensitivity: "",
        authenticated: true,
        account: true,
        encrypted: false,
        incoming: false,
        certificates: vec![true],
    };
    let group = &run(&rules, &mail)[0];
    assert_eq!((group.subject.as_str(), group.encrypted), ("Offer", true));
}

#[test]
fn x_5_the_generated_rules_scan_after_every_decryption_and_before_signing_and_encryption() {
    let given = [("virus_check", json!(true)), ("virus_check_outgoing", json!(true)), ("spam_check", json!(true))];
    let all = text(&given);
    let (incoming, outgoing) = all.split_once("# Outgoing mail").unwrap();
    let last = |part: &str, word: &str| part.rfind(word).unwrap_or_else(|| panic!("no {word}"));
    let first = |part: &str, word: &str| part.find(word).unwrap_or_else(|| panic!("no {word}"));
    for scan in ["vscan(", "isspam("] {
        assert!(last(incoming, "decrypt_smime()") < first(incoming, scan), "{scan}");
        assert!(last(incoming, "decrypt_pgp()") < first(incoming, scan), "{scan}");
    }
    assert!(last(outgoing, "vscan(") < first(outgoing, "sign_smime()") && last(outgoing, "vscan(") < first(outgoing, "encrypt_smime()"));
    let scans = |given: &[(&str, Value)]| compile("t", &text(given), &BuiltIn).unwrap().0.scans();
    assert_eq!((scans(&given).virus, scans(&given).spam), (true, true));
    assert_eq!((scans(&[]).virus, scans(&[]).spam), (false, false));
}

#[test]
fn m_p4_a_rule_set_that_scans_needs_a_scanner() {
    struct NoScanner;
    impl rules::Names for NoScanner {
        fn template(&self, _: &str) -> bool {
            true
        }
        fn scanner(&self, _: &str) -> bool {
            false
        }
    }
    for (rule, key) in [("vscan('info');", "clamd"), ("isspam(1, '', 2);", "rspamd")] {
        let found = compile("t", rule, &NoScanner).unwrap_err();
        assert!(found[0].hint.as_ref().unwrap().contains(key), "{}", found[0]);
    }
}
