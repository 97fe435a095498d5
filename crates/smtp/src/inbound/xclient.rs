//! XCLIENT: a listed filter in front of us says for whom it speaks (Postfix, XCLIENT_README).
//!
//! Announced to, and taken from, addresses of `[smtp] xclient_from` only (security.md X-20). [`parse`] is pure and total; the
//! fuzzer calls it. A sound XCLIENT begins the session anew with what it said; afterwards our answers and rights are those of the
//! client that was named, not the filter's.

use std::net::IpAddr;

use model::Address;

use super::session::{Flow, Session, Why};
use super::{Gate, Reply, xtext};
use crate::wire::Stream;

/// What XCLIENT said. `None`: the attribute was not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Xclient {
    /// `ADDR`.
    pub address: Option<IpAddr>,
    /// `HELO`; empty for `[UNAVAILABLE]`.
    pub helo: Option<String>,
    /// `LOGIN`: the account that has signed in there; `Some(None)`: nobody has.
    pub login: Option<Option<Address>>,
}

/// How it is written.
pub const FORM: &str = "Write XCLIENT and ADDR= HELO= LOGIN= NAME= PORT= PROTO=, values in xtext";

/// Reads the attributes; `None` if one is malformed, unknown, or comes twice. `NAME`, `PORT` and `PROTO` are read and decide
/// nothing: a name is only believed when DNS says it.
#[must_use]
pub fn parse(text: &str) -> Option<Xclient> {
    let mut found = Xclient::default();
    let mut seen: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let (name, value) = word.split_once('=')?;
        let name = name.to_ascii_uppercase();
        let value = String::from_utf8(xtext::decode(value)?).ok().filter(|value| !value.chars().any(char::is_control))?;
        if seen.contains(&name) {
            return None;
        }
        let known = !matches!(value.to_ascii_uppercase().as_str(), "[UNAVAILABLE]" | "[TEMPUNAVAIL]");
        match name.as_str() {
            "ADDR" if known => found.address = Some(address(&value)?),
            "HELO" if known => found.helo = Some(value).filter(|helo| helo.len() <= 255 && helo.bytes().all(|b| b.is_ascii_graphic())),
            "HELO" => found.helo = Some(String::new()),
            "LOGIN" if known => found.login = Some(Some(Address::parse(&value).ok()?)),
            "LOGIN" => found.login = Some(None),
            "PORT" if known => drop(value.parse::<u16>().ok()?),
            "PROTO" if known && !matches!(value.to_ascii_uppercase().as_str(), "SMTP" | "ESMTP") => return None,
            // An address that is not known must not leave the filter's own in its place.
            "ADDR" => return None,
            "NAME" | "PORT" | "PROTO" => {}
            _ => return None,
        }
        seen.push(name);
    }
    (!seen.is_empty()).then_some(found)
}

/// `192.0.2.1`, or `IPV6:2001:db8::1`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.get(..5).filter(|start| start.eq_ignore_ascii_case("IPV6:")).and_then(|_| text.get(5..)).unwrap_or(text);
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

impl<S: Stream, G: Gate> Session<'_, S, G> {
    /// Takes over what a listed filter says, and begins anew with a greeting.
    pub async fn xclient(&mut self, said: Xclient) -> Flow {
        if !self.settings.xclient {
            return self.bad(&Reply::new(550, "5.7.0", "XCLIENT is not taken from you")).await;
        }
        if self.transaction.is_some() {
            return self.bad(&Reply::new(503, "5.5.1", "A mail is under way; send DATA or RSET first")).await;
        }
        self.peer.address = said.address.unwrap_or(self.peer.address);
        self.peer.account = said.login.unwrap_or_default();
        self.peer.helo = said.helo.unwrap_or_default();
        self.peer.proof = model::Proof::default();
        if let Err(reply) = self.gate.greet(&self.peer).await {
            self.put(&reply).await?;
            return Err(Why::Gate);
        }
        let greeting = self.greeting();
        self.put(&greeting).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_t1_xclient_is_read() {
        let said = parse("NAME=mail.example ADDR=192.0.2.9 PORT=1234 PROTO=ESMTP HELO=c.example LOGIN=bob+2Bx@company.example").unwrap();
        assert_eq!(said.address, Some("192.0.2.9".parse().unwrap()));
        assert_eq!(said.helo.as_deref(), Some("c.example"));
        assert_eq!(said.login, Some(Some(Address::parse("bob+x@company.example").unwrap())));
        assert_eq!(parse("addr=IPV6:2001:db8::1").unwrap().address, Some("2001:db8::1".parse().unwrap()));
        assert_eq!(parse("ADDR=::ffff:192.0.2.9").unwrap().address, Some("192.0.2.9".parse().unwrap()));
        assert_eq!(parse("LOGIN=[UNAVAILABLE]").unwrap().login, Some(None));
    }

    #[test]
    fn x_20_what_is_no_sound_xclient_is_refused() {
        for bad in [
            "",
            "ADDR",
            "ADDR=x",
            "ADDR=[UNAVAILABLE]",
            "ADDR=1.2.3.4 addr=1.2.3.5",
            "LOGIN=bob",
            "PORT=99999",
            "PROTO=HTTP",
            "FOO=1",
            "NAME=a+0D+0Ab",
            "HELO=+",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
