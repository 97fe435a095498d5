//! Tests of the XML form: every octet comes back, changes change their own, and what has no octets is refused.

use std::path::Path;

use model::Budget;
use proptest::prelude::*;

use super::*;
use crate::wbxml::{Document, LIMITS, UnknownTags};

fn xml(octets: &[u8]) -> String {
    decode(bytes::Bytes::copy_from_slice(octets), &Budget::new(LIMITS)).unwrap()
}

fn back(text: &str) -> Result<Vec<u8>, XmlError> {
    encode(text, &Budget::new(LIMITS))
}

#[test]
fn g_20_a_plain_body_is_plain_xml() {
    let octets = b"\x03\x01\x6a\x00\x00\x07\x56\x52\x030\x00\x01\x01";
    let text = xml(octets);
    let expected = concat!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<FolderSync xmlns=\"FolderHierarchy\" xmlns:w=\"urn:sealgate:wbxml\">\n",
        "  <SyncKey>0</SyncKey>\n</FolderSync>\n"
    );
    assert_eq!(text, expected);
    assert_eq!(back(&text).unwrap(), octets);
    let by_hand = "<FolderSync xmlns='FolderHierarchy:'><SyncKey>0</SyncKey></FolderSync>";
    assert_eq!(back(by_hand).unwrap(), octets, "the shortest form, without declaration");
    let changed = back(&text.replace(">0<", ">1234<")).unwrap();
    assert_eq!(changed, b"\x03\x01\x6a\x00\x00\x07\x56\x52\x031234\x00\x01\x01");
}

#[test]
fn g_20_what_only_the_octets_say_comes_back() {
    let bodies: [&[u8]; 12] = [
        b"\x03\x01\x6a\x03abc\x00\x07\x16",
        b"\x03\x00\x05\x6a\x00\x05",
        b"\x03\x01\x80\x6a\x00\x05",
        b"\x03\x01\x6a\x00\x00\x00\x00\x07\x00\x07\x56\x00\x07\x52\x00\x11\x030\x00\x00\x07\x01\x00\x00\x01",
        b"\x03\x01\x6a\x00\x45\x4b\x01\x0b\x4b\x03\x00\x01\x4b\x03 \n\x00\x01\x4b\xc3\x00\x01\x01",
        b"\x03\x01\x6a\x00\x45\x4b\xc3\x80\x80\x03abc\x01\x4b\xc3\x03a\x00b\x01\x4b\x03\xff\x01\x00\x01\x01",
        b"\x03\x01\x6a\x00\x45\x4b\x03a\x00\x03b\x00\xc3\x01c\x01\x4b\x03a\x00\x07\x03 b\x00\x01\x01",
        b"\x03\x01\x6a\x00\x45\x7f\x03<&>\r\n]]>\x00\x01\x3e\x01",
        b"\x03\x01\x6a\x00\x45\x00\x11\x4a\x4b\xc3\x02hi\x01\x00\x00\x00\x11\x01\x00\x00\x24\x01",
        b"\x03\x01\x6a\x00\x45\x00\x11\x4a\x0b\x01\x0b\x00\x00\x24\x01",
        b"\x03\x01\x6a\x00\x45\x00\xfe\x45\x00\x00\x01\x01",
        b"\x03\x01\x6a\x00\x45\x4b\x00\x11\x01\x0b\x01",
    ];
    for octets in bodies {
        let text = xml(octets);
        assert_eq!(back(&text).unwrap_or_else(|e| panic!("{e}: {text}")), octets, "{text}");
    }
}

#[test]
fn g_20_every_good_vector_and_capture_comes_back_octet_for_octet() {
    let Some(root) = testkit::sogo::material() else { return };
    let mut seen = 0;
    let mut each = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let octets = std::fs::read(path).unwrap();
        let parts = crate::multipart::Multipart::parse(octets.clone().into(), &Budget::new(LIMITS));
        let octets = parts.ok().and_then(|parts| parts.part(0)).map_or(octets, |first| first.to_vec());
        let good = octets.starts_with(&[3, 1, 0x6A]) && !name.starts_with("bad-");
        if !good || name.ends_with(".xml") {
            return;
        }
        let text = xml(&octets);
        assert_eq!(back(&text).unwrap_or_else(|e| panic!("{name}: {e}")), octets, "{name}");
        // And an indented copy, as an editor may leave it, is the same body.
        assert_eq!(back(&text.replace("?>\n", "?>\n\n\n")).unwrap(), octets);
        seen += 1;
    };
    for folder in ["vectors", "captures-sogo"] {
        for entry in std::fs::read_dir(root.join("testdata/eas").join(folder)).unwrap() {
            each(&entry.unwrap().path());
        }
    }
    assert!(seen > 90, "only {seen}");
}

#[test]
fn x_11_g_20_what_has_no_octets_is_refused() {
    let sync = |inside: &str| format!("<Sync xmlns='AirSync' xmlns:w='{NAMESPACE}'>{inside}</Sync>");
    for (bad, what) in [
        (String::new(), "expected one element"),
        ("<Sync xmlns='AirSync'/><Sync xmlns='AirSync'/>".to_owned(), "expected one element"),
        ("<Sync xmlns='AirSync'>".to_owned(), ""),
        ("<Sync>".to_owned(), "namespace"),
        ("<Sync xmlns='AirSync' a='b'/>".to_owned(), "no attributes"),
        (sync("<Nothing/>"), "no element"),
        (sync("<x04/>"), "no element"),
        (sync("text<Wait/>"), "text beside elements"),
        (sync("<Wait/>text"), "text beside elements"),
        (sync("<w:other/>"), "no octets here"),
        (sync("<w:value><Wait/></w:value>"), "holds no elements"),
        (sync("<Wait w:form='hex'>0</Wait>"), "form"),
        (sync("<Wait w:form='opaque-base64'>!</Wait>"), "base64"),
        (sync("<Wait w:form='inline-base64'>AA==</Wait>"), "NUL"),
        (sync("<Wait w:pages='99'/>"), "code pages"),
        (sync("<Wait w:pages='17'/>"), "another code page"),
        (sync("<Wait w:width='9'>0</Wait>"), "from 1 to 5"),
        (sync("<Wait w:color='red'/>"), "unknown"),
        (sync("<Wait w:header='03'/>"), "root"),
        (format!("<Sync xmlns='AirSync' xmlns:w='{NAMESPACE}' w:header='03'/>"), ""),
        (sync("<Wait>&nothing;</Wait>"), ""),
        (sync(&"<Sync>".repeat(40)), ""),
    ] {
        let said = back(&bad).map(|octets| format!("{octets:02x?}")).unwrap_err().to_string();
        assert!(said.contains(what), "{bad}: {said}");
    }
    assert!(decode(b"\x03\x01\x6a\x00".to_vec().into(), &Budget::new(LIMITS)).is_err());
}

proptest! {
    #[test]
    fn x_11_any_body_comes_back_octet_for_octet(
        bytes in proptest::collection::vec(prop_oneof![Just(1u8), Just(1), Just(0x45), Just(0x4B), Just(0), Just(3), Just(0xC3), 0u8..0x60, any::<u8>()], 0..120),
    ) {
        let octets: Vec<u8> = [&[3, 1, 0x6A, 0, 0x45][..], &bytes, &[1; 40]].concat();
        let ends = (5..=octets.len()).find(|end| {
            Document::parse(bytes::Bytes::copy_from_slice(&octets[..*end]), UnknownTags::Keep, &Budget::new(LIMITS)).is_ok()
        });
        if let Some(end) = ends {
            let text = xml(&octets[..end]);
            prop_assert_eq!(back(&text).map_err(|e| TestCaseError::fail(format!("{e}: {text}")))?, &octets[..end]);
        }
    }

    #[test]
    fn x_11_any_text_gives_octets_or_an_error(text in "[<>/a-zA-Z0-9 ='\":&;!?\\-\\[\\]]{0,80}") {
        let _ = back(&text);
        let _ = back(&format!("<Sync xmlns='AirSync' xmlns:w='{NAMESPACE}'>{text}</Sync>"));
    }
}
