//! The trust store (mail-gateway.md M-C4): roots and intermediates, and what an administrator says of each.
//!
//! Trusting judges nothing anew that was delivered. A root whose time is over is shown and vouches for nothing.

use model::site::{Root, Section, SiteRow, Trust};
use model::{Access, Actor, Fault, Right, SecretBytes};
use store::Expect;

use crate::Admin;
use crate::authorise::need;
use crate::error::not_found;
use crate::key_view::{Detail, Summary, details};
use crate::keys::{first_detail, first_summary};

/// Rows that are read at a time where only some are wanted.
const READ: u32 = 500;

impl Admin {
    /// Roots and intermediates in the order of their SHA-256, only those with one decision if `trust` is given.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn root_list(&self, actor: &Actor, trust: Option<Trust>, after: &str, limit: u32) -> Result<Vec<Summary>, Fault> {
        need(actor, Right::X509Roots, Access::Read)?;
        let (now, wanted) = (self.0.clock.now(), usize::try_from(limit.clamp(1, 1_000)).unwrap_or(1));
        let (mut found, mut after) = (Vec::new(), after.to_owned());
        loop {
            let rows = store::site::page(self.store(), Section::Root, "", &after, READ).await?;
            let Some(last) = rows.last() else { return Ok(found) };
            after = last.key.clone();
            for row in &rows {
                let summary = first_summary(row, now)?;
                if trust.is_none_or(|trust| trust.word() == summary.trust) {
                    found.push(summary);
                }
                if found.len() >= wanted {
                    return Ok(found);
                }
            }
        }
    }

    /// One root or intermediate, by its SHA-256 in hex, with the mails that met it last.
    ///
    /// # Errors
    /// `not-found`; without the right; when the store is away.
    pub async fn root_show(&self, actor: &Actor, sha256: &str) -> Result<Detail, Fault> {
        need(actor, Right::X509Roots, Access::Read)?;
        let row = store::site::get(self.store(), Section::Root, sha256).await?;
        let detail = first_detail(details(&row.ok_or_else(|| not_found(&format!("root/{sha256}")))?, self.0.clock.now())?)?;
        Ok(Detail { mails: store::roots_met::mails(self.store(), sha256).await?, ..detail })
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

    /// Takes in the public list of roots, PEM, on a site that nobody has started to use: trusted, and every one of them can be
    /// distrusted or removed. How many were taken.
    ///
    /// # Errors
    /// When the list can't be read; when the store is away.
    pub async fn public_roots(&self, list: &[u8]) -> Result<usize, Fault> {
        if !store::people::administrators(self.store()).await?.is_empty()
            || !store::site::section(self.store(), Section::Root).await?.is_empty()
        {
            return Ok(0);
        }
        let rows = keyring::import::roots(list, Trust::Trusted, "public")?;
        let count = rows.len();
        let actor = Actor { name: "first start".to_owned(), ..Actor::local() };
        let note = crate::change::json(&serde_json::json!({ "public_roots": count }))?;
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                for row in &rows {
                    store::site::put(tx, row.section, &row.key, &row.body, Expect::Any).await?;
                }
                // One note: a hundred and more rows that nobody has decided about say nothing each.
                crate::audit::note(tx, &actor, "root", None, Some(&note)).await
            })
        });
        write.await?;
        self.in_force().await?;
        Ok(count)
    }

    /// A root that is here keeps the decision about it, unless another one comes with the file.
    pub(crate) async fn root_rows(&self, trust: Trust, file: &SecretBytes) -> Result<Vec<SiteRow>, Fault> {
        let mut rows = keyring::import::roots(file.expose(), trust, "imported")?;
        if trust == Trust::Undefined {
            for row in &mut rows {
                if let Some(before) = store::site::get(self.store(), Section::Root, &row.key).await? {
                    row.body = before.body;
                }
            }
        }
        Ok(rows)
    }
}
