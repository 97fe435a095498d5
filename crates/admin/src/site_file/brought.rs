//! Certificates that mails brought stand beside those of a site file: the file neither names nor removes them.

use std::collections::BTreeMap;

use crypto::pki::Certificate;
use model::Fault;
use model::site::{Partner, Root, Section, SiteRow, Trust};

use crate::change::json;
use crate::error::internal;

/// Origin of what came by mail.
const HARVESTED: &str = "harvested";

/// True if a row is the mails' own: a partner whom nobody entered, a root about which nobody has decided.
pub(super) fn by_mail(row: &SiteRow) -> bool {
    match row.section {
        Section::Partner => serde_json::from_str::<Partner>(&row.body).is_ok_and(|partner| by_hand(&partner).is_empty()),
        Section::Root => {
            serde_json::from_str::<Root>(&row.body).is_ok_and(|root| root.origin == HARVESTED && root.trust == Trust::Undefined)
        }
        _ => false,
    }
}

/// A partner's certificates that people entered.
pub(super) fn by_hand(partner: &Partner) -> Vec<String> {
    let entered = |pem: &&String| partner.origin_of(&sha256(pem)) != HARVESTED;
    partner.certificates.iter().filter(entered).cloned().collect()
}

/// What the file says of a row, with what mails brought to it.
///
/// # Errors
/// When a row is no record of its section.
pub(super) fn beside(row: &SiteRow, wanted: String) -> Result<String, Fault> {
    match row.section {
        Section::Partner => {
            let (known, mut said): (Partner, Partner) = (read(&row.body)?, read(&wanted)?);
            let mut origins = BTreeMap::new();
            for pem in &known.certificates {
                let sha256 = sha256(pem);
                if known.origin_of(&sha256) == HARVESTED && !said.certificates.iter().any(|entered| entered.trim() == pem.trim()) {
                    said.certificates.push(pem.clone());
                    origins.insert(sha256, HARVESTED.to_owned());
                }
            }
            json(&Partner { origins, ..said })
        }
        Section::Root => {
            let (known, said): (Root, Root) = (read(&row.body)?, read(&wanted)?);
            json(&Root { origin: known.origin, ..said })
        }
        _ => Ok(wanted),
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &str) -> Result<T, Fault> {
    serde_json::from_str(body).map_err(internal)
}

/// Of the first certificate in a text; empty for what is none.
fn sha256(pem: &str) -> String {
    let found = Certificate::from_pem_many(pem).unwrap_or_default();
    found.first().map_or_else(String::new, |certificate| certificate.fingerprint_sha256().to_owned())
}
