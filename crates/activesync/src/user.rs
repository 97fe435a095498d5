//! Who asks: the user in the credentials of a request (RFC 7617 §2, RFC 6750 §2.1).
//!
//! Passwords and tokens are looked past, never kept: what this module returns holds the name only.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest `Authorization` value that is read; bearer tokens of large tenants stay well below.
const LONGEST: usize = 16 * 1024;

/// What a request's `Authorization` field says, without the secret in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// HTTP Basic, with the user as written.
    Basic(String),
    /// A bearer token; whom it speaks for only its issuer can say.
    Bearer,
    /// A scheme that can't be passed through, or nothing readable.
    Unusable,
}

/// Reads the value of one `Authorization` field.
#[must_use]
pub fn credentials(value: &[u8]) -> Credentials {
    let Ok(text) = std::str::from_utf8(value) else { return Credentials::Unusable };
    let Some((scheme, rest)) = text.trim().split_once(' ') else { return Credentials::Unusable };
    let rest = rest.trim();
    if text.len() > LONGEST || rest.is_empty() {
        return Credentials::Unusable;
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        return Credentials::Bearer;
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Credentials::Unusable;
    }
    basic_user(rest).map_or(Credentials::Unusable, Credentials::Basic)
}

/// The user-id of a Basic token. It ends at the first colon (RFC 7617 §2); octets that are no UTF-8 are read as Latin-1,
/// as phones from before RFC 7617 wrote them.
fn basic_user(token: &str) -> Option<String> {
    let mut decoded = STANDARD.decode(token).ok()?;
    let user = decoded.split(|byte| *byte == b':').next().filter(|user| user.len() < decoded.len() && !user.is_empty());
    let text = user.map(|user| match std::str::from_utf8(user) {
        Ok(text) => text.to_owned(),
        Err(_) => user.iter().map(|byte| char::from(*byte)).collect(),
    });
    decoded.fill(0);
    text.filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_read_and_the_password_is_not_kept() {
        assert_eq!(credentials(b"Basic Y2Fyb2w6Y2Fyb2xwdw=="), Credentials::Basic("carol".into()));
        assert_eq!(credentials(b"basic Y2Fyb2w6YTpi"), Credentials::Basic("carol".into()), "the password holds a colon");
        assert_eq!(credentials(b"Basic RVhcY2Fyb2w6cHc="), Credentials::Basic("EX\\carol".into()));
        assert_eq!(credentials(b"Basic auk6cHc="), Credentials::Basic("jé".into()), "Latin-1");
        assert_eq!(credentials(b"Bearer eyJ"), Credentials::Bearer);
        for bad in
            [&b""[..], b"Basic", b"Basic ", b"Basic !!", b"Basic OnB3", b"Basic Y2Fyb2w=", b"Negotiate YII=", b"\xff a", b"Basic YQBiOnB3"]
        {
            assert_eq!(credentials(bad), Credentials::Unusable, "{bad:?}");
        }
    }
}
