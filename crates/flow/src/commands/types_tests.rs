//! `partoftype` in whole mails: what it finds, what it takes out, what stays octet by octet.

use super::*;
use crate::decide::{self, Decision};
use crate::kit_tests::{STRANGER, rule_set, state, work};

const PAUL: &str = "paul@partner.example";
const ALICE: &str = "alice@company.example";

const PDF: &[u8] = b"%PDF-1.7\n%%EOF\n";
const ELF: &[u8] = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0";

/// A mail with these attachments: name, said type, content.
fn mail(attachments: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut text =
        "Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n".to_owned();
    for (name, said, content) in attachments {
        let body = String::from_utf8(encode_base64(content)).unwrap();
        text.push_str(&format!("--b\r\nContent-Type: {said}; name=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}"));
    }
    format!("{text}--b--\r\nepilogue\r\n").into_bytes()
}

async fn decided(work: &Work, rules: &str, entity: &[u8]) -> Result<Decision, Fault> {
    decide::decide(work, rule_set(rules), state(work, "Subject: x\r\n", entity)).await
}

/// The mail as it is after the rules.
async fn after(rules: &str, entity: &[u8]) -> Message {
    let work = work(STRANGER, PAUL, &[ALICE]);
    decided(&work, rules, entity).await.unwrap().ends[0].1.message.clone()
}

async fn says(call: &str, entity: &[u8]) -> bool {
    let rules = format!("if ({call}) {{ tag_subject('yes'); }} deliver();");
    after(&rules, entity).await.decoded("subject").as_deref() == Some("x yes")
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in members {
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        out.extend(header);
        out.extend(*content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1_024, 0);
    out
}

#[tokio::test]
async fn m_p6_types_are_told_by_content_and_in_archives_when_asked() {
    let renamed = mail(&[("photo.jpg", "image/jpeg", PDF)]);
    assert!(says("partoftype('PDF')", &renamed).await);
    assert!(says("partoftype('office')", &renamed).await, "groups, in any case");
    assert!(!says("partoftype('JPEG')", &renamed).await, "the name says nothing");
    assert!(says("partoftype('image/jpeg')", &renamed).await, "a MIME type fits what it is said to be");
    assert!(!says("partoftype('OFFICE,!PDF')", &renamed).await);
    let packed = mail(&[("a.tar", "application/x-tar", &tar(&[("b", ELF)]))]);
    assert!(!says("partoftype('EXE')", &packed).await);
    assert!(says("partoftype('EXE', 'info', 'true')", &packed).await);
    assert!(!says("partoftype('HTML')", b"Content-Type: text/html\r\n\r\n<html>x</html>\r\n").await, "the text itself is no attachment");
}

#[tokio::test]
async fn m_p6_delete_puts_a_notice_in_the_place_and_leaves_the_rest() {
    let entity = mail(&[("one.pdf", "application/pdf", PDF), ("two.elf", "application/pdf", ELF), ("three.pdf", "x/y", PDF)]);
    let message = after("partoftype('ELF', 'delete'); deliver();", &entity).await;
    let text = String::from_utf8(message.bytes().to_vec()).unwrap();
    let original = String::from_utf8(entity.clone()).unwrap();
    let (before, rest) = original.split_once("--b\r\nContent-Type: application/pdf; name=\"two.elf\"").unwrap();
    let behind = &rest[rest.find("\r\n--b\r\n").unwrap()..];
    assert!(text.contains(before) && text.ends_with(behind), "{text}");
    let notice = message.part("1.3").unwrap().text(&message, &Budget::default()).unwrap();
    assert!(notice.contains("two.elf"), "{notice}");
    assert_eq!(message.parts().filter(|part| part.is_leaf()).count(), 4);
    assert_eq!(message.anomalies(), []);
}

#[tokio::test]
async fn m_p6_the_notice_speaks_the_recipients_languages() {
    let entity = mail(&[("x", "x/y", ELF)]);
    let english = after("partoftype('ELF', 'delete'); deliver();", &entity).await;
    let elsewhere = work(crate::kit_tests::OURS, ALICE, &[PAUL]);
    let ends = decided(&elsewhere, "partoftype('ELF', 'delete'); deliver();", &entity).await.unwrap().ends;
    let notice = |message: &Message| message.part("1.2").unwrap().text(message, &Budget::default()).unwrap();
    let (one, four) = (notice(&english), notice(&ends[0].1.message));
    for language in Language::ALL {
        let text = texts::text(language, "part-removed-text", &[("name", "x".to_owned())]);
        assert_eq!(one.contains(text.trim()), language == Language::En, "{one}");
        assert!(four.replace("\r\n", "\n").contains(text.trim()), "nobody's language is known: {four}");
    }
}

#[tokio::test]
async fn m_p6_delete_takes_an_inner_file_out_of_its_archive() {
    let (whole, without) = (tar(&[("a", PDF), ("b", ELF), ("c", PDF)]), tar(&[("a", PDF), ("c", PDF)]));
    for encoding in ["base64", "binary"] {
        let entity = if encoding == "base64" {
            mail(&[("x.tar", "application/x-tar", &whole)])
        } else {
            let head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: application/x-tar\r\n\r\n";
            [head.as_bytes(), &whole, b"\r\n--b--\r\n"].concat()
        };
        let message = after("partoftype('ELF', 'delete', 1); deliver();", &entity).await;
        let part = message.parts().find(|part| part.content_type.subtype == "x-tar").unwrap();
        assert!(part.decode(&message, &Budget::default()).unwrap() == without, "{encoding}");
        assert!(message.bytes().ends_with(b"\r\n--b--\r\nepilogue\r\n") || message.bytes().ends_with(b"\r\n--b--\r\n"));
    }
    let whole = after("partoftype('ELF', 'delete'); deliver();", &mail(&[("x.tar", "a/b", &whole)])).await;
    assert!(whole.parts().all(|part| part.content_type.kind != "text" || part.id == "1.1"), "archives were not asked for");
}

#[tokio::test]
async fn m_p6_a_mail_that_is_one_file_becomes_the_notice() {
    let entity = [b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n".to_vec(), encode_base64(PDF)].concat();
    let message = after("partoftype('PDF', 'delete'); deliver();", &entity).await;
    assert!(message.root().content_type.is("text", "plain"), "{}", message.root().content_type);
    assert_eq!(message.decoded("subject").as_deref(), Some("x"));
}

#[tokio::test]
async fn x_11_what_passes_a_bound_is_refused_and_not_passed_over() {
    let mut inner = tar(&[("x", ELF)]);
    for _ in 0..20 {
        inner = tar(&[("x", &inner)]);
    }
    let work = work(STRANGER, PAUL, &[ALICE]);
    let entity = mail(&[("deep.tar", "application/x-tar", &inner)]);
    let fault = decided(&work, "partoftype('ELF', 'info', 1); deliver();", &entity).await.unwrap_err();
    assert_eq!((fault.code, fault.temporary), ("mail-too-complex", false));
    assert!(decided(&work, "partoftype('ELF'); deliver();", &entity).await.is_ok(), "nobody looked into it");
    assert_eq!(work.memory.free(), crate::kit_tests::MEMORY, "the memory is given back");
}

#[tokio::test]
async fn m_p6_the_look_is_made_once_for_a_mail() {
    let work = work(STRANGER, PAUL, &[ALICE]);
    let mail = state(&work, "Subject: x\r\n", &mail(&[("x", "x/y", PDF)]));
    let first = look(&work, &mail, true).await.unwrap();
    assert!(Arc::ptr_eq(&first, &look(&work, &mail.clone(), true).await.unwrap()));
    let changed = mail.with_bytes(Bytes::from_static(b"Subject: y\r\n\r\nx"), &work.budget).unwrap();
    assert!(look(&work, &changed, true).await.unwrap().parts.iter().all(|part| part.found.types.is_empty()), "another mail, another look");
}
