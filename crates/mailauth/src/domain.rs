//! Domain names as the four protocols compare them: A-labels, lower case, no trailing dot.

/// The name in the form that is compared and asked for; `None` if it can't be a name of at least one label.
pub(crate) fn normal(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if !name.is_ascii() {
        let (ascii, errors) = idna_ascii(name)?;
        return if errors { None } else { normal(&ascii) };
    }
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    (plain && is_name(name)).then(|| name.to_ascii_lowercase())
}

fn idna_ascii(name: &str) -> Option<(String, bool)> {
    // The one parser of addresses knows international names (model); this room borrows it.
    let address = model::Address::parse(&format!("x@{name}")).ok()?;
    let ascii = address.domain_key();
    let errors = !ascii.is_ascii();
    Some((ascii, errors))
}

/// As [`normal`], for names that SPF's macros made: blanks may stand in them (RFC 7208 §7.1).
pub(crate) fn target(name: &str) -> Option<String> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    (is_name(&bare.replace(' ', "_"))).then(|| bare.to_ascii_lowercase())
}

/// Labels of 1–63 octets, 253 in all, nothing but what a query can hold.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| !label.is_empty() && label.len() <= 63)
        && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// True if `name` is `parent` or lies below it. Both normal.
pub(crate) fn within(name: &str, parent: &str) -> bool {
    name == parent || name.strip_suffix(parent).is_some_and(|front| front.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_in_one_form() {
        assert_eq!(normal("Example.ORG.").as_deref(), Some("example.org"));
        assert_eq!(normal("bücher.example").as_deref(), Some("xn--bcher-kva.example"));
        for bad in ["", ".", "a..b", "a b.example", "[192.0.2.1]", "good.example(.evil.example", &"a".repeat(64)] {
            assert_eq!(normal(bad), None, "{bad}");
        }
        assert!(within("a.example.org", "example.org") && within("example.org", "example.org"));
        assert!(!within("badexample.org", "example.org"));
    }
}
