//! What all mail servers of the tests have in common, and how those that Debian does not let stand beside Postfix are started: from a
//! root of their own (`scripts/peers`), in mount and process namespaces that end with the test.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::child::{Room, Server};
use crate::postfix::Setup;
use crate::wait;

/// Who has a Maildir at every such server.
pub(crate) const USERS: [&str; 6] = ["alice", "bob", "carol", "dave", "eve", "postmaster"];

/// A company's or a partner's mail server.
pub trait MailServer {
    /// `127.0.0.10:25`.
    fn address(&self) -> &str;

    /// Where its Maildirs are.
    fn mail(&self) -> PathBuf;

    /// All that it logged.
    fn log(&self) -> String;

    /// Messages in the Maildir of `user`, oldest first, as they lie there (LF line ends).
    fn mailbox(&self, user: &str) -> Vec<Vec<u8>> {
        let folder = self.mail().join(user).join("new");
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        files.sort();
        files.iter().filter_map(|file| std::fs::read(file).ok()).collect()
    }

    /// Waits until `user` has `count` messages.
    ///
    /// # Panics
    /// After 60 s; what it logged is shown.
    fn wait_for(&self, user: &str, count: usize) -> Vec<Vec<u8>> {
        let end = std::time::Instant::now() + Duration::from_secs(60);
        wait::until(Duration::from_secs(61), &format!("{count} messages for {user} at {}", self.address()), || {
            let mails = self.mailbox(user);
            assert!(
                std::time::Instant::now() < end,
                "{} of {count} messages for {user} at {}:\n{}",
                mails.len(),
                self.address(),
                self.log()
            );
            Some(mails).filter(|mails| mails.len() >= count)
        })
    }
}

impl MailServer for crate::Postfix {
    fn address(&self) -> &str {
        self.address()
    }

    fn mail(&self) -> PathBuf {
        self.room().path().join("mail")
    }

    fn log(&self) -> String {
        self.log()
    }
}

/// The Python that has the ActiveSync client from PyPI, set up by `scripts/peers`.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn pypi() -> PathBuf {
    let python = place().join("pypi/bin/python3");
    assert!(python.exists(), "{} is not there: run scripts/peers", python.display());
    python
}

fn place() -> PathBuf {
    std::env::var_os("SEALGATE_PEERS")
        .map_or_else(|| Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(".cache/sealgate-peers"), PathBuf::from)
}

/// The root of a server, made by `scripts/peers`.
///
/// # Panics
/// When it is not there.
pub(crate) fn root(name: &str) -> PathBuf {
    let root = place().join(name);
    assert!(root.join("usr").is_dir(), "{} is not there: run scripts/peers", root.display());
    root
}

/// A room with what each of them needs: folders, a self-signed certificate.
pub(crate) fn room(setup: &Setup<'_>) -> Room {
    let room = Room::new(setup.name);
    for folder in ["etc", "spool", "log", "mail", "run"] {
        std::fs::create_dir_all(room.path().join(folder)).expect("folder");
    }
    let subject = format!("/CN={}.{}", setup.name, setup.domain);
    let (key, cert) = (room.file("tls.key"), room.file("tls.crt"));
    let line = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj", &subject, "-keyout", &key, "-out", &cert];
    let _ = crate::tools::must("openssl", &line, b"");
    room.write("resolv.conf", "nameserver 127.0.0.1\n");
    room
}

/// Starts a program in a root; the room is its `/room`. `prepare` runs first, in a shell with `$root` and `$room`.
///
/// The mounts are seen by nobody else, and when the program ends or the test dies, all that it started ends too. The shell stays: the
/// signal at its parent's end would be lost with the start of a set-user-ID program (prctl(2)), which Exim is.
pub(crate) fn start(name: &str, room: &Room, prepare: &str, line: &[&str]) -> Server {
    let script = format!(
        "set -e; root=$1; room=$2; shift 2
         mount --bind \"$room\" \"$root/room\"
         mount --bind \"$room/resolv.conf\" \"$root/etc/resolv.conf\"
         mount -t proc proc \"$root/proc\"; mount --bind /dev \"$root/dev\"
         chown 65534 \"$room/mail\"
         {prepare}
         chroot \"$root\" \"$@\" &
         wait $!"
    );
    let (root, folder) = (root(name).display().to_string(), room.path().display().to_string());
    let own = ["--mount", "--pid", "--fork", "--kill-child=KILL", "--", "sh", "-c", &script, "sh", &root, &folder];
    let all: Vec<&str> = own.into_iter().chain(line.iter().copied()).collect();
    Server::start("unshare", &all, &room.path().join("start.log"))
}

/// Waits until it listens.
///
/// # Panics
/// After 20 s; what it said is shown.
pub(crate) fn listening(room: &Room, address: &str) {
    let end = std::time::Instant::now() + Duration::from_secs(20);
    wait::until(Duration::from_secs(21), &format!("{address} to listen"), || {
        let said = || std::fs::read_to_string(room.path().join("start.log")).unwrap_or_default();
        assert!(std::time::Instant::now() < end, "nothing listens on {address}:\n{}", said());
        std::net::TcpStream::connect(address).ok()
    });
}

/// `[127.0.0.1]:2525` as address and port.
pub(crate) fn relay<'s>(setup: &Setup<'s>) -> (&'s str, &'s str) {
    let (host, port) = setup.relay.rsplit_once(':').unwrap_or((setup.relay, "25"));
    (host.trim_matches(['[', ']']), port)
}
