//! Whom an encrypted copy names as those who can open it: read from the ASN.1 by openssl, from the packets by GnuPG, never by us.

use testkit::Room;
use testkit::gpg::Gpg;
use testkit::tools::{Person, must};

/// Serial numbers of the RecipientInfos of an S/MIME mail, in order; upper-case hex without leading zeros.
///
/// # Panics
/// When openssl can't read it.
#[must_use]
pub fn smime_names(room: &Room, mail: &[u8]) -> Vec<String> {
    let file = room.write("copy.eml", mail);
    let print = String::from_utf8(must("openssl", &["cms", "-cmsout", "-print", "-noout", "-in", &file], b"")).expect("text");
    let mut serials: Vec<String> = print.lines().filter_map(|line| line.trim().strip_prefix("serialNumber: ")).map(plain).collect();
    serials.sort_unstable();
    serials
}

/// The serial number of somebody's certificate, written in the same way.
///
/// # Panics
/// When openssl can't read it.
#[must_use]
pub fn serial(person: &Person) -> String {
    let said = must("openssl", &["x509", "-in", &person.cert, "-noout", "-serial"], b"");
    plain(String::from_utf8_lossy(&said).trim().trim_start_matches("serial="))
}

fn plain(serial: &str) -> String {
    serial.to_uppercase().replace("0X", "").trim_start_matches('0').to_owned()
}

/// Key ids that an OpenPGP message names, in order; a hidden recipient's is all zeros. Read with an empty keyring, so that nothing is opened.
///
/// # Panics
/// When there is no message in the mail.
#[must_use]
pub fn pgp_names(mail: &[u8]) -> Vec<String> {
    let listed = Gpg::new().run(&["--list-packets"], &armour(mail)).text();
    let ids = listed.lines().filter(|line| line.starts_with(":pubkey enc packet")).filter_map(|line| line.split("keyid ").nth(1));
    let mut ids: Vec<String> = ids.map(|id| id.trim().to_owned()).collect();
    ids.sort_unstable();
    ids
}

/// Key id of the newest subkey for encryption of somebody's key.
///
/// # Panics
/// When GnuPG does not know it.
#[must_use]
pub fn encryption_key(gpg: &Gpg, who: &str) -> String {
    let listed = String::from_utf8(gpg.must(&["--list-keys", "--with-colons", who], b"")).expect("text");
    let subkeys = listed.lines().map(|line| line.split(':').collect::<Vec<_>>()).filter(|fields| fields[0] == "sub");
    subkeys.filter(|fields| fields[11].contains('e')).map(|fields| fields[4].to_owned()).next_back().expect("a subkey for encryption")
}

/// The first OpenPGP message in a mail, from its first dashes on.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn armour(mail: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(mail).into_owned();
    let start = text.find("-----BEGIN PGP MESSAGE-----").unwrap_or_else(|| panic!("no armour in {text}"));
    text.as_bytes()[start..].to_vec()
}
