//! Story: keys, certificates and the trust store in a real browser, by keyboard.

use std::time::Duration;

use sealgate_tests::pages::{CONSOLE, here, sign_in, tab_to, well_made};
use serde_json::Value;
use testkit::gpg::Gpg;
use testkit::net::isolated;
use testkit::tools::Ca;
use testkit::{Browser, Gateway, Room, wait};

const LONG: Duration = Duration::from_secs(20);
const ALICE: &str = "alice@company.example";
const BOB: &str = "bob@partner.example";

fn seen(browser: &Browser, page: &str) {
    well_made(browser, page);
    browser.screenshot(page);
}

/// Waits until the page is at a path that begins so.
fn at(browser: &Browser, path: &str) {
    wait::until(LONG, path, || here(browser).starts_with(path).then_some(()));
}

fn json(gateway: &Gateway, args: &[&str]) -> Value {
    serde_json::from_str(&gateway.run(&[args, &["--json"]].concat())).unwrap()
}

/// Presses the button of the page's form by keyboard.
fn submit(browser: &Browser) {
    tab_to(browser, "main form.form button[type=submit]");
    browser.keys("\u{E007}");
}

#[test]
fn a_2_m_c4_m_c6_browser_pages_of_keys() {
    isolated(|| {
        let gateway = Gateway::start("key-pages", sealgate_tests::scene::NODE);
        gateway.apply(&format!("{}[[user]]\naddress = \"alice@company.example\"\nname = \"Alice Example\"\n", sealgate_tests::scene::SITE));
        let room = Room::new("key-files");
        let ca = Ca::new(&room, "Partner Root");
        let (alice, bob) = (ca.person(ALICE), ca.person(BOB));
        let browser = Browser::start("en");
        sign_in(&browser, &gateway);

        // A file with a wrong pass phrase is refused beside what was typed, and nothing of it is taken.
        browser.open(&format!("{CONSOLE}/keys"));
        wait::until(LONG, "the list", || browser.text("main").contains("No user has a key yet").then_some(()));
        seen(&browser, "keys-empty");
        tab_to(&browser, "main a[href='/keys/import']");
        browser.keys("\u{E007}");
        at(&browser, "/keys/import");
        tab_to(&browser, "input[name=owner]");
        browser.keys(ALICE);
        browser.type_into("input[type=file]", &alice.p12);
        browser.type_into("input[name=passphrase]", "wrong");
        submit(&browser);
        wait::until(LONG, "what is wrong", || browser.text("main").contains("does not open the file").then_some(()));
        assert_eq!(browser.script("return document.querySelector('input[name=owner]').value"), ALICE, "what was typed stays");
        assert_eq!(browser.script("return document.querySelector('input[name=passphrase]').value"), "", "but for secrets");
        seen(&browser, "keys-import-wrong");
        assert_eq!(json(&gateway, &["key", "list"])["items"].as_array().unwrap().len(), 0);
        browser.type_into("input[type=file]", &alice.p12);
        browser.type_into("input[name=passphrase]", "secret");
        submit(&browser);
        wait::until(LONG, "the key", || browser.text("main").contains("SHA-256 fingerprint").then_some(()));
        seen(&browser, "key");
        let path = here(&browser);
        let own = std::fs::read_to_string(&alice.cert).unwrap();
        let own = own.get(own.find("-----BEGIN").unwrap()..).unwrap().trim().to_owned();
        assert!(browser.text("pre").starts_with(&own), "the certificate, and the chain after it");

        // Another one is made here; the old one is taken out of use.
        browser.open(&format!("{CONSOLE}/keys/generate?owner={ALICE}"));
        seen(&browser, "key-generate");
        submit(&browser);
        wait::until(LONG, "the new key", || browser.text("main").contains("made here").then_some(()));
        browser.open(&format!("{CONSOLE}{path}/expire"));
        seen(&browser, "key-expire");
        submit(&browser);
        wait::until(LONG, "expired", || browser.text("dl.facts").contains("expired").then_some(()));
        browser.open(&format!("{CONSOLE}{path}/export"));
        seen(&browser, "key-export");
        browser.type_into("input[name=passphrase]", "long enough");
        browser.type_into("input[name=passphrase_again]", "another one");
        submit(&browser);
        wait::until(LONG, "the difference", || browser.text("main").contains("the same pass phrase twice").then_some(()));
        browser.open(&format!("{CONSOLE}/keys?owner={ALICE}"));
        seen(&browser, "keys");
        assert_eq!(browser.script("return document.querySelectorAll('tbody tr').length"), 2);

        // Who has keys is not deleted without a word.
        browser.open(&format!("{CONSOLE}/users/{ALICE}"));
        seen(&browser, "user");
        tab_to(&browser, "main a[href$='/remove']");
        browser.keys("\u{E007}");
        wait::until(LONG, "the question", || {
            browser
                .text("main")
                .contains("can’t be opened any more")
                .then_some(())
                .or_else(|| browser.text("main").contains("can't be opened any more").then_some(()))
        });
        seen(&browser, "user-remove");
        tab_to(&browser, "main a[href$='/deactivate']");
        browser.keys("\u{E007}");
        at(&browser, &format!("/users/{}", ALICE.replace('@', "%40")));
        submit(&browser);
        wait::until(LONG, "the leaver", || browser.text("dl.facts").contains("inactive").then_some(()));

        // A partner's certificate, pasted.
        browser.open(&format!("{CONSOLE}/certificates/import"));
        browser.type_into("input[name=owner]", BOB);
        browser.type_into("textarea[name=pasted]", &std::fs::read_to_string(&bob.cert).unwrap());
        seen(&browser, "certificate-import");
        submit(&browser);
        wait::until(LONG, "the certificate", || browser.text("main").contains("Partner Root").then_some(()));
        seen(&browser, "certificate");
        browser.open(&format!("{CONSOLE}/certificates"));
        seen(&browser, "certificates");
        assert_eq!(json(&gateway, &["key", "list", "partners"])["items"][0]["owner"], BOB);

        // A root is imported, compared, trusted.
        browser.open(&format!("{CONSOLE}/roots/import"));
        browser.type_into("input[type=file]", &ca.cert());
        submit(&browser);
        wait::until(LONG, "the root", || browser.text("main").contains("Compare the SHA-256 fingerprint").then_some(()));
        seen(&browser, "root");
        let shown = testkit::tools::fingerprint(&ca.cert(), "-sha256");
        assert!(browser.text("dl.facts").contains(&shown), "as openssl prints it");
        let root = here(&browser);
        tab_to(&browser, "main a[href$='/trust']");
        browser.keys("\u{E007}");
        wait::until(LONG, "the question", || browser.text("h1").contains("Trust this certificate?").then_some(()));
        seen(&browser, "root-trust");
        submit(&browser);
        wait::until(LONG, "trusted", || (here(&browser) == root && browser.text("dl.facts").contains("trusted")).then_some(()));
        assert_eq!(json(&gateway, &["key", "list", "roots"])["items"][0]["trust"], "trusted");
        browser.dark(true);
        browser.open(&format!("{CONSOLE}/roots?trust=trusted"));
        seen(&browser, "roots-dark");
    });
}

/// Fills the import form of a shelf with pasted text.
fn paste(browser: &Browser, shelf: &str, owner: &str, text: &[u8]) {
    browser.open(&format!("{CONSOLE}{shelf}/import"));
    browser.type_into("input[name=owner]", owner);
    browser.type_into("textarea[name=pasted]", &String::from_utf8_lossy(text));
}

#[test]
fn a_2_m_c5_m_c6_browser_pages_of_pgp_keys() {
    isolated(|| {
        let gateway = Gateway::start("pgp-pages", sealgate_tests::scene::NODE);
        gateway.apply(&format!("{}[[user]]\naddress = \"alice@company.example\"\nname = \"Alice Example\"\n", sealgate_tests::scene::SITE));
        let room = Room::new("pgp-files");
        let gpg = Gpg::new();
        gpg.person("Alice Old <alice@company.example>", "future-default", "never");
        gpg.person("Bob <bob@partner.example>", "future-default", "2y");
        let browser = Browser::start("en");
        sign_in(&browser, &gateway);

        // Made here: GnuPG reads what the page shows.
        browser.open(&format!("{CONSOLE}/keys/generate?owner={ALICE}"));
        let _ = browser.script("document.querySelector('select[name=kind]').value = 'pgp'");
        submit(&browser);
        wait::until(LONG, "the new key", || browser.text("dl.facts").contains("OpenPGP 4").then_some(()));
        seen(&browser, "pgp-key");
        let path = here(&browser);
        let facts = browser.text("dl.facts");
        assert!(
            facts.contains("Alice Example <alice@company.example>") && facts.contains("made here") && facts.contains("Ed25519"),
            "{facts}"
        );
        let reader = Gpg::new();
        reader.import(browser.text("pre").as_bytes());
        let listed = String::from_utf8_lossy(&reader.must(&["--list-keys", "--with-colons"], b"")).into_owned();
        let fingerprint = listed.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap().trim_matches(':').to_owned();
        let grouped: Vec<&str> = (0..fingerprint.len() / 4).map(|at| &fingerprint[at * 4..at * 4 + 4]).collect();
        assert!(facts.contains(&grouped.join(" ")) && facts.contains(&fingerprint[24..]), "fingerprint and key id: {facts}");

        // One of GnuPG's, with its pass phrase; then the other one is revoked, and says so itself.
        let secret = gpg.must(&["--passphrase", "pass word", "--armor", "--export-secret-keys", ALICE], b"");
        let file = room.write("alice.asc", secret);
        browser.open(&format!("{CONSOLE}/keys/import?owner={ALICE}"));
        browser.type_into("input[type=file]", &file);
        browser.type_into("input[name=passphrase]", "pass word");
        submit(&browser);
        wait::until(LONG, "the imported key", || browser.text("dl.facts").contains("Alice Old").then_some(()));
        assert!(browser.text("dl.facts").contains("does not expire"));
        browser.open(&format!("{CONSOLE}{path}/revoke"));
        seen(&browser, "pgp-revoke");
        submit(&browser);
        wait::until(LONG, "revoked", || browser.text("dl.facts").contains("revoked").then_some(()));
        reader.import(browser.text("pre").as_bytes());
        assert!(!reader.run(&["--armor", "--encrypt", "-r", ALICE], b"x").ok, "GnuPG knows it too");
        browser.open(&format!("{CONSOLE}{path}/export"));
        seen(&browser, "pgp-export");
        browser.open(&format!("{CONSOLE}/keys?owner={ALICE}"));
        seen(&browser, "pgp-own-keys");
        assert_eq!(browser.script("return document.querySelectorAll('tbody tr').length"), 2);

        // A partner's, pasted; its revocation after it.
        browser.open(&format!("{CONSOLE}/pgp-keys"));
        wait::until(LONG, "the list", || browser.text("main").contains("no OpenPGP key of a partner").then_some(()));
        paste(&browser, "/pgp-keys", "carol@partner.example", &gpg.public(BOB));
        submit(&browser);
        wait::until(LONG, "what is wrong", || {
            (here(&browser) == "/pgp-keys/import" && browser.text("main").contains("made for another address")).then_some(())
        });
        paste(&browser, "/pgp-keys", BOB, &gpg.public(BOB));
        seen(&browser, "pgp-partner-import");
        submit(&browser);
        wait::until(LONG, "the key", || browser.text("main").contains("Bob <bob@partner.example>").then_some(()));
        seen(&browser, "pgp-partner-key");
        let theirs = here(&browser);
        browser.open(&format!("{CONSOLE}/pgp-keys"));
        seen(&browser, "pgp-partner-keys");
        let listed = json(&gateway, &["key", "list", "pgp"]);
        let id = listed["items"][0]["sha256"].as_str().unwrap().to_owned();
        assert_eq!((listed["items"][0]["owner"].as_str(), listed["items"][0]["kind"].as_str()), (Some(BOB), Some("openpgp")));
        assert_eq!(json(&gateway, &["key", "list", "partners"])["items"].as_array().unwrap().len(), 0, "not among the certificates");
        let revocations = std::fs::read_dir(gpg.home().join("openpgp-revocs.d")).unwrap();
        let revocation = revocations
            .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
            .find(|text| text.contains("Bob <bob@"))
            .map(|text| text.replace("\n:-----BEGIN", "\n-----BEGIN"))
            .unwrap();
        let armour = revocation.get(revocation.find("-----BEGIN PGP").unwrap()..).unwrap();
        paste(&browser, "/pgp-keys", BOB, armour.as_bytes());
        submit(&browser);
        wait::until(LONG, "its revocation", || (here(&browser) == theirs && browser.text("dl.facts").contains("revoked")).then_some(()));
        assert_eq!(json(&gateway, &["key", "show", &id, "--partner", BOB, "--pgp"])["key"]["state"], "revoked");
        browser.dark(true);
        browser.open(&format!("{CONSOLE}{theirs}/remove"));
        seen(&browser, "pgp-partner-remove-dark");
        submit(&browser);
        wait::until(LONG, "none", || browser.text("main").contains("no OpenPGP key of a partner").then_some(()));
    });
}
