//! Roots and intermediates that signed mails met (mail-gateway.md M-C3, M-C4).
//!
//! One that the site does not know comes in "undefined", which trusts nobody; people decide. Anybody can make CAs, so those that
//! nobody decided about are bounded, and of each only the newest mails are kept.

use model::plan::Issuer;
use model::site::{Root, Section, Trust};
use model::{Address, Fault, Timestamp};
use openssl::x509::X509;

use crate::audit::{self, Entry};
use crate::effects::{HARVESTED, MAIL, again, fingerprint, json};
use crate::reader::Reader;
use crate::site::{self, Expect};
use crate::value::{Row, values};
use crate::write::Tx;

/// Mails that are kept of one root, the newest.
pub const KEPT: i64 = 20;
/// Roots that came by mail and that nobody decided about, at most.
pub(crate) const UNDECIDED: usize = 500;

/// A mail that met a root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// The mail.
    pub trace: String,
    /// Who signed it.
    pub sender: String,
    /// When it came.
    pub at: Timestamp,
}

/// The mails that met a root last, newest first.
///
/// # Errors
/// When the store is away.
pub async fn mails(on: impl Reader, sha256: &str) -> Result<Vec<Met>, Fault> {
    let sql = "SELECT trace, sender, at FROM root_met WHERE realm = $1 AND sha256 = $2 ORDER BY at DESC, trace DESC LIMIT $3";
    let realm = on.realm();
    let rows = on.rows(sql, values![realm, sha256, KEPT]).await?;
    let read = |row: &Row| Ok(Met { trace: row.text(0)?, sender: row.text(1)?, at: row.time(2)? });
    rows.iter().map(|row| read(row).map_err(|error: crate::StoreError| error.into())).collect()
}

/// Notes one mail, and keeps what is new.
pub(crate) async fn meet(tx: &mut Tx, trace: &str, address: &Address, issuers: &[Issuer]) -> Result<(), Fault> {
    let (realm, now) = (tx.realm(), tx.now());
    for issuer in issuers {
        if site::get(&mut *tx, Section::Root, &issuer.sha256).await?.is_none() && !keep(tx, address, issuer).await? {
            continue;
        }
        let sql = "INSERT INTO root_met (realm, sha256, trace, sender, at) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (realm, sha256, trace) DO NOTHING";
        tx.execute(sql, values![realm, &issuer.sha256, trace, address.as_str(), now]).await?;
        let sql = "DELETE FROM root_met WHERE realm = $1 AND sha256 = $2 AND trace NOT IN \
                   (SELECT trace FROM root_met WHERE realm = $1 AND sha256 = $2 ORDER BY at DESC, trace DESC LIMIT $3)";
        tx.execute(sql, values![realm, &issuer.sha256, KEPT]).await?;
    }
    Ok(())
}

/// False if it is not kept: it can't be read, or too many wait for a decision.
async fn keep(tx: &mut Tx, address: &Address, issuer: &Issuer) -> Result<bool, Fault> {
    let pem = X509::from_der(&issuer.certificate).and_then(|c| c.to_pem()).ok().and_then(|pem| String::from_utf8(pem).ok());
    let Some(pem) = pem.filter(|pem| fingerprint(pem) == issuer.sha256) else { return Ok(false) };
    let rows = site::section(&mut *tx, Section::Root).await?;
    let waits =
        |body: &str| serde_json::from_str::<Root>(body).is_ok_and(|root| root.trust == Trust::Undefined && root.origin == HARVESTED);
    if rows.iter().filter(|row| waits(&row.body)).count() >= UNDECIDED {
        tracing::warn!(event = "root.not_kept", sha256 = issuer.sha256, sender = %address, "too many roots wait for a decision");
        return Ok(false);
    }
    let body = json(&Root { certificate: pem, trust: Trust::Undefined, origin: HARVESTED.to_owned() })?;
    // Another node met it at the same time: the batch is repeated.
    site::put(tx, Section::Root, &issuer.sha256, &body, Expect::New).await.map_err(again)?;
    tracing::info!(event = "root.met", sha256 = issuer.sha256, sender = %address, "an unknown issuer of certificates waits for a decision");
    let what = format!("root/{}", issuer.sha256);
    audit::append(tx, Entry { who: MAIL, what: &what, before: None, after: Some(&body) }).await?;
    Ok(true)
}
