//! Effects of mails: exactly once, however often they are handed over.

use model::plan::Issuer;
use model::ports::EffectSink;
use model::site::{Partner, Root, Section, Trust, User};
use model::{Address, Counter, Effect, EffectId, TraceId};
use store::{effects, site};

use crate::World;

fn certificate() -> Vec<u8> {
    rcgen::generate_simple_self_signed(vec!["partner.example".to_owned()]).expect("a certificate").cert.der().to_vec()
}

fn id(trace: TraceId, number: u32) -> EffectId {
    EffectId { trace, number }
}

fn count(counter: Counter, by: u32) -> Effect {
    Effect::Count { counter, by }
}

fn address(text: &str) -> Address {
    Address::parse(text).expect("an address")
}

pub(crate) async fn check(w: &World) {
    counts_count_once(w).await;
    certificates_are_learnt_once(w).await;
    roots_are_met_and_wait_for_a_decision(w).await;
    accounts_are_made_once(w).await;
}

async fn counts_count_once(w: &World) {
    let (one, two) = (TraceId::new(), TraceId::new());
    let batch = vec![
        (id(one, 0), count(Counter::MailReceived, 1)),
        (id(one, 1), count(Counter::SmimeValid, 2)),
        (id(two, 0), count(Counter::MailReceived, 1)),
        (id(two, 0), count(Counter::MailReceived, 1)),
    ];
    w.store.apply(&batch).await.expect("applied");
    w.store.apply(&batch).await.expect("applied again");
    let more = [batch[0].clone(), (id(two, 1), count(Counter::MailReceived, 5))];
    w.other.apply(&more).await.expect("applied on another node");
    let counts = effects::counts(&w.store).await.expect("counts");
    w.same(counts[&Counter::MailReceived], 7, "each effect once, all nodes together");
    w.same(counts[&Counter::SmimeValid], 2, "more than one at a time");
    w.same(counts.len(), Counter::ALL.len(), "what never happened is 0");
    w.store.apply(&[]).await.expect("an empty batch");

    let trace = TraceId::new();
    let many: Vec<_> = (0..1_000).map(|n| (id(trace, n), count(Counter::Bounced, 1))).collect();
    w.store.apply(&many).await.expect("a big batch");
    w.store.apply(&many[500..]).await.expect("half of it again");
    w.same(effects::counts(&w.store).await.expect("counts")[&Counter::Bounced], 1_000, "a thousand and not one more");
    let forgotten = w.store.forget_effects(model::Timestamp(0)).await.expect("forgotten");
    w.same(forgotten, 0, "nothing is that old");
}

async fn certificates_are_learnt_once(w: &World) {
    let (first, second) = (certificate(), certificate());
    let learn = |number: u32, certificate: &[u8]| {
        let address = address("Bob@Partner.example");
        vec![(id(TraceId::new(), number), Effect::LearnCertificate { address, certificate: certificate.to_vec() })]
    };
    let before = store::feed::newest(&w.store).await.expect("place").number;
    w.store.apply(&learn(0, &first)).await.expect("learnt");
    w.other.apply(&learn(0, &first)).await.expect("learnt again, by another mail");
    w.same(store::feed::newest(&w.store).await.expect("place").number, before + 1, "the same certificate is one change");
    w.store.apply(&learn(1, &second)).await.expect("another one");
    w.store.apply(&learn(2, b"no certificate")).await.expect("rubbish is left out, not refused for ever");
    let row = site::get(&w.store, Section::Partner, "bob@partner.example").await.expect("reads").expect("is there");
    let partner: Partner = serde_json::from_str(&row.body).expect("a partner");
    w.same((row.version, partner.certificates.len(), partner.origin.as_str()), (2, 2, "harvested"), "both are kept");
    let newest = openssl::x509::X509::from_pem(partner.certificates[0].as_bytes()).and_then(|c| c.to_der());
    w.same(newest.ok(), Some(second), "the newest first");
    let audit = store::audit::page(&w.store, "", 1).await.expect("audit");
    w.same(audit[0].what.as_str(), "partner/bob@partner.example", "people see that a key changed");
}

async fn roots_are_met_and_wait_for_a_decision(w: &World) {
    let certificate = certificate();
    let sha256 = data_encoding::HEXLOWER.encode(&openssl::sha::sha256(&certificate));
    let meet = |certificate: &[u8]| {
        let issuers = vec![Issuer { sha256: sha256.clone(), certificate: certificate.to_vec() }];
        vec![(id(TraceId::new(), 0), Effect::MeetIssuers { address: address("eve@stranger.example"), issuers })]
    };
    w.store.apply(&meet(b"")).await.expect("applied");
    w.store.apply(&meet(b"rubbish")).await.expect("rubbish is left out");
    w.same(site::get(&w.store, Section::Root, &sha256).await.expect("reads").is_none(), true, "nothing can be kept of a name alone");
    let first = meet(&certificate);
    w.store.apply(&first).await.expect("kept");
    w.store.apply(&first).await.expect("the same mail again");
    let row = site::get(&w.store, Section::Root, &sha256).await.expect("reads").expect("is there");
    let root: Root = serde_json::from_str(&row.body).expect("a root");
    w.same((row.version, root.trust, root.origin.as_str()), (1, Trust::Undefined, "harvested"), "nobody is trusted by a mail");
    for _ in 0..store::roots_met::KEPT + 5 {
        w.other.apply(&meet(b"")).await.expect("met again");
    }
    let met = store::roots_met::mails(&w.store, &sha256).await.expect("mails");
    w.same((met.len() as i64, met[0].sender.as_str()), (store::roots_met::KEPT, "eve@stranger.example"), "the newest few");
}

async fn accounts_are_made_once(w: &World) {
    let create = |name: &str| {
        let effect = Effect::CreateAccount { address: address("Ann@Company.example"), name: name.to_owned(), user_id: String::new() };
        vec![(id(TraceId::new(), 0), effect)]
    };
    w.store.apply(&create("Ann")).await.expect("made");
    w.other.apply(&create("Somebody else")).await.expect("is there");
    let row = site::get(&w.store, Section::User, "ann@company.example").await.expect("reads").expect("is there");
    let user: User = serde_json::from_str(&row.body).expect("a user");
    w.same((row.version, user.name.as_str(), user.user_id.as_str()), (1, "Ann", "Ann@Company.example"), "the first one stays");
    attributes_are_set_on_accounts(w).await;
}

/// `setuserattr`: attributes, the account's own fields, the password's hash; nothing for who has no account.
async fn attributes_are_set_on_accounts(w: &World) {
    let set = |who: &str, name: &str, value: &str| {
        let (address, name, value) = (address(who), name.to_owned(), value.to_owned());
        vec![(id(TraceId::new(), 0), Effect::SetUserAttribute { address, name, value })]
    };
    for (name, value) in [("mobile", "+41 1"), ("accountOptions", "5"), ("uid", "ann"), ("sn", "Muster"), ("sn", "")] {
        w.store.apply(&set("ANN@company.example", name, value)).await.expect("set");
    }
    w.store.apply(&set("ann@company.example", "userPassword", "$argon2id$x")).await.expect("password");
    w.store.apply(&set("nobody@company.example", "mobile", "1")).await.expect("left out");
    let row = site::get(&w.store, Section::User, "ann@company.example").await.expect("reads").expect("is there");
    let user: User = serde_json::from_str(&row.body).expect("a user");
    let seen = (user.may_not_encrypt, user.may_not_sign, user.user_id.as_str(), user.attributes.get("mobile").map(String::as_str));
    w.same(seen, (true, true, "ann", Some("+41 1")), "what was set");
    w.is(user.attributes.len() == 1, "an empty value takes an attribute away");
    let secret = site::get(&w.store, Section::Secret, "user/ann@company.example/password").await.expect("reads").expect("is there");
    w.is(secret.body.contains("argon2id"), "the hash is kept");
    let audit = store::audit::page(&w.store, "", 3).await.expect("audit");
    w.is(audit.iter().all(|entry| !format!("{entry:?}").contains("argon2id")), "no audit entry shows a password's hash");
    w.same(audit[0].what.as_str(), "secret/user/ann@company.example/password", "recorded as a change");
}
