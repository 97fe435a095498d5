//! A real browser: headless Chromium, driven by its WebDriver (W3C WebDriver §8–§12) over loopback.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::child::{Room, Server};
use crate::tools::run;
use crate::wait;

/// Key under which WebDriver names an element (W3C WebDriver §11).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser window.
#[derive(Debug)]
pub struct Browser {
    session: String,
    room: Room,
    _driver: Server,
}

impl Browser {
    /// Opens a window of 1200 × 900. Certificates are not judged.
    ///
    /// # Panics
    /// When Chromium or its driver does not start.
    #[must_use]
    pub fn start(language: &str) -> Self {
        let room = Room::new("browser");
        let driver = Server::start("chromedriver", &["--port=9515", "--allowed-ips=127.0.0.1"], &room.path().join("driver.log"));
        wait::port("127.0.0.1:9515");
        let arguments = json!([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1200,900",
            format!("--lang={language}"),
            format!("--accept-lang={language}"),
            format!("--user-data-dir={}", room.file("profile")),
        ]);
        let wanted = json!({ "capabilities": { "alwaysMatch": { "browserName": "chrome", "acceptInsecureCerts": true, "goog:chromeOptions": { "args": arguments, "binary": "/usr/bin/chromium" } } } });
        let answer = call("POST", "http://127.0.0.1:9515/session", &wanted);
        let id = answer["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("Chromium does not start: {answer}")).to_owned();
        Self { session: format!("http://127.0.0.1:9515/session/{id}"), room, _driver: driver }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = call(method, &format!("{}{path}", self.session), body);
        assert!(answer["value"]["error"].is_null(), "{path}: {answer}");
        answer["value"].clone()
    }

    /// Goes to a page and waits until it is loaded.
    pub fn open(&self, url: &str) {
        let _ = self.ask("POST", "/url", &json!({ "url": url }));
    }

    /// Types into the first element that the CSS selector finds.
    pub fn type_into(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        let _ = self.ask("POST", &format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// Clicks the first element that the CSS selector finds.
    pub fn click(&self, selector: &str) {
        let element = self.find(selector);
        let _ = self.ask("POST", &format!("/element/{element}/click"), &json!({}));
    }

    /// Presses keys, as somebody without a mouse does: `\u{E004}` is Tab, `\u{E007}` is Enter.
    pub fn keys(&self, keys: &str) {
        let actions: Vec<Value> =
            keys.chars().flat_map(|key| [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]).collect();
        let _ = self.ask("POST", "/actions", &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] }));
    }

    /// Text that a person sees at the first element that the CSS selector finds.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn text(&self, selector: &str) -> String {
        let element = self.find(selector);
        self.ask("GET", &format!("/element/{element}/text"), &Value::Null).as_str().unwrap_or_default().to_owned()
    }

    /// Runs a script in the page and gives its value.
    #[must_use]
    pub fn script(&self, script: &str) -> Value {
        self.ask("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Runs a script that calls its last argument with its value when it is done.
    #[must_use]
    pub fn script_async(&self, script: &str) -> Value {
        self.ask("POST", "/execute/async", &json!({ "script": script, "args": [] }))
    }

    /// Pages are drawn for somebody who likes them dark, or light, from now on.
    pub fn dark(&self, dark: bool) {
        let feature = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        let command = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": [feature] } });
        let _ = self.ask("POST", "/goog/cdp/execute", &command);
    }

    /// The page as PNG, kept in the room while the test runs; also copied to `SEALGATE_SCREENSHOTS/NAME.png` if that is set.
    ///
    /// # Panics
    /// When no picture can be had.
    pub fn screenshot(&self, name: &str) {
        let picture = self.ask("GET", "/screenshot", &Value::Null);
        let bytes = base64::engine::general_purpose::STANDARD.decode(picture.as_str().unwrap_or_default()).expect("a picture");
        let _ = self.room.write(&format!("{name}.png"), &bytes);
        if let Some(folder) = std::env::var_os("SEALGATE_SCREENSHOTS") {
            let _ = std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), bytes);
        }
    }

    fn find(&self, selector: &str) -> String {
        let found = self.ask("POST", "/element", &json!({ "using": "css selector", "value": selector }));
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("no element {selector}")).to_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = call("DELETE", &self.session, &Value::Null);
    }
}

fn call(method: &str, url: &str, body: &Value) -> Value {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let mut args = vec!["-s", "-m", "60", "-X", method, "-H", "content-type: application/json", url];
    if !text.is_empty() {
        args.extend(["--data-binary", "@-"]);
    }
    serde_json::from_slice(&run("curl", &args, text.as_bytes()).out).unwrap_or(Value::Null)
}
