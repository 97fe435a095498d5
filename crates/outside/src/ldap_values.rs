//! One attribute of one entry, for rules: `ldap_compare` and `ldap_read` (RFC 4511 §4.5).
//!
//! Before: `flow::commands`, with what a rule names; values of variables stand escaped in the filter already. The next server is asked
//! when one is away; the first entry counts, with all its values. As in [`crate::ldap`], anything but loopback goes under TLS.

use std::time::Duration;

use ldap3::{Scope, SearchEntry, SearchOptions};
use model::SecretText;

use crate::ldap::{LdapError, away, check as answered, connect, server_uri};

/// RFC 4511 §A.2: there are more entries than were asked for.
const SIZE_LIMIT: u32 = 4;
/// RFC 4511 §A.2: the base is not there.
const NO_SUCH_OBJECT: u32 = 32;
/// Values that are taken of one entry.
const VALUES: usize = 1_000;
/// Octets of all of them.
const OCTETS: usize = 64 << 10;

/// What is asked, and whom.
#[derive(Debug, Clone)]
pub struct Query {
    /// Servers in their order: `ldap://`, `ldaps://`, or a bare host.
    pub servers: Vec<String>,
    /// Whom to bind as; empty: anonymous.
    pub user: String,
    /// Its password.
    pub password: SecretText,
    /// Where the search begins.
    pub base: String,
    /// Which entry (RFC 4515).
    pub filter: String,
    /// Its attribute.
    pub attribute: String,
}

/// Why these servers can't be asked by this filter.
///
/// # Errors
/// A sentence that says what is expected.
pub fn check(servers: &[String], filter: &str) -> Result<(), String> {
    servers.iter().try_for_each(|server| server_uri(server).map(drop))?;
    ldap3::parse_filter(filter).map(drop).map_err(|_| format!("{filter:?} is no search filter (RFC 4515), as in (mail=$from)"))
}

impl Query {
    /// The values of the first entry that fits; none if there is no entry or it has no such attribute. `time` is for each server.
    ///
    /// # Errors
    /// [`LdapError`]: nothing is known then.
    pub async fn values(&self, time: Duration) -> Result<Vec<String>, LdapError> {
        let mut causes = Vec::new();
        for server in &self.servers {
            let uri = server_uri(server).map_err(LdapError::Configuration)?;
            match tokio::time::timeout(time, self.ask(&uri, time)).await {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(LdapError::Configuration(cause))) => return Err(LdapError::Configuration(format!("{server}: {cause}"))),
                Ok(Err(LdapError::Away(cause))) => causes.push(format!("{server}: {cause}")),
                Err(_) => causes.push(format!("{server}: no answer within {time:?}")),
            }
            tracing::info!(event = "directory.away", server, "asking the next directory server, if there is one");
        }
        Err(LdapError::Away(causes.join("; ")))
    }

    async fn ask(&self, uri: &str, time: Duration) -> Result<Vec<String>, LdapError> {
        let mut ldap = connect(uri, time).await?;
        if !self.user.is_empty() {
            let bound = ldap.simple_bind(&self.user, self.password.expose()).await.map_err(away)?;
            answered(bound.rc, "the rule's account", &bound.text)?;
        }
        ldap.with_search_options(SearchOptions::new().sizelimit(1));
        let found = ldap.search(&self.base, Scope::Subtree, &self.filter, vec![self.attribute.as_str()]).await.map_err(away)?;
        let _ = ldap.unbind().await;
        if ![SIZE_LIMIT, NO_SUCH_OBJECT].contains(&found.1.rc) {
            answered(found.1.rc, "the search", &found.1.text)?;
        }
        let entry = found.0.into_iter().find(|entry| !entry.is_ref()).map(SearchEntry::construct);
        let named = |name: &str| base_of(name).eq_ignore_ascii_case(base_of(&self.attribute));
        let values = entry.into_iter().flat_map(|entry| entry.attrs).filter(|(name, _)| named(name)).flat_map(|(_, values)| values);
        let mut left = OCTETS;
        let fits = |value: &String| {
            left = left.saturating_sub(value.len());
            left > 0
        };
        Ok(values.take(VALUES).take_while(fits).collect())
    }
}

/// The name without its options (RFC 4512 §2.5).
fn base_of(name: &str) -> &str {
    name.split(';').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_r1_servers_and_filters_are_checked() {
        let servers = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(check(&servers(&["ldaps://a.example", "b.example:3890"]), "(&(mail=x)(o=y))").is_ok());
        for (names, filter) in [(&["http://a"][..], "(a=b)"), (&["a b"], "(a=b)"), (&["a"], "(a=b"), (&["a"], "")] {
            assert!(check(&servers(names), filter).is_err(), "{names:?} {filter}");
        }
    }
}
