//! Debian's OpenSMTPD, from a root of its own, as a company's or a partner's server.

use std::path::PathBuf;

use crate::child::{Room, Server};
use crate::peer::{self, MailServer, USERS};
use crate::postfix::Setup;

/// A running OpenSMTPD.
#[derive(Debug)]
pub struct OpenSmtpd {
    room: Room,
    address: String,
    _daemon: Server,
}

impl OpenSmtpd {
    /// Starts it and waits until it listens. [`Setup::extra`] is more words of its relay action.
    ///
    /// # Panics
    /// When it does not come up; its words are shown.
    #[must_use]
    pub fn start(setup: &Setup<'_>) -> Self {
        let room = peer::room(setup);
        room.write("smtpd.conf", configuration(setup));
        let prepare = "
            mount --bind \"$room/spool\" \"$root/var/spool\"; mount --bind \"$room/run\" \"$root/run\"
            chmod 755 \"$room/spool\" \"$room/run\"; chmod 600 \"$room/tls.key\"; chown 0:0 \"$room/tls.key\"";
        let daemon = peer::start("opensmtpd", &room, prepare, &["/usr/sbin/smtpd", "-d", "-f", "/room/smtpd.conf"]);
        peer::listening(&room, setup.listen);
        Self { room, address: setup.listen.to_owned(), _daemon: daemon }
    }
}

impl MailServer for OpenSmtpd {
    fn address(&self) -> &str {
        &self.address
    }

    fn mail(&self) -> PathBuf {
        self.room.path().join("mail")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.room.path().join("start.log")).unwrap_or_default()
    }
}

fn configuration(setup: &Setup<'_>) -> String {
    let (host, port) = setup.listen.rsplit_once(':').unwrap_or((setup.listen, "25"));
    let (relay, relay_port) = peer::relay(setup);
    let boxes: Vec<String> = USERS.iter().map(|user| format!("\"{user}@{}\" = \"nobody\"", setup.domain)).collect();
    format!(
        "pki own cert \"/room/tls.crt\"
pki own key \"/room/tls.key\"
smtp max-message-size \"100M\"
table boxes {{ {boxes} }}
listen on {host} port {port} tls pki own hostname {name}.{domain}
action \"here\" maildir \"/room/mail/%{{dest.user:raw}}\" virtual <boxes>
action \"out\" relay host \"smtp://{relay}:{relay_port}\" src {host} helo {name}.{domain} {extra}
match from any for domain \"{domain}\" action \"here\"
match from any for any action \"out\"
",
        boxes = boxes.join(", "),
        name = setup.name,
        domain = setup.domain,
        extra = setup.extra,
    )
}
