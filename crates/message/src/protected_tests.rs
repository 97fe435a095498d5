//! Fields inside, written and read.

use super::*;

fn message(text: &str) -> Message {
    Message::parse(Bytes::from(text.to_owned()), &Budget::default()).unwrap()
}

const MAIL: &str = "Received: from x\r\nDKIM-Signature: v=1\r\nX-Sealgate-Trace: 1\r\nDate: Sat, 21 Nov 2026 21:44:34 +0000\r\n\
    From: Alice <alice@company.example>\r\nTo: Bob\r\n <bob@partner.example>  \r\nBcc: carol@company.example\r\n\
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nKeywords: plan\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8;\r\n\r\nHello\r\n";

#[test]
fn m_c1_fields_stand_inside_with_the_word_for_their_form() {
    let clear = compose(&message(MAIL), Form::Clear, false).unwrap();
    assert_eq!(
        std::str::from_utf8(&clear).unwrap(),
        "Date: Sat, 21 Nov 2026 21:44:34 +0000\r\nFrom: Alice <alice@company.example>\r\nTo: Bob\r\n <bob@partner.example>\r\n\
         Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nKeywords: plan\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8;\r\n hp=\"clear\"\r\n\r\nHello\r\n"
    );
    let cipher = compose(&message(MAIL), Form::Cipher, true).unwrap();
    let text = std::str::from_utf8(&cipher).unwrap();
    for there in [
        "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n",
        "HP-Outer: Subject: [...]\r\n",
        "HP-Outer: To: Bob\r\n <bob@partner.example>\r\n",
        "hp=\"cipher\"",
    ] {
        assert!(text.contains(there), "{there} in {text}");
    }
    assert!(!text.contains("HP-Outer: Keywords") && !text.contains("carol") && !text.contains("Received"), "{text}");
    assert!(compose(&message(MAIL), Form::Cipher, false).unwrap().windows(30).any(|part| part == b"HP-Outer: Subject: =?utf-8?q?G"));
    assert!(compose(&message("Content-Type: text/plain; hp=cipher\r\n\r\nx"), Form::Clear, false).is_none());
    assert!(compose(&message("Subject: Gr\u{fc}\u{df}e\r\n\r\nx"), Form::Clear, false).is_none(), "raw UTF-8 is not signed");
}

#[test]
fn m_c1_what_was_composed_is_read_again() {
    let mut edit = message(MAIL).edit();
    hide(&mut edit);
    let outer = Message::parse(edit.finish(), &Budget::default()).unwrap();
    assert_eq!(outer.decoded("subject").as_deref(), Some("[...]"));
    assert!(outer.fields_named("keywords").next().is_none());
    let payload = Message::parse(compose(&message(MAIL), Form::Cipher, true).unwrap(), &Budget::default()).unwrap();
    let protected = read(&payload).unwrap();
    assert_eq!((protected.form, protected.subject().as_deref()), (Form::Cipher, Some("Gr\u{fc}\u{df}e")));
    assert_eq!(protected.outside("subject"), ["[...]"]);
    assert_eq!(protected.author().unwrap().unwrap().as_str(), "alice@company.example");
    let mut edit = outer.edit();
    protected.restore(&outer, &mut edit, false);
    let restored = Message::parse(edit.finish(), &Budget::default()).unwrap();
    assert_eq!(restored.decoded("keywords").as_deref(), Some("plan"));
}

#[test]
fn cve_2026_27443_only_what_is_protected_counts_and_what_is_not_is_taken_away() {
    let inside = "To: bob@partner.example\r\nSubject: x\r\nContent-Type: text/plain; hp=clear\r\n\r\nHello\r\n";
    let outer =
        message("From: a@b.example\r\nTo: eve@evil.example\r\nReply-To: eve@evil.example\r\nSubject: y\r\nX-Other: kept\r\n\r\nHello\r\n");
    let protected = read(&message(inside)).unwrap();
    let mut edit = outer.edit();
    protected.restore(&outer, &mut edit, true);
    let restored = Message::parse(edit.finish(), &Budget::default()).unwrap();
    assert_eq!(restored.decoded("to").as_deref(), Some("bob@partner.example"));
    assert!(restored.decoded("reply-to").is_none() && restored.decoded("x-other").is_some());
    let mut edit = outer.edit();
    protected.restore(&outer, &mut edit, false);
    assert!(!edit.is_touched(), "without a signature nothing of it counts");
    assert!(read(&message("Subject: x\r\nContent-Type: text/plain\r\n\r\nHello")).is_none());
    assert!(read(&message("Subject: x\r\nContent-Type: text/plain; hp=other\r\n\r\nHello")).is_none());
    let twice =
        read(&message("To: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\nSubject: y\r\nContent-Type: text/plain; hp=clear\r\n\r\n"))
            .unwrap();
    let mut edit = outer.edit();
    twice.restore(&outer, &mut edit, true);
    let restored = Message::parse(edit.finish(), &Budget::default()).unwrap();
    assert_eq!((restored.decoded("to").as_deref(), twice.subject()), (Some("eve@evil.example"), None), "x_9");
}

#[test]
fn m_c1_the_subject_stands_in_the_text_for_those_who_don_t_know_the_standard() {
    let shown = displayed(&message(MAIL), &Budget::default()).unwrap().unwrap();
    let text = String::from_utf8(shown.to_vec()).unwrap();
    assert!(text.contains("hp-legacy-display=1") || text.contains("hp-legacy-display=\"1\""), "{text}");
    assert!(text.ends_with("Subject: Gr=C3=BC=C3=9Fe\r\n\r\nHello\r\n"), "{text}");
    let html = "Subject: <b> & co\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b\r\n\
        Content-Type: text/html\r\n\r\n<html><body><p>Hello</p></body></html>\r\n--b--\r\n";
    let text = String::from_utf8(displayed(&message(html), &Budget::default()).unwrap().unwrap().to_vec()).unwrap();
    assert!(
        text.contains("<body>\r\n<div class=\"header-protection-legacy-display\"><pre>Subject: &lt;b&gt; &amp; co</pre></div>\r\n<p>"),
        "{text}"
    );
    assert_eq!(text.matches("hp-legacy-display").count(), 2, "{text}");
    assert!(displayed(&message("Content-Type: text/plain\r\n\r\nx"), &Budget::default()).unwrap().is_none());
}
