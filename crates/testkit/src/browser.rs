//! A real browser: headless Chromium, driven by its WebDriver (W3C WebDriver §8–§12) over loopback.

use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::child::{Room, Server};
use crate::tools::run;
use crate::wait;

/// Key under which WebDriver names an element (W3C WebDriver §11).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Longest wait for an element: a page may still be on its way.
const PATIENCE: Duration = Duration::from_secs(20);

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
        self.asked(method, path, body).unwrap_or_else(|answer| panic!("{path}: {answer}"))
    }

    /// The value, or the whole answer if it is an error.
    fn asked(&self, method: &str, path: &str, body: &Value) -> Result<Value, Value> {
        let answer = call(method, &format!("{}{path}", self.session), body);
        if answer["value"]["error"].is_null() { Ok(answer["value"].clone()) } else { Err(answer) }
    }

    /// Asks about the first element that the CSS selector finds. A page that gives way to the next one in between makes the element
    /// stale (W3C WebDriver §12.2): then it is looked for in the new page.
    fn ask_element(&self, selector: &str, method: &str, path: &str, body: &Value) -> Value {
        wait::until(PATIENCE, selector, || {
            let found = self.find(selector)?;
            match self.asked(method, &format!("/element/{found}/{path}"), body) {
                Ok(value) => Some(value),
                Err(answer) if answer["value"]["error"] == "stale element reference" => None,
                Err(answer) => panic!("{selector}, {path}: {answer}"),
            }
        })
    }

    /// Goes to a page and waits until it is loaded.
    pub fn open(&self, url: &str) {
        let _ = self.ask("POST", "/url", &json!({ "url": url }));
    }

    /// Types into the first element that the CSS selector finds.
    pub fn type_into(&self, selector: &str, text: &str) {
        let _ = self.ask_element(selector, "POST", "value", &json!({ "text": text }));
    }

    /// Clicks the first element that the CSS selector finds.
    pub fn click(&self, selector: &str) {
        let _ = self.ask_element(selector, "POST", "click", &json!({}));
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
        self.ask_element(selector, "GET", "text", &Value::Null).as_str().unwrap_or_default().to_owned()
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

    /// The first element that the CSS selector finds in the page as it is now.
    fn find(&self, selector: &str) -> Option<String> {
        match self.asked("POST", "/element", &json!({ "using": "css selector", "value": selector })) {
            Ok(found) => found[ELEMENT].as_str().map(str::to_owned),
            Err(answer) if answer["value"]["error"] == "no such element" => None,
            Err(answer) => panic!("{selector}: {answer}"),
        }
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
