//! What stories in a real browser share: signing in, what every page must keep, and going on by keyboard.

use serde_json::json;
use testkit::{Browser, Gateway};

/// Where the console is.
pub const CONSOLE: &str = "https://127.0.0.1:8443";
const PASSWORD: &str = "a long enough password";

/// Signs in for the first time and chooses a password.
///
/// # Panics
/// When the page is another one.
pub fn sign_in(browser: &Browser, gateway: &Gateway) {
    let line = gateway.log_text().lines().find(|line| line.contains("one-time password")).unwrap_or_default().to_owned();
    let once = line.rsplit(' ').next().unwrap_or_default().to_owned();
    browser.open(&format!("{CONSOLE}/"));
    browser.type_into("input[name=name]", "admin");
    browser.type_into("input[name=password]", &once);
    browser.keys("\u{E007}");
    browser.type_into("input[name=present]", &once);
    let fields = browser.script("return [...document.querySelectorAll('main input[type=password]')].map(i => i.name).join(',')");
    for name in fields.as_str().unwrap().split(',').skip(1) {
        browser.type_into(&format!("input[name={name}]"), PASSWORD);
    }
    browser.keys("\u{E007}");
}

/// What every page must keep: labels at all inputs, one heading, nothing wider than the window, no test of colour alone.
///
/// # Panics
/// When something is wrong.
pub fn well_made(browser: &Browser, page: &str) {
    let wrong = browser.script(
        "const bad = [];
         for (const i of document.querySelectorAll('main input:not([type=hidden]), main select, main textarea'))
           if (!i.labels.length || !i.labels[0].textContent.trim()) bad.push('no label: ' + i.name);
         if (document.querySelectorAll('h1').length !== 1) bad.push('not one h1');
         if (document.documentElement.scrollWidth > window.innerWidth) bad.push('wider than the window');
         for (const t of document.querySelectorAll('table')) if (!t.caption) bad.push('a table without caption');
         for (const a of document.querySelectorAll('main a')) if (!a.textContent.trim() && !a.getAttribute('aria-label')) bad.push('an empty link');
         return bad.join('; ');",
    );
    assert_eq!(wrong, "", "{page}");
    accessible(browser, page);
}

/// What axe-core finds, if `SEALGATE_AXE` names its file: it is not ours to carry.
fn accessible(browser: &Browser, page: &str) {
    let Some(file) = std::env::var_os("SEALGATE_AXE") else { return };
    let axe = std::fs::read_to_string(file).unwrap();
    let _ = browser.script(&format!("{axe}; return typeof window.axe"));
    let found = browser.script_async(
        "const done = arguments[arguments.length - 1];
         window.axe.run().then(r => done(r.violations.map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html).join(' | ')).join('\\n')));",
    );
    assert_eq!(found, "", "axe: {page}");
}

/// Path and query of the page.
///
/// # Panics
/// When the browser is gone.
#[must_use]
pub fn here(browser: &Browser) -> String {
    browser.script("return location.pathname + location.search").as_str().unwrap().to_owned()
}

/// Goes on with Tab until the element is reached.
///
/// # Panics
/// When it is not.
pub fn tab_to(browser: &Browser, selector: &str) {
    for _ in 0..200 {
        if browser.script(&format!("return document.activeElement.matches({})", json!(selector))) == true {
            return;
        }
        browser.keys("\u{E004}");
    }
    panic!("{selector} can't be reached by keyboard");
}
