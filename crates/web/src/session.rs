//! Sessions: a random cookie, kept in this node's memory, that ends by rest, by age, or by signing out.
//!
//! Soft state (docs/state.md): a restart signs everybody out, which is safe, and no store is asked to know whether a
//! cookie is good. The cookie is `__Host-` (RFC 6265bis §4.1.3.2): Secure, Path=/, no Domain, so that no
//! neighbour can set it; HttpOnly; SameSite=Lax. Time is the kit's clock.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, header};
use model::{Language, SecretBytes, Timestamp};
use parking_lot::Mutex;

/// The session's cookie.
pub const COOKIE: &str = "__Host-sealgate";
/// The cookie that the sign-in form's token must equal (there is no session yet).
pub const VISIT_COOKIE: &str = "__Host-sealgate-visit";
/// The cookie that remembers a chosen language.
pub const LANGUAGE_COOKIE: &str = "__Host-sealgate-language";

/// How long sessions last.
#[derive(Debug, Clone, Copy)]
pub struct SessionSettings {
    /// A session that rests so long ends.
    pub idle: Duration,
    /// A session of this age ends.
    pub longest: Duration,
    /// Most sessions at once; the one that rested longest makes room.
    pub most: usize,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { idle: Duration::from_secs(30 * 60), longest: Duration::from_secs(12 * 3600), most: 10_000 }
    }
}

/// A session's secret name: 32 random octets. Its Debug form shows nothing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 32]);

impl std::fmt::Debug for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("«session»")
    }
}

impl SessionId {
    /// As the cookie carries it.
    #[must_use]
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

/// One signed-in browser.
#[derive(Debug, Clone)]
pub struct Session {
    /// The account.
    pub account: String,
    /// The token that its forms carry.
    pub csrf: String,
    /// The language chosen in it.
    pub language: Option<Language>,
    started: Timestamp,
    used: Timestamp,
}

/// All sessions of this node.
#[derive(Debug)]
pub struct Sessions {
    settings: SessionSettings,
    all: Mutex<HashMap<SessionId, Session>>,
}

impl Sessions {
    /// None yet.
    #[must_use]
    pub fn new(settings: SessionSettings) -> Self {
        Self { settings, all: Mutex::default() }
    }

    /// Starts a session for an account that has just proved who it is. Always a fresh id (no fixation).
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn start(&self, account: &str, now: Timestamp) -> Result<SessionId, getrandom::Error> {
        let mut id = [0; 32];
        getrandom::fill(&mut id)?;
        let id = SessionId(id);
        let session = Session { account: account.to_owned(), csrf: random_text()?, language: None, started: now, used: now };
        let mut all = self.all.lock();
        if all.len() >= self.settings.most {
            all.retain(|_, session| self.settings.alive(session, now));
        }
        if all.len() >= self.settings.most
            && let Some(oldest) = all.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| id.clone())
        {
            all.remove(&oldest);
        }
        all.insert(id.clone(), session);
        Ok(id)
    }

    /// The live session of a request's cookie; marks it as used now.
    #[must_use]
    pub fn find(&self, headers: &HeaderMap, now: Timestamp) -> Option<(SessionId, Session)> {
        let id = SessionId::parse(&cookie(headers, COOKIE)?)?;
        let mut all = self.all.lock();
        let session = all.get_mut(&id)?;
        if !self.settings.alive(session, now) {
            all.remove(&id);
            return None;
        }
        session.used = session.used.max(now);
        let session = session.clone();
        Some((id, session))
    }

    /// Ends one session.
    pub fn end(&self, id: &SessionId) {
        self.all.lock().remove(id);
    }

    /// Ends all sessions of an account but one: after a change of its password.
    pub fn end_others(&self, account: &str, keep: Option<&SessionId>) {
        self.all.lock().retain(|id, session| session.account != account || Some(id) == keep);
    }

    /// Remembers the language chosen in a session.
    pub fn set_language(&self, id: &SessionId, language: Language) {
        if let Some(session) = self.all.lock().get_mut(id) {
            session.language = Some(language);
        }
    }

    /// How many live sessions there are.
    #[must_use]
    pub fn count(&self, now: Timestamp) -> usize {
        self.all.lock().values().filter(|session| self.settings.alive(session, now)).count()
    }
}

impl SessionSettings {
    fn alive(&self, session: &Session, now: Timestamp) -> bool {
        now.since(session.used) < self.idle && now.since(session.started) < self.longest
    }
}

/// A fresh random text of 256 bits, URL-safe.
///
/// # Errors
/// When the system gives no randomness.
pub fn random_text() -> Result<String, getrandom::Error> {
    SecretBytes::random(32).map(|bytes| URL_SAFE_NO_PAD.encode(bytes.expose())).map_err(|_| getrandom::Error::UNSUPPORTED)
}

/// The value of a cookie, if the request carries exactly one of this name.
#[must_use]
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut values = lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then(|| value.to_owned())
    });
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

/// `Set-Cookie` for a cookie of ours; `None` for the value removes it. Session cookies have no age: they go
/// with the browser, and the server ends them earlier.
#[must_use]
pub fn set_cookie(name: &str, value: Option<&str>) -> String {
    match value {
        Some(value) => format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax"),
        None => format!("{name}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, value.parse().unwrap());
        headers
    }

    fn with(id: &SessionId) -> HeaderMap {
        headers(&format!("a=b; {COOKIE}={}", id.to_text()))
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn sessions_end_by_rest_and_by_age() {
        let sessions = Sessions::new(SessionSettings::default());
        let start = Timestamp(1_000_000_000);
        let id = sessions.start("admin", start).unwrap();
        let mut now = start;
        for _ in 0..35 {
            now = now.after(20 * MINUTE);
            assert!(sessions.find(&with(&id), now).is_some(), "used every 20 minutes");
        }
        assert!(sessions.find(&with(&id), now.after(31 * MINUTE)).is_none(), "rested");
        assert!(sessions.find(&with(&id), now).is_none(), "ended stays ended");

        let id = sessions.start("admin", start).unwrap();
        now = start;
        while now.since(start) < Duration::from_secs(12 * 3600) {
            assert!(sessions.find(&with(&id), now).is_some());
            now = now.after(10 * MINUTE);
        }
        assert!(sessions.find(&with(&id), now).is_none(), "twelve hours are the most");
    }

    #[test]
    fn a_new_password_ends_the_other_sessions() {
        let sessions = Sessions::new(SessionSettings::default());
        let now = Timestamp(0);
        let (mine, other, somebody) =
            (sessions.start("admin", now).unwrap(), sessions.start("admin", now).unwrap(), sessions.start("bob", now).unwrap());
        sessions.end_others("admin", Some(&mine));
        assert!(sessions.find(&with(&mine), now).is_some() && sessions.find(&with(&somebody), now).is_some());
        assert!(sessions.find(&with(&other), now).is_none());
        sessions.end(&mine);
        assert_eq!(sessions.count(now), 1);
    }

    #[test]
    fn memory_is_bounded() {
        let sessions = Sessions::new(SessionSettings { most: 3, ..SessionSettings::default() });
        let first = sessions.start("a", Timestamp(0)).unwrap();
        for n in 1..4 {
            sessions.start("a", Timestamp(n)).unwrap();
        }
        assert_eq!(sessions.count(Timestamp(4)), 3);
        assert!(sessions.find(&with(&first), Timestamp(4)).is_none(), "the one that rested longest made room");
    }

    #[test]
    fn odd_cookies_are_no_session() {
        let sessions = Sessions::new(SessionSettings::default());
        let id = sessions.start("admin", Timestamp(0)).unwrap();
        for bad in ["", "x", COOKIE, &format!("{COOKIE}="), &format!("{COOKIE}=AAAA"), &format!("{COOKIE}={0}; {COOKIE}={0}", id.to_text())]
        {
            assert!(sessions.find(&headers(bad), Timestamp(0)).is_none(), "{bad}");
        }
        assert_eq!(format!("{id:?}"), "«session»");
    }
}
