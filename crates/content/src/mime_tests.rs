//! Parts that are replaced, links that change, and everything else byte for byte.

use std::time::{Duration, Instant};

use super::*;
use crate::plan::tests::{plan, site};
use crate::testing::Keys;
use crate::work::References;

const RULES: &str = "type = 'attachments'\nclasses = { managed_reader = [{ types = 'PDF', action = 'encrypt' }, { types = 'EXE', action = 'block', text = 'No programs.' }] }";
const LINKS: &str = "type = 'hyperlinks'\nschemes = [{ http = 'x', https = 'xs' }]";
const FACTS: &str = "managed = true\nplatform = 'ios'";

const MAIL: &str = "From: a@x.example\r\nSubject: report\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\nintro\r\n\
--b\r\nContent-Type: text/plain\r\n\r\nsee http://a.test\r\n\
--b\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<a href=3D\"https://b.test\">=E4</a>\r\n\
--b\r\nContent-Type: application/octet-stream; name=tool.bin\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <c@x>\r\n\r\nf0VMRgIBAQAAAAAAAAAAAAIA\r\n\
--b\r\nContent-Type: application/pdf; name=\"r.pdf\"\r\n\r\n%PDF-1.7 CANARY\r\n\
--b\r\nContent-Type: text/csv; name=t.csv\r\n\r\n1,http://c.test\r\n\
--b--\r\nend\r\n";

fn changed(policies: &[&str], mail: &str) -> Result<Option<String>, Trouble> {
    let (keys, references) = (Keys::new(1), References::new());
    let plan = plan(&site(policies), FACTS).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let work = Work { plan: Some(&plan), keys: &keys, user: "carol", device: "d1", key_number: 0, references: &references, deadline };
    inbound(&work, &plan, &Bytes::copy_from_slice(mail.as_bytes())).map(|new| new.map(|new| String::from_utf8_lossy(&new).into_owned()))
}

#[test]
fn g_21_parts_are_replaced_in_their_place() {
    let new = changed(&[RULES], MAIL).unwrap().unwrap();
    let kept = MAIL.find("--b\r\nContent-Type: application/octet-stream").unwrap();
    assert!(new.starts_with(&MAIL[..kept]) && new.ends_with(&MAIL[MAIL.find("--b\r\nContent-Type: text/csv").unwrap()..]));
    let message = Message::parse(Bytes::from(new.clone()), &Budget::default()).unwrap();
    let parts: Vec<_> = message.root().children.iter().collect();
    assert_eq!(parts.len(), 5);
    assert_eq!((parts[2].name.as_deref(), parts[2].content_id.as_deref()), (Some("tool.bin.txt"), Some("c@x")));
    assert_eq!(parts[2].decode(&message, &Budget::default()).unwrap(), "No programs.");
    assert_eq!(parts[3].name.as_deref(), Some("r.pdf.sgenc"));
    let file = parts[3].decode(&message, &Budget::default()).unwrap();
    let about = crypto::attachment::about(&file).unwrap();
    assert_eq!(
        (about.user.as_str(), about.device.as_str(), about.class.as_str(), about.name.as_str()),
        ("carol", "d1", "managed_reader", "r.pdf")
    );
    assert!(!new.contains("CANARY") && !new.contains("f0VMRg"));
    use model::ports::ContentKeys as _;
    let key = Keys::new(1).attachment_key("carol", "d1", 0, Some(1)).unwrap().1;
    let opened = crypto::attachment::decrypt(&crypto::seal::SealKey::new(key).unwrap(), &file).unwrap();
    assert_eq!(opened.expose(), b"%PDF-1.7 CANARY");
}

#[test]
fn g_22_links_change_in_the_texts_and_not_in_files() {
    let new = changed(&[LINKS], MAIL).unwrap().unwrap();
    assert!(new.contains("see x://a.test\r\n") && new.contains("href=3D\"xs://b.test\"") && new.contains("=E4"), "{new}");
    assert!(new.contains("1,http://c.test"));
    let links = plan(&site(&[LINKS]), FACTS).unwrap().links.unwrap();
    let back = outbound(&links, &Bytes::from(new), &Budget::default()).unwrap().unwrap();
    let text = String::from_utf8_lossy(&back);
    assert!(text.contains("see http://a.test\r\n") && text.contains("href=3D\"https://b.test\""));
    assert_eq!(outbound(&links, &back, &Budget::default()).unwrap(), None, "nothing of ours is in it any more");
}

#[test]
fn g_20_what_no_policy_names_is_the_same_mail() {
    let plain = "Subject: x\r\n\r\nhello\r\n";
    for mail in [plain, "", "no header at all", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nbroken"] {
        assert_eq!(changed(&[RULES, LINKS], mail).unwrap_or(None), None, "{mail}");
    }
}

#[test]
fn g_21_a_program_that_says_it_is_text_is_one_and_an_invitation_is_none() {
    let program = "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nf0VMRgIBAQAAAAAAAAAAAAIA\r\n";
    assert!(changed(&[RULES], program).unwrap().is_some_and(|new| !new.contains("f0VMRg")));
    let every = "type = 'attachments'\nclasses = { managed_reader = [{ types = '*', action = 'block' }] }";
    let invitation = "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\ncome\r\n--b\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\n--b--\r\n";
    assert_eq!(changed(&[every], invitation).unwrap(), None);
}

#[test]
fn g_21_a_mail_that_is_a_file_keeps_its_own_header() {
    let mail = "From: a@x.example\r\nSubject: file\r\nContent-Type: application/x; name=t.exe\r\nContent-Transfer-Encoding: 7bit\r\n\r\nMZ";
    let new = changed(&[RULES], mail).unwrap().unwrap();
    assert!(new.starts_with("From: a@x.example\r\nSubject: file\r\nContent-Type: text/plain"), "{new}");
    assert!(new.contains("t.exe.txt") && !new.contains("\r\nMZ"));
    let nested = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{mail}\r\n--b--\r\n");
    let new = changed(&[RULES], &nested).unwrap().unwrap();
    assert!(!new.contains("\r\nMZ") && (new.contains("mail.eml.txt") || new.contains("Subject: file")), "{new}");
}

#[test]
fn g_24_smime_is_left_alone_where_the_switch_says_so() {
    let signed = format!(
        "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=s\r\n\r\n--s\r\n{}\r\n--s\r\n\
         Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\nMIAGCSqGSIb3DQEHAqCAMIACAQExADCABgkqhkiG9w0BBwEAADEAAAAAAAAA\r\n--s--\r\n",
        MAIL.trim_start_matches("From: a@x.example\r\nSubject: report\r\nMIME-Version: 1.0\r\n")
    );
    let message = Message::parse(Bytes::from(signed.clone()), &Budget::default()).unwrap();
    assert!(is_protected(&message), "the sample is signed");
    assert_eq!(changed(&[RULES, LINKS], &signed).unwrap(), None);
    let (keys, references) = (Keys::new(1), References::new());
    let mut plan = plan(&site(&[RULES, LINKS]), FACTS).unwrap();
    plan.skip_smime = false;
    let deadline = Instant::now() + Duration::from_secs(60);
    let work = Work { plan: Some(&plan), keys: &keys, user: "carol", device: "d1", key_number: 0, references: &references, deadline };
    assert!(inbound(&work, &plan, &Bytes::from(signed)).unwrap().is_some());
}

#[test]
fn g_23_a_notice_keeps_who_wrote_and_what_about_and_nothing_else() {
    let message = Message::parse(Bytes::from_static(MAIL.as_bytes()), &Budget::default()).unwrap();
    let notice = String::from_utf8(notice(Some(&message), "Ask the office, wo Bücher sind.")).unwrap();
    assert!(notice.starts_with("From: a@x.example\r\nSubject: report\r\nMIME-Version: 1.0\r\nContent-Type: text/plain"), "{notice}");
    assert!(!notice.contains("CANARY") && !notice.contains("boundary=b") && !notice.contains("a.test"));
}

#[test]
fn g_25_x_11_a_mail_without_end_of_nesting_is_an_error_and_costs_little() {
    let deep: String = (0..200).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")).collect();
    assert!(changed(&[RULES], &deep).is_err());
}

#[test]
fn g_23_html_is_read_by_lines() {
    let lines = lines_of_html("<html><body><p>one<br>[Confidential]</p><div>two &lt; <b>three</b></div>");
    assert!(lines.lines().any(|line| line == "[Confidential]"), "{lines}");
    assert!(lines.lines().any(|line| line.ends_with("three")));
}
