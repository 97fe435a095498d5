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

#[test]
fn g_16_g_22_each_type_of_policy_is_looked_up_and_downloaded_and_domains_are_taken_in() {
    isolated(|| {
        let gateway = Gateway::start("types", "[smtp]\nlisten = []\n[mobile]\nadmin_listen = '127.0.0.1:44444'\n");
        gateway.apply(
            "[[mobile.gateway]]\nid = 'one'\nmail_server = 'http://127.0.0.1:8080'\n\
             [[mobile.policy]]\ntype = 'user'\nenabled = true\naction = 'block'\nlist = ['temp-*', 'eve']\n\
             [[mobile.policy]]\ntype = 'attachments'\nenabled = true\n\
             classes = { managed_reader = [{ types = ['PDF'], action = 'encrypt' }], unmanaged = [{ types = '*', action = 'block' }] }\n\
             [[mobile.policy]]\ntype = 'hyperlinks'\nenabled = true\nmode = 'include'\ndomains = ['intra.example']\nschemes = [{ http = 'edge' }]\n\
             [[device]]\nid = 'phone1'\nuser = 'carol'\nmanaged = true\nplatform = 'ios'\n",
        );
        let room = gateway.room();
        let file = room.write("domains.csv", "domain\n*.Partner.example\nno domain\nintra.example\nshop.example,comment\n");
        let taken = gateway.command(&["policy", "import", "hyperlinks", &file, "--json"]);
        assert_eq!(taken.status.code(), Some(1), "not all went in: {}", String::from_utf8_lossy(&taken.stderr));
        let told = String::from_utf8_lossy(&taken.stdout).replace([' ', '\n'], "");
        assert!(told.contains("\"taken\":3") && told.contains("\"line\":3") && told.contains("isnodomain"), "{told}");
        let out = gateway.run(&["policy", "export", "hyperlinks"]);
        assert!(out.contains("intra.example") && out.contains("partner.example") && out.contains("shop.example"), "{out}");
        let again = room.write("again.csv", "shop.example\n");
        gateway.run(&["policy", "import", "hyperlinks", &again, "--replace"]);
        assert!(!gateway.run(&["policy", "export", "hyperlinks"]).contains("intra.example"));
        assert_eq!(gateway.command(&["policy", "import", "user", &again]).status.code(), Some(1), "it has no domains");
        gateway.run(&["device", "renew-key", "carol", "phone1"]);

        let text = gateway.run(&["token", "add", "local", "--local", "--json"]);
        let token = text.split('"').find(|part| part.starts_with("sealgate_")).unwrap().to_owned();
        let get = |path: &str| call("GET", path, &token, "");
        for (kind, row) in [
            ("segconfig", "one,true,exchange,"),
            ("generalaccess", "one,true,exchange,"),
            ("account", "user,true,block,temp-*"),
            ("hyperlink", "hyperlinks,true,include,shop.example"),
            ("managedattachment", "attachments,true,managed_reader,PDF,encrypt,"),
            ("unmanagedattachment", "attachments,true,unmanaged,*,block,"),
            ("unmanagedattachement", "attachments,true,unmanaged,*,block,"),
            ("device", "carol,phone1,"),
            ("encryptionkeydatapayload", "carol,phone1,1,"),
            ("451redirectmapping", "key,url"),
            ("easdevicetype", "policy,enabled,action,entry"),
            ("mailclient", "policy,enabled,action,entry"),
        ] {
            let (status, file) = get(&format!("/download/{kind}"));
            assert!(status == "200" && file.contains(row), "{kind}: {status} {file}");
        }
        for (path, said) in [
            ("/policy/segconfig", "\"id\":\"one\""),
            ("/policy/generalaccess", "\"test_mode\":false"),
            ("/policy/hyperlink", "shop.example"),
            ("/policy/account/COMPANY%5CEve", "\"listed\":true"),
            ("/policy/hyperlink/www.shop.example", "\"rewritten\":true"),
            ("/policy/managedattachment/plan.pdf", "\"managed_reader\":\"encrypt\""),
            ("/policy/device/PHONE1", "\"user\":\"carol\""),
            ("/policy/device/carol%2Fphone1", "\"id\":\"phone1\""),
            ("/policy/encryptionkeydatapayload/PHONE1", "\"epoch\":1"),
        ] {
            let (status, answer) = get(path);
            assert!(status == "200" && answer.contains(said), "{path}: {status} {answer}");
        }
        let key = get("/policy/encryptionkeydatapayload/phone1").1;
        assert!(key.contains("age_seconds") && key.contains("\"state\":\"current\"") && !key.contains("\"number\":0"), "{key}");
        assert_eq!(get("/policy/device/nowhere").0, "404");
        assert_eq!(get("/policy/account").0, "404", "that needs a key");
    });
}
