//! Dovecot as the one who checks passwords for a Postfix (SASL over a socket).

use std::time::Duration;

use crate::child::{Room, Server};
use crate::wait;

/// A running Dovecot that knows one user.
#[derive(Debug)]
pub struct Sasl {
    room: Room,
    _server: Server,
}

impl Sasl {
    /// Starts it and waits for its socket.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(name: &str, user: &str, password: &str) -> Self {
        let room = Room::new(name);
        let users = room.write("users", format!("{user}:{{PLAIN}}{password}\n"));
        let config = room.write(
            "dovecot.conf",
            format!(
                "protocols = none\nbase_dir = {run}\nlog_path = {log}\nssl = no\nauth_mechanisms = plain login\n\
                 passdb {{\n  driver = passwd-file\n  args = scheme=plain username_format=%u {users}\n}}\n\
                 userdb {{\n  driver = static\n  args = uid=65534 gid=65534 home=/nonexistent\n}}\n\
                 service auth {{\n  unix_listener {socket} {{\n    mode = 0666\n  }}\n}}\n",
                run = room.file("run"),
                log = room.file("dovecot.log"),
                socket = room.file("auth"),
            ),
        );
        let server = Server::start("/usr/sbin/dovecot", &["-F", "-c", &config], &room.path().join("start.log"));
        let socket = room.path().join("auth");
        wait::until(Duration::from_secs(30), "Dovecot's socket", || socket.exists().then_some(()));
        Self { room, _server: server }
    }

    /// Lines of main.cf for a Postfix that relays only for who has signed in, under TLS.
    #[must_use]
    pub fn main_cf(&self) -> String {
        format!(
            "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = {}\nsmtpd_tls_auth_only = yes\n\
             smtpd_sasl_authenticated_header = yes\nsmtpd_relay_restrictions = permit_sasl_authenticated, reject\n\
             smtpd_recipient_restrictions = permit_sasl_authenticated, reject\n",
            self.room.file("auth")
        )
    }
}
