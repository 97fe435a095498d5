//! Against a real directory (OpenLDAP): what is found, what is kept, what happens without one.

use std::sync::Arc;

use testkit::net::isolated;
use testkit::slapd::{BASE, READER, Slapd};

use super::*;
use crate::decide;
use crate::kit_tests::{OURS, PLAIN, rules_for, state, work};
use crate::scan::{Scans, Settings};
use crate::state::MailState;

const ALICE: &str = "alice@company.example";

fn run(work: &Work, rules: &str) -> Result<MailState, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mail = state(work, "Subject: *)(uid=*\r\n", PLAIN);
    runtime.block_on(decide::decide(work, rules_for(work, rules), mail)).map(|decided| decided.ends[0].1.clone())
}

/// The subject that the rules made.
fn subject(work: &Work, rules: &str) -> String {
    run(work, rules).unwrap().message.decoded("subject").unwrap()
}

fn anew() -> Work {
    Work { scans: Scans::new(Settings::default()), ..work(OURS, ALICE, &["paul@partner.example"]) }
}

#[test]
fn m_r1_ldap_commands_ask_a_real_directory() {
    isolated(|| {
        let people: [(&str, &[&str], &str); 2] =
            [("alice", &["alice@company.example", "al@company.example"], "x"), ("bob", &["bob@company.example"], "y")];
        let mut slapd = Slapd::start("slapd", "127.0.0.30:3890", &people, None);
        let asked = |filter: &str| format!(r"ldap://127.0.0.31:3891,127.0.0.30:3890;{READER};reader\;pass;{BASE};{filter}");
        let read = |filter: &str, attribute: &str| {
            format!(
                "if (ldap_read('{}', '{attribute}', 'v')) {{ setheader('Subject', 'got $v'); }} else {{ setheader('Subject', 'none [$v]'); }}",
                asked(filter)
            )
        };
        let says = |filter: &str, attribute: &str, value: &str| {
            let rules = format!("if (ldap_compare('{}', '{attribute}', '{value}')) {{ setheader('Subject', 'yes'); }}", asked(filter));
            subject(&anew(), &rules) == "yes"
        };
        // The first server is away; the second one has both addresses.
        assert_eq!(subject(&anew(), &read("(mail=$from)", "MAIL")), "got alice@company.example;al@company.example");
        assert_eq!(subject(&anew(), &read("(mail=nobody@x.example)", "mail")), "none []");
        assert_eq!(subject(&anew(), &read("(mail=$from)", "title")), "none []");
        assert_eq!(subject(&anew(), &read("(uid=$subject)", "mail")), "none []", "X-10: a value never changes the filter");
        assert!(says("(uid=alice)", "mail", "al@company.example") && !says("(uid=alice)", "mail", "bob@company.example"));

        let stored = rules::passwords::take("t", &read("(uid=bob)", "cn")).unwrap();
        let (name, password) = stored.passwords[0].clone();
        assert!(!stored.text.contains("pass;") && stored.text.contains(&name), "{}", stored.text);
        let mut named = anew();
        assert_eq!(run(&named, &stored.text).unwrap_err().code, "directory-away", "nothing is stored");
        let mut site = (*named.site).clone();
        let body = serde_json::json!({ "sealed": password.unwrap().expose() }).to_string();
        site.apply(&model::SiteRow { section: model::site::Section::Secret, key: name, version: 1, body }).unwrap();
        named.site = Arc::new(site);
        assert_eq!(subject(&named, &stored.text), "got bob", "X-22: the sealed password opens the directory");

        let work = anew();
        assert_eq!(subject(&work, &read("(uid=bob)", "cn")), "got bob");
        slapd.down();
        assert_eq!(subject(&work, &read("(uid=bob)", "cn")), "got bob", "the answer is kept for a while");
        let fault = run(&anew(), &read("(uid=bob)", "cn")).unwrap_err();
        assert_eq!((fault.code, fault.temporary), ("directory-away", true));
        assert!(!fault.cause.contains("reader;pass"), "{fault}");
        let short = Settings { keep_directory: std::time::Duration::ZERO, ..Settings::default() };
        let work = Work { scans: Scans::new(short), ..anew() };
        slapd.up();
        assert_eq!(subject(&work, &read("(uid=bob)", "cn")), "got bob");
        slapd.down();
        assert!(run(&work, &read("(uid=bob)", "cn")).is_err(), "an answer that is too old is none");
    });
}

#[test]
fn m_r1_a_directory_that_can_not_be_asked_is_a_load_error() {
    let work = work(OURS, ALICE, &["paul@partner.example"]);
    let names = crate::ruleset::SiteNames(&work.site);
    for bad in [
        "ldap_read('ldap://a;u;p;dc=x', 'mail', 'v');",
        "ldap_read('http://a;u;p;dc=x;(a=b)', 'mail', 'v');",
        "ldap_read('a;u;p;dc=x;(a=b', 'mail', 'v');",
        "ldap_read('a;u;p;dc=x;(a=b)', 'ma il', 'v');",
        "ldap_read('a;u;p;dc=x;(a=b)', 'mail', 'from');",
    ] {
        assert!(rules::compile("t", bad, &names).is_err(), "{bad}");
    }
    let known: Arc<rules::RuleSet> = rules::compile("t", "ldap_read('a;u;p;dc=x;(a=$to)', 'mail', 'v'); log(1, '$v');", &names).unwrap().0;
    assert_eq!(known.name(), "t");
}
