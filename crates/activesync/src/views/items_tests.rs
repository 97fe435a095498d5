//! Tests of the view of items: each command, each version's form, and what a real server answered.

use bytes::Bytes;
use model::Budget;

use super::*;
use crate::multipart::Multipart;
use crate::wbxml::{Edits, LIMITS, UnknownTags, Writer};

fn read(octets: impl Into<Bytes>) -> Document {
    Document::parse(octets.into(), UnknownTags::Refuse, &Budget::new(LIMITS)).unwrap()
}

/// A mail as 12.0 and later write it, with one attachment.
fn mail(writer: &mut Writer) {
    writer.start(2, 0x14).text("Hello").end().start(2, 0x13).text("IPM.Note.SMIME").end();
    writer.start(17, 0x0A).start(17, 0x06).text("2").end().start(17, 0x0C).text("900").end().start(17, 0x0D).text("1").end();
    writer.start(17, 0x0B).text("<p>hi</p>").end().start(17, 0x18).text("hi").end().end();
    writer.start(17, 0x0E).start(17, 0x0F).start(17, 0x10).text("a.pdf").end().start(17, 0x11).text("1:2").end();
    writer.start(17, 0x12).text("1").end().start(17, 0x0C).text("77").end().start(17, 0x15).text("0").end().end().end();
}

fn check(item: &Item<'_>, document: &Document) {
    assert_eq!(item.subjects().map(|s| s.text().into_owned()).collect::<Vec<_>>(), ["Hello"]);
    assert_eq!(item.message_class().as_deref(), Some("IPM.Note.SMIME"));
    assert_eq!(item.previews().count(), 1);
    let bodies = item.bodies();
    assert_eq!((bodies.len(), bodies[0].kind, bodies[0].truncated), (1, BodyKind::Html, true));
    let Content::Here(at) = bodies[0].content else { panic!("{bodies:?}") };
    assert_eq!(document.element(at).unwrap().text(), "<p>hi</p>");
    assert_eq!(document.element(bodies[0].size.unwrap()).unwrap().number(), Some(900));
    let attachments = item.attachments();
    let [only] = &attachments[..] else { panic!("{attachments:?}") };
    assert_eq!((&*only.name, &*only.reference, only.size, only.method), ("a.pdf", "1:2", Some(77), Some(1)));
    assert!(!only.inline && only.content == Content::Absent);
    assert_eq!(item.attachment_lists().count(), 1);
}

#[test]
fn g_21_g_23_an_item_is_the_same_in_every_command() {
    // Frames down to the item, and up again.
    let commands: [(Place, &[(u8, u8)]); 4] = [
        (Place::SyncCommand, &[(0, 0x05), (0, 0x1C), (0, 0x0F), (0, 0x16), (0, 0x07), (0, 0x1D)]),
        (Place::SyncResponse, &[(0, 0x05), (0, 0x1C), (0, 0x0F), (0, 0x06), (0, 0x0A), (0, 0x1D)]),
        (Place::Fetched, &[(20, 0x05), (20, 0x0E), (20, 0x06), (20, 0x0B)]),
        (Place::Found, &[(15, 0x05), (15, 0x0D), (15, 0x07), (15, 0x0E), (15, 0x0F)]),
    ];
    let find: &[(u8, u8)] = &[(25, 0x05), (25, 0x11), (25, 0x12), (25, 0x13)];
    for (place, frames) in commands.into_iter().chain([(Place::Found, find)]) {
        let mut writer = Writer::new();
        frames.iter().for_each(|(page, token)| {
            writer.start(*page, *token);
        });
        mail(&mut writer);
        let document = read(writer.finish());
        let items = items(&document);
        assert_eq!((items.len(), items[0].place), (1, place), "{frames:?}");
        check(&items[0], &document);
        assert_eq!(items[0].class(), None);
    }
}

#[test]
fn g_21_a_mail_of_protocol_2_5_names_bodies_and_attachments_its_own_way() {
    let mut writer = Writer::new();
    writer.start(0, 0x05).start(0, 0x1C).start(0, 0x0F).start(0, 0x10).text("Email").end().start(0, 0x12).text("7").end();
    writer.start(0, 0x16).start(0, 0x07).start(0, 0x0D).text("7:1").end().start(0, 0x1D);
    writer.start(2, 0x0C).text("plain").end().start(2, 0x0D).text("5").end().start(2, 0x0E).text("0").end();
    writer.start(2, 0x36).opaque(b"From: x").end().start(2, 0x37).text("1").end();
    writer.start(2, 0x06).start(2, 0x05).start(2, 0x10).text("b.doc").end().start(2, 0x07).text("ref").end();
    writer.start(2, 0x08).text("12").end().start(2, 0x0A).text("5").end().end().end();
    let document = read(writer.finish());
    let all = items(&document);
    let item = all[0];
    assert_eq!((item.class().as_deref(), item.folder().as_deref(), item.server_id().as_deref()), (Some("Email"), Some("7"), Some("7:1")));
    let bodies = item.bodies();
    let told: Vec<_> = bodies.iter().map(|body| (body.kind, body.truncated, body.size.is_some())).collect();
    assert_eq!(told, [(BodyKind::Plain, false, true), (BodyKind::Mime, true, false)]);
    let attachments = item.attachments();
    assert_eq!((&*attachments[0].name, &*attachments[0].reference), ("b.doc", "ref"));
    assert_eq!((attachments[0].size, attachments[0].method), (Some(12), Some(5)));
    // Taking the list out takes the attachment with it and leaves the mail.
    let mut edits = Edits::new(&document);
    edits.remove(item.attachment_lists().next().unwrap().id()).unwrap();
    let changed = read(edits.finish().into_bytes());
    assert!(items(&changed)[0].attachments().is_empty() && items(&changed)[0].bodies().len() == 2);
}

#[test]
fn g_21_old_bodies_of_contacts_appointments_and_tasks_are_bodies() {
    for (page, body, subject) in [(1, 0x09, 0x1E), (4, 0x0B, 0x26), (9, 0x05, 0x20)] {
        let mut writer = Writer::new();
        writer.start(0, 0x05).start(0, 0x1C).start(0, 0x0F).start(0, 0x16).start(0, 0x08).start(0, 0x1D);
        writer.start(page, subject).text("s").end().start(page, body).text("text").end();
        if page == 4 {
            // Exceptions / Exception have bodies of their own.
            writer.start(4, 0x14).start(4, 0x13).start(4, 0x0B).text("other").end().end().end();
        }
        let document = read(writer.finish());
        let item = items(&document)[0];
        assert_eq!(item.bodies().len(), if page == 4 { 2 } else { 1 }, "{page}");
        assert_eq!(item.subjects().count(), 1, "{page}");
    }
}

#[test]
fn g_21_a_draft_that_a_phone_sends_holds_its_attachments() {
    let mut writer = Writer::new();
    writer.start(0, 0x05).start(0, 0x1C).start(0, 0x0F).start(0, 0x16).start(0, 0x07).start(0, 0x1D);
    writer.start(17, 0x0E).start(17, 0x1C).start(17, 0x10).text("c.txt").end().start(17, 0x1F).opaque(b"octets").end().end().end();
    let document = read(writer.finish());
    let items = items(&document);
    assert_eq!(items.len(), 1);
    let attachments = items[0].attachments();
    let Content::Here(at) = attachments[0].content else { panic!("{attachments:?}") };
    assert_eq!(document.element(at).unwrap().value(), &b"octets"[..]);
}

#[test]
fn g_21_an_attachment_that_was_fetched_is_here_or_in_a_part() {
    for (token, value, content) in [(0x0C, "aGk=", None), (0x11, "1", Some(Content::Part(1)))] {
        let mut writer = Writer::new();
        writer.start(20, 0x05).start(20, 0x0E).start(20, 0x06).start(17, 0x11).text("1:2").end().start(20, 0x0B);
        writer.start(17, 0x17).text("text/plain").end().start(20, token).text(value).end();
        let document = read(writer.finish());
        let item = items(&document)[0];
        assert_eq!(item.fetched_reference().as_deref(), Some("1:2"));
        let is = item.fetched_content();
        assert!(content.map_or_else(|| matches!(is, Content::Here(_)), |expected| is == expected), "{is:?}");
        assert!(item.bodies().is_empty() && item.attachments().is_empty());
    }
    let mut folders = Writer::new();
    folders.start(7, 0x16);
    let other = read(folders.finish());
    assert!(items(&other).is_empty());
}

/// A real server's answers: each item of mail has its subject, and what is named in parts is in the parts.
#[test]
fn g_21_answers_of_a_real_server_are_seen_through() {
    let Some(root) = testkit::sogo::material() else { return };
    let (mut mails, mut attachments, mut parts) = (0, 0, 0);
    for entry in std::fs::read_dir(root.join("testdata/eas/captures-sogo")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "resp") {
            continue;
        }
        let octets = Bytes::from(std::fs::read(&path).unwrap());
        let multipart = Multipart::parse(octets.clone(), &Budget::new(LIMITS)).ok();
        let body = multipart.as_ref().and_then(|m| m.part(0)).unwrap_or(octets);
        if !body.starts_with(&[3, 1, 0x6A]) {
            continue;
        }
        let document = read(body);
        for item in items(&document) {
            mails += usize::from(item.subjects().next().is_some());
            attachments += item.attachments().iter().filter(|a| !a.name.is_empty() && !a.reference.is_empty()).count();
            for content in item.bodies().iter().map(|b| b.content).chain([item.fetched_content()]) {
                if let Content::Part(number) = content {
                    assert!(multipart.as_ref().unwrap().part(number).is_some(), "{}", path.display());
                    parts += 1;
                }
            }
        }
    }
    assert!(mails > 10 && attachments > 0 && parts > 2, "{mails} mails, {attachments} attachments, {parts} parts");
}
