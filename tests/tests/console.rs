//! Story: an administrator signs in for the first time in a real browser, sees the live counts, and a script sees the same numbers.

use sealgate_tests::scene::{GATE, SITE, text};
use sealgate_tests::smtp::Client;
use testkit::net::isolated;
use testkit::tools::run;
use testkit::{Browser, Gateway, wait};

const PASSWORD: &str = "a long enough password";

#[test]
fn a_1_a_4_browser_sign_in_and_live_counts() {
    isolated(|| {
        let gateway = Gateway::start("console", "");
        // No company's server runs here that could be asked who is there.
        gateway.apply(&SITE.replace("retry_first", "verify_recipients = false\nretry_first"));
        let line = gateway.log_text().lines().find(|line| line.contains("one-time password")).unwrap_or_default().to_owned();
        let once = line.rsplit(' ').next().unwrap_or_default().to_owned();
        let browser = Browser::start("de");
        browser.open("https://127.0.0.1:8443/");
        assert_eq!(browser.script("return document.documentElement.lang"), "de");
        assert!(browser.text("h1").contains("Anmeld"), "{}", browser.text("h1"));
        browser.screenshot("sign-in");
        browser.type_into("input[name=name]", "admin");
        browser.type_into("input[name=password]", "not the password");
        browser.keys("\u{E007}");
        assert!(browser.script("return document.body.innerText").to_string().to_lowercase().contains("passwor"), "told what is wrong");
        // By keyboard alone.
        browser.type_into("input[name=name]", "");
        browser.type_into("input[name=password]", &once);
        browser.keys("\u{E007}");
        // The one-time password must be replaced first.
        assert!(browser.script("return location.pathname").as_str().unwrap().starts_with("/password"));
        browser.type_into("input[name=present]", &once);
        let fields = browser.script("return [...document.querySelectorAll('main input[type=password]')].map(i => i.name).join(',')");
        let names: Vec<String> = fields.as_str().unwrap().split(',').map(str::to_owned).collect();
        browser.type_into(&format!("input[name={}]", names[1]), PASSWORD);
        browser.type_into(&format!("input[name={}]", names[2]), PASSWORD);
        browser.screenshot("password");
        browser.keys("\u{E007}");
        browser.open("https://127.0.0.1:8443/");
        let count = || browser.text("[data-count=mail_received]");
        assert_eq!(count(), "0");

        let mut client = Client::connect(GATE, "127.0.0.20").unwrap();
        client.say("EHLO partner.example").unwrap();
        let reply = client
            .mail(
                "bob@partner.example",
                &["alice@company.example"],
                text("bob@partner.example", "alice@company.example", "x", "x").as_bytes(),
            )
            .unwrap();
        assert!(reply.starts_with("250"), "{reply}");
        // Live: without a reload.
        wait::until(std::time::Duration::from_secs(30), "the page to count the mail", || (count() == "1").then_some(()));
        browser.screenshot("home");
        assert_eq!(
            browser.script("return document.querySelectorAll('main input:not([type=hidden]):not([aria-label]):not([id])').length"),
            0,
            "every input has its label"
        );

        let made: serde_json::Value =
            serde_json::from_str(&gateway.run(&["token", "add", "script", "--scope", "homeadmin:read", "--json"])).unwrap();
        let token = made.as_object().unwrap().values().filter_map(|v| v.as_str()).max_by_key(|v| v.len()).unwrap().to_owned();
        let bearer = format!("Authorization: Bearer {token}");
        let counts: serde_json::Value =
            serde_json::from_slice(&run("curl", &["-sk", "-H", &bearer, "https://127.0.0.1:8443/api/v1/counts"], b"").out).unwrap();
        assert_eq!(counts["mail"]["mail_received"], 1, "{counts}");
        let forbidden =
            run("curl", &["-sk", "-o", "/dev/null", "-w", "%{http_code}", "-H", &bearer, "https://127.0.0.1:8443/api/v1/users"], b"")
                .text();
        assert_eq!(forbidden, "403", "the token's scope does not reach there");
    });
}
