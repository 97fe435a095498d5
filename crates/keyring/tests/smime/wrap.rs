//! The MIME around a signature, in the forms that programs and servers on the way give it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How a mail is put together around what was signed.
#[derive(Clone)]
pub(crate) struct Wrap {
    pub(crate) boundary: &'static str,
    /// Content-Type of the whole; `{b}` is the boundary.
    pub(crate) kind: &'static str,
    pub(crate) protocol: &'static str,
    pub(crate) preamble: &'static str,
    pub(crate) epilogue: &'static str,
    /// Characters of a line of base64.
    pub(crate) line: usize,
    /// Fields above and below those that are always there.
    pub(crate) above: &'static str,
    pub(crate) from: String,
}

impl Wrap {
    pub(crate) fn of(from: &str) -> Self {
        Self {
            boundary: "next-part",
            kind: "multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=\"{b}\"",
            protocol: "application/pkcs7-signature; name=smime.p7s",
            preamble: "",
            epilogue: "",
            line: 76,
            above: "",
            from: format!("From: {from}\r\n"),
        }
    }

    fn head(&self) -> Vec<u8> {
        format!(
            "{}{}To: bob@company.example\r\nSubject: test\r\nDate: Sat, 21 Nov 2026 21:44:34 +0000\r\nMIME-Version: 1.0\r\n",
            self.above, self.from
        )
        .into_bytes()
    }

    /// With a detached signature.
    pub(crate) fn clear(&self, content: &[u8], cms: &[u8]) -> Vec<u8> {
        let Self { boundary, preamble, epilogue, protocol, .. } = self;
        let kind = self.kind.replace("{b}", boundary);
        let signature = base64_lines(cms, self.line);
        [
            self.head(),
            format!("Content-Type: {kind}\r\n\r\n{preamble}--{boundary}\r\n").into_bytes(),
            content.to_vec(),
            format!("\r\n--{boundary}\r\nContent-Type: {protocol}\r\nContent-Transfer-Encoding: base64\r\n\r\n{signature}\r\n--{boundary}--\r\n{epilogue}")
                .into_bytes(),
        ]
        .concat()
    }

    /// With the content inside the CMS object.
    pub(crate) fn opaque(&self, cms: &[u8]) -> Vec<u8> {
        let kind = "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m";
        let body = base64_lines(cms, self.line);
        [self.head(), format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}").into_bytes()].concat()
    }

    /// Around any entity.
    pub(crate) fn entity(&self, entity: &[u8]) -> Vec<u8> {
        [self.head(), entity.to_vec()].concat()
    }
}

pub(crate) fn base64_lines(bytes: &[u8], line: usize) -> String {
    let text = STANDARD.encode(bytes);
    text.as_bytes().chunks(line).map(|line| format!("{}\r\n", std::str::from_utf8(line).unwrap())).collect()
}
