//! Debian's Postfix as a company's or a partner's server: own directories, own address, Maildirs to read.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::child::{Room, Server, dying_with_us};
use crate::peer::USERS;
use crate::wait;

/// A running Postfix.
#[derive(Debug)]
pub struct Postfix {
    room: Room,
    address: String,
    _master: Server,
}

/// How a Postfix is set up.
#[derive(Debug, Clone, Default)]
pub struct Setup<'a> {
    /// Name of the instance and in its banner.
    pub name: &'a str,
    /// `127.0.0.10:25`.
    pub listen: &'a str,
    /// The domain that it delivers to Maildirs.
    pub domain: &'a str,
    /// Where everything else goes: `[127.0.0.1]:25`; empty: nowhere.
    pub relay: &'a str,
    /// More lines of main.cf.
    pub extra: &'a str,
}

const MASTER: &str = "\
LISTEN inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
";

impl Postfix {
    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// When it does not come up; its log is shown.
    #[must_use]
    pub fn start(setup: &Setup<'_>) -> Self {
        let room = Room::new(setup.name);
        for folder in ["queue", "data", "mail"] {
            std::fs::create_dir_all(room.path().join(folder)).expect("folder");
        }
        let _ = Command::new("chown").args(["postfix", &room.file("data")]).status();
        let _ = Command::new("chown").args(["nobody", &room.file("mail")]).status();
        let boxes: String = USERS.iter().map(|user| format!("{user}@{} {user}/\n", setup.domain)).collect();
        room.write("boxes", boxes);
        room.write("master.cf", MASTER.replace("LISTEN", setup.listen));
        room.write("main.cf", main_cf(&room, setup));
        let log = room.path().join("start.log");
        let master = Server::start("/usr/sbin/postfix", &["-c", &room.file(""), "start-fg"], &log);
        wait::port(setup.listen);
        Self { room, address: setup.listen.to_owned(), _master: master }
    }

    /// `127.0.0.10:25`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    pub(crate) const fn room(&self) -> &Room {
        &self.room
    }

    /// Messages in the Maildir of `user`, oldest first, as they lie there (LF line ends).
    #[must_use]
    pub fn mailbox(&self, user: &str) -> Vec<Vec<u8>> {
        let folder = self.room.path().join("mail").join(user).join("new");
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        files.sort();
        files.iter().filter_map(|file| std::fs::read(file).ok()).collect()
    }

    /// Waits until `user` has `count` messages.
    ///
    /// # Panics
    /// After 30 s.
    #[must_use]
    pub fn wait_for(&self, user: &str, count: usize) -> Vec<Vec<u8>> {
        wait::until(Duration::from_secs(30), &format!("{count} messages for {user} at {}", self.address), || {
            Some(self.mailbox(user)).filter(|mails| mails.len() >= count)
        })
    }

    /// All that it logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.room.path().join("mail.log")).unwrap_or_default()
    }

    /// Lets it try again at once whatever waits in its queue. What is still on its way is waited for: it would not be tried again.
    ///
    /// # Panics
    /// When something is on its way for longer than 30 s.
    pub fn flush(&self) {
        let under_way = |queue: &str| queue.contains("\"active\"") || queue.contains("\"incoming\"");
        wait::until(Duration::from_secs(30), "nothing to be on its way", || (!under_way(&self.queue())).then_some(()));
        let _ = Command::new("postqueue").args(["-c", &self.room.file(""), "-f"]).stderr(Stdio::null()).status();
    }

    /// True if its queue holds no message.
    #[must_use]
    pub fn queue_is_empty(&self) -> bool {
        self.queue().is_empty()
    }

    /// One JSON object a line.
    fn queue(&self) -> String {
        let out = Command::new("postqueue").args(["-c", &self.room.file(""), "-j"]).stderr(Stdio::null()).output();
        out.map_or_else(|error| error.to_string(), |out| String::from_utf8_lossy(&out.stdout).into_owned())
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let _ = dying_with_us("/usr/sbin/postfix")
            .args(["-c", &self.room.file(""), "abort"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

fn main_cf(room: &Room, setup: &Setup<'_>) -> String {
    let host = setup.listen.split(':').next().unwrap_or_default();
    let relay = if setup.relay.is_empty() {
        "default_transport = error:no other hosts\n".to_owned()
    } else {
        format!("relayhost = {}\n", setup.relay)
    };
    format!(
        "compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
maillog_file = {log}
maillog_file_prefixes = /var
myhostname = {name}.{domain}
mydestination =
inet_interfaces = {host}
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {mail}
virtual_mailbox_maps = texthash:{boxes}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 1
virtual_mailbox_limit = 0
message_size_limit = 104857600
smtp_host_lookup = native
disable_dns_lookups = yes
smtputf8_enable = yes
alias_maps =
alias_database =
local_recipient_maps =
smtpd_client_connection_rate_limit = 0
{relay}{extra}
",
        queue = room.file("queue"),
        data = room.file("data"),
        log = room.file("mail.log"),
        mail = room.file("mail"),
        boxes = room.file("boxes"),
        name = setup.name,
        domain = setup.domain,
        extra = setup.extra,
    )
}
