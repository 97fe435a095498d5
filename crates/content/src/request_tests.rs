//! What leaves for the mail server: its own references, links as they were, and what a forward would carry.

use std::time::{Duration, Instant};

use activesync::tags::{compose, email};
use activesync::{query, xml};

use super::*;
use crate::plan::tests::{plan, site};
use crate::testing::Keys;

const ATTACHMENTS: &str = "type = 'attachments'\nclasses = { unmanaged = [{ types = 'EXE', action = 'block' }, { types = 'PDF', action = 'encrypt' }], managed = [{ types = 'PDF', action = 'encrypt' }] }";
const TAGS: &str = "type = 'classification'\nrows = [{ tag = 'Confidential', action = 'block' }]";
const LINKS: &str = "type = 'hyperlinks'\nschemes = [{ http = 'x', https = 'xs' }]";

fn forward(replace: bool) -> Bytes {
    let mut writer = Writer::new();
    writer.start(21, 0x06).start(21, 0x11).text("c").end();
    writer.start(21, 0x0B).start(21, 0x0C).text("INBOX").end().start(21, 0x0D).text("42").end().end();
    if replace {
        writer.empty(21, 0x09);
    }
    writer.start(21, 0x10).opaque(b"Subject: x\r\n\r\nsee x://a.test\r\n").end();
    writer.finish().into()
}

fn smart(command: &str) -> Query {
    query::parse(&format!("Cmd={command}&User=a&DeviceId=d&DeviceType=t&CollectionId=INBOX&ItemId=42")).unwrap()
}

#[test]
fn g_22_links_are_what_they_were_when_a_mail_is_sent() {
    let links = plan(&site(&[LINKS]), "managed = true").unwrap().links.unwrap();
    let sent = links_back(&links, &forward(false), false).unwrap().unwrap();
    let document = Document::parse(sent, UnknownTags::Refuse, &Budget::new(LIMITS)).unwrap();
    let mail = document.root().unwrap().child(compose::MIME).unwrap().value().into_owned();
    assert_eq!(mail, b"Subject: x\r\n\r\nsee http://a.test\r\n");
    let old = links_back(&links, &Bytes::from_static(b"Subject: x\r\n\r\nxs://a.test"), true).unwrap();
    assert_eq!(old, Some(Bytes::from_static(b"Subject: x\r\n\r\nhttps://a.test")));
    assert_eq!(links_back(&links, &Bytes::from_static(b"Subject: x\r\n\r\nhttps://a.test"), true).unwrap(), None);
    assert!(links_back(&links, &Bytes::from_static(b"\x03\x01"), false).is_err());
}

#[test]
fn g_21_a_forward_says_what_it_takes_along_in_both_forms() {
    let old = source(&smart("SmartForward"), &Bytes::new(), true).unwrap().unwrap();
    let new = source(&smart("SmartForward"), &forward(false), false).unwrap().unwrap();
    assert_eq!(old, new);
    assert!(!old.reply && source(&smart("SmartReply"), &Bytes::new(), true).unwrap().unwrap().reply);
    assert_eq!(source(&smart("SmartForward"), &forward(true), false).unwrap(), None, "the phone sends all of it itself");
    let asked = xml::decode(asking_for(&new).into(), &Budget::default()).unwrap();
    for word in [">Mailbox<", ">INBOX<", ">42<", ">4<"] {
        assert!(asked.contains(word), "{asked}");
    }
}

fn answer(subject: &str, class: &str, name: &str, mime: &[u8]) -> Bytes {
    let mut writer = Writer::new();
    let text = |writer: &mut Writer, tag: activesync::Tag, value: &str| {
        writer.start(tag.page, tag.token).text(value).end();
    };
    writer.start(20, 0x05).start(20, 0x0E).start(20, 0x06).start(20, 0x0B);
    text(&mut writer, email::SUBJECT, subject);
    text(&mut writer, email::MESSAGE_CLASS, class);
    if !name.is_empty() {
        writer.start(17, 0x0E).start(17, 0x0F);
        text(&mut writer, base::DISPLAY_NAME, name);
        text(&mut writer, base::FILE_REFERENCE, "r1");
        writer.end().end();
    }
    writer.start(17, 0x0A);
    text(&mut writer, base::TYPE, "4");
    writer.start(17, 0x0B).opaque(mime).end().end();
    writer.finish().into()
}

#[test]
fn g_21_g_23_a_forward_does_not_carry_out_what_was_removed() {
    let (keys, references) = (Keys::new(1), References::new());
    let carried = |policies: &[&str], facts: &str, reply: bool, octets: &Bytes| {
        let plan = plan(&site(policies), facts).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let work = Work { plan: Some(&plan), keys: &keys, user: "carol", device: "d1", key_number: 0, references: &references, deadline };
        carries(&work, &plan, &Source { reply, ..Source::default() }, octets)
    };
    let program = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\nContent-Type: x/y; name=a.txt\r\n\r\n\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\r\n--b--\r\n";
    let plain = answer("x", "IPM.Note", "", b"Subject: x\r\n\r\nhello");
    let exe = answer("x", "IPM.Note", "t.exe", b"Subject: x\r\n\r\nhello");
    let pdf = answer("x", "IPM.Note", "r.pdf", b"Subject: x\r\n\r\nhello");
    let hidden = answer("x", "IPM.Note", "a.txt", program);
    let tagged = answer("[Confidential] x", "IPM.Note", "", b"Subject: x\r\n\r\nhello");
    assert_eq!(carried(&[ATTACHMENTS], "", false, &plain), Carries::Nothing);
    assert_eq!(carried(&[ATTACHMENTS], "", false, &exe), Carries::Kept);
    assert_eq!(carried(&[ATTACHMENTS], "", false, &hidden), Carries::Kept, "a program that calls itself a text");
    assert_eq!(carried(&[ATTACHMENTS], "", false, &pdf), Carries::Kept, "an unmanaged device has no right to it");
    assert_eq!(carried(&[ATTACHMENTS], "managed = true", false, &pdf), Carries::Nothing);
    assert_eq!(carried(&[ATTACHMENTS], "", true, &exe), Carries::Nothing, "a reply takes no files along");
    assert_eq!(carried(&[TAGS], "", true, &tagged), Carries::Kept);
    assert_eq!(carried(&[TAGS], "", false, &plain), Carries::Nothing);
    let signed = answer("x", "IPM.Note.SMIME", "t.exe", b"Subject: x\r\n\r\nhello");
    assert_eq!(carried(&[ATTACHMENTS], "", false, &signed), Carries::Nothing, "it was not removed either");
    for broken in [&b""[..], b"\x03\x01\x6a\x00\x00\x14\x45\x4d\x031\0\x01\x01"] {
        assert_eq!(carried(&[TAGS], "", false, &Bytes::copy_from_slice(broken)), Carries::Unknown);
    }
}

#[test]
fn g_21_requests_without_references_of_ours_leave_as_they_came() {
    let keys = Keys::new(1);
    let plan = plan(&site(&[TAGS]), "").unwrap();
    let (same, references) = unwrapped(Some(&plan), &keys, "carol", &forward(false)).unwrap();
    assert!(same.is_none() && references.is_empty() && !may_refer(&forward(false)));
    let mut writer = Writer::new();
    writer.start(20, 0x05).start(20, 0x06).start(17, 0x11).text("sg1.AAAA.mail/INBOX/1/2").end();
    writer.start(20, 0x08).start(20, 0x10).start(17, 0x0A).end().end().end();
    let forged = Bytes::from(writer.finish());
    assert!(may_refer(&forged));
    let (changed, references) = unwrapped(Some(&plan), &keys, "carol", &forged).unwrap();
    let sent = xml::decode(changed.unwrap(), &Budget::default()).unwrap();
    assert!(references.is_empty() && sent.contains("sg1.AAAA") && !sent.contains("Schema"), "{sent}");
}
