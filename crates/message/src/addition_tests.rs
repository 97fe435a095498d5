//! What is added stands in each form of the text, in its charset, and the rest stays octet by octet.

use super::*;

const TEXT: Addition<'_> = Addition { text: "Grüße, 5 €", html: "<p>Grüße, 5 €</p>", top: false, mark: None };

fn read(bytes: &[u8]) -> Message {
    Message::parse(Bytes::copy_from_slice(bytes), &Budget::default()).unwrap()
}

fn added(mail: &[u8], addition: Addition<'_>) -> Option<Message> {
    add(&read(mail), addition, &Budget::default()).unwrap().map(|bytes| read(&bytes))
}

fn text(message: &Message, id: &str) -> String {
    message.part(id).unwrap().text(message, &Budget::default()).unwrap()
}

#[test]
fn m_r5_each_alternative_gets_its_own_form_and_files_get_none() {
    let mail = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n\
        --a\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nHall\xc3\xb6\r\n\
        --a\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<html><Body class=3D\"x\">H</BODY></html>\r\n--a--\r\n\
        --m\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nfile\r\n--m--\r\n";
    let message = added(mail, TEXT).unwrap();
    assert_eq!(text(&message, "1.1.1"), "Hallö\r\nGrüße, 5 €");
    assert_eq!(text(&message, "1.1.2"), "<html><Body class=\"x\">H\r\n<p>Grüße, 5 €</p>\r\n</BODY></html>");
    assert_eq!(text(&message, "1.2"), "file");
    assert_eq!(message.anomalies(), []);
    let top = added(mail, Addition { top: true, ..TEXT }).unwrap();
    assert_eq!(text(&top, "1.1.1"), "Grüße, 5 €\r\nHallö");
    assert_eq!(text(&top, "1.1.2"), "<html><Body class=\"x\">\r\n<p>Grüße, 5 €</p>\r\nH</BODY></html>");
}

#[test]
fn m_r5_the_charset_stays_unless_plain_text_needs_a_wider_one() {
    let latin = b"Content-Type: text/plain; charset=iso-8859-15\r\nContent-Transfer-Encoding: 8bit\r\n\r\nHall\xf6 \xa4\r\n";
    let message = added(latin, TEXT).unwrap();
    assert!(message.bytes().ends_with(b"\r\n\r\nHall\xf6 \xa4\r\nGr\xfc\xdfe, 5 \xa4\r\n"), "{message:?}");
    let narrow = b"Content-Type: text/plain; charset=iso-8859-2; format=flowed\r\nContent-Transfer-Encoding: 8bit\r\n\r\nHall\xf6\r\n";
    let message = added(narrow, TEXT).unwrap();
    assert_eq!(message.root().content_type.param("charset"), Some("utf-8"));
    assert_eq!((message.root().content_type.param("format"), text(&message, "1").as_str()), (Some("flowed"), "Hallö\r\nGrüße, 5 €\r\n"));
    let ascii = b"Subject: x\r\n\r\nHello\r\n";
    assert_eq!(text(&added(ascii, TEXT).unwrap(), "1"), "Hello\r\nGrüße, 5 €\r\n");
    let plain = added(ascii, Addition { text: "Bye", ..TEXT }).unwrap();
    assert_eq!(plain.bytes().as_ref(), b"Subject: x\r\n\r\nHello\r\nBye\r\n", "nothing else changes");
    let html = b"Content-Type: text/html; charset=iso-8859-2\r\n\r\n<b>Hall\xf6</b>";
    let message = added(html, TEXT).unwrap();
    assert_eq!(message.root().content_type.param("charset"), Some("iso-8859-2"));
    assert!(text(&message, "1").contains("<b>Hallö</b>\r\n<p>Grüße, 5 &#8364;</p>"), "{}", text(&message, "1"));
}

#[test]
fn m_r5_mail_without_text_and_protected_parts_are_left_alone() {
    for mail in [
        "Content-Type: image/png\r\n\r\nx\r\n",
        "Content-Type: text/calendar\r\n\r\nx\r\n",
        "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
        "Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nx\r\n",
    ] {
        assert!(added(mail.as_bytes(), TEXT).is_none(), "{mail}");
    }
    assert!(added(b"\r\nx\r\n", Addition { text: " ", html: "", top: false, mark: None }).is_none());
}

#[test]
fn m_r5_base64_stays_base64_and_an_octet_of_utf_16_is_no_ascii() {
    let body = encode_base64("Hallo\r\n".as_bytes());
    let mail = [b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n".as_slice(), &body].concat();
    let message = added(&mail, TEXT).unwrap();
    assert_eq!((message.root().encoding, text(&message, "1").as_str()), (Encoding::Base64, "Hallo\r\nGrüße, 5 €\r\n"));
    let wide: Vec<u8> = "Hallo".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mail =
        [b"Content-Type: text/plain; charset=utf-16be\r\nContent-Transfer-Encoding: base64\r\n\r\n".as_slice(), &encode_base64(&wide)]
            .concat();
    let message = added(&mail, TEXT).unwrap();
    assert_eq!((message.root().content_type.param("charset"), text(&message, "1").as_str()), (Some("utf-8"), "Hallo\r\nGrüße, 5 €\r\n"));
}
