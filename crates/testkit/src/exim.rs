//! Debian's Exim, from a root of its own, as a company's or a partner's server.

use std::path::PathBuf;

use crate::child::{Room, Server};
use crate::peer::{self, MailServer, USERS};
use crate::postfix::Setup;

/// A running Exim.
#[derive(Debug)]
pub struct Exim {
    room: Room,
    address: String,
    _daemon: Server,
}

impl Exim {
    /// Starts it and waits until it listens. [`Setup::extra`] is more lines of its smtp transport.
    ///
    /// # Panics
    /// When it does not come up; its words are shown.
    #[must_use]
    pub fn start(setup: &Setup<'_>) -> Self {
        let room = peer::room(setup);
        room.write("etc/exim4.conf", configuration(setup));
        let prepare = "
            mount --bind \"$room/etc\" \"$root/etc/exim4\"; mount --bind \"$room/spool\" \"$root/var/spool/exim4\"
            mount --bind \"$room/log\" \"$root/var/log/exim4\"
            chroot \"$root\" chown -R Debian-exim:Debian-exim /var/spool/exim4 /var/log/exim4 /room/tls.key";
        let daemon = peer::start("exim", &room, prepare, &["/usr/sbin/exim4", "-bdf", "-q1s"]);
        peer::listening(&room, setup.listen);
        Self { room, address: setup.listen.to_owned(), _daemon: daemon }
    }
}

impl MailServer for Exim {
    fn address(&self) -> &str {
        &self.address
    }

    fn mail(&self) -> PathBuf {
        self.room.path().join("mail")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.room.path().join("log/mainlog")).unwrap_or_default()
    }
}

fn configuration(setup: &Setup<'_>) -> String {
    let (host, port) = setup.listen.rsplit_once(':').unwrap_or((setup.listen, "25"));
    let (relay, relay_port) = peer::relay(setup);
    format!(
        "primary_hostname = {name}.{domain}
local_interfaces = {host}
daemon_smtp_ports = {port}
domainlist ours = {domain}
hostlist relay = 127.0.0.0/8
localpartlist boxes = {boxes}
host_lookup =
rfc1413_query_timeout = 0s
log_selector = +all
tls_advertise_hosts = *
tls_certificate = /room/tls.crt
tls_privatekey = /room/tls.key
message_size_limit = 100M
smtputf8_advertise_hosts = *
chunking_advertise_hosts = *
prdr_enable = true
acl_smtp_rcpt = rcpt
acl_smtp_data = any
acl_smtp_data_prdr = any
begin acl
rcpt:
  accept domains = +ours
         local_parts = +boxes
  deny domains = +ours
       message = 5.1.1 no such mailbox here
  accept hosts = +relay
  deny message = relay not permitted
any:
  accept
begin routers
here:
  driver = accept
  domains = +ours
  local_parts = +boxes
  transport = maildir
others:
  driver = manualroute
  route_list = * {relay}::{relay_port}
  self = send
  transport = out
begin transports
maildir:
  driver = appendfile
  directory = /room/mail/$local_part_data
  maildir_format
  create_directory
  envelope_to_add
  return_path_add
  user = nobody
out:
  driver = smtp
  interface = {host}
  {extra}
begin retry
* * F,1h,1s
",
        name = setup.name,
        domain = setup.domain,
        // One has a name beyond US-ASCII.
        boxes = USERS.into_iter().chain(["bj\u{f8}rn"]).collect::<Vec<_>>().join(" : "),
        extra = setup.extra,
    )
}
