//! xtext, and the DSN parameters that are written in it (RFC 3461 §4).
//!
//! Pure, total functions over parameter values that `path::parameters` has cut from a bounded line; the fuzzer calls them. What they
//! give stands in reports later, so nothing but printable characters comes out, whatever was encoded (security.md X-10).

use model::{Notify, Return};

/// Longest `ENVID` as it is written (RFC 3461 §4.4).
const ENVID_MAX: usize = 100;
/// Longest `ORCPT` as it is written (RFC 3461 §4.2).
const ORCPT_MAX: usize = 500;

/// Decodes xtext; `None` if it is none. Octets beyond US-ASCII come from `+HH` only.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => {
                let (high, low) = (rest.next().and_then(digit)?, rest.next().and_then(digit)?);
                out.push(high << 4 | low);
            }
            b'!'..=b'~' if byte != b'=' => out.push(byte),
            _ => return None,
        }
    }
    Some(out)
}

/// Upper-case hexadecimal, as RFC 3461 §4 demands.
const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// `ENVID=`: decoded, printable US-ASCII.
#[must_use]
pub fn envelope_id(value: &str) -> Option<String> {
    if value.len() > ENVID_MAX {
        return None;
    }
    printable(decode(value)?)
}

/// `ORCPT=`: `addr-type;address`, decoded. With `utf8` the address may be of type `utf-8`, whose characters may stand there
/// unencoded (RFC 6533 §3). Servers in the field write them under `rfc822`, too, and as xtext: that is taken as `utf-8`.
#[must_use]
pub fn original(value: &str, utf8: bool) -> Option<String> {
    if value.len() > ORCPT_MAX {
        return None;
    }
    let (kind, address) = value.split_once(';')?;
    let sound = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !sound || address.is_empty() {
        return None;
    }
    if utf8 && !address.is_ascii() {
        return international(address);
    }
    let decoded = decode(address)?;
    if decoded.is_ascii() {
        return Some(format!("{kind};{}", printable(decoded)?));
    }
    String::from_utf8(decoded).ok().filter(|_| utf8).and_then(|address| international(&address))
}

fn international(address: &str) -> Option<String> {
    (!address.chars().any(|c| c.is_control() || c.is_whitespace())).then(|| format!("utf-8;{address}"))
}

/// `NOTIFY=`: `NEVER` alone, or some of the others, each once.
#[must_use]
pub fn notify(value: &str) -> Option<Notify> {
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(Notify::NEVER);
    }
    let mut found = Notify::NEVER;
    for word in value.split(',') {
        let place = match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => &mut found.success,
            "FAILURE" => &mut found.failure,
            "DELAY" => &mut found.delay,
            _ => return None,
        };
        if std::mem::replace(place, true) {
            return None;
        }
    }
    Some(found)
}

/// `RET=`.
#[must_use]
pub fn ret(value: &str) -> Option<Return> {
    match value.to_ascii_uppercase().as_str() {
        "FULL" => Some(Return::Full),
        "HDRS" => Some(Return::Headers),
        _ => None,
    }
}

/// RFC 3461 §4.2, §4.4: what was encoded is printable US-ASCII.
fn printable(bytes: Vec<u8>) -> Option<String> {
    let fits = bytes.iter().all(|b| (b' '..=b'~').contains(b));
    String::from_utf8(bytes).ok().filter(|_| fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_t1_xtext_is_read_strictly() {
        assert_eq!(decode("a+2Bb+3D").unwrap(), b"a+b=");
        assert_eq!(decode("+C3+A9").unwrap(), "\u{e9}".as_bytes());
        for bad in ["+", "+2", "+2b", "a=b", "a b", "\u{e9}", "+-1", "\u{7f}"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn x_10_nothing_but_printable_text_comes_out() {
        assert_eq!(envelope_id("QQ+20x").unwrap(), "QQ x");
        for bad in ["a+0D+0Ab", "a+00", "+7F", "+C3+A9", &"a".repeat(101)] {
            assert_eq!(envelope_id(bad), None, "{bad}");
        }
        assert_eq!(original("rfc822;bob+2Bx@example.com", false).unwrap(), "rfc822;bob+x@example.com");
        assert_eq!(original("utf-8;j\u{f6}rg@example.com", true).unwrap(), "utf-8;j\u{f6}rg@example.com");
        for written in ["utf-8;j+C3+B6rg@example.com", "rfc822;j+C3+B6rg@example.com", "rfc822;j\u{f6}rg@example.com"] {
            assert_eq!(original(written, true).unwrap(), "utf-8;j\u{f6}rg@example.com");
            assert_eq!(original(written, false), None);
        }
        let odd = ["utf-8;a+C2+85+C3+A9", "utf-8;a+C3", "utf-8;a+C2+A0"];
        for bad in ["bob@example.com", ";bob", "rfc822;", "rfc 822;x", "rfc822;a+0D+0AX-Y:z", "utf-8;a\u{85}\u{e9}"].into_iter().chain(odd)
        {
            assert_eq!(original(bad, true), None, "{bad}");
        }
        assert_eq!(original("utf-8;j\u{f6}rg@example.com", false), None);
    }

    #[test]
    fn m_t1_notify_is_never_alone_or_a_list() {
        assert_eq!(notify("never"), Some(Notify::NEVER));
        assert_eq!(notify("SUCCESS,Delay"), Some(Notify { success: true, failure: false, delay: true }));
        for bad in ["", "NEVER,DELAY", "SUCCESS,SUCCESS", "SUCCESS,", "ALWAYS"] {
            assert_eq!(notify(bad), None, "{bad}");
        }
        assert_eq!((ret("hdrs"), ret("Full"), ret("none")), (Some(Return::Headers), Some(Return::Full), None));
    }
}
