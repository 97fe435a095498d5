//! What a list of devices is asked for, as words of a query: the same for pages, links in charts, and the API.

use model::device::{Override, Reason};
use model::{Fault, Timestamp};
use store::devices::{Filter, Status};
use web::form::encode;

use crate::api::answer::bad_field;
use crate::gather::Asked;

/// Hours that `seen` may say.
pub const HOURS: [&str; 4] = ["24", "12", "6", "2"];

/// The words, as they were given; an empty one asks nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceQuery {
    /// Beginning of user, id, address, friendly name, phone number or IMEI.
    pub search: String,
    /// Beginning of the user.
    pub user: String,
    /// Hours: latest request within.
    pub seen: String,
    /// `true` or `false`.
    pub managed: String,
    /// `allowed`, `blocked` or `unseen`.
    pub status: String,
    /// `default`, `whitelist`, `blacklist`.
    pub ruling: String,
    /// A reason code.
    pub reason: String,
    /// Id of a configuration.
    pub gateway: String,
}

impl DeviceQuery {
    /// From a request's query.
    #[must_use]
    pub fn of(asked: &Asked) -> Self {
        let word = |name: &str| asked.text(name).trim().to_owned();
        Self {
            search: word("q"),
            user: word("user"),
            seen: word("seen"),
            managed: word("managed"),
            status: word("status"),
            ruling: word("override"),
            reason: word("reason"),
            gateway: word("gateway"),
        }
    }

    /// The filter, at this time.
    ///
    /// # Errors
    /// `bad-field` for a word that none of the choices is.
    pub fn filter(&self, now: Timestamp) -> Result<Filter, Fault> {
        let seen_since = match self.seen.as_str() {
            "" => None,
            hours => {
                let hours: i64 = hours
                    .parse()
                    .ok()
                    .filter(|hours| (1..=8_760).contains(hours))
                    .ok_or_else(|| bad_field("seen", "expected a number of hours, such as 24, 12, 6 or 2"))?;
                Some(Timestamp(now.0.saturating_sub(hours * 3_600_000_000)))
            }
        };
        let managed = match self.managed.as_str() {
            "" => None,
            "true" => Some(true),
            "false" => Some(false),
            _ => return Err(bad_field("managed", "expected true or false")),
        };
        let status = match self.status.as_str() {
            "" => None,
            word => Some(Status::from_word(word).ok_or_else(|| bad_field("status", "expected allowed, blocked or unseen"))?),
        };
        let code = self.reason.strip_prefix("test_mode:").unwrap_or(&self.reason);
        if !code.is_empty() && !Reason::ALL.iter().any(|reason| reason.code() == code) {
            return Err(bad_field("reason", "expected a reason code, such as not_managed or test_mode:user"));
        }
        let ruling = match self.ruling.as_str() {
            "" => None,
            word => Some(Override::from_word(word).ok_or_else(|| bad_field("override", "expected default, whitelist or blacklist"))?),
        };
        Ok(Filter {
            search: self.search.clone(),
            user: self.user.clone(),
            seen_since,
            managed,
            status,
            ruling,
            reason: self.reason.clone(),
            gateway: self.gateway.clone(),
        })
    }

    /// Name and value of each word that asks something.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("q", &self.search),
            ("user", &self.user),
            ("seen", &self.seen),
            ("managed", &self.managed),
            ("status", &self.status),
            ("override", &self.ruling),
            ("reason", &self.reason),
            ("gateway", &self.gateway),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value.as_str())).collect()
    }

    /// A path with these words, and some more.
    #[must_use]
    pub fn path(&self, path: &str, more: &[(&str, &str)]) -> String {
        let pairs: Vec<String> = self
            .pairs()
            .into_iter()
            .chain(more.iter().copied().filter(|(_, value)| !value.is_empty()))
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_7_words_become_a_filter_and_odd_ones_are_named() {
        let now = Timestamp(100 * 3_600_000_000);
        let query = DeviceQuery {
            seen: "2".into(),
            managed: "false".into(),
            status: "blocked".into(),
            ruling: "default".into(),
            reason: "test_mode:os".into(),
            ..DeviceQuery::default()
        };
        let filter = query.filter(now).unwrap();
        assert_eq!(filter.seen_since, Some(Timestamp(98 * 3_600_000_000)));
        assert_eq!((filter.managed, filter.status, filter.ruling), (Some(false), Some(Status::Blocked), Some(Override::Default)));
        let path = query.path("/devices", &[("after", "a&b"), ("view", "")]);
        assert_eq!(path, "/devices?seen=2&managed=false&status=blocked&override=default&reason=test_mode%3Aos&after=a%26b");
        for (field, odd) in [
            ("seen", DeviceQuery { seen: "soon".into(), ..DeviceQuery::default() }),
            ("seen", DeviceQuery { seen: "-1".into(), ..DeviceQuery::default() }),
            ("managed", DeviceQuery { managed: "maybe".into(), ..DeviceQuery::default() }),
            ("status", DeviceQuery { status: "x".into(), ..DeviceQuery::default() }),
            ("override", DeviceQuery { ruling: "x".into(), ..DeviceQuery::default() }),
            ("reason", DeviceQuery { reason: "x".into(), ..DeviceQuery::default() }),
        ] {
            assert!(odd.filter(now).unwrap_err().cause.starts_with(field), "{field}");
        }
    }
}
