//! Keys and certificates: import files for users, partners and roots; list, show, remove.
//!
//! What is in a file is judged and sealed by `keyring`; here it is authorised, written and noted, all of it or nothing. What
//! becomes of our own keys later: [`crate::key_upkeep`].

use crypto::pki::Certificate;
use crypto::pool::Priority;
use model::site::{Partner, Section, SiteRow, Trust, User};
use model::{Access, Actor, Address, Fault, Right, SecretBytes, SecretText, Site, Timestamp};
use store::Expect;

use crate::authorise::need;
use crate::change::{Planned, json};
use crate::error::{bad_field, internal, not_available, not_found};
pub use crate::key_view::{Detail, Summary};
use crate::key_view::{details, read};
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
        let now = self.0.clock.now();
        let (mut plan, rows) = match owner {
            Owner::User(address) => (self.account_for(&address).await?, self.user_rows(address, file, pass).await?),
            Owner::Partner(address) => (Vec::new(), vec![self.partner_row(address, file).await?]),
            Owner::Root(trust) => (Vec::new(), self.root_rows(trust, &file).await?),
            Owner::Domain(_) => return Err(not_available("key import --domain")),
        };
        let mut summaries = rows.iter().map(|row| first_summary(row, now)).collect::<Result<Vec<_>, _>>()?;
        let first = plan.len();
        plan.extend(rows.into_iter().map(|row| planned(row, Expect::Any)));
        let versions = self.change(actor, plan).await?;
        for (summary, version) in summaries.iter_mut().zip(versions.into_iter().skip(first)) {
            summary.version = version;
        }
        Ok(summaries)
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
        rows.iter().map(|row| first_summary(row, self.0.clock.now())).collect()
    }

    /// One key of ours. The private key stays here.
    ///
    /// # Errors
    /// `not-found`; without the right; when the store is away.
    pub async fn key_show(&self, actor: &Actor, id: &str) -> Result<Detail, Fault> {
        need(actor, Right::Users, Access::Read)?;
        first_detail(details(&self.key_row(id).await?, self.0.clock.now())?)
    }

    /// Certificates of partners, in the order of their addresses, newest first; of one partner if `owner` is given. A page holds
    /// all of so many partners, from the one after `after`.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn certificate_list(
        &self,
        actor: &Actor,
        owner: Option<&Address>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Vec<Summary>>, Fault> {
        need(actor, Right::X509Certificates, Access::Read)?;
        let rows = match owner {
            Some(owner) => store::site::get(self.store(), Section::Partner, owner.key().as_str()).await?.into_iter().collect(),
            None => store::site::page(self.store(), Section::Partner, "", after, limit.clamp(1, 1_000)).await?,
        };
        let now = self.0.clock.now();
        let of = |row: &SiteRow| Ok(details(row, now)?.into_iter().map(|detail| detail.summary).collect());
        rows.iter().map(of).collect()
    }

    /// One certificate of a partner, by its SHA-256 in hex.
    ///
    /// # Errors
    /// `not-found`; without the right; when the store is away.
    pub async fn certificate_show(&self, actor: &Actor, owner: &Address, sha256: &str) -> Result<Detail, Fault> {
        need(actor, Right::X509Certificates, Access::Read)?;
        let (row, _) = self.partner_with(owner, sha256).await?;
        let found = details(&row, self.0.clock.now())?.into_iter().filter(|detail| detail.summary.sha256 == sha256).collect();
        first_detail(found)
    }

    /// Removes one certificate of a partner; with the last one the partner goes.
    ///
    /// # Errors
    /// `not-found`, `changed-meanwhile`; without the right; when the store is away.
    pub async fn certificate_remove(&self, actor: &Actor, owner: &Address, sha256: &str, expect: Expect) -> Result<(), Fault> {
        need(actor, Right::X509Certificates, Access::Write)?;
        let (row, mut partner) = self.partner_with(owner, sha256).await?;
        let is_it = |pem: &String| {
            Certificate::from_pem_many(pem).is_ok_and(|chain| chain.first().is_some_and(|leaf| leaf.fingerprint_sha256() == sha256))
        };
        partner.certificates.retain(|pem| !is_it(pem));
        partner.origins.remove(sha256);
        partner.pgp_keys.retain(|kept| kept.fingerprints.first().is_none_or(|first| first != sha256));
        let expect = if expect == Expect::Any { Expect::Version(row.version) } else { expect };
        let body = if partner.certificates.is_empty() && partner.pgp_keys.is_empty() { None } else { Some(json(&partner)?) };
        self.change(actor, vec![Planned { section: Section::Partner, key: row.key, body, expect }]).await.map(drop)
    }

    async fn partner_with(&self, owner: &Address, sha256: &str) -> Result<(SiteRow, Partner), Fault> {
        let missing = || not_found(&format!("partner/{}/{sha256}", owner.key().as_str()));
        let row = store::site::get(self.store(), Section::Partner, owner.key().as_str()).await?.ok_or_else(missing)?;
        let partner: Partner = read(&row)?;
        let known = details(&row, self.0.clock.now())?.iter().any(|detail| detail.summary.sha256 == sha256);
        if known { Ok((row, partner)) } else { Err(missing()) }
    }

    /// Removes a key for ever: mail to it can't be opened any more. Faces ask before.
    ///
    /// # Errors
    /// `not-found`, `changed-meanwhile`; without the right; when the store is away.
    pub async fn key_remove(&self, actor: &Actor, id: &str, expect: Expect) -> Result<(), Fault> {
        need(actor, record::right(Section::Key), Access::Write)?;
        self.change(actor, vec![Planned { section: Section::Key, key: id.to_owned(), body: None, expect }]).await.map(drop)
    }

    /// The account that the keys belong to, if it has to be made first.
    pub(crate) async fn account_for(&self, address: &Address) -> Result<Vec<Planned>, Fault> {
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
        let read_file = move || keyring::import::user_key(&vault, &owner, file.expose(), pass.as_ref().map(SecretText::expose), now);
        let rows = self.0.pool.run(Priority::Interactive, read_file).await?;
        let mut made = Vec::with_capacity(rows.len());
        for row in rows {
            // A key that is here keeps its owner and the certificates that mail may still name.
            made.push(match store::site::get(self.store(), Section::Key, &row.key).await? {
                Some(before) => keyring::import::renewed(&read(&before)?, row)?,
                None => row,
            });
        }
        Ok(made)
    }

    async fn partner_row(&self, partner: Address, file: SecretBytes) -> Result<SiteRow, Fault> {
        let mut site = Site::default();
        if let Some(row) = store::site::get(self.store(), Section::Partner, partner.key().as_str()).await? {
            site.apply(&row)?;
        }
        let now = self.0.clock.now();
        let read_file = move || keyring::import::partner_certificate(&site, &partner, file.expose(), "imported", now);
        Ok(self.0.pool.run(Priority::Interactive, read_file).await?)
    }
}

/// A row to be written.
pub(crate) fn planned(row: SiteRow, expect: Expect) -> Planned {
    Planned { section: row.section, key: row.key, body: Some(row.body), expect }
}

/// The newest of a row.
pub(crate) fn first_summary(row: &SiteRow, now: Timestamp) -> Result<Summary, Fault> {
    first_detail(details(row, now)?).map(|detail| detail.summary)
}

pub(crate) fn first_detail(details: Vec<Detail>) -> Result<Detail, Fault> {
    details.into_iter().next().ok_or_else(|| internal("a row without a certificate"))
}
