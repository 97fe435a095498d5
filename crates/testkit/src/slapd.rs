//! Debian's OpenLDAP server as a company's directory: one database in memory's place on the disk, entries by LDIF, optional TLS.

use std::process::Command;

use crate::child::{Room, Server};
use crate::tools::must;
use crate::wait;

/// A running slapd.
#[derive(Debug)]
pub struct Slapd {
    room: Room,
    address: String,
    server: Option<Server>,
}

/// Base of the directory.
pub const BASE: &str = "dc=company,dc=example";
/// An account that may search and read no password.
pub const READER: &str = "cn=reader,dc=company,dc=example";
/// Its password, which holds what parts a setting.
pub const READER_PASSWORD: &str = "reader;pass";

impl Slapd {
    /// Starts it on `ADDRESS:PORT` in clear with StartTLS, or as `ldaps` with `tls` (paths of certificate and key), with these people:
    /// name, mail addresses, password.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(name: &str, address: &str, people: &[(&str, &[&str], &str)], tls: Option<(&str, &str)>) -> Self {
        Self::serving(name, address, &ldif(people), tls, false)
    }

    /// Starts it with people of whom it has certificates: name, mail address, certificate (DER in base64). With `open` everybody may read
    /// them, else only [`READER`].
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn with_certificates(name: &str, address: &str, people: &[(&str, &str, &str)], tls: Option<(&str, &str)>, open: bool) -> Self {
        let mut text = ldif(&[]);
        for (person, mail, certificate) in people {
            text.push_str(&format!(
                "dn: uid={person},{BASE}\nobjectClass: inetOrgPerson\nuid: {person}\ncn: {person}\nsn: {person}\nmail: {mail}\n\
                 userCertificate;binary:: {certificate}\n\n"
            ));
        }
        Self::serving(name, address, &text, tls, open)
    }

    fn serving(name: &str, address: &str, ldif: &str, tls: Option<(&str, &str)>, open: bool) -> Self {
        let room = Room::new(name);
        std::fs::create_dir_all(room.path().join("db")).expect("folder");
        let everybody = if open { "read" } else { "none" };
        room.write("slapd.conf", config(&room, tls).replace("read by * none", &format!("read by * {everybody}")));
        room.write("people.ldif", ldif);
        let _ = must("/usr/sbin/slapadd", &["-f", &room.file("slapd.conf"), "-l", &room.file("people.ldif")], b"");
        let mut slapd = Self { room, address: address.to_owned(), server: None };
        slapd.up();
        slapd
    }

    /// Starts it (again).
    ///
    /// # Panics
    /// When it does not come up.
    pub fn up(&mut self) {
        let url = format!("{}://{}", if self.is_tls() { "ldaps" } else { "ldap" }, self.address);
        let log = self.room.path().join("slapd.log");
        self.server = Some(Server::start("/usr/sbin/slapd", &["-f", &self.room.file("slapd.conf"), "-h", &url, "-d", "256"], &log));
        wait::port(&self.address);
    }

    /// Ends it; its data stays.
    pub fn down(&mut self) {
        self.server = None;
    }

    /// `ldap://…`, or `ldaps://…` under TLS.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("{}://{}", if self.is_tls() { "ldaps" } else { "ldap" }, self.address)
    }

    /// All that it logged: connections, searches with their filters, binds.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.room.path().join("slapd.log")).unwrap_or_default()
    }

    fn is_tls(&self) -> bool {
        std::fs::read_to_string(self.room.path().join("slapd.conf")).is_ok_and(|text| text.contains("TLSCertificateFile"))
    }
}

fn config(room: &Room, tls: Option<(&str, &str)>) -> String {
    let tls = tls.map(|(cert, key)| format!("TLSCertificateFile {cert}\nTLSCertificateKeyFile {key}\n")).unwrap_or_default();
    format!(
        "include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {pid}
{tls}
database mdb
suffix {BASE}
rootdn cn=root,{BASE}
directory {db}
maxsize 10485760
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact={READER} read by * none
",
        pid = room.file("slapd.pid"),
        db = room.file("db"),
    )
}

fn ldif(people: &[(&str, &[&str], &str)]) -> String {
    let mut text = format!(
        "dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Company\ndc: company\n\n\
         dn: {READER}\nobjectClass: person\ncn: reader\nsn: reader\nuserPassword: {}\n\n",
        hash(READER_PASSWORD)
    );
    for (name, mail, password) in people {
        text.push_str(&format!("dn: uid={name},{BASE}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\nsn: {name}\n"));
        for address in *mail {
            text.push_str(&format!("mail: {address}\n"));
        }
        text.push_str(&format!("userPassword: {}\n\n", hash(password)));
    }
    text
}

fn hash(password: &str) -> String {
    let out = Command::new("/usr/sbin/slappasswd").args(["-n", "-s", password]).output().expect("slappasswd");
    String::from_utf8(out.stdout).expect("text").trim().to_owned()
}
