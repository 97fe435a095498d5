//! The mail that brings a user the public part of a new OpenPGP key (mail-gateway.md M-C2, `[mail] send_new_pgp_keys`).
//!
//! Before: a job of the store, written with the key. After: the queue, as with any mail. By the template `new_pgp_key`, the site's own or the
//! built-in one in the user's language. Never to anybody but the key's owner, and never anything private.

use std::collections::BTreeMap;

use bytes::Bytes;
use message::build::{Builder, Entity};
use model::{Address, Fault, Output, Plan, Recipient, Site, Timestamp, TraceId};

use crate::notice;

/// Name of the template.
pub const TEMPLATE: &str = "new_pgp_key";

/// The public part of a key.
#[derive(Debug, Clone, Copy)]
pub struct PublicKey<'a> {
    /// Lower-case hex.
    pub fingerprint: &'a str,
    /// The certificate in armour, LF line ends.
    pub armour: &'a str,
}

/// The mail to the key's owner, from the postmaster, with the null sender; nobody answers it (RFC 3834 §5).
///
/// # Errors
/// `template-failed`, temporary: an administrator mends the site's own template.
pub fn plan(site: &Site, hostname: &str, now: Timestamp, owner: &Address, key: PublicKey<'_>) -> Result<Plan, Fault> {
    let postmaster = notice::postmaster(site);
    let fingerprint = grouped(key.fingerprint);
    let name = site.users.get(&owner.key()).map_or("", |user| user.name.as_str());
    let values: BTreeMap<String, String> = [
        ("to", owner.as_str()),
        ("recipients", owner.as_str()),
        ("user_mail", owner.as_str()),
        ("user_name", name),
        ("fingerprint", &fingerprint),
        ("admin", &postmaster),
        ("hostname", hostname),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let rendered = notice::by_template(site, TEMPLATE, owner, &values)?;
    let subject = rendered.first().map_or("", |mail| mail.subject());
    let trace = TraceId::new();
    let file = format!("OpenPGP_{}.asc", key.fingerprint.to_ascii_uppercase());
    let content: Bytes = Builder::new()
        .header("From", &format!("<{postmaster}>"))
        .mailbox("To", None, owner)
        .header("Subject", subject)
        .date(now)
        .message_id(&format!("{trace}@{hostname}"))
        .header("Auto-Submitted", "auto-generated")
        .text(&notice::in_all_languages(&rendered))
        .part(Entity::attachment(&file, "application/pgp-keys", key.armour.replace('\n', "\r\n").as_bytes()))
        .finish();
    let output = Output::own(Recipient::plain(owner.clone()), content);
    Ok(Plan { trace, received: now, outputs: vec![output], effects: Vec::new(), digest: String::new() })
}

/// As people compare it: capitals, in groups of four.
fn grouped(fingerprint: &str) -> String {
    let signs: Vec<char> = fingerprint.to_ascii_uppercase().chars().collect();
    signs.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit_tests::{NOW, address, world};
    use model::site::{Section, SiteRow};

    const KEY: PublicKey<'_> = PublicKey { fingerprint: "00ff17", armour: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nx\n" };

    fn text(site: &Site) -> String {
        let plan = plan(site, "gate.company.example", NOW, &address("alice@company.example"), KEY).unwrap();
        let output = &plan.outputs[0];
        assert_eq!((output.sender.as_ref(), output.recipients[0].address.as_str()), (None, "alice@company.example"));
        String::from_utf8(output.content.to_vec()).unwrap()
    }

    #[test]
    fn m_c2_the_owner_gets_the_public_key_by_template_in_a_language_or_in_all_four() {
        let mut site = world().site.clone();
        let one = text(&site);
        assert!(one.contains("Auto-Submitted: auto-generated") && one.contains("00FF 17") && one.contains("application/pgp-keys"), "{one}");
        assert!(one.contains("filename=\"OpenPGP_00FF17.asc\""), "{one}");
        let user = r#"{"address":"alice@company.example","attributes":{"preferredLanguage":"fr"}}"#;
        site.apply(&SiteRow { section: Section::User, key: "alice@company.example".into(), version: 2, body: user.into() }).unwrap();
        let french = text(&site);
        assert!(french != one && french.len() < 2 * one.len());
        site.apply(&SiteRow { section: Section::User, key: "alice@company.example".into(), version: 3, body: String::new() }).unwrap();
        site.domains.clear();
        assert!(text(&site).matches("00FF 17").count() == 4, "whose language nobody knows gets all four");
    }

    #[test]
    fn m_c2_the_sites_own_template_is_taken_and_a_broken_one_is_named() {
        let mut site = world().site.clone();
        let mut own = |text: &str| {
            let body = serde_json::json!({"name": TEMPLATE, "text": text}).to_string();
            site.apply(&SiteRow { section: Section::Template, key: TEMPLATE.into(), version: 1, body }).unwrap();
            site.clone()
        };
        let ours = own("Subject: Key of $user_name\n\nFingerprint: $fingerprint");
        assert!(text(&ours).contains("Subject: Key of alice@company.example") && text(&ours).contains("Fingerprint: 00FF 17"));
        let broken = own("Subject: x\n\n{{ nobody }}");
        let fault = plan(&broken, "h", NOW, &address("alice@company.example"), KEY).unwrap_err();
        assert!(fault.code == "template-failed" && fault.temporary && fault.cause.contains(TEMPLATE), "{fault}");
    }
}
