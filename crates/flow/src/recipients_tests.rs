//! Tests of [`super`] with a server of fixed answers.

use std::sync::atomic::{AtomicUsize, Ordering};

use model::SiteRow;
use model::site::Section;
use tokio::sync::Notify;

use super::*;

/// Knows `anna…`; says nothing about `slow…` until it is told to; is away for `away…`.
#[derive(Default)]
struct Server {
    asked: AtomicUsize,
    go_on: Notify,
}

#[async_trait]
impl RecipientPort for Server {
    async fn would_take(&self, recipient: &Address) -> Outcome {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if recipient.local().starts_with("slow") {
            self.go_on.notified().await;
        }
        let not = |temporary| Outcome::NotDone { temporary, status: "x".into(), reply: "its words".into(), by: String::new() };
        match recipient.local() {
            local if local.starts_with("anna") || local.starts_with("slow") => Outcome::Done { reply: "250 ok".into() },
            local if local.starts_with("away") => not(true),
            _ => not(false),
        }
    }
}

fn site(more: &str, forward: &str) -> Site {
    let mut site = Site::default();
    for (section, key, body) in [
        (Section::Mail, "", format!(r#"{{"relay_networks":["192.0.2.0/24"]{more}}}"#)),
        (Section::Domain, "company.example", format!(r#"{{"name":"company.example","forward":"{forward}"}}"#)),
    ] {
        site.apply(&SiteRow { section, key: key.into(), version: 1, body }).unwrap();
    }
    site
}

struct Scene {
    server: Arc<Server>,
    recipients: Recipients,
    site: Site,
    stranger: Peer,
}

fn scene(settings: RecipientSettings) -> Scene {
    let server = Arc::new(Server::default());
    let recipients = Recipients::new(server.clone(), settings);
    Scene { server, recipients, site: site("", "[127.0.0.1]:25"), stranger: Peer::new([198, 51, 100, 7].into()) }
}

impl Scene {
    async fn check(&self, to: &str) -> Result<(), &'static str> {
        self.recipients.check(&self.site, &self.stranger, &Address::parse(to).unwrap()).await.map_err(|fault| fault.code)
    }

    fn asked(&self) -> usize {
        self.server.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn m_t9_a_yes_and_a_no_are_kept_and_silence_is_not() {
    let scene = scene(RecipientSettings::default());
    for _ in 0..3 {
        assert_eq!(scene.check("anna@company.example").await, Ok(()));
        assert_eq!(scene.check("ANNA@Company.Example").await, Ok(()), "one mailbox");
        assert_eq!(scene.check("nobody@company.example").await, Err("no-such-recipient"));
    }
    assert_eq!(scene.asked(), 2);
    for _ in 0..3 {
        assert_eq!(scene.check("away@company.example").await, Err("recipient-unsure"));
    }
    assert_eq!(scene.asked(), 5);
    assert_eq!(scene.check("anybody@elsewhere.example").await, Ok(()), "not ours to ask for");
    assert_eq!(scene.asked(), 5);
}

#[tokio::test]
async fn m_t9_answers_get_old() {
    let scene = scene(RecipientSettings { no: Duration::ZERO, ..RecipientSettings::default() });
    for _ in 0..2 {
        assert_eq!(scene.check("nobody@company.example").await, Err("no-such-recipient"));
        assert_eq!(scene.check("anna@company.example").await, Ok(()));
    }
    assert_eq!(scene.asked(), 3, "two about nobody, one about anna");
}

#[tokio::test]
async fn m_t9_another_server_is_asked_anew() {
    let mut scene = scene(RecipientSettings::default());
    assert_eq!(scene.check("nobody@company.example").await, Err("no-such-recipient"));
    assert_eq!(scene.check("anna@company.example").await, Ok(()));
    scene.site = site("", "[127.0.0.2]:25");
    assert_eq!(scene.check("nobody@company.example").await, Err("no-such-recipient"));
    assert_eq!(scene.check("anna@company.example").await, Ok(()));
    assert_eq!(scene.asked(), 4);
}

#[tokio::test]
async fn m_t9_a_late_answer_serves_the_retry() {
    let scene = scene(RecipientSettings { longest: Duration::from_millis(5), ..RecipientSettings::default() });
    assert_eq!(scene.check("slow@company.example").await, Err("recipient-unsure"));
    assert_eq!(scene.check("slow@company.example").await, Err("recipient-unsure"), "the same look-up still runs");
    assert_eq!(scene.asked(), 1);
    scene.server.go_on.notify_one();
    while scene.check("slow@company.example").await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(scene.asked(), 1);
}

#[tokio::test]
async fn m_t9_x_12_only_strangers_are_checked_and_only_where_it_is_on() {
    let mut scene = scene(RecipientSettings::default());
    let stranger = scene.stranger.clone();
    scene.stranger = Peer::new([192, 0, 2, 9].into());
    assert_eq!(scene.check("nobody@company.example").await, Ok(()), "a relay network");
    scene.stranger = Peer { account: Some(Address::parse("anna@company.example").unwrap()), ..stranger.clone() };
    assert_eq!(scene.check("nobody@company.example").await, Ok(()), "signed in");
    scene.stranger = stranger;
    assert_eq!(scene.check("nobody@company.example").await, Err("no-such-recipient"));
    scene.site = site(r#","verify_recipients":false"#, "[127.0.0.1]:25");
    assert_eq!(scene.check("nobody@company.example").await, Ok(()));
    assert_eq!(scene.asked(), 1);
}
