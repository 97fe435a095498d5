//! Effects of committed mails, applied to the shared state exactly once.
//!
//! The queue hands batches over after the commit, again and again until one is answered. Each effect's id
//! (message, number) is kept in the same transaction as what it changes: a batch that was applied before a
//! crash, or whose answer was lost, changes nothing the second time.

use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use model::ports::EffectSink;
use model::site::{Partner, Section, User};
use model::{Address, Counter, Effect, EffectId, Fault, Timestamp};
use openssl::hash::MessageDigest;
use openssl::x509::X509;
use sqlx::AssertSqlSafe;

use crate::Store;
use crate::audit::{self, Entry};
use crate::reader::Reader;
use crate::roots_met;
use crate::site::{self, Expect};
use crate::user_attributes;
use crate::value::{Value, values};
use crate::write::Tx;

/// Ids in one INSERT: two values each, far below the engines' limits on values.
const IDS_AT_ONCE: usize = 200;
/// Certificates kept of one partner; the oldest harvested ones go first.
const CERTIFICATES_KEPT: usize = 20;
/// Origin of a partner who is known from mail alone; any other one was entered by hand.
pub(crate) const HARVESTED: &str = "harvested";
/// Who stands in the audit log for what mails cause.
pub(crate) const MAIL: &str = "mail";

#[async_trait]
impl EffectSink for Store {
    async fn apply(&self, batch: &[(EffectId, Effect)]) -> Result<(), Fault> {
        if batch.is_empty() {
            return Ok(());
        }
        let batch = batch.to_vec();
        self.write(move |tx| Box::pin(apply(tx, batch))).await
    }
}

async fn apply(tx: &mut Tx, batch: Vec<(EffectId, Effect)>) -> Result<(), Fault> {
    let ids: Vec<EffectId> = batch.iter().map(|(id, _)| *id).collect();
    let mut fresh = HashSet::new();
    for some in ids.chunks(IDS_AT_ONCE) {
        claim(tx, some, &mut fresh).await?;
    }
    let mut counts: BTreeMap<Counter, i64> = BTreeMap::new();
    let mut others = Vec::new();
    for (id, effect) in batch {
        if !fresh.remove(&(id.trace.to_string(), i64::from(id.number))) {
            continue;
        }
        match effect {
            Effect::Count { counter, by } => *counts.entry(counter).or_default() += i64::from(by),
            other => others.push((id.trace.to_string(), other)),
        }
    }
    for (counter, by) in counts {
        count(tx, counter, by).await?;
    }
    // One order on every node, so that two transactions never wait for each other.
    others.sort_by_key(|(_, effect)| match effect {
        Effect::CreateAccount { address, .. } => (0, Some(address.key())),
        Effect::SetUserAttribute { address, .. } => (1, Some(address.key())),
        Effect::LearnCertificate { address, .. } => (2, Some(address.key())),
        Effect::MeetIssuers { .. } => (3, None),
        Effect::Count { .. } => (4, None),
    });
    for (trace, effect) in others {
        match effect {
            Effect::CreateAccount { address, name, user_id } => create_account(tx, address, name, user_id).await?,
            Effect::SetUserAttribute { address, name, value } => user_attributes::set(tx, &address, &name, value).await?,
            Effect::LearnCertificate { address, certificate } => learn(tx, address, &certificate).await?,
            Effect::MeetIssuers { address, issuers } => roots_met::meet(tx, &trace, &address, &issuers).await?,
            Effect::Count { .. } => {}
        }
    }
    Ok(())
}

/// Notes the ids; those that were not there yet come into `fresh`.
async fn claim(tx: &mut Tx, ids: &[EffectId], fresh: &mut HashSet<(String, i64)>) -> Result<(), Fault> {
    let mut values: Vec<Value> = values![tx.now()];
    let mut places = Vec::with_capacity(ids.len());
    for id in ids {
        places.push(format!("(${}, ${}, $1)", values.len() + 1, values.len() + 2));
        values.extend(values![id.trace.to_string(), id.number]);
    }
    let sql = format!(
        "INSERT INTO effect_applied (trace, number, at) VALUES {} ON CONFLICT (trace, number) DO NOTHING RETURNING trace, number",
        places.join(", ")
    );
    for row in tx.rows(AssertSqlSafe(sql), values).await? {
        fresh.insert((row.text(0)?, row.int(1)?));
    }
    Ok(())
}

async fn count(tx: &mut Tx, counter: Counter, by: i64) -> Result<(), Fault> {
    let sql = "INSERT INTO counter (realm, node, name, value) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (realm, node, name) DO UPDATE SET value = counter.value + excluded.value";
    let (realm, node) = (tx.realm(), tx.node());
    tx.execute(sql, values![realm, &*node, counter.name(), by]).await?;
    Ok(())
}

async fn create_account(tx: &mut Tx, address: Address, name: String, user_id: String) -> Result<(), Fault> {
    let key = address.key();
    if site::get(&mut *tx, Section::User, key.as_str()).await?.is_some() {
        return Ok(());
    }
    let mut user = User { name, ..User::new(address) };
    if !user_id.is_empty() {
        user.user_id = user_id;
    }
    let body = json(&user)?;
    match site::put(tx, Section::User, key.as_str(), &body, Expect::New).await {
        Ok(_) => audit::append(tx, Entry { who: MAIL, what: &format!("user/{key}"), before: None, after: Some(&body) }).await,
        // Another node was quicker: the account is there, which is all that was wanted.
        Err(fault) if fault.code == "changed-meanwhile" => Ok(()),
        Err(fault) => Err(fault),
    }
}

/// Keeps a certificate that came with mail, unless the same one is known: in front of the partner's others, but behind
/// those that people entered by hand. What a sender wrote never takes the place of what an administrator decided.
async fn learn(tx: &mut Tx, address: Address, der: &[u8]) -> Result<(), Fault> {
    let Some(pem) = X509::from_der(der).and_then(|c| c.to_pem()).ok().and_then(|pem| String::from_utf8(pem).ok()) else {
        tracing::warn!(%address, "a certificate to be learnt can't be read; it is left out");
        return Ok(());
    };
    let key = address.key();
    let row = site::get(&mut *tx, Section::Partner, key.as_str()).await?;
    let known: Option<Partner> = row.as_ref().and_then(|row| serde_json::from_str(&row.body).ok());
    let mut partner = known.unwrap_or_else(|| Partner::new(address, HARVESTED));
    if partner.certificates.iter().any(|old| same(old, der)) {
        return Ok(());
    }
    let by_hand = partner.origin != HARVESTED;
    if let Some(old) = partner.certificates.first() {
        let (old, new) = (fingerprint(old), fingerprint(&pem));
        tracing::warn!(event = "partner.key_changed", partner = %key, old, new, by_hand, "a known partner signs with another certificate");
    }
    if by_hand {
        if partner.certificates.len() >= CERTIFICATES_KEPT {
            return Ok(());
        }
        partner.origins.insert(fingerprint(&pem), HARVESTED.to_owned());
        partner.certificates.push(pem);
    } else {
        partner.certificates.insert(0, pem);
        partner.certificates.truncate(CERTIFICATES_KEPT);
    }
    let body = json(&partner)?;
    let expect = row.as_ref().map_or(Expect::New, |row| Expect::Version(row.version));
    // A conflict (another node learnt at the same time) undoes the batch; the caller repeats it.
    site::put(tx, Section::Partner, key.as_str(), &body, expect).await.map_err(again)?;
    let before = row.map(|row| row.body);
    audit::append(tx, Entry { who: MAIL, what: &format!("partner/{key}"), before: before.as_deref(), after: Some(&body) }).await
}

pub(crate) fn again(mut fault: Fault) -> Fault {
    fault.temporary = true;
    fault
}

fn same(pem: &str, der: &[u8]) -> bool {
    X509::from_pem(pem.as_bytes()).and_then(|c| c.to_der()).is_ok_and(|old| old == der)
}

/// SHA-256, hex; empty for what is no certificate.
pub(crate) fn fingerprint(pem: &str) -> String {
    let digest = X509::from_pem(pem.as_bytes()).and_then(|c| c.digest(MessageDigest::sha256()));
    digest.map_or_else(|_| String::new(), |digest| HEXLOWER.encode(&digest))
}

pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|cause| crate::StoreError::Sql(cause.to_string()).into())
}

/// The live counts of all nodes together; a count that never happened is 0.
///
/// # Errors
/// When the store is away.
pub async fn counts(on: impl Reader) -> Result<BTreeMap<Counter, i64>, Fault> {
    let realm = on.realm();
    let rows = on.rows("SELECT name, CAST(sum(value) AS BIGINT) FROM counter WHERE realm = $1 GROUP BY name", values![realm]).await?;
    let mut counts: BTreeMap<Counter, i64> = Counter::ALL.into_iter().map(|c| (c, 0)).collect();
    for row in rows {
        let name = row.text(0)?;
        if let Some(counter) = Counter::ALL.into_iter().find(|c| c.name() == name) {
            counts.insert(counter, row.int(1)?);
        }
    }
    Ok(counts)
}

impl Store {
    /// Forgets the ids of effects that were applied before `before`. The queue must not repeat effects that are
    /// older: `before` lies further back than the queue keeps a plan.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn forget_effects(&self, before: Timestamp) -> Result<u64, Fault> {
        self.write(move |tx| Box::pin(async move { Ok(tx.execute("DELETE FROM effect_applied WHERE at < $1", values![before]).await?) }))
            .await
    }
}

#[cfg(test)]
#[path = "effects_tests.rs"]
mod tests;
