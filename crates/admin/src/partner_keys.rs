//! Certificates and OpenPGP keys of partners (mail-gateway.md M-C6): list, show, remove. Each kind has a menu and a right of its own
//! (console.md ); one row of the site holds both. How they come in: [`crate::keys`].

use crypto::pki::Certificate;
use model::site::{Partner, Section};
use model::{Access, Actor, Address, Fault, Right};
use store::Expect;

use crate::Admin;
use crate::authorise::need;
use crate::change::{Planned, json};
use crate::error::not_found;
use crate::key_view::{Detail, OPENPGP, Summary, details, read};
use crate::keys::first_detail;

/// Rows that are read at a time where only some are wanted.
const READ: u32 = 500;

/// Which of a partner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartnerKind {
    /// S/MIME certificates.
    Certificates,
    /// OpenPGP keys.
    PgpKeys,
}

impl PartnerKind {
    /// The right that they take.
    #[must_use]
    pub const fn right(self) -> Right {
        match self {
            Self::Certificates => Right::X509Certificates,
            Self::PgpKeys => Right::PgpKeys,
        }
    }

    fn is(self, summary: &Summary) -> bool {
        (summary.kind == OPENPGP) == (self == Self::PgpKeys)
    }
}

impl Admin {
    /// Those of partners, in the order of their addresses, newest first; of one partner if `owner` is given. A page holds all of so many
    /// partners, from the one after `after`.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn partner_key_list(
        &self,
        actor: &Actor,
        kind: PartnerKind,
        owner: Option<&Address>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Vec<Summary>>, Fault> {
        need(actor, kind.right(), Access::Read)?;
        let (now, wanted) = (self.0.clock.now(), usize::try_from(limit.clamp(1, 1_000)).unwrap_or(1));
        let (mut found, mut after) = (Vec::new(), after.to_owned());
        loop {
            let rows = match owner {
                Some(owner) => store::site::get(self.store(), Section::Partner, owner.key().as_str()).await?.into_iter().collect(),
                None => store::site::page(self.store(), Section::Partner, "", &after, READ).await?,
            };
            for row in &rows {
                let of: Vec<Summary> = details(row, now)?.into_iter().map(|detail| detail.summary).filter(|one| kind.is(one)).collect();
                if !of.is_empty() {
                    found.push(of);
                }
                if found.len() >= wanted {
                    return Ok(found);
                }
            }
            match rows.last() {
                Some(last) if owner.is_none() => after.clone_from(&last.key),
                _ => return Ok(found),
            }
        }
    }

    /// One of a partner's, by the SHA-256 of the certificate or the fingerprint of the key, in hex.
    ///
    /// # Errors
    /// `not-found`; without the right; when the store is away.
    pub async fn partner_key_show(&self, actor: &Actor, kind: PartnerKind, owner: &Address, id: &str) -> Result<Detail, Fault> {
        need(actor, kind.right(), Access::Read)?;
        self.partner_key(kind, owner, id).await.map(|(detail, _)| detail)
    }

    /// Removes one of a partner's; with the last one the partner goes.
    ///
    /// # Errors
    /// `not-found`, `changed-meanwhile`; without the right; when the store is away.
    pub async fn partner_key_remove(
        &self,
        actor: &Actor,
        kind: PartnerKind,
        owner: &Address,
        id: &str,
        expect: Expect,
    ) -> Result<(), Fault> {
        need(actor, kind.right(), Access::Write)?;
        let (detail, mut partner) = self.partner_key(kind, owner, id).await?;
        match kind {
            PartnerKind::Certificates => {
                let is_it = |pem: &String| {
                    Certificate::from_pem_many(pem).is_ok_and(|chain| chain.first().is_some_and(|leaf| leaf.fingerprint_sha256() == id))
                };
                partner.certificates.retain(|pem| !is_it(pem));
                partner.origins.remove(id);
            }
            PartnerKind::PgpKeys => partner.pgp_keys.retain(|kept| kept.fingerprints.first().is_none_or(|first| first != id)),
        }
        let expect = if expect == Expect::Any { Expect::Version(detail.summary.version) } else { expect };
        let body = if partner.certificates.is_empty() && partner.pgp_keys.is_empty() { None } else { Some(json(&partner)?) };
        self.change(actor, vec![Planned { section: Section::Partner, key: detail.summary.key, body, expect }]).await.map(drop)
    }

    async fn partner_key(&self, kind: PartnerKind, owner: &Address, id: &str) -> Result<(Detail, Partner), Fault> {
        let missing = || not_found(&format!("partner/{}/{id}", owner.key().as_str()));
        let row = store::site::get(self.store(), Section::Partner, owner.key().as_str()).await?.ok_or_else(missing)?;
        let all = details(&row, self.0.clock.now())?;
        let found: Vec<Detail> = all.into_iter().filter(|detail| kind.is(&detail.summary) && detail.summary.sha256 == id).collect();
        if found.is_empty() { Err(missing()) } else { Ok((first_detail(found)?, read(&row)?)) }
    }
}
