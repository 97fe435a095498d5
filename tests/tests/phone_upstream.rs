//! Story: the issuer takes a mail server's certificate back while phones are served. The lists lie on a web server as a CA's
//! would on the Internet; nginx is the mail server, and its log shows who got through.

use testkit::net::isolated;
use testkit::nginx::Nginx;
use testkit::tools::{Ca, run};
use testkit::{Gateway, Room, Server, wait};

const GATE: &str = "https://127.0.0.1:9443/Microsoft-Server-ActiveSync";
const WEB: &str = "127.0.0.70:8000";
const NODE: &str = "[smtp]\nlisten = []\n[mobile]\nrequests = 0\n[times]\nrevocation = \"1s\"\ncrl_kept = \"1s\"\ncrl_rest = \"1s\"\n\
    [egress]\nallow = [{ purpose = \"crl\", net = \"127.0.0.70/32\" }, { purpose = \"ocsp\", net = \"127.0.0.70/32\" }]\n";

/// nginx as a mail server with TLS on each of these addresses.
fn mail_servers(room: &Room, servers: &[(&str, &(String, String))]) -> Nginx {
    let block = |(ip, (cert, key)): &(&str, &(String, String))| {
        format!("server {{ listen {ip}:443 ssl; ssl_certificate {cert}; ssl_certificate_key {key}; location / {{ return 200; }} }}\n")
    };
    let blocks: String = servers.iter().map(block).collect();
    let addresses: Vec<String> = servers.iter().map(|(ip, _)| format!("{ip}:443")).collect();
    Nginx::start(room, &blocks, &addresses.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Requests that came to this address.
fn asked(nginx: &Nginx, ip: &str) -> usize {
    nginx.asked().iter().filter(|(server, _)| server == ip).count()
}

/// The status of a phone's request.
fn phone(device: &str) -> String {
    let url = format!("{GATE}?Cmd=FolderSync&User=carol&DeviceType=T&DeviceId={device}");
    run("curl", &["-sk", "-m", "20", "-u", "carol:pw", "-o", "/dev/null", "-w", "%{http_code}", "-d", "", &url], b"").text()
}

/// tinyproxy on this address, which wants a password; the file with what it passed on.
fn tinyproxy(room: &Room, name: &str, ip: &str) -> (Server, String) {
    let log = room.file(&format!("{name}.log"));
    let config = format!(
        "Port 8888\nListen {ip}\nTimeout 30\nLogFile \"{log}\"\nLogLevel Connect\nMaxClients 20\nAllow 127.0.0.0/8\nBasicAuth gate secret\nConnectPort 443\n"
    );
    let config = room.write(&format!("{name}.conf"), config);
    let server = Server::start("tinyproxy", &["-d", "-c", &config], &room.path().join(format!("{name}.out")));
    wait::port(&format!("{ip}:8888"));
    (server, log)
}

#[test]
fn g_2_requests_and_questions_each_go_through_their_proxy() {
    isolated(|| {
        let room = Room::new("proxies");
        let root = Ca::new(&room, "root");
        let cert = root.server_listed("listed", "IP:127.0.0.71", &format!("http://{WEB}/root.crl"));
        let nginx = mail_servers(&room, &[("127.0.0.71", &cert)]);
        let served = room.path().join("served");
        std::fs::create_dir(&served).unwrap();
        std::fs::write(served.join("root.crl"), root.revocation_list(&[])).unwrap();
        let (address, port) = WEB.split_once(':').unwrap();
        let line = ["-u", "-m", "http.server", port, "--bind", address, "--directory", &served.display().to_string()];
        let _web = Server::start("python3", &line, &room.path().join("requests.log"));
        wait::port(WEB);
        let ((_mail, mail_log), (_api, api_log)) = (tinyproxy(&room, "mail", "127.0.0.81"), tinyproxy(&room, "api", "127.0.0.82"));
        let read = |log: &str| std::fs::read_to_string(log).unwrap_or_default();

        let gateway = Gateway::start("proxies", NODE);
        gateway.run(&["key", "import", &root.cert(), "--root", "--trust"]);
        let through = |password: &str| {
            let proxy = |ip: &str| format!("{{ url = 'http://{ip}:8888', auth = 'basic', user = 'gate', password = '{password}' }}");
            let (mail, api) = (proxy("127.0.0.81"), proxy("127.0.0.82"));
            gateway.apply(&format!(
                "[[mobile.gateway]]\nid = 'nginx'\nmail_server = 'https://127.0.0.71'\nproxy_mail = {mail}\nproxy_api = {api}\n"
            ));
        };
        through("wrong");
        assert_eq!((phone("d1"), asked(&nginx, "127.0.0.71")), ("503".to_owned(), 0), "no way round a proxy");
        let _ = gateway.event("mobile.failed", |e| e["code"] == "mail-proxy");
        through("secret");
        assert_eq!((phone("d1"), asked(&nginx, "127.0.0.71")), ("200".to_owned(), 1));
        let _ = gateway.event("crl.fetched", |e| e["names"] == 0);
        assert!(read(&mail_log).contains("CONNECT 127.0.0.71:443") && !read(&mail_log).contains("root.crl"), "{}", read(&mail_log));
        assert!(
            read(&api_log).contains(&format!("GET http://{WEB}/root.crl")) && !read(&api_log).contains("CONNECT 127.0.0.71"),
            "{}",
            read(&api_log)
        );
        let shown = gateway.run(&["config", "export"]);
        assert!(shown.contains("proxy_api") && !shown.contains("'secret'") && !shown.contains("\"secret\""), "{shown}");
        std::fs::write(served.join("root.crl"), root.revocation_list(&[&cert.0])).unwrap();
        let _ = gateway.event("mobile.revoked", |_| true);
        assert_eq!((phone("d1"), asked(&nginx, "127.0.0.71")), ("502".to_owned(), 1));
    });
}

#[test]
fn g_2_an_issuer_that_is_asked_takes_a_certificate_back() {
    isolated(|| {
        let room = Room::new("answers");
        let root = Ca::new(&room, "root");
        let cert = root.server_answered("answered", "IP:127.0.0.71", "http://127.0.0.70:8100/");
        let nginx = mail_servers(&room, &[("127.0.0.71", &cert)]);
        let good = root.responder(8100, &[&cert.0], false);
        let gateway = Gateway::start("answers", NODE);
        gateway.run(&["key", "import", &root.cert(), "--root", "--trust"]);
        gateway.apply("[[mobile.gateway]]\nid = 'nginx'\nmail_server = 'https://127.0.0.71'\n");
        assert_eq!((phone("d1"), asked(&nginx, "127.0.0.71")), ("200".to_owned(), 1));
        let _ = gateway.event("ocsp.fetched", |e| e["revoked"] == false);
        drop(good);
        let _bad = root.responder(8100, &[&cert.0], true);
        let _ = gateway.event("mobile.revoked", |_| true);
        assert_eq!((phone("d1"), asked(&nginx, "127.0.0.71")), ("502".to_owned(), 1));
    });
}
