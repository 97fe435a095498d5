//! Made-up keys and certificates for their pages.

use admin::key_uses::KeyUsed;
use admin::key_view::{OPENPGP, SMIME};
use admin::keys::{Detail, Summary};
use axum::response::Response;
use console::pages::keys::{self, Shelf};
use console::pages::user::{self, Known};
use console::view::Page;
use model::site::User;
use model::{Address, Fault, Guilty, Language};
use web::{Failed, FormData, Kit};

use crate::sample::{NOW, caller};

/// One of a shelf, with `word` in every place that people or certificates fill.
fn detail(shelf: Shelf, word: &str) -> Detail {
    let (section, trust) = match shelf {
        Shelf::Own => ("key", ""),
        Shelf::Partners | Shelf::Pgp => ("partner", ""),
        Shelf::Roots => ("root", "undefined"),
    };
    let summary = Summary {
        section,
        key: format!("0a1b{word}"),
        kind: if shelf == Shelf::Pgp { OPENPGP } else { SMIME },
        owner: if shelf == Shelf::Roots { String::new() } else { word.to_owned() },
        subject: format!("CN={word}"),
        issuer: format!("CN=Issuer {word}"),
        serial: "4a00ff".into(),
        not_before: NOW,
        not_after: (shelf != Shelf::Pgp).then_some(model::Timestamp(NOW.0 + 86_400_000_000)),
        sha256: "0a1b2c".into(),
        sha1: "0a1b".into(),
        algorithm: "RSA",
        bits: 3072,
        signs: true,
        encrypts: shelf != Shelf::Roots,
        private: shelf == Shelf::Own,
        origin: "harvested".into(),
        state: "valid",
        trust,
        created: (shelf == Shelf::Own).then_some(NOW),
        version: 3,
    };
    let met = store::roots_met::Met { trace: "t1".into(), sender: word.to_owned(), at: NOW };
    Detail {
        summary,
        certificate: format!("-----BEGIN CERTIFICATE-----\n{word}\n-----END CERTIFICATE-----\n"),
        addresses: vec![word.to_owned()],
        former: vec![word.to_owned()],
        mails: if shelf == Shelf::Roots { vec![met] } else { Vec::new() },
    }
}

/// Every page of keys with `word` in it; pages that show nothing of it are called `fixed`.
pub fn draw_all(kit: &Kit, language: Language, word: &str) -> Vec<(&'static str, Result<Response, Failed>)> {
    let caller = &caller(language);
    let mut all = Vec::new();
    let used = KeyUsed { at: "2026-11-21T21:44:34Z".into(), trace: word.into(), purpose: "open-mail".into(), operation: "unwrap".into() };
    let wrong = Fault::permanent(Guilty::Sender, "bad-field", "x").with("field", "owner").with("expected", "an address");
    let typed = FormData::parse(format!("owner={}&pasted=x", web::form::encode(word)).as_bytes()).unwrap();
    for shelf in Shelf::ALL {
        let one = detail(shelf, word);
        let page = Page { items: vec![one.summary.clone()], here: None, next: Some("n".into()) };
        all.push(("keys", keys::draw_list(kit, caller, shelf, &page, "")));
        all.push(("keys-found", keys::draw_list(kit, caller, shelf, &page, "undefined")));
        all.push(("key", keys::draw_item(kit, caller, shelf, &one, Some(std::slice::from_ref(&used)))));
        let name = if shelf == Shelf::Roots { "fixed" } else { "keys-import" };
        all.push((name, keys::draw_import(kit, caller, shelf, word, None)));
        all.push((name, keys::draw_import(kit, caller, shelf, word, Some((&typed, &wrong)))));
        all.extend(keys::questions(kit, caller, shelf, &one).into_iter().map(|page| ("key-question", page)));
    }
    all.push(("key-generate", keys::draw_generate(kit, caller, word, None)));
    all.push(("key-generate", keys::draw_generate(kit, caller, word, Some((&typed, &wrong)))));
    for kind in [SMIME, OPENPGP] {
        let key = Summary { kind, ..detail(Shelf::Own, word).summary };
        all.push(("key-export", keys::draw_export(kit, caller, &key, Some(&wrong))));
        let own = Detail { summary: key, ..detail(Shelf::Own, word) };
        all.push(("key", keys::draw_item(kit, caller, Shelf::Own, &own, None)));
        all.extend(keys::questions(kit, caller, Shelf::Own, &own).into_iter().map(|page| ("key-question", page)));
    }
    let user = User { name: word.to_owned(), ..User::new(Address::parse("bob@company.example").unwrap()) };
    for count in [0, 2] {
        let known = Known { user: user.clone(), version: 1, keys: count };
        all.push(("user", user::draw(kit, caller, &known)));
        for act in ["deactivate", "remove"] {
            all.push(("fixed", user::draw_question(kit, caller, &known, act)));
        }
    }
    all
}
