//! The demonstration's people and servers: three child processes, a demo CA, keys for Alice (company) and Bob (partner).

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine as _;
use crypto::pki::Certificate;
use crypto::pki::issue::{Made, Validity, issue_user, make_ca};
use model::{Address, Clock, Fault, KeyKind, SystemClock};

use super::peers::Line;
use crate::secrets::ourselves;

/// How long a step waits for what it expects.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// One of the small servers.
pub struct Server {
    child: Child,
    lines: Receiver<Line>,
    /// Where it listens.
    pub address: String,
}

/// A mail that a small server took.
pub struct Taken {
    /// RCPT TO.
    pub to: Vec<String>,
    /// The message.
    pub content: Vec<u8>,
}

/// Everybody but the gateway.
pub struct Scene {
    /// The company's mail server.
    pub company: Server,
    /// The partner's.
    pub partner: Server,
    /// The ActiveSync server.
    pub phones: Server,
    /// Issues both people's certificates.
    pub ca: Certificate,
    /// `alice@company.example`, whose key the gateway holds.
    pub alice: Made,
    /// `bob@partner.example`, whose key only Bob holds.
    pub bob: Made,
    /// Files for the commands.
    pub folder: std::path::PathBuf,
}

impl Scene {
    /// Starts the servers and makes the keys.
    ///
    /// # Errors
    /// When a server does not start or a key can't be made.
    pub fn start(data: &Path) -> Result<Self, Fault> {
        let folder = std::env::temp_dir().join(format!("sealgate-demo-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|e| ourselves("disk", e))?;
        let (company, partner, phones) = (
            Server::start("mail", "the company's mail server")?,
            Server::start("mail", "the partner's mail server")?,
            Server::start("phones", "the ActiveSync answerer")?,
        );
        println!("  making keys for a demo CA, Alice and Bob …");
        let failed = |e: crypto::CryptoError| ourselves("demo", format!("{}: {e}", data.display()));
        let validity = Validity { now: SystemClock.now(), lifetime: Duration::from_secs(365 * 86_400) };
        let person = |ca: &Made, address: &str, name: &str| {
            let address = Address::parse(address).map_err(|e| ourselves("demo", e))?;
            issue_user(ca, &address, name, KeyKind::Rsa(2048), validity).map_err(failed)
        };
        let ca = make_ca("Demo CA", "Sealgate demonstration", KeyKind::EcP256, validity).map_err(failed)?;
        let (alice, bob) = (person(&ca, "alice@company.example", "Alice")?, person(&ca, "bob@partner.example", "Bob")?);
        Ok(Self { company, partner, phones, ca: ca.certificate, alice, bob, folder })
    }

    /// Site configuration of the demo company.
    #[must_use]
    pub fn site(&self) -> String {
        format!(
            "[mail]\nhostname = \"gate.company.example\"\npostmaster = \"postmaster@company.example\"\nrelay_networks = [\"127.0.0.1/32\"]\nsmart_host = \"[127.0.0.1]:{}\"\nretry_first = \"1s\"\n\n\
             [[domain]]\nname = \"company.example\"\nforward = \"[127.0.0.1]:{}\"\nlanguage = \"en\"\n\n[[user]]\naddress = \"alice@company.example\"\nname = \"Alice\"\n\n\
             [[mobile.gateway]]\nid = \"demo\"\nname = \"Demo phones\"\nkind = \"exchange\"\nmail_server = \"http://{}\"\n",
            port(&self.partner.address),
            port(&self.company.address),
            self.phones.address
        )
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn port(address: &str) -> &str {
    address.rsplit(':').next().unwrap_or_default()
}

impl Server {
    fn start(kind: &str, name: &'static str) -> Result<Self, Fault> {
        let program = std::env::current_exe().map_err(|e| ourselves("demo", e))?;
        let mut child = Command::new(program)
            .args(["demo-peer", kind])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| ourselves("demo", e))?;
        let output = child.stdout.take().ok_or_else(|| ourselves("demo", "no output"))?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if serde_json::from_str(&line).is_ok_and(|line| sender.send(line).is_err()) {
                    return;
                }
            }
        });
        let Ok(Line::Listening(address)) = lines.recv_timeout(PATIENCE) else {
            return Err(ourselves("demo", format!("{name} did not start")));
        };
        println!("  {name}: {address} (process {})", child.id());
        Ok(Self { child, lines, address })
    }

    /// The next mail, or `None` after [`PATIENCE`].
    #[must_use]
    pub fn next_mail(&self) -> Option<Taken> {
        match self.lines.recv_timeout(PATIENCE).ok()? {
            Line::Mail { to, content, .. } => Some(Taken { to, content: base64::engine::general_purpose::STANDARD.decode(content).ok()? }),
            Line::Listening(_) => None,
        }
    }

    /// True if no mail has come that nobody asked for.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.lines.try_recv().is_err()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
