//! Debian's rsyslog as a receiver of syslog: UDP, TCP and TLS on one address, all that comes in one file.

use std::time::Duration;

use crate::child::{Room, Server};
use crate::tools::must;
use crate::wait;

/// A running rsyslog.
#[derive(Debug)]
pub struct Rsyslog {
    room: std::sync::Arc<Room>,
    _daemon: Server,
}

impl Rsyslog {
    /// A room with a CA (`ca.crt`) and a certificate for the address in it.
    ///
    /// # Panics
    /// When openssl fails.
    #[must_use]
    pub fn room(name: &str, address: &str) -> std::sync::Arc<Room> {
        let room = Room::new(name);
        let (ca, ca_key, cert, key) = (room.file("ca.crt"), room.file("ca.key"), room.file("own.crt"), room.file("own.key"));
        let line = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj", "/CN=Log CA", "-addext"];
        let _ = must("openssl", &[&line[..], &["basicConstraints=critical,CA:TRUE", "-keyout", &ca_key, "-out", &ca]].concat(), b"");
        let request = must("openssl", &["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=log", "-keyout", &key], b"");
        let extensions = room.write("own.ext", format!("subjectAltName=IP:{address}\nbasicConstraints=CA:FALSE\n"));
        let line = ["x509", "-req", "-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial", "-days", "2", "-extfile", &extensions, "-out", &cert];
        let _ = must("openssl", &line, &request);
        std::sync::Arc::new(room)
    }

    /// Starts it in such a room: UDP and TCP on port 514, TLS on 6514.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(room: std::sync::Arc<Room>, address: &str) -> Self {
        let config = format!(
            "global(workDirectory=\"{work}\" defaultNetstreamDriverCAFile=\"{ca}\" defaultNetstreamDriverCertFile=\"{cert}\" defaultNetstreamDriverKeyFile=\"{key}\")
module(load=\"imudp\")
module(load=\"imtcp\")
input(type=\"imudp\" address=\"{address}\" port=\"514\" ruleset=\"all\")
input(type=\"imtcp\" address=\"{address}\" port=\"514\" ruleset=\"all\")
input(type=\"imtcp\" address=\"{address}\" port=\"6514\" ruleset=\"all\" streamdriver.name=\"ossl\" streamdriver.mode=\"1\" streamdriver.authmode=\"anon\")
template(name=\"line\" type=\"string\" string=\"%inputname% %pri% %protocol-version% %timereported:::date-rfc3339% %hostname% %app-name% %msgid% |%msg%|\\n\")
ruleset(name=\"all\") {{ action(type=\"omfile\" file=\"{out}\" template=\"line\") }}
",
            work = room.file(""),
            ca = room.file("ca.crt"),
            cert = room.file("own.crt"),
            key = room.file("own.key"),
            out = room.file("messages"),
        );
        let file = room.write("rsyslog.conf", config);
        let daemon = Server::start("/usr/sbin/rsyslogd", &["-n", "-f", &file, "-i", &room.file("pid")], &room.path().join("start.log"));
        wait::port(&format!("{address}:514"));
        Self { room, _daemon: daemon }
    }

    /// All that came: input, priority, version, time, host, program, MSGID, text in bars; one message a line.
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.room.path().join("messages")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits for a message that `fits`.
    ///
    /// # Panics
    /// After 30 s; all that came is shown.
    #[must_use]
    pub fn message(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        let end = std::time::Instant::now() + Duration::from_secs(30);
        wait::until(Duration::from_secs(31), what, || {
            let all = self.messages();
            let start = || std::fs::read_to_string(self.room.path().join("start.log")).unwrap_or_default();
            assert!(std::time::Instant::now() < end, "{what} did not come:\n{}\n{}", all.join("\n"), start());
            all.into_iter().find(|line| fits(line))
        })
    }
}
