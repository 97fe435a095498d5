//! Story: the local administrator of the mobile gate: a token, what the node judges by, levels and targets of the log.

use testkit::Gateway;
use testkit::net::isolated;
use testkit::tools::run;

const LOCAL: &str = "http://127.0.0.1:44444";
const GATE: &str = "https://127.0.0.1:9443/Microsoft-Server-ActiveSync?Cmd=FolderSync&User=carol&DeviceType=T&DeviceId=";

/// Status and body of one call.
fn call(method: &str, path: &str, token: &str, body: &str) -> (String, String) {
    let (url, bearer) = (format!("{LOCAL}{path}"), format!("Authorization: Bearer {token}"));
    let args = ["-s", "-X", method, "-H", &bearer, "-H", "Content-Type: application/json", "-w", "\n%{http_code}", &url];
    let more: &[&str] = if body.is_empty() { &[] } else { &["-d", body] };
    let text = run("curl", &[&args[..], more].concat(), b"").text();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}

fn phone(device: &str) -> String {
    let url = format!("{GATE}{device}&AttachmentName=name-canary");
    let headers = ["-H", "MS-ASProtocolVersion: 14.1", "-H", "Cookie: s=cookie-canary", "-H", "X-Odd: field-canary"];
    let args = ["-sk", "-u", "carol:password-canary", "-o", "/dev/null", "-w", "%{http_code}", "-d", "body-canary", &url];
    run("curl", &[&headers[..], &args[..]].concat(), b"").text()
}

#[test]
fn g_32_g_33_levels_targets_and_look_ups_with_a_token_and_no_secret_in_the_log() {
    isolated(|| {
        let gateway = Gateway::start("local", "[smtp]\nlisten = []\n[mobile]\nadmin_listen = '127.0.0.1:44444'\n");
        let proxy = "proxy_mail = { url = 'http://127.0.0.1:9', auth = 'basic', user = 'u', password = 'proxy-canary' }";
        gateway.apply(&format!(
            "[[mobile.gateway]]\nid = 'one'\nmail_server = 'http://127.0.0.1:8080'\n{proxy}\n\
             [[mobile.policy]]\ntype = 'mail_client'\nenabled = true\naction = 'block'\nlist = ['Out*', '=evil()']\n"
        ));
        let text = gateway.run(&["token", "add", "local", "--local", "--json"]);
        let token = text.split('"').find(|part| part.starts_with("sealgate_")).unwrap().to_owned();
        for path in ["/diagnostic/cluster", "/policy/segconfig/one", "/download/segconfig", "/logging", "/targets"] {
            assert_eq!(call("GET", path, "sealgate_wrong", "").0, "401", "{path}");
            assert_eq!(call("GET", path, "", "").0, "401", "{path}");
            assert_eq!(call("GET", path, &token, "").0, "200", "{path}");
        }
        let (_, state) = call("GET", "/diagnostic/cluster", &token, "");
        assert!(state.contains("\"one\"") && state.contains("mail_client") && state.contains("sequence"), "{state}");
        let (_, config) = call("GET", "/policy/segconfig/one", &token, "");
        assert!(config.contains("@secret(gateway/one/proxy_mail)") && !config.contains("proxy-canary"), "{config}");
        assert!(call("GET", "/policy/mailclient/Outlook%2F1.0", &token, "").1.contains("\"listed\":true"));
        assert!(call("GET", "/policy/mailclient/Apple%2F1", &token, "").1.contains("\"listed\":false"));
        assert_eq!(call("GET", "/policy/451redirectmapping/one%2Fcarol", &token, "").0, "404");
        assert_eq!(call("DELETE", "/policy/451redirectmapping/one%2Fcarol", &token, "").0, "404");
        assert!(call("GET", "/download/mailclient", &token, "").1.contains("mail_client,true,block,'=evil()"));
        assert_eq!(call("GET", "/download/nothing", &token, "").0, "404");

        assert_eq!(call("PUT", "/logging", &token, r#"{"level":"Loud"}"#).0, "400");
        assert_eq!(call("PUT", "/logging", &token, r#"{"level":"Warn"}"#).0, "200");
        assert_eq!(call("PUT", "/targets", &token, "[{}]").0, "400");
        let (status, targets) = call("PUT", "/targets", &token, r#"[{"device":"TOLD","seconds":999999999}]"#);
        assert!(status == "200" && targets.contains("\"until\""), "{targets}");
        for device in ["quiet", "told"] {
            assert_eq!(phone(device), "503", "its mail server is not there");
        }
        let told = gateway.event("device.request", |event| event["device"] == "told");
        assert_eq!(told["parameters"], "Cmd,User,DeviceType,DeviceId,AttachmentName");
        assert!(told["fields"].as_str().unwrap().contains("cookie") && told["gateway"] == "one", "{told}");
        assert_eq!(call("PUT", "/targets", &token, "[]").1, "[]");
        assert_eq!(phone("told"), "503");
        let log = gateway.log_text();
        let by = |name: &str, device: &str| log.lines().filter(|line| line.contains(name) && line.contains(device)).count();
        assert_eq!((by("device.request", "told"), by("device.request", "quiet"), by("device.allowed", "told")), (1, 0, 0), "{log}");
        for canary in [
            "password-canary",
            "Y2Fyb2w6cGFzc3dvcmQtY2FuYXJ5",
            "cookie-canary",
            "field-canary",
            "name-canary",
            "body-canary",
            "proxy-canary",
            &token,
        ] {
            assert!(!log.contains(canary), "x_21: {canary} is in the log");
        }
    });
}
