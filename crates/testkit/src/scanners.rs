//! Debian's clamd and rspamd beside the gateway: signatures, rules and directories of the test's own; nothing is fetched.
//!
//! clamd is up within 0.2 s and takes 20 MB with these few signatures; rspamd is up within a second and takes 50 MB for each of
//! its processes.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::child::{Room, Server};
use crate::wait;

/// The harmless test file that every scanner knows (EICAR), in two pieces so that no scanner finds this source.
pub const EICAR: [&str; 2] = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"];
/// What the test's own signature finds.
pub const PATTERN: &str = "SEALGATE-TEST-VIRUS";

/// A running clamd that knows [`EICAR`] and [`PATTERN`].
#[derive(Debug)]
pub struct Clamd {
    room: Room,
    address: String,
    server: Option<Server>,
}

impl Clamd {
    /// Starts it at `host:port` and at [`Self::socket`].
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(address: &str) -> Self {
        let room = Room::new("clamd");
        let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        let signatures = format!("Test.EICAR:0:*:{}\nTest.Pattern:0:*:{}\n", hex(&EICAR.concat()), hex(PATTERN));
        room.write("db/own.ndb", signatures);
        let (host, port) = address.split_once(':').expect("host:port");
        let lines = [
            "Foreground yes".to_owned(),
            format!("TCPAddr {host}"),
            format!("TCPSocket {port}"),
            format!("LocalSocket {}", room.file("clamd.sock")),
            format!("DatabaseDirectory {}", room.file("db")),
            format!("LogFile {}", room.file("clamd.log")),
            "AlertEncrypted yes".to_owned(),
            "User root".to_owned(),
        ];
        room.write("clamd.conf", lines.join("\n") + "\n");
        let mut clamd = Self { room, address: address.to_owned(), server: None };
        clamd.again();
        clamd
    }

    /// Starts it again after [`Self::stop`].
    ///
    /// # Panics
    /// When it does not come up.
    pub fn again(&mut self) {
        let log = self.room.path().join("start.log");
        self.server = Some(Server::start("/usr/sbin/clamd", &["-c", &self.room.file("clamd.conf")], &log));
        wait::port(&self.address);
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.server = None;
        let _ = std::fs::remove_file(self.room.path().join("clamd.sock"));
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Path of its unix socket.
    #[must_use]
    pub fn socket(&self) -> String {
        self.room.file("clamd.sock")
    }
}

/// A running rspamd with two rules of the test's own: mail with `spam-ten` gets 10 points, with `spam-twenty` 20.
#[derive(Debug)]
pub struct Rspamd {
    _room: Room,
    address: String,
    _server: Server,
}

const RULES: &str = r"
local function rule(name, text, score)
  rspamd_config:register_symbol{ name = name, score = score, callback = function(task)
    return tostring(task:get_content()):find(text, 1, true) ~= nil
  end }
end
rule('TEST_TEN', 'spam-ten', 10)
rule('TEST_TWENTY', 'spam-twenty', 20)
";

impl Rspamd {
    /// Starts it at `host:port`.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(address: &str) -> Self {
        let room = Room::new("rspamd");
        let folder = room.path().display().to_string();
        room.write("rules.lua", RULES);
        room.write("tld.dat", "example\n");
        let config = format!(
            "options {{ pidfile = \"{folder}/pid\"; filters = \"\"; tempdir = \"{folder}\"; disable_hyperscan = true; url_tld = \"{folder}/tld.dat\"; \
             cache_file = \"{folder}/cache\"; history_file = \"{folder}/history\"; stats_file = \"{folder}/stats\"; hs_cache_dir = \"{folder}/\"; \
             control_socket = \"{folder}/control mode=0600\"; dns {{ nameserver = [\"127.0.0.1:1\"]; timeout = 0.2s; retransmits = 1; }} }}\n\
             logging {{ type = \"file\"; filename = \"{folder}/log\"; level = \"info\"; }}\n\
             worker \"normal\" {{ bind_socket = \"{address}\"; count = 1; }}\n\
             actions {{ reject = 15; add_header = 6; }}\nlua = \"{folder}/rules.lua\";\n"
        );
        let file = room.write("rspamd.conf", config);
        let log = room.path().join("start.log");
        // Its workers outlive a main process that is killed: so they are all in one process namespace, which ends as a whole.
        let args = ["--pid", "--fork", "--kill-child", "--", "/usr/bin/rspamd", "-f", "--insecure", "-c", &file];
        let server = Server::start("unshare", &args, &log);
        let url = format!("http://{address}/ping");
        // The socket listens before the worker that serves it has started.
        wait::until(Duration::from_secs(30), &format!("rspamd at {address}"), || {
            let asked = Command::new("curl").args(["-s", "-f", "-m", "1", &url]).stdout(Stdio::null()).status().ok()?;
            asked.success().then_some(())
        });
        Self { _room: room, address: address.to_owned(), _server: server }
    }

    /// `http://host:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
