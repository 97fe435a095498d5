//! The query of a GetAttachment with another reference: the mail server's own in place of ours.
//!
//! Everything else stays as it was written, octet for octet; the form stays too, pairs or base64.

use base64::Engine as _;

use super::{ENGINE, Fields, is_plain, percent_decode};

/// The tag of `AttachmentName` (MS-ASHTTP §2.2.1.1.1.1.3).
const ATTACHMENT_NAME: u8 = 0;

/// The query with this `AttachmentName`; `None` if it has none, or it does not fit.
#[must_use]
pub fn with_attachment(query: &str, reference: &str) -> Option<String> {
    if is_plain(query) { plain(query, reference) } else { packed(query, reference) }
}

fn plain(query: &str, reference: &str) -> Option<String> {
    let mut found = false;
    let mut written: Vec<String> = Vec::new();
    for pair in query.split('&') {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        let is_ours = percent_decode(name, true).is_ok_and(|name| name.eq_ignore_ascii_case("AttachmentName"));
        found |= is_ours;
        written.push(if is_ours { format!("{name}={}", percent_encode(reference)) } else { pair.to_owned() });
    }
    found.then(|| written.join("&"))
}

fn packed(query: &str, reference: &str) -> Option<String> {
    let octets = ENGINE.decode(percent_decode(query, false).ok()?).ok()?;
    let mut rest = Fields(&octets);
    // Version, command, locale; the device; the policy key; the kind of device.
    rest.take(4).ok()?;
    rest.counted().ok()?;
    let key = rest.octet().ok()?;
    rest.take(usize::from(key)).ok()?;
    rest.counted().ok()?;
    let mut written = octets.get(..octets.len() - rest.0.len())?.to_vec();
    let mut found = false;
    while !rest.0.is_empty() {
        let (tag, value) = (rest.octet().ok()?, rest.counted().ok()?);
        let value = if tag == ATTACHMENT_NAME { reference.as_bytes() } else { value };
        found |= tag == ATTACHMENT_NAME;
        written.push(tag);
        written.push(u8::try_from(value.len()).ok()?);
        written.extend_from_slice(value);
    }
    found.then(|| ENGINE.encode(written))
}

/// Everything but letters, digits and `-_.~` as `%XX` (RFC 3986 §2.3).
#[must_use]
pub fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, octet| {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(octet)),
            _ => out.push_str(&format!("%{octet:02X}")),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::parse;
    use crate::views::outgoing::attachment_asked;

    #[test]
    fn g_21_another_reference_and_nothing_else() {
        let plain = "Cmd=GetAttachment&User=a%40b&attachmentname=sg1.x.y&DeviceId=d&DeviceType=t";
        let changed = with_attachment(plain, "mail/INBOX/2/2 ä&=").unwrap();
        assert_eq!(changed, "Cmd=GetAttachment&User=a%40b&attachmentname=mail%2FINBOX%2F2%2F2%20%C3%A4%26%3D&DeviceId=d&DeviceType=t");
        assert_eq!(attachment_asked(&parse(&changed).unwrap()), Some("mail/INBOX/2/2 ä&="));
        // Version 14.1, GetAttachment, locale, device, policy key, kind, an option, the reference.
        let octets = [&[141, 4, 9, 4, 1, b'd', 4, 1, 2, 3, 4, 1, b't', 7, 1, 1, 0, 3][..], b"old"].concat();
        let packed = ENGINE.encode(octets);
        assert_eq!(attachment_asked(&parse(&packed).unwrap()), Some("old"));
        let changed = with_attachment(&packed, "5%3a1%3a0").unwrap();
        let (before, after) = (parse(&packed).unwrap(), parse(&changed).unwrap());
        assert_eq!(attachment_asked(&after), Some("5%3a1%3a0"));
        assert_eq!((before.device_id, before.policy_key, before.version), (after.device_id, after.policy_key, after.version));
        assert_eq!(before.parameters.len(), after.parameters.len());
        assert_eq!(with_attachment(&packed, &"u".repeat(256)), None);
        assert_eq!(with_attachment("Cmd=Sync&DeviceId=d", "x"), None);
    }
}
