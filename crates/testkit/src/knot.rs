//! Knot DNS as the whole of DNS: a signed root of the test's own and the zones below it, good, expired or unsigned.
//!
//! It answers with authority for all of them at one address, so it serves as a resolver's upstream and as the root alike.

use std::time::{Duration, SystemTime};

use crate::child::{Room, Server};
use crate::tools::{must, run};
use crate::wait;

/// How a zone is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// Not at all, and the root says so.
    None,
    /// As it should be.
    Good,
    /// With signatures that ended two weeks ago.
    Expired,
}

/// One zone below the root.
#[derive(Debug, Clone, Copy)]
pub struct Zone<'a> {
    /// `good.example`.
    pub name: &'a str,
    /// See [`Signing`].
    pub signing: Signing,
    /// Lines of a zone file, names relative to the zone; SOA and NS are added.
    pub records: &'a str,
}

/// A running Knot.
#[derive(Debug)]
pub struct Knot {
    room: Room,
    address: String,
    _server: Server,
}

const BASE: &str = "server:\n    rundir: \"ROOM/run\"\n    listen: LISTEN\ndatabase:\n    storage: \"ROOM/keys\"
log:\n  - target: stderr\n    any: info
policy:\n  - id: own\n    algorithm: ecdsap256sha256\n    ksk-lifetime: 0
template:\n  - id: default\n    storage: \"ROOM/zones\"\n    zonefile-sync: -1\n    journal-content: none\nzone:\n";

impl Knot {
    /// Starts it on `127.0.0.53:53` or the like and waits until it answers.
    ///
    /// # Panics
    /// When it does not come up or a zone can't be signed.
    #[must_use]
    pub fn start(listen: &str, zones: &[Zone<'_>]) -> Self {
        let room = Room::new("knot");
        for folder in ["run", "keys", "zones"] {
            std::fs::create_dir_all(room.path().join(folder)).expect("folder");
        }
        let (ip, port) = listen.split_once(':').expect("address:port");
        let base = BASE.replace("ROOM", &room.file("")).replace("LISTEN", &format!("{ip}@{port}"));
        let entry = |zone: &str, signed: bool| {
            let signing = if signed { "    dnssec-signing: on\n    dnssec-policy: own\n" } else { "" };
            format!("  - domain: {zone}\n    file: {}\n{signing}", file_of(zone))
        };
        let all = |expired: bool| -> String {
            let signed = |signing| signing == Signing::Good || (expired && signing == Signing::Expired);
            zones.iter().map(|zone| entry(zone.name, signed(zone.signing))).collect()
        };
        // Expired zones are signed beforehand, as of long ago, and served as they are.
        let before = room.write("before.conf", format!("{base}{}{}", entry(".", true), all(true)));
        let conf = room.write("knot.conf", format!("{base}{}{}", entry(".", true), all(false)));
        let mut root = String::from(". 60 SOA ns. post. 1 60 60 600 60\n. 60 NS ns.\n");
        root += &format!("ns. 60 A {ip}\n");
        keys(&before, ".");
        for zone in zones {
            room.write(&format!("zones/{}", file_of(zone.name)), zone_text(zone));
            root += &format!("{}. 60 NS ns.\n", zone.name);
            if zone.signing != Signing::None {
                keys(&before, zone.name);
                let ds = String::from_utf8(must("keymgr", &["-c", &before, zone.name, "ds"], b"")).expect("text");
                root += &format!("{}\n", ds.lines().next().expect("a DS record"));
            }
            if zone.signing == Signing::Expired {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("time").as_secs();
                let then = (now - 30 * 86_400).to_string();
                let _ = must("kzonesign", &["-c", &before, "-t", &then, "-o", &room.file("zones"), zone.name], b"");
            }
        }
        room.write("zones/root.zone", root);
        let anchor = String::from_utf8(must("keymgr", &["-c", &before, ".", "dnskey"], b"")).expect("text");
        room.write("anchor", anchor.replacen(". DNSKEY", ". IN DNSKEY", 1));
        let server = Server::start("knotd", &["-c", &conf], &room.path().join("knot.log"));
        let knot = Self { room, address: listen.to_owned(), _server: server };
        wait::until(Duration::from_secs(20), "the root to be signed", || knot.ask(".", "DNSKEY").contains("RRSIG").then_some(()));
        for zone in zones.iter().filter(|zone| zone.signing != Signing::None) {
            let signed = || knot.ask(zone.name, "SOA").contains("RRSIG").then_some(());
            wait::until(Duration::from_secs(20), zone.name, signed);
        }
        knot
    }

    /// `127.0.0.53:53`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A file with the root's key, as a trust anchor.
    #[must_use]
    pub fn anchor(&self) -> String {
        self.room.file("anchor")
    }

    /// Puts other records in place of an unsigned zone's, and waits until they are served.
    ///
    /// # Panics
    /// When they are not.
    pub fn replace(&self, name: &str, records: &str) {
        let zone = Zone { name, signing: Signing::None, records };
        let serial = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("time").as_secs().to_string();
        let text = zone_text(&zone).replacen("post. 1 ", &format!("post. {serial} "), 1);
        self.room.write(&format!("zones/{}", file_of(name)), text);
        let _ = must("knotc", &["-c", &self.room.file("knot.conf"), "zone-reload", name], b"");
        wait::until(Duration::from_secs(20), "the new zone", || self.ask(name, "SOA").contains(&serial).then_some(()));
    }

    fn ask(&self, name: &str, kind: &str) -> String {
        let (ip, port) = self.address.split_once(':').expect("address:port");
        run("kdig", &[&format!("@{ip}"), "-p", port, "+dnssec", "+timeout=1", "+retry=0", name, kind], b"").text()
    }
}

fn file_of(zone: &str) -> String {
    if zone == "." { "root.zone".to_owned() } else { format!("{zone}.zone") }
}

/// Nothing in it may be kept, so that a changed zone counts at once.
fn zone_text(zone: &Zone<'_>) -> String {
    format!("$ORIGIN {}.\n$TTL 0\n@ SOA ns. post. 1 60 60 600 0\n@ NS ns.\n{}\n", zone.name, zone.records)
}

/// A key that has been good for two months.
fn keys(conf: &str, zone: &str) {
    let old = ["created=-60d", "publish=-60d", "ready=-60d", "active=-60d"];
    let args = [&["-c", conf, zone, "generate", "algorithm=13", "ksk=yes", "zsk=yes"][..], &old].concat();
    let _ = must("keymgr", &args, b"");
}
