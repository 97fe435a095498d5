//! Keys and certificates: import files for users, partners and roots; list, show, export, remove.
//!
//! What is in a file is judged and sealed by `keyring`; here it is authorised, written and noted. Private keys come in
//! and never go out.

use crypto::pki::Certificate;
use crypto::pool::Priority;
use model::site::{KeyRecord, Root, Section, SiteRow, Trust, User};
use model::{Access, Actor, Address, Fault, Right, SecretBytes, SecretText, Site, Timestamp};
use serde::Serialize;
use store::Expect;

use crate::authorise::need;
use crate::change::{Planned, json};
use crate::error::{bad_field, internal, not_available, not_found};
use crate::{Admin, record};

/// Largest file of keys.
const FILE_MAX: usize = 1 << 20;

/// Whose key or certificate a file holds.
#[derive(Debug, Clone)]
pub enum Owner {
    /// A key pair of one of our users; the account is made if there is none.
    User(Address),
    /// A certificate of somebody outside.
    Partner(Address),
    /// A root or intermediate, with the decision about it.
    Root(Trust),
    /// A key pair of one of our domains.
    Domain(String),
}

/// What people see of a key or certificate (mail-gateway.md M-C6). Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Where it is stored: `key`, `partner` or `root`.
    pub section: &'static str,
    /// Its key there.
    pub key: String,
    /// Whose; empty for roots.
    pub owner: String,
    /// The certificate's subject.
    pub subject: String,
    /// The certificate's issuer.
    pub issuer: String,
    /// Serial number, hex.
    pub serial: String,
    /// First instant of its validity.
    pub not_before: Timestamp,
    /// Last instant of its validity.
    pub not_after: Timestamp,
    /// SHA-256 of the certificate, hex.
    pub sha256: String,
    /// May sign mail.
    pub signs: bool,
    /// Mail may be encrypted to it.
    pub encrypts: bool,
    /// Its private key is here.
    pub private: bool,
    /// Version of the row.
    pub version: i64,
}

impl Admin {
    /// Takes a file of keys or certificates. `user_key`s: PKCS#12, PEM or DER with private keys.
    ///
    /// # Errors
    /// What is wrong with the file or the pass phrase; `bad-field` for an address that is not ours; without the right;
    /// when the store is away.
    pub async fn key_import(
        &self,
        actor: &Actor,
        owner: Owner,
        file: SecretBytes,
        pass: Option<SecretText>,
    ) -> Result<Vec<Summary>, Fault> {
        let right = match &owner {
            Owner::User(_) => Right::Users,
            Owner::Partner(_) => Right::X509Certificates,
            Owner::Root(_) => Right::X509Roots,
            Owner::Domain(_) => Right::DomainKeys,
        };
        need(actor, right, Access::Write)?;
        if file.expose().is_empty() || file.expose().len() > FILE_MAX {
            return Err(bad_field("file", format!("expected 1 to {FILE_MAX} bytes")));
        }
        let (mut plan, rows) = match owner {
            Owner::User(address) => (self.account_for(&address).await?, self.user_rows(address, file, pass).await?),
            Owner::Partner(address) => (Vec::new(), vec![self.partner_row(&address, &file).await?]),
            Owner::Root(trust) => (Vec::new(), vec![keyring::import::root(file.expose(), trust)?]),
            Owner::Domain(_) => return Err(not_available("key import --domain")),
        };
        let summaries = rows.iter().map(summary).collect::<Result<Vec<_>, _>>()?;
        let first = plan.len();
        plan.extend(rows.into_iter().map(|row| Planned { section: row.section, key: row.key, body: Some(row.body), expect: Expect::Any }));
        let versions = self.change(actor, plan).await?;
        let with_version = |(mut summary, version): (Summary, i64)| {
            summary.version = version;
            summary
        };
        Ok(summaries.into_iter().zip(versions.into_iter().skip(first)).map(with_version).collect())
    }

    /// Keys of our users, a page in the order of their ids; of one owner if `owner` is given.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn key_list(&self, actor: &Actor, owner: Option<&Address>, after: &str, limit: u32) -> Result<Vec<Summary>, Fault> {
        need(actor, Right::Users, Access::Read)?;
        let rows = match owner {
            Some(owner) => self.keys_owned_by(owner.key().as_str()).await?,
            None => store::site::page(self.store(), Section::Key, "", after, limit.clamp(1, 1_000)).await?,
        };
        rows.iter().map(summary).collect()
    }

    /// The certificate of a key with its chain, PEM. The private key stays here.
    ///
    /// # Errors
    /// `not-found`; without the right; when the store is away.
    pub async fn key_certificate(&self, actor: &Actor, id: &str) -> Result<String, Fault> {
        need(actor, Right::Users, Access::Read)?;
        let row = store::site::get(self.store(), Section::Key, id).await?.ok_or_else(|| not_found(&format!("key/{id}")))?;
        Ok(read::<KeyRecord>(&row)?.certificate)
    }

    /// Removes a key for ever: mail to it can't be opened any more. Faces ask before.
    ///
    /// # Errors
    /// `not-found`, `changed-meanwhile`; without the right; when the store is away.
    pub async fn key_remove(&self, actor: &Actor, id: &str, expect: Expect) -> Result<(), Fault> {
        need(actor, record::right(Section::Key), Access::Write)?;
        self.change(actor, vec![Planned { section: Section::Key, key: id.to_owned(), body: None, expect }]).await.map(drop)
    }

    /// Decides about a root.
    ///
    /// # Errors
    /// `not-found`, `changed-meanwhile`; without the right; when the store is away.
    pub async fn root_trust(&self, actor: &Actor, fingerprint: &str, trust: Trust, expect: Expect) -> Result<i64, Fault> {
        let kept = self.show::<Root>(actor, fingerprint).await?;
        let expect = if expect == Expect::Any { Expect::Version(kept.version) } else { expect };
        Ok(self.put(actor, Root { trust, ..kept.record }, expect).await?.version)
    }

    /// The account that the keys belong to, if it has to be made first.
    async fn account_for(&self, address: &Address) -> Result<Vec<Planned>, Fault> {
        if store::site::get(self.store(), Section::Domain, &address.domain_key()).await?.is_none() {
            return Err(bad_field("user", format!("expected an address in a managed domain; {} is none", address.domain())));
        }
        let key = address.key().as_str().to_owned();
        if store::site::get(self.store(), Section::User, &key).await?.is_some() {
            return Ok(Vec::new());
        }
        let user = User::new(address.clone());
        Ok(vec![Planned { section: Section::User, key, body: Some(json(&user)?), expect: Expect::New }])
    }

    async fn user_rows(&self, owner: Address, file: SecretBytes, pass: Option<SecretText>) -> Result<Vec<SiteRow>, Fault> {
        let (vault, now) = (self.0.vault.clone(), self.0.clock.now());
        let read = move || keyring::import::user_key(&vault, &owner, file.expose(), pass.as_ref().map(SecretText::expose), now);
        Ok(self.0.pool.run(Priority::Interactive, read).await?)
    }

    async fn partner_row(&self, partner: &Address, file: &SecretBytes) -> Result<SiteRow, Fault> {
        let mut site = Site::default();
        if let Some(row) = store::site::get(self.store(), Section::Partner, partner.key().as_str()).await? {
            site.apply(&row)?;
        }
        Ok(keyring::import::partner_certificate(&site, partner, file.expose(), "imported")?)
    }
}

/// What people see of a row with a certificate.
///
/// # Errors
/// When the row is damaged.
pub fn summary(row: &SiteRow) -> Result<Summary, Fault> {
    let (owner, pem, private) = match row.section {
        Section::Key => {
            let record = read::<KeyRecord>(row)?;
            (record.owner.as_str().to_owned(), record.certificate, true)
        }
        Section::Partner => {
            let partner = read::<model::site::Partner>(row)?;
            (row.key.clone(), partner.certificates.first().cloned().unwrap_or_default(), false)
        }
        _ => (String::new(), read::<Root>(row)?.certificate, false),
    };
    let chain = Certificate::from_pem_many(&pem)?;
    let leaf = chain.first().ok_or_else(|| internal("a row without a certificate"))?;
    Ok(Summary {
        section: row.section.word(),
        key: row.key.clone(),
        owner,
        subject: leaf.subject(),
        issuer: leaf.issuer(),
        serial: leaf.serial_hex(),
        not_before: leaf.not_before(),
        not_after: leaf.not_after(),
        sha256: leaf.fingerprint_sha256().to_owned(),
        signs: leaf.may_sign_mail(),
        encrypts: leaf.may_encrypt_mail(),
        private,
        version: row.version,
    })
}

fn read<T: serde::de::DeserializeOwned>(row: &SiteRow) -> Result<T, Fault> {
    serde_json::from_str(&row.body).map_err(|cause| internal(format!("{}/{}: {cause}", row.section.word(), row.key)))
}
