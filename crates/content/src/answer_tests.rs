//! Answers of each command: what changes in them, and that nothing else does.

use std::time::{Duration, Instant};

use activesync::tags::{air_sync, email, find, search};
use activesync::wbxml::Writer;
use activesync::{Tag, xml};
use model::Budget;

use super::*;
use crate::plan::tests::{plan, site};
use crate::request::unwrapped;
use crate::testing::Keys;
use crate::work::References;
use crate::{Plan, mime};

const ATTACHMENTS: &str = "type = 'attachments'\nclasses = { unmanaged = [{ types = 'EXE', action = 'block', text = 'No programs.' }, { types = 'PDF', action = 'encrypt' }] }";
const TAGS: &str = "type = 'classification'\nsources = ['subject', 'body', 'header:X-Class']\nrows = [{ tag = 'Confidential', action = 'block', template = 'Ask the office.' }]";
const LINKS: &str = "type = 'hyperlinks'\nschemes = [{ http = 'x', https = 'xs' }]";

/// Work for a device with these facts; `f` gets it with what a request named.
fn with<T>(policies: &[&str], facts: &str, references: &References, f: impl FnOnce(&Work<'_>, &Plan) -> T) -> T {
    let (keys, plan) = (Keys::new(1), plan(&site(policies), facts).unwrap());
    let deadline = Instant::now() + Duration::from_secs(60);
    f(&Work { plan: Some(&plan), keys: &keys, user: "carol", device: "d1", key_number: 0, references, deadline }, &plan)
}

fn shown(octets: &Bytes) -> String {
    xml::decode(octets.clone(), &Budget::default()).unwrap()
}

/// The answer as XML after the change; `=` for the octets that came.
fn said(policies: &[&str], facts: &str, octets: Vec<u8>) -> String {
    with(policies, facts, &References::new(), |work, _| {
        wbxml(work, &octets.into()).unwrap().map_or_else(|| "=".to_owned(), |changed| shown(&changed))
    })
}

struct Builder(Writer);

impl Builder {
    fn open(mut self, tags: &[Tag]) -> Self {
        for tag in tags {
            self.0.start(tag.page, tag.token);
        }
        self
    }
    fn text(mut self, tag: Tag, value: &str) -> Self {
        self.0.start(tag.page, tag.token).text(value).end();
        self
    }
    fn opaque(mut self, tag: Tag, value: &[u8]) -> Self {
        self.0.start(tag.page, tag.token).opaque(value).end();
        self
    }
    fn end(mut self, count: usize) -> Self {
        (0..count).for_each(|_| {
            self.0.end();
        });
        self
    }
    fn attachment(self, name: &str, reference: &str) -> Self {
        let list = self.open(&[base::ATTACHMENTS, base::ATTACHMENT]).text(base::DISPLAY_NAME, name);
        list.text(base::FILE_REFERENCE, reference).text(base::METHOD, "1").text(base::ESTIMATED_DATA_SIZE, "9").end(2)
    }
    fn body(self, kind: &str, size: &str, data: &str) -> Self {
        self.open(&[base::BODY]).text(base::TYPE, kind).text(base::ESTIMATED_DATA_SIZE, size).text(base::DATA, data).end(1)
    }
    fn done(self) -> Vec<u8> {
        self.0.finish()
    }
}

/// Up to the inside of a mail, in each command's way.
fn mail(command: usize) -> Builder {
    let new = Builder(Writer::new());
    match command {
        0 => new
            .open(&[air_sync::SYNC, air_sync::COLLECTIONS, air_sync::COLLECTION])
            .text(air_sync::COLLECTION_ID, "5")
            .open(&[air_sync::COMMANDS, air_sync::ADD])
            .text(air_sync::SERVER_ID, "5:1")
            .open(&[air_sync::APPLICATION_DATA]),
        1 => new
            .open(&[item_operations::ITEM_OPERATIONS])
            .text(item_operations::STATUS, "1")
            .open(&[item_operations::RESPONSE, item_operations::FETCH])
            .text(item_operations::STATUS, "1")
            .open(&[item_operations::PROPERTIES]),
        2 => new
            .open(&[search::SEARCH, search::RESPONSE, search::STORE, search::RESULT])
            .text(search::LONG_ID, "l")
            .open(&[search::PROPERTIES]),
        _ => new.open(&[find::FIND, find::RESPONSE, find::RESULT, find::PROPERTIES]),
    }
}

#[test]
fn g_21_a_list_of_attachments_tells_other_names_and_references_in_every_command() {
    for command in 0..4 {
        let made = |name: &str| mail(command).text(email::SUBJECT, "s").attachment(name, "mail/INBOX/1/2").done();
        let blocked = said(&[ATTACHMENTS], "", made("tool.exe"));
        assert!(blocked.contains(">tool.exe.txt<") && blocked.contains(">sg1.") && blocked.contains(">12<"), "{blocked}");
        assert!(said(&[ATTACHMENTS], "", made("r.pdf")).contains(">r.pdf.sgenc<"));
        let allowed = said(&[ATTACHMENTS], "", made("a.txt"));
        assert!(allowed.contains(">a.txt<") && allowed.contains(">sg1."), "it is judged by its content later");
    }
    let old =
        mail(0).open(&[email::ATTACHMENTS, email::ATTACHMENT]).text(email::ATT_NAME, "Inbox/1:2").text(email::DISPLAY_NAME, "t.exe").done();
    let old = said(&[ATTACHMENTS], "", old);
    assert!(old.contains(">t.exe.txt<") && old.contains(">sg1."), "protocol 2.5: {old}");
}

#[test]
fn g_21_g_26_a_reference_without_room_is_taken_out() {
    let long = "u".repeat(250);
    let made = said(&[ATTACHMENTS], "", mail(0).text(email::SUBJECT, "s").attachment("a.txt", &long).done());
    assert!(!made.contains(&long) && !made.contains("a.txt"), "{made}");
}

/// A reference of ours as a phone has it, and what its fetch names.
fn fetched(name: &str, tag: Option<&str>) -> (String, References) {
    let keys = Keys::new(1);
    let mark = tag.map_or(0, crate::classify::mark);
    let ours = Reference { upstream: "mail/INBOX/1/2".into(), name: name.into(), mark, smime: false }.write(&keys, "carol").unwrap();
    let request = Builder(Writer::new())
        .open(&[item_operations::ITEM_OPERATIONS, item_operations::FETCH])
        .text(item_operations::STORE, "Mailbox")
        .text(base::FILE_REFERENCE, &ours)
        .open(&[item_operations::OPTIONS])
        .text(item_operations::RANGE, "0-9")
        .done();
    let plan = plan(&site(&[ATTACHMENTS]), "").unwrap();
    let (changed, references) = unwrapped(Some(&plan), &keys, "carol", &request.into()).unwrap();
    let sent = shown(&changed.unwrap());
    assert!(sent.contains(">mail/INBOX/1/2<") && !sent.contains("0-9") && !sent.contains("sg1."), "{sent}");
    (ours, references)
}

fn fetch_answer(data: Option<&str>, part: Option<&str>) -> Vec<u8> {
    let answer = Builder(Writer::new())
        .open(&[item_operations::ITEM_OPERATIONS])
        .text(item_operations::STATUS, "1")
        .open(&[item_operations::RESPONSE, item_operations::FETCH])
        .text(item_operations::STATUS, "1")
        .text(base::FILE_REFERENCE, "mail/INBOX/1/2")
        .open(&[item_operations::PROPERTIES])
        .text(base::CONTENT_TYPE, "application/octet-stream");
    let answer = match data {
        Some(data) => answer.text(item_operations::DATA, data),
        None => answer,
    };
    match part {
        Some(part) => answer.text(item_operations::PART, part).done(),
        None => answer.done(),
    }
}

#[test]
fn g_21_a_fetched_attachment_is_judged_by_what_its_reference_says() {
    let (ours, references) = fetched("tool.exe", None);
    let answer = |policies: &[&str], references: &References| {
        with(policies, "", references, |work, _| wbxml(work, &fetch_answer(Some("TVo="), None).into()).unwrap().map(|new| shown(&new)))
    };
    let blocked = answer(&[ATTACHMENTS], &references).unwrap();
    assert!(blocked.contains(">Tm8gcHJvZ3JhbXMu<") && blocked.contains(">text/plain<") && blocked.contains(&ours), "{blocked}");
    let (_, other) = fetched("a.txt", None);
    let allowed = answer(&[ATTACHMENTS], &other).unwrap();
    assert!(allowed.contains(">TVo=<"), "{allowed}");
    let unknown = answer(&[ATTACHMENTS], &References::new()).unwrap();
    assert!(!unknown.contains("TVo=") && unknown.contains("mail/INBOX/1/2"), "g_26: a reference that nobody signed");
    let (_, tagged) = fetched("a.txt", Some("Confidential"));
    let classified = answer(&[TAGS], &tagged).unwrap();
    assert!(classified.contains(">QXNrIHRoZSBvZmZpY2Uu<"), "g_23: {classified}");
    let encrypted = answer(&[ATTACHMENTS], &fetched("r.pdf", None).1).unwrap();
    assert!(!encrypted.contains("TVo=") && encrypted.contains(crypto::attachment::CONTENT_TYPE));
}

#[test]
fn g_21_an_attachment_in_a_part_is_replaced_there() {
    let (ours, references) = fetched("tool.exe", None);
    let rope = |octets: Vec<u8>| Rope::from(Bytes::from(octets));
    let whole =
        activesync::multipart::write(vec![rope(fetch_answer(None, Some("1"))), rope(b"MZ\0".to_vec()), rope(b"other".to_vec())]).unwrap();
    let whole = whole.into_bytes();
    let changed = with(&[ATTACHMENTS], "", &references, |work, _| multipart(work, &whole).unwrap().unwrap());
    let parts = Multipart::parse(changed, &Budget::default()).unwrap();
    assert_eq!((parts.part(1), parts.part(2)), (Some("No programs.".into()), Some("other".into())));
    assert!(shown(&parts.part(0).unwrap()).contains(&ours));
    let untouched = with(&[LINKS], "managed = true", &References::new(), |work, _| multipart(work, &whole).unwrap());
    assert_eq!(untouched, None);
    // A server that calls the WBXML itself an attachment must not have it replaced.
    let odd = activesync::multipart::write(vec![rope(fetch_answer(None, Some("0"))), rope(b"MZ\0".to_vec())]).unwrap().into_bytes();
    let odd = with(&[ATTACHMENTS], "", &references, |work, _| multipart(work, &odd).unwrap().unwrap());
    let parts = Multipart::parse(odd, &Budget::default()).unwrap();
    assert!(shown(&parts.part(0).unwrap()).contains(&ours));
}

#[test]
fn g_23_a_classified_mail_is_replaced_in_every_command() {
    for command in 0..4 {
        let made = |subject: &str, body: &str| {
            let made = mail(command).text(email::SUBJECT, subject).attachment("plan.pdf", "r1").body("2", "6", body);
            made.open(&[base::BODY_PART]).text(base::TYPE, "2").text(base::DATA, body).text(base::PREVIEW, body).end(1).done()
        };
        for (subject, body) in [("[Confidential] plans", "<p>CANARY</p>"), ("plans", "<p>Confidential</p>CANARY")] {
            let blocked = said(&[TAGS], "", made(subject, body));
            assert!(blocked.contains(">Ask the office.<") && blocked.contains(">15<"), "{blocked}");
            assert!(!blocked.contains("CANARY") && !blocked.contains("plan.pdf") && !blocked.contains("r1<"), "{blocked}");
            assert!(blocked.contains(subject), "who and what about stay");
        }
        let open = said(&[TAGS], "", made("[Public] plans", "<p>x</p>"));
        assert!(open.contains(">plan.pdf<") && open.contains(">sg1.") && open.contains("&lt;p&gt;x"), "{open}");
    }
}

#[test]
fn g_23_the_header_of_a_mime_mail_is_a_place_for_tags() {
    let made = |class: &str| {
        let whole = format!("Subject: x\r\nX-Class: {class}\r\n\r\nCANARY\r\n");
        mail(1).text(email::SUBJECT, "x").open(&[base::BODY]).text(base::TYPE, "4").opaque(base::DATA, whole.as_bytes()).end(1).done()
    };
    let blocked = said(&[TAGS], "", made("Confidential"));
    assert!(blocked.contains("Ask the office.") && !blocked.contains("CANARY"), "{blocked}");
    assert_eq!(said(&[TAGS], "", made("Public")), "=");
}

#[test]
fn g_23_a_change_that_does_not_say_its_subject_shows_no_body() {
    let frame = |tag| {
        let new = Builder(Writer::new()).open(&[air_sync::SYNC, air_sync::COLLECTIONS, air_sync::COLLECTION, air_sync::COMMANDS, tag]);
        new.text(air_sync::SERVER_ID, "5:1").open(&[air_sync::APPLICATION_DATA]).body("1", "6", "CANARY").done()
    };
    assert!(!said(&[TAGS], "", frame(air_sync::CHANGE)).contains("CANARY"));
    assert_eq!(said(&[TAGS], "", frame(air_sync::ADD)), "=", "a mail without any subject");
    let read = mail(0).text(Tag::new(2, 0x15), "1").done();
    assert_eq!(said(&[TAGS, ATTACHMENTS], "", read), "=");
}

#[test]
fn g_22_links_change_in_bodies_and_previews_and_sizes_follow() {
    let made =
        mail(0).text(email::SUBJECT, "http://s.test").open(&[base::BODY]).text(base::TYPE, "2").text(base::ESTIMATED_DATA_SIZE, "100");
    let made = made
        .text(base::TRUNCATED, "1")
        .text(base::DATA, "<a href='http://a.test'>")
        .text(base::PREVIEW, "see https://b.test")
        .end(1)
        .done();
    let changed = said(&[LINKS], "managed = true", made.clone());
    assert!(changed.contains("href='x://a.test'") && changed.contains("see xs://b.test") && changed.contains(">97<"), "{changed}");
    assert!(changed.contains("http://s.test"), "a subject is no link");
    let keys = Keys::new(1);
    let nobody = plan(&site(&[LINKS]), "");
    assert!(nobody.is_none(), "not managed: not even looked at");
    let references = References::new();
    let work = Work {
        plan: None,
        keys: &keys,
        user: "c",
        device: "d",
        key_number: 0,
        references: &references,
        deadline: Instant::now() + Duration::from_secs(9),
    };
    assert_eq!(wbxml(&work, &made.into()).unwrap(), None);
}

#[test]
fn g_20_only_the_octets_of_what_changed_are_others() {
    let made = |body: &str| mail(0).text(email::SUBJECT, "s").body("1", "15", body).text(Tag::new(2, 0x15), "1").done();
    let (before, after) = (made("http://aa.test"), made("x://aa.test"));
    let changed = with(&[LINKS], "managed = true", &References::new(), |work, _| wbxml(work, &before.clone().into()).unwrap().unwrap());
    let size = |octets: &[u8]| String::from_utf8_lossy(octets).replace("\u{3}15\0", "\u{3}11\0");
    assert_eq!(String::from_utf8_lossy(&changed), size(&after));
}

#[test]
fn g_24_an_smime_mail_keeps_its_attachments_and_links_but_not_its_class() {
    let made = |subject: &str| {
        let made = mail(0).text(email::SUBJECT, subject).text(email::MESSAGE_CLASS, "IPM.Note.SMIME.MultipartSigned");
        made.attachment("smime.p7m", "r1").body("1", "14", "http://a.test").done()
    };
    let kept = said(&[ATTACHMENTS.replace("'EXE'", "'*'").as_str(), LINKS], "", made("x"));
    assert!(kept.contains(">smime.p7m<") && kept.contains("http://a.test"), "{kept}");
    assert!(said(&[TAGS], "", made("[Confidential] x")).contains("Ask the office."), "the switch is about attachments and links");
}

#[test]
fn g_25_one_bad_item_becomes_a_notice_and_the_others_go_on() {
    let deep: String = (0..200).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")).collect();
    let open = [air_sync::ADD];
    let made = Builder(Writer::new())
        .open(&[air_sync::SYNC, air_sync::COLLECTIONS, air_sync::COLLECTION, air_sync::COMMANDS])
        .open(&open)
        .text(air_sync::SERVER_ID, "1")
        .open(&[air_sync::APPLICATION_DATA])
        .text(email::SUBJECT, "bad")
        .open(&[base::BODY])
        .text(base::TYPE, "4")
        .opaque(base::DATA, deep.as_bytes())
        .end(3)
        .open(&open)
        .text(air_sync::SERVER_ID, "2")
        .open(&[air_sync::APPLICATION_DATA])
        .text(email::SUBJECT, "good")
        .attachment("tool.exe", "r2")
        .done();
    let changed = said(&[ATTACHMENTS], "", made);
    assert!(changed.contains("could not be read") && !changed.contains("boundary=b9"), "{changed}");
    assert!(changed.contains(">tool.exe.txt<") && changed.contains(">bad<"));
}

#[test]
fn g_26_without_keys_nothing_is_given_away() {
    struct None_;
    impl model::ports::ContentKeys for None_ {
        fn mac(&self, _: &[u8]) -> Option<Vec<u8>> {
            None
        }
        fn fits(&self, _: &[u8], _: &[u8]) -> bool {
            false
        }
        fn attachment_key(&self, _: &str, _: &str, _: i64, _: Option<i64>) -> Option<(i64, model::SecretBytes)> {
            None
        }
    }
    let (references, plan) = (References::new(), plan(&site(&[ATTACHMENTS]), "").unwrap());
    let deadline = Instant::now() + Duration::from_secs(60);
    let work = Work { plan: Some(&plan), keys: &None_, user: "carol", device: "d1", key_number: 0, references: &references, deadline };
    let made = mail(0).text(email::SUBJECT, "s").attachment("a.pdf", "r1").done();
    assert!(!shown(&wbxml(&work, &made.into()).unwrap().unwrap()).contains("r1"));
    let fate = work.fate(&plan, "a.pdf", None, &Bytes::from_static(b"%PDF-1.7"));
    assert!(matches!(fate, Fate::Text(_)), "{fate:?}");
    assert!(mime::notice(None, "x").ends_with(b"x"));
}

#[test]
fn x_11_what_is_no_answer_is_an_error() {
    let none = References::new();
    for octets in [&b""[..], b"\x03", b"<html>", b"\x03\x01\x6a\x00\x45", &[0xFF; 300]] {
        let octets = Bytes::copy_from_slice(octets);
        assert!(with(&[ATTACHMENTS], "", &none, |work, _| wbxml(work, &octets).is_err() && multipart(work, &octets).is_err()));
    }
    let (keys, plan) = (Keys::new(1), plan(&site(&[ATTACHMENTS]), "").unwrap());
    let late = Work { plan: Some(&plan), keys: &keys, user: "c", device: "d", key_number: 0, references: &none, deadline: Instant::now() };
    let made = mail(0).text(email::SUBJECT, "s").attachment("a.pdf", "r1").done();
    assert!(wbxml(&late, &made.into()).is_err() || late.deadline <= Instant::now(), "its time is over");
}

#[test]
fn g_20_captures_of_a_real_server_stay_as_they_are() {
    let Some(root) = testkit::sogo::material() else { return };
    let mut seen = 0;
    for entry in std::fs::read_dir(root.join("testdata/eas/captures-sogo")).unwrap() {
        let path = entry.unwrap().path();
        let octets = Bytes::from(std::fs::read(&path).unwrap());
        if path.extension().is_some_and(|e| e == "resp") && octets.starts_with(&[3, 1, 0x6A]) {
            let links = LINKS.replace("schemes", "mode = 'include'\ndomains = ['nowhere.test']\nschemes");
            let same = with(&[&links], "managed = true", &References::new(), |work, _| wbxml(work, &octets).unwrap());
            assert_eq!(same, None, "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen}");
}
