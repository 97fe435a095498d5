//! When a deferred delivery is tried again, reported as late, or given up. Pure.
//!
//! The waits double from `retry_first` to `retry_max` (RFC 5321 §4.5.4.1 asks for growing waits and four to
//! five days in all). A wait never jumps over the delay notice or the expiry: both come on time.

use model::Timestamp;
use model::site::MailSettings;

/// What a temporary failure leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// When it is tried again; `None`: never, it has expired.
    pub(crate) next_try: Option<Timestamp>,
    /// The sender is to be told that it is late.
    pub(crate) tell: bool,
}

/// Judges the `tries`-th failure (from 1) of mail that came at `received`. `told`: the sender knows already.
pub(crate) fn after_failure(mail: &MailSettings, received: Timestamp, now: Timestamp, tries: u32, told: bool) -> Verdict {
    let expires = received.after(mail.expire.0);
    if now >= expires {
        return Verdict { next_try: None, tell: false };
    }
    let notice = received.after(mail.delay_notice.0);
    let tell = !told && now >= notice && mail.delay_notice.0 < mail.expire.0;
    let factor = 1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
    let wait = mail.retry_first.0.saturating_mul(factor).min(mail.retry_max.0);
    let mut next_try = now.after(wait).min(expires);
    if !told && !tell && notice > now {
        next_try = next_try.min(notice);
    }
    Verdict { next_try: Some(next_try), tell }
}

#[cfg(test)]
mod tests {
    use model::{Clock, FixedClock};
    use std::time::Duration;

    use super::*;

    #[test]
    fn m_t7_waits_double_from_5_minutes_to_4_hours_and_end_after_5_days() {
        let mail = MailSettings::default();
        let received = Timestamp(1_000_000_000);
        let clock = FixedClock::new(received);
        let (mut told, mut minutes, mut tries) = (false, Vec::new(), 0);
        loop {
            tries += 1;
            let verdict = after_failure(&mail, received, clock.now(), tries, told);
            if verdict.tell {
                assert_eq!(clock.now().since(received), Duration::from_secs(4 * 3600), "the notice is on time");
                assert!(!told, "and comes once");
                told = true;
            }
            let Some(next) = verdict.next_try else { break };
            minutes.push(next.since(clock.now()).as_secs() / 60);
            clock.advance(next.since(clock.now()));
        }
        assert_eq!(minutes[..7], [5, 10, 20, 40, 80, 85, 240], "155 minutes are past, the notice is due at 240");
        assert!(told && minutes[7..minutes.len() - 1].iter().all(|wait| *wait == 240), "{minutes:?}");
        assert_eq!(clock.now().since(received), Duration::from_secs(5 * 86_400), "given up on time");
    }
}
