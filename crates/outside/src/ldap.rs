//! A directory that knows passwords: search for the entry of who signs in, then bind as it (RFC 4511, RFC 4513 §5.1).
//!
//! Before: `flow::sign_in`, with the setting `[mail] auth_ldap`. The next server is asked when one is away. Whatever a stranger
//! typed stands in the filter escaped (RFC 4515 §3, security.md X-10), an empty password never comes to a bind, which would
//! succeed anonymously (RFC 4513 §5.1.2), and two entries that match are none. A password leaves this machine under TLS only:
//! `ldaps://`, or `ldap://` with StartTLS; loopback alone may do without. Certificates are checked against the machine's store.

use std::net::IpAddr;
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Scope, SearchEntry, SearchOptions};
use model::SecretText;

/// What stands for the escaped sign-in name in a filter.
pub const PLACE: &str = "$user";
/// The attribute with an entry's mail addresses.
const MAIL: &str = "mail";
/// RFC 4511 §A.2.
const INVALID_CREDENTIALS: u32 = 49;
/// Codes of a server that can't answer now: busy, unavailable, unwilling (RFC 4511 §A.2).
const AWAY: [u32; 3] = [51, 52, 53];

/// Where a directory is and how an entry is found: `URI[,URI2];user;password;basedn;filter`.
#[derive(Debug, Clone)]
pub struct Directory {
    servers: Vec<String>,
    user: String,
    password: SecretText,
    base: String,
    filter: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LdapError {
    /// No server could be asked now.
    #[error("no directory server answers: {0}")]
    Away(String),
    /// The servers do not take our own account, base or filter.
    #[error("the directory refuses our search: {0}")]
    Configuration(String),
}

/// Somebody whose password was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Distinguished name.
    pub dn: String,
    /// Values of `mail`, in the directory's order.
    pub mail: Vec<String>,
}

impl Directory {
    /// Reads the setting. A password may hold `;`, the other parts not.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected = || "expected URI[,URI2];user;password;basedn;filter".to_owned();
        let (servers, rest) = text.split_once(';').ok_or_else(expected)?;
        let (user, rest) = rest.split_once(';').ok_or_else(expected)?;
        let (rest, filter) = rest.rsplit_once(';').ok_or_else(expected)?;
        let (password, base) = rest.rsplit_once(';').ok_or_else(expected)?;
        let servers = servers.split(',').map(|server| server_uri(server.trim())).collect::<Result<Vec<_>, _>>()?;
        if servers.is_empty() || base.trim().is_empty() {
            return Err(expected());
        }
        if !filter.contains(PLACE) {
            return Err(format!("expected a filter with {PLACE}, as in (mail={PLACE})"));
        }
        if ldap3::parse_filter(filter.replace(PLACE, "x")).is_err() {
            return Err(format!("{filter:?} is no search filter (RFC 4515)"));
        }
        let password = SecretText::new(password.to_owned());
        Ok(Self { servers, user: user.trim().to_owned(), password, base: base.trim().to_owned(), filter: filter.trim().to_owned() })
    }

    /// The setting as it is written, with something else in the password's place.
    #[must_use]
    pub fn written(&self, password: &str) -> String {
        format!("{};{};{password};{};{}", self.servers.join(","), self.user, self.base, self.filter)
    }

    /// The password of our own account there.
    #[must_use]
    pub const fn password(&self) -> &SecretText {
        &self.password
    }

    /// The same with this password.
    #[must_use]
    pub fn with_password(self, password: SecretText) -> Self {
        Self { password, ..self }
    }

    /// The entry whose password this is; `None` if there is no such entry, more than one, or the password is wrong. `time` is
    /// for each server.
    ///
    /// # Errors
    /// [`LdapError`]: nothing is known about the password then.
    pub async fn sign_in(&self, name: &str, password: &SecretText, time: Duration) -> Result<Option<Entry>, LdapError> {
        if password.expose().is_empty() || name.is_empty() {
            return Ok(None);
        }
        let mut causes = Vec::new();
        for server in &self.servers {
            match tokio::time::timeout(time, self.ask(server, name, password, time)).await {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(LdapError::Configuration(cause))) => return Err(LdapError::Configuration(format!("{server}: {cause}"))),
                Ok(Err(LdapError::Away(cause))) => causes.push(format!("{server}: {cause}")),
                Err(_) => causes.push(format!("{server}: no answer within {time:?}")),
            }
            tracing::info!(event = "directory.away", server, "asking the next directory server, if there is one");
        }
        Err(LdapError::Away(causes.join("; ")))
    }

    /// The filter with an escaped name in it.
    fn filter_for(&self, name: &str) -> String {
        self.filter.replace(PLACE, &ldap3::ldap_escape(name))
    }

    async fn ask(&self, server: &str, name: &str, password: &SecretText, time: Duration) -> Result<Option<Entry>, LdapError> {
        let mut ldap = connect(server, time).await?;
        let bound = ldap.simple_bind(&self.user, self.password.expose()).await.map_err(away)?;
        check(bound.rc, "our account", &bound.text)?;
        let filter = self.filter_for(name);
        ldap.with_search_options(SearchOptions::new().sizelimit(2));
        let found = ldap.search(&self.base, Scope::Subtree, &filter, vec![MAIL]).await.map_err(away)?;
        // 4 is sizeLimitExceeded: more than one entry, so none.
        if found.1.rc != 4 {
            check(found.1.rc, "the search", &found.1.text)?;
        }
        let mut entries = found.0.into_iter().filter(|entry| !entry.is_ref()).map(SearchEntry::construct);
        let (Some(entry), None) = (entries.next(), entries.next()) else {
            let _ = ldap.unbind().await;
            return Ok(None);
        };
        let answer = ldap.simple_bind(&entry.dn, password.expose()).await.map_err(away)?;
        let _ = ldap.unbind().await;
        match answer.rc {
            0 => Ok(Some(Entry {
                dn: entry.dn,
                mail: entry.attrs.into_iter().filter(|(key, _)| key.eq_ignore_ascii_case(MAIL)).flat_map(|(_, values)| values).collect(),
            })),
            code if AWAY.contains(&code) => Err(LdapError::Away(format!("code {code}"))),
            code => {
                if code != INVALID_CREDENTIALS {
                    tracing::warn!(event = "directory.refused", server, code, "the directory does not let this entry sign in");
                }
                Ok(None)
            }
        }
    }
}

pub(crate) async fn connect(server: &str, time: Duration) -> Result<Ldap, LdapError> {
    let starttls = server.starts_with("ldap://") && !is_loopback(server);
    let settings = LdapConnSettings::new().set_conn_timeout(time).set_starttls(starttls);
    let (connection, ldap) = LdapConnAsync::with_settings(settings, server).await.map_err(away)?;
    tokio::spawn(async move {
        if let Err(cause) = connection.drive().await {
            tracing::debug!(%cause, "a directory connection ended");
        }
    });
    Ok(ldap)
}

pub(crate) fn check(code: u32, what: &str, text: &str) -> Result<(), LdapError> {
    match code {
        0 => Ok(()),
        code if AWAY.contains(&code) => Err(LdapError::Away(format!("{what}: code {code} {text}"))),
        code => Err(LdapError::Configuration(format!("{what}: code {code} {text}"))),
    }
}

pub(crate) fn away(error: ldap3::LdapError) -> LdapError {
    LdapError::Away(error.to_string())
}

/// A URI, or a bare name or address, which means `ldap://`.
pub(crate) fn server_uri(text: &str) -> Result<String, String> {
    let uri = if text.contains("://") { text.to_owned() } else { format!("ldap://{text}") };
    let host = uri.strip_prefix("ldaps://").or_else(|| uri.strip_prefix("ldap://"));
    let sound =
        host.is_some_and(|host| !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control() || "/@?#".contains(c)));
    if sound { Ok(uri) } else { Err(format!("{text:?} is no directory server: write ldaps://host[:port] or ldap://host[:port]")) }
}

fn is_loopback(server: &str) -> bool {
    let host = server.trim_start_matches("ldap://");
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_t5_the_setting_has_five_parts() {
        let read =
            Directory::parse("ldaps://a.example,b.example:3890;cn=gate,dc=x;p4ss;w;0rd;dc=x;(&(mail=$user)(objectClass=person))").unwrap();
        assert_eq!(read.servers, ["ldaps://a.example", "ldap://b.example:3890"]);
        assert_eq!((read.user.as_str(), read.password.expose(), read.base.as_str()), ("cn=gate,dc=x", "p4ss;w;0rd", "dc=x"));
        assert!(!format!("{read:?} {}", read.written("…")).contains("0rd"), "no password is shown");
        for bad in [
            "",
            "ldap://a;u;p;dc=x",
            "ldap://a;u;p;dc=x;(mail=x)",
            "ldap://a;u;p;;(mail=$user)",
            "http://a;u;p;dc=x;(mail=$user)",
            "ldap://a;u;p;dc=x;(mail=$user",
        ] {
            assert!(Directory::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn x_23_only_loopback_goes_without_tls() {
        for (server, plain) in [
            ("ldap://127.0.0.1:389", true),
            ("ldap://[::1]:389", true),
            ("ldap://localhost", true),
            ("ldap://localhost.evil.example", false),
            ("ldap://192.0.2.1", false),
        ] {
            assert_eq!(is_loopback(server), plain, "{server}");
        }
    }

    #[test]
    fn x_10_a_name_never_changes_the_filter() {
        for name in ["*", "bob)(|(uid=*", "a\\b", "a\0b", "(", "\u{f6}"] {
            let filter = Directory::parse("ldap://a;u;p;dc=x;(mail=$user)").unwrap().filter_for(name);
            assert!(!filter[6..filter.len() - 1].contains(['*', '(', ')', '\0']), "{filter}");
            assert!(ldap3::parse_filter(&filter).is_ok(), "{filter}");
        }
    }
}
