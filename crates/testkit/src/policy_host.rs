//! HTTPS hosts of MTA-STS policies: Python's own server with a certificate for all their names.

use std::process::Command;

use crate::child::{Room, Server};
use crate::tools::Ca;
use crate::wait;

const PROGRAM: &str = r#"
import http.server, ssl, sys, os
address, port, folder, cert, key = sys.argv[1:6]
class Policies(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        host = self.headers.get('Host', '').split(':')[0]
        name = os.path.join(folder, os.path.basename(host))
        if self.path == '/.well-known/mta-sts.txt' and os.path.exists(name):
            body = open(name, 'rb').read()
            self.send_response(200); self.send_header('Content-Type', 'text/plain')
        else:
            body = b'nothing here'
            self.send_response(404); self.send_header('Content-Type', 'text/html')
        self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', '0')))
        open(os.path.join(folder, 'posted'), 'wb').write(body)
        self.send_response(201); self.send_header('Content-Length', '0'); self.end_headers()
    def log_message(self, form, *args):
        sys.stderr.write(self.headers.get('Host', '-') + ' ' + form % args + '\n'); sys.stderr.flush()
server = http.server.ThreadingHTTPServer((address, int(port)), Policies)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"#;

/// A running server.
#[derive(Debug)]
pub struct PolicyHost {
    room: Room,
    _server: Server,
}

impl PolicyHost {
    /// Serves on `127.0.0.60:443` or the like, with a certificate by `ca` for `mta-sts.` before each of the domains.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(listen: &str, ca: &Ca<'_>, domains: &[&str]) -> Self {
        let room = Room::new("policies");
        std::fs::create_dir_all(room.path().join("served")).expect("folder");
        let names: Vec<String> = domains.iter().map(|domain| format!("DNS:mta-sts.{domain}")).collect();
        let (cert, key) = ca.server("policies", &names.join(","), "20");
        let (address, port) = listen.split_once(':').expect("address:port");
        let program = room.write("serve.py", PROGRAM);
        let folder = room.file("served");
        let args = [program.as_str(), address, port, &folder, &cert, &key];
        let server = Server::start("python3", &args, &room.path().join("requests.log"));
        wait::port(listen);
        Self { room, _server: server }
    }

    /// Publishes a domain's policy.
    pub fn publish(&self, domain: &str, policy: &str) {
        self.room.write(&format!("served/mta-sts.{domain}"), policy.replace('\n', "\r\n"));
    }

    /// Takes it back.
    pub fn withdraw(&self, domain: &str) {
        let _ = std::fs::remove_file(self.room.path().join(format!("served/mta-sts.{domain}")));
    }

    /// How often this domain's policy was asked for.
    #[must_use]
    pub fn asked(&self, domain: &str) -> usize {
        let log = std::fs::read_to_string(self.room.path().join("requests.log")).unwrap_or_default();
        log.lines().filter(|line| line.starts_with(&format!("mta-sts.{domain} "))).count()
    }

    /// What was posted last.
    #[must_use]
    pub fn posted(&self) -> Option<Vec<u8>> {
        std::fs::read(self.room.path().join("served/posted")).ok()
    }
}

/// The TLSA data of usage 3, selector 1, SHA-256 for a certificate file, by the openssl command line.
///
/// # Panics
/// When openssl fails.
#[must_use]
pub fn tlsa_311(cert: &str) -> String {
    let line =
        format!("openssl x509 -in '{cert}' -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1");
    let out = Command::new("sh").args(["-c", &line]).output().expect("sh");
    format!("3 1 1 {}", String::from_utf8_lossy(&out.stdout).trim())
}
