//! Story: an administrator takes in a list of devices, finds one in a real browser, blocks it by keyboard alone, turns a policy on,
//! and scripts see the same.

use sealgate_tests::pages::{CONSOLE, here, sign_in, tab_to, well_made};
use serde_json::{Value, json};
use testkit::net::isolated;
use testkit::{Browser, Gateway, wait};

const SITE: &str = "[mobile]\ntest_mode = false\n\n[[mobile.gateway]]\nid = 'west'\nname = 'Zürich'\nmail_server = 'http://127.0.0.1:1'\n";

fn csv() -> String {
    let mut file = "user,id,managed,enrolled,compromised,platform,os,phone,friendly_name,address,labels\n".to_owned();
    for n in 0..120 {
        let (managed, broken) = (n % 3 != 0, n % 40 == 0);
        file.push_str(&format!(
            "user{n:03},phone{n:03},{managed},{managed},{broken},ios,17.{n},+41 79 555 {n:04},Phone {n:03},user{n:03}@company.example,sales\n"
        ));
    }
    file.push_str("nobody,bad id,,,,,,,,,\n");
    file
}

#[test]
fn a_7_a_8_a_11_devices_and_policies_in_a_browser() {
    isolated(|| {
        let gateway = Gateway::start("devices", "roles = [\"mobile\", \"console\"]\n");
        gateway.apply(SITE);
        let file = gateway.room().write("devices.csv", csv());
        let taken = gateway.command(&["device", "import", &file, "--json"]);
        assert_eq!(taken.status.code(), Some(1), "not all went in");
        let told: Value = serde_json::from_slice(&taken.stdout).unwrap();
        assert_eq!((&told["taken"], &told["refused"], &told["bad"][0]["line"]), (&json!(120), &json!(1), &json!(122)), "{told}");

        let browser = Browser::start("en");
        sign_in(&browser, &gateway);
        browser.open(&format!("{CONSOLE}/mobile"));
        well_made(&browser, "mobile");
        browser.screenshot("mobile");
        // A bar leads to the list of what it counts.
        let managed =
            browser.script("return [...document.querySelectorAll('svg a')].find(a => a.textContent.startsWith('Managed')).textContent");
        assert_eq!(managed, "Managed80");
        browser.click("svg a[href='/devices?managed=true']");
        wait::until(std::time::Duration::from_secs(20), "the list", || (here(&browser) == "/devices?managed=true").then_some(()));
        assert!(browser.text("main").contains("80 devices"));
        well_made(&browser, "devices");
        browser.screenshot("devices");
        for (query, name) in [("?columns=all", "devices-detailed"), ("?view=user", "devices-users"), ("?status=blocked", "devices-none")] {
            browser.open(&format!("{CONSOLE}/devices{query}"));
            well_made(&browser, query);
            browser.screenshot(name);
        }
        // By keyboard alone: search, choose, block, confirm.
        browser.open(&format!("{CONSOLE}/devices"));
        tab_to(&browser, "input[name=q]");
        browser.keys("+41 79 555 0042\u{E007}");
        wait::until(std::time::Duration::from_secs(20), "the search", || here(&browser).contains("q=").then_some(()));
        assert!(browser.text("tbody").contains("user042") && !browser.text("tbody").contains("user041"));
        tab_to(&browser, "tbody input[type=checkbox]");
        browser.keys(" ");
        tab_to(&browser, "button[formaction$=blacklist]");
        browser.keys("\u{E007}");
        wait::until(std::time::Duration::from_secs(20), "the question", || here(&browser).starts_with("/device-actions/").then_some(()));
        well_made(&browser, "question");
        browser.screenshot("device-question");
        tab_to(&browser, "main form button");
        browser.keys("\u{E007}");
        // One device was chosen: what was done is shown with it.
        wait::until(std::time::Duration::from_secs(20), "the device", || (here(&browser) == "/devices/user042/phone042").then_some(()));
        let shown: Value = serde_json::from_str(&gateway.run(&["device", "show", "user042", "phone042", "--json"])).unwrap();
        assert_eq!(shown["override"], "blacklist", "{shown}");
        browser.open(&format!("{CONSOLE}/devices/user042/phone042"));
        well_made(&browser, "device");
        browser.screenshot("device");

        gateway.run(&["device", "diagnostics", "user042", "phone042", "on"]);
        browser.open(&format!("{CONSOLE}/diagnostics"));
        well_made(&browser, "diagnostics");
        assert!(browser.text("tbody").contains("phone042"));
        browser.screenshot("diagnostics");
        browser.click("tbody a");
        well_made(&browser, "a diagnosed device");
        assert!(browser.text("main").contains("Turn diagnostics off"));

        browser.open(&format!("{CONSOLE}/policies"));
        well_made(&browser, "policies");
        browser.screenshot("policies");
        browser.click("a[href$='compromised/on']");
        assert!(browser.text("main").contains("It would block 3 devices now"), "{}", browser.text("main"));
        browser.screenshot("policy-question");
        browser.click("main form button");
        assert!(browser.text("main").contains("Policies that are on: 1."));
        browser.open(&format!("{CONSOLE}/policies/os"));
        well_made(&browser, "policy");
        browser.type_into("textarea[name=list]", "ios: x - 17");
        browser.click("main form button[type=submit]");
        assert!(browser.text("main").contains("16.4"), "what is expected is said: {}", browser.text("main"));
        browser.screenshot("policy-wrong");
        let decided: Value = serde_json::from_str(&gateway.run(&[
            "mobile",
            "decide",
            "--user",
            "user040",
            "--device",
            "phone040",
            "--command",
            "Sync",
            "--json",
        ]))
        .unwrap();
        assert_eq!((&decided["decision"], &decided["reason"]), (&json!("block"), &json!("compromised")), "{decided}");
        browser.open(&format!("{CONSOLE}/test-mode/on"));
        browser.click("main form button");
        for page in ["mobile", "devices", "policies", "devices/user042/phone042"] {
            browser.open(&format!("{CONSOLE}/{page}"));
            assert!(browser.text("main").contains("Test mode is on"), "{page}");
        }
        browser.screenshot("test-mode");

        let out = gateway.run(&["device", "export", "-"]);
        assert_eq!(out.lines().count(), 121, "{out}");
        let listed: Value = serde_json::from_str(&gateway.run(&["device", "list", "--override", "blacklist", "--json"])).unwrap();
        assert_eq!((listed["items"].as_array().unwrap().len(), &listed["total"]), (1, &json!(1)), "{listed}");
    });
}
