//! A directory that holds certificates of people: `[[mobile.gateway]] smime_lookup` (mobile-gateway.md G-24).
//!
//! Before: a phone asks who somebody is. The URL is RFC 4516's: server, base, scope, and a filter that narrows; the attribute is a setting of its own
//! (RFC 4523 §3: `userCertificate;binary`). The address that a stranger may have typed stands in the filter escaped (RFC 4515 §3, security.md X-10);
//! two entries that match are none. As in [`crate::ldap`], anything but loopback goes under TLS, checked against the machine's store.
//! What comes back is octets: whether they are certificates, and whose, is for the caller to see.

use std::time::Duration;

use ldap3::{Scope, SearchEntry, SearchOptions};
use model::SecretText;

use crate::ldap::{LdapError, away, check, connect, server_uri};

/// Values that are taken of one entry.
const VALUES: usize = 16;
/// Largest value, in octets.
const OCTETS: usize = 32 << 10;
/// Longest address that is asked for (RFC 5321 §4.5.3.1.3).
const ADDRESS: usize = 254;
/// RFC 4511 §A.2: more entries than were asked for.
const SIZE_LIMIT: u32 = 4;

/// Where the directory is and what is read there.
#[derive(Debug, Clone)]
pub struct Repository {
    server: String,
    base: String,
    scope: Scope,
    /// Narrows; empty: nothing.
    filter: String,
    attribute: String,
    /// Whom to sign in as; `None`: anonymous.
    account: Option<(String, SecretText)>,
}

impl Repository {
    /// Reads the settings: `ldap[s]://host[:port][/base[??scope[?filter]]]` and the attribute.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    pub fn parse(url: &str, attribute: &str) -> Result<Self, String> {
        let expected = || "expected ldaps://host[:port]/base, as in ldaps://ldap.company.example/dc=company,dc=example".to_owned();
        let (scheme, rest) = url.trim().split_once("://").ok_or_else(expected)?;
        let (host, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let server = server_uri(&format!("{}://{host}", scheme.to_ascii_lowercase())).map_err(|_| expected())?;
        let mut parts = rest.splitn(4, '?');
        let mut part = || decoded(parts.next().unwrap_or_default()).ok_or_else(expected);
        let (base, named, scope, filter) = (part()?, part()?, part()?, part()?);
        if !named.is_empty() {
            return Err("the attribute is a setting of its own: write base??scope?filter".to_owned());
        }
        let scope = match scope.to_ascii_lowercase().as_str() {
            "" | "sub" => Scope::Subtree,
            "one" => Scope::OneLevel,
            "base" => Scope::Base,
            _ => return Err("expected the scope base, one or sub".to_owned()),
        };
        let filter = if filter.is_empty() || filter.starts_with('(') { filter } else { format!("({filter})") };
        if !filter.is_empty() && ldap3::parse_filter(&filter).is_err() {
            return Err(format!("{filter:?} is no search filter (RFC 4515)"));
        }
        let attribute: String = attribute.split_whitespace().collect();
        let fits = |c: char| c.is_ascii_alphanumeric() || "-.;".contains(c);
        if attribute.is_empty() || attribute.len() > 100 || attribute.starts_with(['-', '.', ';']) || !attribute.chars().all(fits) {
            return Err("expected the name of an attribute, as in userCertificate;binary".to_owned());
        }
        Ok(Self { server, base, scope, filter, attribute, account: None })
    }

    /// The same, signed in as this account.
    #[must_use]
    pub fn with_account(self, user: String, password: SecretText) -> Self {
        Self { account: Some((user, password)), ..self }
    }

    /// The values that the only entry with this mail address has; none if there is no entry, or more than one. `time` is for all of it.
    ///
    /// # Errors
    /// [`LdapError`]: nothing is known then.
    pub async fn values(&self, address: &str, time: Duration) -> Result<Vec<Vec<u8>>, LdapError> {
        if address.is_empty() || address.len() > ADDRESS {
            return Ok(Vec::new());
        }
        let asked = tokio::time::timeout(time, self.ask(address, time)).await;
        asked.unwrap_or_else(|_| Err(LdapError::Away(format!("{}: no answer within {time:?}", self.server))))
    }

    /// By `mail`, or by the addresses of an account in Active Directory.
    fn filter_for(&self, address: &str) -> String {
        let escaped = ldap3::ldap_escape(address);
        let by_address = format!("(|(mail={escaped})(proxyAddresses=smtp:{escaped}))");
        if self.filter.is_empty() { by_address } else { format!("(&{by_address}{})", self.filter) }
    }

    async fn ask(&self, address: &str, time: Duration) -> Result<Vec<Vec<u8>>, LdapError> {
        let mut ldap = connect(&self.server, time).await?;
        if let Some((user, password)) = &self.account {
            let bound = ldap.simple_bind(user, password.expose()).await.map_err(away)?;
            check(bound.rc, "our account", &bound.text)?;
        }
        ldap.with_search_options(SearchOptions::new().sizelimit(2));
        let found = ldap.search(&self.base, self.scope, &self.filter_for(address), vec![self.attribute.as_str()]).await.map_err(away)?;
        let _ = ldap.unbind().await;
        if found.1.rc != SIZE_LIMIT {
            check(found.1.rc, "the search", &found.1.text)?;
        }
        let mut entries = found.0.into_iter().filter(|entry| !entry.is_ref()).map(SearchEntry::construct);
        let (Some(entry), None) = (entries.next(), entries.next()) else { return Ok(Vec::new()) };
        let texts =
            entry.attrs.into_iter().flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value.into_bytes())));
        let octets = entry.bin_attrs.into_iter().flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)));
        let ours = |name: &str| base_of(name).eq_ignore_ascii_case(base_of(&self.attribute));
        let values = texts.chain(octets).filter(|(name, value)| ours(name) && value.len() <= OCTETS).map(|(_, value)| value);
        Ok(values.take(VALUES).collect())
    }
}

/// The name without its options (RFC 4512 §2.5).
fn base_of(name: &str) -> &str {
    name.split(';').next().unwrap_or_default()
}

/// Percent signs read once (RFC 3986 §2.1).
fn decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(if octet == b'%' {
            let mut digit = || rest.next().and_then(|octet| char::from(octet).to_digit(16));
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            octet
        });
    }
    String::from_utf8(octets).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTRIBUTE: &str = "userCertificate;binary";

    #[test]
    fn g_24_the_url_says_server_base_scope_and_filter() {
        let read =
            Repository::parse("LDAPS://ldap.example:3636/ou=People,dc=x??one?(objectClass=person)", "userCertificate; binary").unwrap();
        assert_eq!(
            (read.server.as_str(), read.base.as_str(), read.attribute.as_str()),
            ("ldaps://ldap.example:3636", "ou=People,dc=x", ATTRIBUTE)
        );
        assert!(read.scope == Scope::OneLevel && read.account.is_none());
        assert_eq!(read.filter_for("a@x"), "(&(|(mail=a@x)(proxyAddresses=smtp:a@x))(objectClass=person))");
        let plain = Repository::parse("ldap://127.0.0.1:389/ou=A%20B,dc=x", ATTRIBUTE).unwrap();
        assert_eq!((plain.base.as_str(), plain.scope == Scope::Subtree), ("ou=A B,dc=x", true));
        assert!(Repository::parse("ldaps://ldap.example", ATTRIBUTE).is_ok(), "a base may be empty");
        for (url, attribute) in [
            ("", ATTRIBUTE),
            ("ldap.example/dc=x", ATTRIBUTE),
            ("https://ldap.example/dc=x", ATTRIBUTE),
            ("ldaps:///dc=x", ATTRIBUTE),
            ("ldaps://user@ldap.example/dc=x", ATTRIBUTE),
            ("ldaps://ldap.example/dc=x?mail", ATTRIBUTE),
            ("ldaps://ldap.example/dc=x??all", ATTRIBUTE),
            ("ldaps://ldap.example/dc=x??sub?(a=", ATTRIBUTE),
            ("ldaps://ldap.example/dc=%0", ATTRIBUTE),
            ("ldaps://ldap.example/dc=x%00", ATTRIBUTE),
            ("ldaps://ldap.example/dc=x", ""),
            ("ldaps://ldap.example/dc=x", "a)(b"),
            ("ldaps://ldap.example/dc=x", ";binary"),
        ] {
            assert!(Repository::parse(url, attribute).is_err(), "{url} {attribute}");
        }
        let signed_in = plain.with_account("cn=x".into(), SecretText::new("hidden".into()));
        assert!(!format!("{signed_in:?}").contains("hidden"));
    }

    #[test]
    fn x_10_an_address_never_changes_the_filter() {
        let repository = Repository::parse("ldaps://a/dc=x??sub?(objectClass=person)", ATTRIBUTE).unwrap();
        let shape = |filter: &str| filter.chars().filter(|c| "()*".contains(*c)).collect::<String>();
        let usual = shape(&repository.filter_for("a@x"));
        for address in ["*", "*@company.example", "x)(|(uid=*", "a\\b@x", "a\0b@x", "(", "\u{f6}@x", "a@x)(objectClass=*"] {
            let filter = repository.filter_for(address);
            assert_eq!(shape(&filter), usual, "{filter}");
            assert!(ldap3::parse_filter(&filter).is_ok() && !filter.contains('\0'), "{filter}");
        }
    }
}
