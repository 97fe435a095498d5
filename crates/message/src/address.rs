//! The one parser of address fields.
//!
//! From, Sender, To, Cc are read here and nowhere else, by a strict reading of RFC 5322 §3.4: what another
//! program could read as another mailbox is unreadable (CVE-2026-27444). Blanks, comments and groups are
//! taken where they can't be misread; the mailbox itself is [`model::Address`], which takes none.

use model::Address;

use crate::FromError;
use crate::header::unfold;
use crate::text;

/// One mailbox of an address field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Display name, decoded; `None` when there is none.
    pub name: Option<String>,
    /// The address.
    pub address: Address,
}

/// The only mailbox of a field.
///
/// # Errors
/// [`FromError::Missing`] for an empty field, [`FromError::Several`] for more than one mailbox.
pub fn sole(value: &[u8]) -> Result<Mailbox, FromError> {
    let mut all = list(value)?;
    match (all.pop(), all.is_empty()) {
        (Some(mailbox), true) => Ok(mailbox),
        (Some(_), false) => Err(FromError::Several),
        (None, _) => Err(FromError::Missing),
    }
}

/// All mailboxes of a field, those in groups too. An empty group holds none.
///
/// # Errors
/// [`FromError::Unreadable`] when one element is not certain: then none is.
pub fn list(value: &[u8]) -> Result<Vec<Mailbox>, FromError> {
    let flat = String::from_utf8(unfold(value)).map_err(|_| FromError::Unreadable)?;
    if flat.chars().any(|c| c.is_control() && c != '\t') {
        return Err(FromError::Unreadable);
    }
    let mut all = Vec::new();
    for element in elements(&flat)? {
        all.push(mailbox(&element)?);
    }
    Ok(all)
}

/// A piece of text between commas, without comments.
#[derive(Default)]
struct Element {
    /// Characters with a flag: inside quotes. The quotes themselves are kept, flagged.
    chars: Vec<(char, bool)>,
}

impl Element {
    fn is_blank(&self) -> bool {
        self.chars.iter().all(|(c, quoted)| !quoted && c.is_whitespace())
    }
}

/// Splits at commas outside quotes, angle brackets and comments; takes group names and ends away.
fn elements(flat: &str) -> Result<Vec<Element>, FromError> {
    let mut all = Vec::new();
    let mut now = Element::default();
    let (mut quoted, mut angle, mut group) = (false, false, false);
    let mut chars = flat.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted => {
                now.chars.push((c, true));
                now.chars.push((chars.next().ok_or(FromError::Unreadable)?, true));
            }
            '"' => {
                quoted = !quoted;
                now.chars.push((c, true));
            }
            _ if quoted => now.chars.push((c, true)),
            '(' => {
                comment(&mut chars, angle)?;
                now.chars.push((' ', false));
            }
            '<' if angle => return Err(FromError::Unreadable),
            '<' | '>' => {
                angle = c == '<';
                now.chars.push((c, false));
            }
            ',' if !angle => take(&mut all, &mut now)?,
            ':' if !angle && !group && !is_literal(&now) => {
                group = true;
                now = Element::default();
            }
            ';' if !angle && group => {
                group = false;
                if !now.is_blank() {
                    all.push(std::mem::take(&mut now));
                }
                now = after_group(&mut chars)?;
            }
            _ => now.chars.push((c, false)),
        }
    }
    if quoted || angle || group {
        return Err(FromError::Unreadable);
    }
    if !now.is_blank() {
        all.push(now);
    }
    Ok(all)
}

/// Ends an element at a comma. An empty one is the obsolete list form, which others read differently.
fn take(all: &mut Vec<Element>, now: &mut Element) -> Result<(), FromError> {
    if now.is_blank() {
        return Err(FromError::Unreadable);
    }
    all.push(std::mem::take(now));
    Ok(())
}

/// Behind the end of a group only a comma or nothing may come.
fn after_group(chars: &mut std::str::Chars<'_>) -> Result<Element, FromError> {
    match chars.find(|c| !c.is_whitespace()) {
        None | Some(',') => Ok(Element::default()),
        Some(_) => Err(FromError::Unreadable),
    }
}

/// True while inside the brackets of an address literal such as `[IPv6:::1]`.
fn is_literal(now: &Element) -> bool {
    now.chars.iter().rev().take_while(|(c, _)| *c != ']').any(|(c, quoted)| *c == '[' && !quoted)
}

/// Skips a comment. One that holds angle brackets, or stands in them, could be taken for an address.
fn comment(chars: &mut std::str::Chars<'_>, angle: bool) -> Result<(), FromError> {
    let mut depth = 1;
    while depth > 0 {
        match chars.next().ok_or(FromError::Unreadable)? {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\\' => drop(chars.next()),
            '<' | '>' => return Err(FromError::Unreadable),
            _ => {}
        }
    }
    if angle { Err(FromError::Unreadable) } else { Ok(()) }
}

fn mailbox(element: &Element) -> Result<Mailbox, FromError> {
    let place = |wanted: char| element.chars.iter().position(|(c, quoted)| *c == wanted && !quoted);
    let joined = |chars: &[(char, bool)]| chars.iter().map(|(c, _)| *c).collect::<String>();
    let parse = |text: &str| Address::parse(text.trim()).map_err(|_| FromError::Unreadable);
    let (Some(open), close) = (place('<'), place('>')) else {
        return Ok(Mailbox { name: None, address: parse(&joined(&element.chars))? });
    };
    let close = close.filter(|close| *close > open).ok_or(FromError::Unreadable)?;
    let (before, inside, after) = (element.chars.get(..open), element.chars.get(open + 1..close), element.chars.get(close + 1..));
    if after.is_none_or(|after| after.iter().any(|(c, quoted)| *quoted || !c.is_whitespace())) {
        return Err(FromError::Unreadable);
    }
    let address = parse(&joined(inside.unwrap_or_default()))?;
    let display = before.unwrap_or_default();
    check_display(display, &address)?;
    let name = text::header(unquote(display).as_bytes());
    Ok(Mailbox { name: (!name.is_empty()).then_some(name), address })
}

/// A display name must not hold another mailbox that a careless reader would take for the author.
fn check_display(display: &[(char, bool)], address: &Address) -> Result<(), FromError> {
    let bare: String = display.iter().filter(|(_, quoted)| !quoted).map(|(c, _)| *c).collect();
    if bare.contains('>') {
        return Err(FromError::Unreadable);
    }
    let same = |text: &str| Address::parse(text.trim()).is_ok_and(|found| found.key() == address.key());
    if bare.contains('@') && !same(&bare) {
        return Err(FromError::Unreadable);
    }
    let plain = unquote(display);
    match plain.split_once('<') {
        Some((_, rest)) if rest.contains('@') && !same(rest.split('>').next().unwrap_or_default()) => Err(FromError::Unreadable),
        _ => Ok(()),
    }
}

fn unquote(display: &[(char, bool)]) -> String {
    let mut plain = String::new();
    let mut chars = display.iter();
    while let Some((c, quoted)) = chars.next() {
        match (c, quoted) {
            ('"', true) => {}
            ('\\', true) => plain.extend(chars.next().map(|(c, _)| *c)),
            _ => plain.push(*c),
        }
    }
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Vec<String>, FromError> {
        list(value.as_bytes()).map(|all| all.into_iter().map(|m| m.address.to_string()).collect())
    }

    #[test]
    fn usual_forms() {
        assert_eq!(read("bob@example.com").unwrap(), ["bob@example.com"]);
        assert_eq!(read(" \"B, ob\" <bob@example.com>,\r\n eve@[IPv6:::1] (Eve)").unwrap(), ["bob@example.com", "eve@[IPv6:::1]"]);
        assert_eq!(read("staff: a@b.example, C <c@d.example>;, e@f.example").unwrap(), ["a@b.example", "c@d.example", "e@f.example"]);
        assert_eq!(read("undisclosed-recipients:;").unwrap(), Vec::<String>::new());
        assert_eq!(read("bob@example.com <bob@example.com>").unwrap(), ["bob@example.com"]);
        let named = list("=?utf-8?Q?J=C3=BCrg?= \"v. A\" <j@example.com>".as_bytes()).unwrap();
        assert_eq!(named[0].name.as_deref(), Some("Jürg v. A"));
    }

    #[test]
    fn cve_2026_27444_what_others_could_read_differently_is_unreadable() {
        for bad in [
            "cfo@company.example <eve@evil.example>",
            "\"x <cfo@company.example>\" <eve@evil.example>",
            "<cfo@company.example> <eve@evil.example>",
            "<cfo@company.example>(<eve@evil.example>)",
            "(<eve@evil.example>) cfo@company.example",
            "<cfo@company.example> eve@evil.example",
            "<@relay.example:cfo@company.example>",
            "cfo@company.example(x)@evil.example",
            "boss @company.example",
            "<cfo@company.example\t>x",
            ",cfo@company.example",
            "a@b.example,,c@d.example",
            "\"cfo@company.example",
            "cfo@company.example\0@evil.example",
            "x: cfo@company.example",
            "<cfo@company.example",
            "Boss cfo@company.example",
        ] {
            assert_eq!(read(bad), Err(FromError::Unreadable), "{bad}");
        }
        assert_eq!(sole(b"a@b.example, c@d.example"), Err(FromError::Several));
        assert_eq!(sole(b"  "), Err(FromError::Missing));
    }
}
