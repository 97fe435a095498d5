//! MTA-STS: the record and the policy of a domain, read (RFC 8461 §3).
//!
//! Who fetches and keeps policies calls this; it does no I/O. What can't be read is no policy: a domain that writes nonsense
//! gets mail as before, as the standard wants it (§3.1, §3.2).

use model::{Budget, Exhausted};

/// Longest life of a policy (§3.2).
pub const MAX_AGE_MAX: u64 = 31_557_600;
/// Most `mx` lines that count.
const PATTERNS_MAX: usize = 100;

/// What senders are to do with a host that fails (§5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StsMode {
    /// Not deliver to it.
    Enforce,
    /// Deliver, and report.
    Testing,
    /// As if there were no policy.
    None,
}

impl StsMode {
    /// The word in a policy.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

/// A policy (§3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StsPolicy {
    /// See [`StsMode`].
    pub mode: StsMode,
    /// Seconds that it may be kept, from its fetch.
    pub max_age: u64,
    /// Names of MX hosts, lower case; `*.` first stands for exactly one label.
    pub mx: Vec<String>,
}

/// Why a text is no policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StsFault {
    /// The first line is not `version: STSv1`, or a field is missing or can't be read.
    #[error("the policy can't be read: {0}")]
    Invalid(&'static str),
    /// Too large.
    #[error("the policy is too large")]
    TooLarge,
}

impl From<Exhausted> for StsFault {
    fn from(_: Exhausted) -> Self {
        Self::TooLarge
    }
}

/// The id in the TXT records of `_mta-sts.DOMAIN` (§3.1): of exactly one record that starts with `v=STSv1;`, else none.
#[must_use]
pub fn sts_id<'a>(records: impl IntoIterator<Item = &'a [u8]>) -> Option<String> {
    let mut ours = records.into_iter().filter_map(|record| std::str::from_utf8(record).ok()).filter_map(|record| {
        let rest = record.strip_prefix("v=STSv1")?.trim_start();
        rest.strip_prefix(';')
    });
    let (first, second) = (ours.next()?, ours.next());
    if second.is_some() {
        return None;
    }
    let mut ids = first.split(';').filter_map(|field| field.trim().strip_prefix("id=").map(str::to_owned));
    let id = ids.next()?;
    let good = (1..=32).contains(&id.len()) && id.bytes().all(|octet| octet.is_ascii_alphanumeric());
    good.then_some(id)
}

impl StsPolicy {
    /// Reads a policy file; lines end with CRLF or LF, unknown fields are passed over, the first of repeated ones counts.
    ///
    /// # Errors
    /// [`StsFault`].
    pub fn parse(body: &[u8], budget: &Budget) -> Result<Self, StsFault> {
        budget.bytes(body.len())?;
        let text = std::str::from_utf8(body).map_err(|_| StsFault::Invalid("it is no UTF-8"))?;
        let (mut version, mut mode, mut max_age, mut mx) = (None, None, None, Vec::new());
        for line in text.lines().map(|line| line.trim_end_matches('\r')) {
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match name.trim() {
                "version" if version.is_none() => version = Some(value == "STSv1"),
                "mode" if mode.is_none() => mode = Some(read_mode(value)?),
                "max_age" if max_age.is_none() => max_age = Some(read_age(value)?),
                "mx" if mx.len() < PATTERNS_MAX => mx.push(read_pattern(value)?),
                _ => {}
            }
        }
        if version != Some(true) {
            return Err(StsFault::Invalid("its version is not STSv1"));
        }
        let mode = mode.ok_or(StsFault::Invalid("it has no mode"))?;
        let max_age = max_age.ok_or(StsFault::Invalid("it has no max_age"))?;
        if mx.is_empty() && mode != StsMode::None {
            return Err(StsFault::Invalid("it has no mx"));
        }
        Ok(Self { mode, max_age, mx })
    }

    /// True if the policy names this MX host (§4.1).
    #[must_use]
    pub fn names(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.mx.iter().any(|pattern| match pattern.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
            None => *pattern == host,
        })
    }

    /// The lines that a report quotes (RFC 8460 §4.4 `policy-string`).
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec!["version: STSv1".to_owned(), format!("mode: {}", self.mode.word())];
        lines.extend(self.mx.iter().map(|pattern| format!("mx: {pattern}")));
        lines.push(format!("max_age: {}", self.max_age));
        lines
    }
}

fn read_mode(value: &str) -> Result<StsMode, StsFault> {
    let modes = [StsMode::Enforce, StsMode::Testing, StsMode::None];
    modes.into_iter().find(|mode| mode.word() == value).ok_or(StsFault::Invalid("its mode is unknown"))
}

fn read_age(value: &str) -> Result<u64, StsFault> {
    let digits = (1..=10).contains(&value.len()) && value.bytes().all(|octet| octet.is_ascii_digit());
    let age = value.parse::<u64>().ok().filter(|_| digits).ok_or(StsFault::Invalid("its max_age is no number"))?;
    Ok(age.min(MAX_AGE_MAX))
}

fn read_pattern(value: &str) -> Result<String, StsFault> {
    let pattern = value.trim_end_matches('.').to_ascii_lowercase();
    let host = pattern.strip_prefix("*.").unwrap_or(&pattern);
    let good = model::address::normal_domain(host).is_some() && !host.contains('*') && !host.starts_with('[');
    if good { Ok(pattern) } else { Err(StsFault::Invalid("an mx is no host name")) }
}

#[cfg(test)]
mod tests {
    use model::Limits;

    use super::*;

    fn parse(text: &str) -> Result<StsPolicy, StsFault> {
        StsPolicy::parse(text.as_bytes(), &Budget::new(Limits::default()))
    }

    #[test]
    fn m_t4_a_policy_is_read_as_the_standard_writes_it() {
        let text = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.Example.net\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n";
        let policy = parse(text).unwrap();
        assert_eq!((policy.mode, policy.max_age, policy.mx.len()), (StsMode::Enforce, 604_800, 3));
        assert_eq!(parse(&policy.lines().join("\n")).unwrap(), policy, "what is quoted is the same policy");
        assert_eq!(parse("version: STSv1\nmode: none\nmax_age: 99999999999").unwrap_err(), StsFault::Invalid("its max_age is no number"));
        assert_eq!(parse("version:STSv1\nmode:none\nmax_age:4294967295\nnews: x").unwrap().max_age, MAX_AGE_MAX);
    }

    #[test]
    fn m_t4_what_is_no_policy_is_none() {
        for text in [
            "",
            "mode: enforce\nmx: a.example\nmax_age: 1",
            "version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 1",
            "version: STSv1\nmode: strict\nmx: a.example\nmax_age: 1",
            "version: STSv1\nmode: enforce\nmax_age: 1",
            "version: STSv1\nmode: enforce\nmx: a.example",
            "version: STSv1\nmode: enforce\nmx: *\nmax_age: 1",
            "version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 1",
            "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1",
            "<html>not found</html>",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        let small = Budget::new(Limits { bytes: 10, ..Limits::default() });
        assert_eq!(StsPolicy::parse(b"version: STSv1\n", &small), Err(StsFault::TooLarge));
    }

    #[test]
    fn m_t4_one_star_is_one_label() {
        let policy = parse("version: STSv1\nmode: testing\nmx: mail.example.com\nmx: *.example.net\nmax_age: 1").unwrap();
        for (host, named) in [
            ("MAIL.example.com.", true),
            ("a.example.net", true),
            ("a.b.example.net", false),
            ("example.net", false),
            (".example.net", false),
            ("other.example.com", false),
        ] {
            assert_eq!(policy.names(host), named, "{host}");
        }
    }

    #[test]
    fn m_t4_the_record_says_one_id() {
        for (records, id) in [
            (&["v=STSv1; id=20160831085700Z;"][..], Some("20160831085700Z")),
            (&["v=STSv1;id=1", "v=spf1 -all"], Some("1")),
            (&["v=STSv1; id=1", "v=STSv1; id=2"], None),
            (&["v=STSv1"], None),
            (&["v=STSv1; id=;"], None),
            (&["v=STSv1; id=a b"], None),
            (&["v=STSv10; id=1"], None),
            (&[], None),
        ] {
            assert_eq!(sts_id(records.iter().map(|record| record.as_bytes())).as_deref(), id, "{records:?}");
        }
    }
}
