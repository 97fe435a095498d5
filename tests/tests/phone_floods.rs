//! Story: slow clients, floods of HTTP/2 and smuggled requests at the mobile gate, with nginx as the mail server: its log
//! shows nothing that policy did not allow, and an honest phone is served meanwhile.

use std::process::{Child, Command, Stdio};

use testkit::net::isolated;
use testkit::tools::run;
use testkit::{Gateway, Room};

const GATE: &str = "https://127.0.0.1:9443/Microsoft-Server-ActiveSync";
const QUERY: &str = "?Cmd=FolderSync&User=carol&DeviceType=T&DeviceId=";

/// nginx as a mail server that answers everything and writes down what it was asked.
struct Nginx {
    child: Child,
    log: String,
}

impl Nginx {
    fn start(room: &Room) -> Self {
        let log = room.file("mail.log");
        let folder = room.file("nginx");
        std::fs::create_dir_all(&folder).unwrap();
        let config = format!(
            "daemon off; error_log {folder}/error.log; pid {folder}/pid; events {{}}\n\
             http {{ access_log {log}; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;\n\
             uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; server {{ listen 127.0.0.1:8080; location / {{ return 200; }} }} }}"
        );
        let config = room.write("nginx.conf", config);
        let child = Command::new("/usr/sbin/nginx").args(["-c", &config]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let nginx = Self { child: child.expect("nginx: scripts/install tests installs it"), log };
        testkit::wait::port("127.0.0.1:8080");
        nginx
    }

    /// The requests that it was asked, but for the probe of the start.
    fn asked(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().filter_map(|line| line.split('"').nth(1)).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gateway(name: &str) -> Gateway {
    let gateway = Gateway::start(name, "[smtp]\nlisten = []\n[mobile]\nbad_passwords = 0\nrequests = 0\n");
    gateway.apply("[[mobile.gateway]]\nid = 'nginx'\nmail_server = 'http://127.0.0.1:8080'\n[[device]]\nid = 'evil'\nuser = 'carol'\noverride = 'blacklist'\n");
    gateway
}

/// An honest phone's request, within a few seconds.
fn honest(device: &str) -> String {
    let url = format!("{GATE}{QUERY}{device}");
    let args = ["-sk", "-m", "5", "-u", "carol:pw", "-o", "/dev/null", "-w", "%{http_code}", "-d", "", &url];
    run("curl", &args, b"").text()
}

#[test]
fn x_11_slow_clients_take_nobody_s_place_and_reach_no_mail_server() {
    isolated(|| {
        let gateway = gateway("slow");
        let nginx = Nginx::start(&gateway.room());
        for mode in [&["-H"][..], &["-B", "-s", "8192"], &["-X", "-k", "3"]] {
            let url = format!("{GATE}{QUERY}evil");
            let args = ["-c", "300", "-r", "150", "-i", "2", "-l", "6", "-p", "3", "-u", &url];
            let mut slow =
                Command::new("slowhttptest").args(mode).args(args).stdout(Stdio::piped()).spawn().expect("scripts/install tests");
            assert_eq!(honest("good"), "200", "{mode:?}: while the slow ones are there");
            let status = slow.wait().unwrap();
            assert!(status.success(), "{mode:?}");
            assert_eq!(honest("good"), "200", "{mode:?}: and after them");
        }
        let asked = nginx.asked();
        assert_eq!(asked.len(), 6, "{asked:#?}");
        assert!(asked.iter().all(|line| line.ends_with("DeviceId=good HTTP/1.1")), "{asked:#?}");
        assert!(!gateway.log_text().contains("panicked at"));
    });
}

/// Floods one connection of HTTP/2 in one of several ways, and prints how it ended.
const FLOOD: &str = r#"
import socket, ssl, sys, struct, h2.connection, h2.config
kind, path = sys.argv[1], sys.argv[2]
context = ssl._create_unverified_context()
context.set_alpn_protocols(["h2"])
tls = context.wrap_socket(socket.create_connection(("127.0.0.1", 9443), 5), server_hostname="localhost")
tls.settimeout(10)
c = h2.connection.H2Connection(config=h2.config.H2Configuration(header_encoding="utf-8"))
c.initiate_connection()
tls.sendall(c.data_to_send())
headers = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", path),
           ("authorization", "Basic Y2Fyb2w6cHc="), ("ms-asprotocolversion", "14.1")]
frame = lambda kind, flags, stream, body: struct.pack(">I", len(body))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + body
try:
    if kind == "reset":
        block = c.encoder.encode(headers)
        for n in range(5000):
            tls.sendall(frame(1, 5, 2 * n + 1, block) + frame(3, 0, 2 * n + 1, struct.pack(">I", 8)))
            block = c.encoder.encode(headers)
    elif kind == "continuation":
        tls.sendall(frame(1, 0, 1, c.encoder.encode(headers)))
        for n in range(100000):
            tls.sendall(frame(9, 0, 1, b"\x00\x01a" + bytes([100]) + b"x" * 100) * 100)
    elif kind == "settings":
        for n in range(200000):
            tls.sendall(frame(4, 0, 0, b"") * 100)
    elif kind == "ping":
        for n in range(200000):
            tls.sendall(frame(6, 0, 0, b"12345678") * 100)
    print("took all")
except (OSError, ssl.SSLError) as e:
    print("ended")
"#;

#[test]
fn x_11_floods_of_http_2_end_and_an_honest_phone_is_served() {
    isolated(|| {
        let gateway = gateway("h2");
        let nginx = Nginx::start(&gateway.room());
        let script = gateway.room().write("flood.py", FLOOD);
        for kind in ["reset", "continuation", "settings", "ping"] {
            let path = format!("/Microsoft-Server-ActiveSync{QUERY}evil");
            let flood =
                Command::new("/usr/bin/timeout").args(["20", "/usr/bin/python3", &script, kind, &path]).stdout(Stdio::piped()).spawn();
            let flood = flood.unwrap();
            assert_eq!(honest("good"), "200", "{kind}: during it");
            let out = flood.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&out.stdout).into_owned();
            if kind == "continuation" {
                assert_eq!(said.trim(), "ended", "{kind}: the gate ends the connection");
            }
            assert_eq!(honest("good"), "200", "{kind}: after it");
        }
        let asked = nginx.asked();
        assert!(asked.len() == 8 && asked.iter().all(|line| line.ends_with("DeviceId=good HTTP/1.1")), "{asked:#?}");
        assert!(!gateway.log_text().contains("panicked at"));
    });
}

#[test]
fn x_18_smuggled_requests_do_not_reach_the_mail_server() {
    isolated(|| {
        let gateway = gateway("smuggled");
        let nginx = Nginx::start(&gateway.room());
        let inner = format!(
            "POST /Microsoft-Server-ActiveSync{QUERY}evil HTTP/1.1\r\nHost: x\r\nAuthorization: Basic Y2Fyb2w6cHc=\r\nContent-Length: 0\r\n\r\n"
        );
        let outer = format!("POST /Microsoft-Server-ActiveSync{QUERY}good HTTP/1.1\r\nHost: x\r\nAuthorization: Basic Y2Fyb2w6cHc=\r\n");
        let size = inner.len();
        for (fields, body) in [
            (format!("Content-Length: {size}\r\nTransfer-Encoding: chunked\r\n"), format!("0\r\n\r\n{inner}")),
            ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n".to_owned(), format!("{size:x}\r\n{inner}\r\n0\r\n\r\n")),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n".to_owned(), format!("0\r\n\r\n{inner}")),
            (" Transfer-Encoding: chunked\r\n".to_owned(), format!("0\r\n\r\n{inner}")),
            ("Transfer-Encoding: chunked\r\n".to_owned(), format!("0\r\n\r\n{inner}")),
            (format!("Content-Length: 0\r\nContent-Length: {size}\r\n"), inner.clone()),
            ("Content-Length: 0\r\n".to_owned(), inner.clone()),
        ] {
            let request = format!("{outer}{fields}\r\n{body}");
            let args = ["s_client", "-quiet", "-connect", "127.0.0.1:9443", "-no_ign_eof"];
            let _ = run("timeout", &[&["5", "openssl"][..], &args[..]].concat(), request.as_bytes());
        }
        let asked = nginx.asked();
        assert!(asked.iter().all(|line| line.ends_with("DeviceId=good HTTP/1.1")), "{asked:#?}");
        assert_eq!(honest("good"), "200");
    });
}
