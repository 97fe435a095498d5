//! Keys and certificates: import files for users, partners and roots; list, show, remove.
//!
//! What is in a file is judged and sealed by `keyring`; here it is authorised, written and noted, all of it or nothing. What
//! becomes of our own keys later: [`crate::key_upkeep`]; those of partners: [`crate::partner_keys`].

use crypto::openpgp::import;
use crypto::pool::Priority;
use model::site::{Section, SiteRow, Trust, User};
use model::{Access, Actor, Address, Fault, Right, SecretBytes, SecretText, Site, Timestamp};
use store::Expect;

use crate::authorise::need;
use crate::change::{Planned, json};
use crate::error::{bad_field, internal, not_available};
pub use crate::key_view::{Detail, Summary};
use crate::key_view::{OPENPGP, SMIME, details, read};
use crate::partner_keys::PartnerKind;
use crate::{Admin, record};

/// Largest file of keys.
const FILE_MAX: usize = 1 << 20;

/// Whose key or certificate a file holds.
#[derive(Debug, Clone)]
pub enum Owner {
    /// A key pair of one of our users; the account is made if there is none.
    User(Address),
    /// A certificate or an OpenPGP key of somebody outside; each takes its own right.
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
        let pgp = import::looks_so(file.expose());
        let right = match &owner {
            Owner::User(_) => Right::Users,
            Owner::Partner(_) if pgp => PartnerKind::PgpKeys.right(),
            Owner::Partner(_) => PartnerKind::Certificates.right(),
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
        let kind = if pgp { OPENPGP } else { SMIME };
        let mut summaries = rows.iter().map(|row| newest_of(row, kind, now)).collect::<Result<Vec<_>, _>>()?;
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

/// The newest of this kind in a row: a partner's holds both kinds.
fn newest_of(row: &SiteRow, kind: &str, now: Timestamp) -> Result<Summary, Fault> {
    let all = details(row, now)?;
    let of_kind: Vec<Detail> = all.into_iter().filter(|detail| detail.summary.kind == kind).collect();
    first_detail(of_kind).map(|detail| detail.summary)
}

/// The newest of a row.
pub(crate) fn first_summary(row: &SiteRow, now: Timestamp) -> Result<Summary, Fault> {
    first_detail(details(row, now)?).map(|detail| detail.summary)
}

pub(crate) fn first_detail(details: Vec<Detail>) -> Result<Detail, Fault> {
    details.into_iter().next().ok_or_else(|| internal("a row without a certificate"))
}
