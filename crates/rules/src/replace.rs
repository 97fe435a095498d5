//! New recipients out of old ones: what `replace_rcpt` writes (ruleset-language.md "General").
//!
//! In the text `\x` gives `x` and `$1` a group of the expression, so that `'\@a\.com', '\@b\.com'` means what it looks like. Values
//! of variables are escaped when the text is expanded ([`escaped`]), so that none of them is read as a group.

use regex::{Captures, Regex};

/// A value that stands for itself in such a text.
pub(crate) fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for sign in value.chars() {
        if matches!(sign, '\\' | '$') {
            out.push('\\');
        }
        out.push(sign);
    }
    out
}

/// The address in its new form: what the expression fits is replaced, all of it without an expression. `None`: it does not fit.
#[must_use]
pub fn replaced(pattern: Option<&Regex>, text: &str, address: &str) -> Option<String> {
    let Some(pattern) = pattern else { return Some(written(text, None)) };
    let groups = pattern.captures(address)?;
    let fit = groups.get(0)?;
    let (before, behind) = (address.get(..fit.start()).unwrap_or_default(), address.get(fit.end()..).unwrap_or_default());
    Some(format!("{before}{}{behind}", written(text, Some(&groups))))
}

/// The text with escapes and groups resolved; a group that is not there is empty.
pub(crate) fn written(text: &str, groups: Option<&Captures<'_>>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => out.extend(signs.next()),
            '$' if signs.peek().is_some_and(char::is_ascii_digit) => {
                let mut number = 0usize;
                while let Some(digit) = signs.peek().and_then(|c| c.to_digit(10)) {
                    number = number.saturating_mul(10).saturating_add(digit as usize);
                    signs.next();
                }
                out.push_str(groups.and_then(|groups| groups.get(number)).map_or("", |group| group.as_str()));
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_r1_what_fits_is_replaced_with_escapes_and_groups() {
        let regex = |text: &str| Regex::new(&format!("(?i){text}")).unwrap();
        let cases = [
            (r"\@a\.com", r"\@b\.com", "bob@A.com", Some("bob@b.com")),
            (r"^(.+)@(.+)\.old$", r"$1@$2.new", "bob@x.old", Some("bob@x.new")),
            (r"^(.+)@.*$", r"$1$7@c\.example", "bob@x", Some("bob@c.example")),
            (r"^", "x$", "bob@x", Some("x$bob@x")),
            ("nobody", "x@y", "bob@x", None),
        ];
        for (pattern, text, address, expected) in cases {
            assert_eq!(replaced(Some(&regex(pattern)), text, address).as_deref(), expected, "{pattern} {text}");
        }
        assert_eq!(replaced(None, r"all\@b.com", "bob@x").as_deref(), Some("all@b.com"));
    }

    #[test]
    fn x_10_a_value_is_no_group_and_no_escape() {
        let text = format!("{}@$1", escaped(r"a$1\b"));
        assert_eq!(replaced(Some(&Regex::new("@(.*)").unwrap()), &text, "@x").as_deref(), Some(r"a$1\b@x"));
    }
}
