//! Every built in template in every language, strictness, and nothing injected by values.

use super::*;

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn every_built_in_template_renders_in_every_language() {
    let both = [("to", "bob@partner.example"), ("admin", "postmaster@company.example")];
    for name in BUILT_IN {
        let own: &[(&str, &str)] =
            if name == "new_pgp_key" { &[("fingerprint", "00FF 17")] } else { &[("subject", "Plans"), ("mailid", "01jd8")] };
        let given = values(&[&both[..], own].concat());
        for language in Language::ALL {
            let source = mail_template(language, name).unwrap();
            check(&source).unwrap();
            let mail = render(&source, &given).unwrap();
            assert!(!mail.subject().is_empty(), "{language:?} {name} has a subject");
            for value in given.values() {
                assert!(mail.text.contains(value.as_str()), "{language:?} {name} tells {value}");
            }
            assert!(!mail.text.contains("{{") && mail.text.lines().all(|line| line.chars().count() <= 76), "{language:?} {name}");
        }
    }
    assert_eq!(mail_template(Language::De, "../en/bounce_noenc"), None, "names are ours");
}

#[test]
fn unknown_names_are_refused_when_saved() {
    let error = check("Subject: x\n\nHello {{ nobody }}").unwrap_err().to_string();
    assert!(error.contains("nobody") && error.contains("user_name"), "{error}");
    assert!(matches!(check("Subject: x\n\nHello\n{{ to"), Err(TemplateError::Syntax { line: 4, .. })));
    assert!(matches!(check("Subject: {{ to | debug }}\n\nx"), Err(TemplateError::Syntax { line: 1, .. })));
    assert!(matches!(check("Subject: x\nBcc: a@b.example\n\nx"), Err(TemplateError::Header { line: 2 })));
    assert!(matches!(check("Subject: x\nX-Sealgate-Signature: valid\n\nx"), Err(TemplateError::Header { line: 2 })));
    assert!(check(&"x".repeat(LONGEST + 1)).is_err());
}

#[test]
fn rule_notation_works_too() {
    let mail =
        render("Subject: about $subject\n\nTo $to, 5 $ and $nothing.", &values(&[("to", "a@b.example"), ("subject", "$to")])).unwrap();
    assert_eq!(mail.subject(), "about $to");
    assert_eq!(mail.text, "To a@b.example, 5 $ and $nothing.");
}

#[test]
fn a_text_without_header_lines_is_all_text() {
    let mail = render("Dear {{ to }},\n\nSubject: no", &values(&[("to", "Bob")])).unwrap();
    assert!(mail.headers.is_empty());
    assert_eq!(mail.text, "Dear Bob,\n\nSubject: no");
}

#[test]
fn x_10_values_are_never_header_lines_or_template_code() {
    let evil = values(&[("subject", "a\r\nBcc: eve@evil.example\r\n\r\nbody\0"), ("to", "{{ admin }}{% for x in to %}")]);
    let mail = render("Subject: Re: {{ subject }}\n\n{{ to }} {{ subject }}", &evil).unwrap();
    assert_eq!(mail.headers.len(), 1);
    assert!(!mail.subject().contains(['\r', '\n', '\0']), "{:?}", mail.subject());
    assert!(mail.text.starts_with("{{ admin }}{% for x in to %} a\nBcc:"), "{}", mail.text);
    assert!(!mail.text.contains('\0'));
}
