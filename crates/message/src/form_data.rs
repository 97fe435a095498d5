//! Forms with files: `multipart/form-data` as browsers write it (RFC 7578, RFC 2046 §5.1.1). For `web`.
//!
//! Strangers can send this before they are known to be ours, so it is bounded and strict: no preamble, a known number of parts,
//! short headers, one place where each part ends. Names and file names decide nothing but which field is meant; a file's name is not
//! even kept.

use memchr::memmem;

/// Parts of one form.
const PARTS: usize = 100;
/// Octets of one part's header.
const HEADER: usize = 4_096;
/// Characters of a boundary (RFC 2046 §5.1.1).
const BOUNDARY: usize = 70;

/// A form's fields and files, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// Names and texts.
    pub texts: Vec<(String, String)>,
    /// Names and contents; a file field that was left empty is not there.
    pub files: Vec<(String, Vec<u8>)>,
}

/// The boundary in a content type; `None` for anything but a form with files.
#[must_use]
pub fn boundary(content_type: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(content_type).ok()?;
    let (kind, parameters) = text.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let named = parameters.split(';').filter_map(|one| one.trim().split_once('='));
    let (_, value) = named.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?;
    let value = value.trim_matches('"');
    let fits = (1..=BOUNDARY).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&b));
    fits.then_some(value)
}

/// Reads a body; `None` if it is no such form, or a larger one than is read.
#[must_use]
pub fn read(body: &[u8], boundary: &str) -> Option<Parts> {
    let (first, between) = (format!("--{boundary}"), format!("\r\n--{boundary}"));
    let mut rest = body.strip_prefix(first.as_bytes())?;
    let (mut parts, finder) = (Parts::default(), memmem::Finder::new(&between));
    for _ in 0..=PARTS {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        rest = rest.strip_prefix(b"\r\n")?;
        let end = finder.find(rest)?;
        let (part, after) = (rest.get(..end)?, rest.get(end + between.len()..)?);
        take(&mut parts, part)?;
        rest = after;
    }
    None
}

fn take(parts: &mut Parts, part: &[u8]) -> Option<()> {
    let head_end = memmem::find(part.get(..part.len().min(HEADER))?, b"\r\n\r\n")?;
    let (head, content) = (std::str::from_utf8(part.get(..head_end)?).ok()?, part.get(head_end + 4..)?);
    let disposition = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value.trim())
    })?;
    let parameters = disposition.strip_prefix("form-data")?;
    let name = parameter(parameters, "name")?;
    if parameter(parameters, "filename").is_none() {
        let text = std::str::from_utf8(content).ok()?;
        parts.texts.push((name, text.replace("\r\n", "\n")));
    } else if !content.is_empty() {
        parts.files.push((name, content.to_vec()));
    }
    Some(())
}

/// A quoted parameter. Browsers write a quotation mark in it as %22, line ends as %0D and %0A (HTML, "multipart/form-data").
fn parameter(text: &str, wanted: &str) -> Option<String> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(';') {
        let (name, value) = after.split_once("=\"")?;
        let (value, after) = value.split_once('"')?;
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"));
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const B: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW";

    fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (head, content) in parts {
            body.extend_from_slice(format!("--{B}\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes());
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{B}--\r\n").as_bytes());
        body
    }

    #[test]
    fn forms_with_files_are_read_as_browsers_write_them() {
        let file = b"\x30\x82\r\n--not the end\r\n\x00\xff";
        let body = form(&[
            ("name=\"csrf\"", b"t0ken"),
            ("name=\"pasted\"", b"one\r\ntwo"),
            ("name=\"file\"; filename=\"bob;x.p12\"\r\nContent-Type: application/x-pkcs12", file),
            ("name=\"other\"; filename=\"\"\r\nContent-Type: application/octet-stream", b""),
        ]);
        let read = read(&body, B).unwrap();
        assert_eq!(read.texts, [("csrf".to_owned(), "t0ken".to_owned()), ("pasted".to_owned(), "one\ntwo".to_owned())]);
        assert_eq!(read.files, [("file".to_owned(), file.to_vec())], "without the one that was left empty");
        assert_eq!(super::read(&form(&[("name=\"a%22b\"", b"")]), B).unwrap().texts[0].0, "a\"b");
    }

    #[test]
    fn x_9_x_11_what_is_no_whole_form_is_none() {
        let good = form(&[("name=\"a\"", b"b")]);
        for cut in 0..good.len() - 4 {
            assert_eq!(read(&good[..cut], B), None, "cut at {cut}");
        }
        assert_eq!(read(&[b"preamble", &good[..]].concat(), B), None);
        assert_eq!(read(&good, "another"), None);
        assert_eq!(read(&form(&[("filename=\"x\"", b"b")]), B), None, "no name");
        assert_eq!(read(&form(&[("name=\"a\"", b"\xff")]), B), None, "no text");
        let long = format!("name=\"{}\"", "a".repeat(HEADER));
        assert_eq!(read(&form(&[(&long, b"")]), B), None);
        assert_eq!(read(&form(&vec![("name=\"a\"", &b"b"[..]); PARTS + 1]), B), None);
        assert!(read(&form(&vec![("name=\"a\"", &b"b"[..]); PARTS]), B).is_some());
    }

    #[test]
    fn the_boundary_is_read_strictly() {
        assert_eq!(boundary(b"multipart/form-data; boundary=abc"), Some("abc"));
        assert_eq!(boundary(b"Multipart/Form-Data; charset=utf-8; boundary=\"a b\""), None);
        assert_eq!(boundary(b"multipart/form-data; boundary=\"a-b\""), Some("a-b"));
        for bad in [&b"multipart/mixed; boundary=abc"[..], b"multipart/form-data", b"multipart/form-data; boundary=", b"text/plain"] {
            assert_eq!(boundary(bad), None);
        }
        assert_eq!(boundary(format!("multipart/form-data; boundary={}", "a".repeat(71)).as_bytes()), None);
    }
}
