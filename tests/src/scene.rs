//! The company, the partner, and the gateway between them.

use std::sync::Arc;

use testkit::postfix::Setup;
use testkit::tools::{Answer, Ca, Person, must, swaks};
use testkit::{Gateway, Postfix, Room};

/// The gateway's SMTP address in every scene.
pub const GATE: &str = "127.0.0.1:2525";

/// Node configuration of a scene; fits a network of the test's own.
pub const NODE: &str = "roles = [\"mail\", \"mobile\", \"console\"]\n";

/// Site configuration of a scene, without keys.
pub const SITE: &str = r#"
[mail]
hostname = "gate.company.example"
postmaster = "postmaster@company.example"
relay_networks = ["127.0.0.10/32"]
smart_host = "[127.0.0.20]:25"
retry_first = "1s"
retry_max = "2s"

[[domain]]
name = "company.example"
forward = "[127.0.0.10]:25"
"#;

/// The same without a smart host: mail to others goes by MX.
pub const BY_MX: &str = r#"
[mail]
hostname = "gate.company.example"
postmaster = "postmaster@company.example"
relay_networks = ["127.0.0.10/32"]
retry_first = "1s"
retry_max = "1s"

[[domain]]
name = "company.example"
forward = "[127.0.0.10]:25"
"#;

/// A company with its gateway and a partner.
#[derive(Debug)]
pub struct Scene {
    /// The company's server, `company.example`.
    pub company: Postfix,
    /// The partner's server, `partner.example`.
    pub partner: Postfix,
    /// Between them.
    pub gateway: Gateway,
    /// For files of the test.
    pub room: Arc<Room>,
}

impl Scene {
    /// Starts all three and applies [`SITE`] and `more`.
    #[must_use]
    pub fn start(more: &str) -> Self {
        let company = company();
        let partner = partner();
        let gateway = Gateway::start("gateway", NODE);
        gateway.apply(&format!("{SITE}{more}"));
        let room = Arc::new(Room::new("files"));
        Self { company, partner, gateway, room }
    }

    /// `who@company.example` sends through the company's server.
    #[must_use]
    pub fn company_sends(&self, from: &str, to: &[&str], message: &str) -> Answer {
        swaks(self.company.address(), from, to, message, &["--local-interface", "127.0.0.10"])
    }

    /// Somebody at the partner's sends through the partner's server.
    #[must_use]
    pub fn partner_sends(&self, from: &str, to: &[&str], message: &str) -> Answer {
        swaks(self.partner.address(), from, to, message, &["--local-interface", "127.0.0.20"])
    }

    /// Imports a person's certificate and key as a user's.
    pub fn user_key(&self, person: &Person) {
        let pass = self.room.write("pass", "secret");
        self.gateway.run(&["key", "import", &person.p12, "--user", &person.address, "--passphrase-file", &pass]);
    }

    /// Imports a person's certificate as a partner's.
    pub fn partner_key(&self, person: &Person) {
        self.gateway.run(&["key", "import", &person.cert, "--partner", &person.address]);
    }

    /// Trusts a CA.
    pub fn trust(&self, ca: &Ca<'_>) {
        self.gateway.run(&["key", "import", &ca.cert(), "--root", "--trust"]);
    }
}

/// The company's server; all mail to others goes to the gateway.
#[must_use]
pub fn company() -> Postfix {
    Postfix::start(&Setup {
        name: "company",
        listen: "127.0.0.10:25",
        domain: "company.example",
        relay: "[127.0.0.1]:2525",
        extra: "smtp_bind_address = 127.0.0.10",
    })
}

/// The partner's server; all mail to others goes to the gateway.
#[must_use]
pub fn partner() -> Postfix {
    Postfix::start(&Setup {
        name: "partner",
        listen: "127.0.0.20:25",
        domain: "partner.example",
        relay: "[127.0.0.1]:2525",
        extra: "smtp_bind_address = 127.0.0.20",
    })
}

/// A plain text message with CRLF line ends.
#[must_use]
pub fn text(from: &str, to: &str, subject: &str, body: &str) -> String {
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: {subject}\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{}@test.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n",
        subject.replace(|c: char| !c.is_ascii_alphanumeric(), "")
    )
}

/// Value of the first header field of this name, unfolded; empty if there is none.
#[must_use]
pub fn header(mail: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(mail).replace("\r\n", "\n");
    let head = text.split("\n\n").next().unwrap_or_default().replace("\n ", " ").replace("\n\t", " ");
    let prefix = format!("{}:", name.to_lowercase());
    head.lines()
        .find(|line| line.to_lowercase().starts_with(&prefix))
        .map(|line| line[prefix.len()..].trim().to_owned())
        .unwrap_or_default()
}

/// Opens an S/MIME message with a person's key, by the openssl command line.
#[must_use]
pub fn cms_decrypt(room: &Room, mail: &[u8], person: &Person) -> Vec<u8> {
    let file = room.write("closed.eml", mail);
    must("openssl", &["cms", "-decrypt", "-in", &file, "-recip", &person.cert, "-inkey", &person.key], b"")
}

/// Verifies a signed entity with a CA, by the openssl command line; gives the content.
#[must_use]
pub fn cms_verify(room: &Room, signed: &[u8], ca: &Ca<'_>) -> Vec<u8> {
    let file = room.write("signed.eml", signed);
    must("openssl", &["cms", "-verify", "-in", &file, "-CAfile", &ca.cert(), "-purpose", "smimesign"], b"")
}

/// Signs, then encrypts an entity for somebody as a whole message, by the openssl command line.
#[must_use]
pub fn cms_sign_encrypt(room: &Room, content: &str, from: &Person, to: &[&Person], cipher: &str) -> String {
    let plain = room.write("plain.txt", content);
    let signed = must("openssl", &["cms", "-sign", "-in", &plain, "-signer", &from.cert, "-inkey", &from.key, "-text", "-crlfeol"], b"");
    cms_encrypt(room, &signed, to, cipher)
}

/// Encrypts an entity for some people, by the openssl command line; the result has MIME header lines only.
#[must_use]
pub fn cms_encrypt(room: &Room, entity: &[u8], to: &[&Person], cipher: &str) -> String {
    let file = room.write("entity", entity);
    let mut args = vec!["cms", "-encrypt", cipher, "-in", &file];
    args.extend(to.iter().map(|person| person.cert.as_str()));
    String::from_utf8(must("openssl", &args, b"")).unwrap()
}

/// Puts address fields above a MIME entity; CRLF line ends.
#[must_use]
pub fn mail_of(from: &str, to: &str, subject: &str, entity: &str) -> String {
    let entity = entity.replace("\r\n", "\n").replace('\n', "\r\n");
    format!(
        "From: <{from}>\r\nTo: <{to}>\r\nSubject: {subject}\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{subject}@test.example>\r\n{entity}"
    )
}
