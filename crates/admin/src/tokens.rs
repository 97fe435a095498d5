//! Tokens of scripts: made once, shown once, kept as a hash (security.md X-22), never stronger than their owner.

use std::net::IpAddr;
use std::time::Duration;

use model::{Access, Actor, Fault, Right, Rights, SecretBytes, SecretText, Timestamp};
use serde::Serialize;
use store::Tx;
use store::people::{self, Token};

use crate::administrators::{read_rights, rights_of};
use crate::authorise::{cover, need};
use crate::error::{bad_field, internal, not_found};
use crate::{Admin, audit};

/// Tokens begin so, that scanners of leaked secrets find them.
const PREFIX: &str = "sealgate_";

/// What is shown of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// For removing it.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Whose rights bound it.
    pub owner: String,
    /// Words of rights.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends; `None`: never.
    pub expires: Option<Timestamp>,
}

impl Admin {
    /// Makes a token with these rights; its text is given this once.
    ///
    /// # Errors
    /// `bad-field`, `above-own-rights`; without the right; when the store is away.
    pub async fn token_add(
        &self,
        actor: &Actor,
        name: &str,
        scopes: &[String],
        lifetime: Option<Duration>,
    ) -> Result<(Shown, SecretText), Fault> {
        need(actor, Right::Administration, Access::Write)?;
        let rights = read_rights(scopes)?;
        cover(actor, rights)?;
        if rights == Rights::NONE {
            return Err(bad_field("scopes", "expected at least one right"));
        }
        if name.trim().is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            return Err(bad_field("name", "expected 1 to 100 characters on one line"));
        }
        let random = SecretBytes::random(32).map_err(internal)?;
        let secret = SecretText::new(format!("{PREFIX}{}", data_encoding::BASE64URL_NOPAD.encode(random.expose())));
        let created = self.0.clock.now();
        let token = Token {
            id: uuid::Uuid::now_v7().to_string(),
            hash: hash(&secret),
            name: name.trim().to_owned(),
            owner: account_of(actor).to_owned(),
            scopes: serde_json::to_string(scopes).map_err(internal)?,
            created,
            expires: lifetime.map(|lifetime| created.after(lifetime)),
        };
        let shown = shown(&token)?;
        let (actor, after) = (actor.clone(), serde_json::to_string(&shown).map_err(internal)?);
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                people::add_token(tx, &token).await?;
                audit::note(tx, &actor, &format!("token/{}", token.id), None, Some(&after)).await
            })
        });
        write.await?;
        Ok((shown, secret))
    }

    /// All tokens, without their secrets.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn token_list(&self, actor: &Actor) -> Result<Vec<Shown>, Fault> {
        need(actor, Right::Administration, Access::Read)?;
        people::tokens(self.store()).await?.iter().map(shown).collect()
    }

    /// Removes a token; its next request is refused.
    ///
    /// # Errors
    /// `not-found`; without the right; when the store is away.
    pub async fn token_remove(&self, actor: &Actor, id: &str) -> Result<(), Fault> {
        need(actor, Right::Administration, Access::Write)?;
        let (actor, id) = (actor.clone(), id.to_owned());
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                let what = format!("token/{id}");
                let before = people::tokens(&mut *tx).await?.into_iter().find(|token| token.id == id);
                let before = before.ok_or_else(|| not_found(&what))?;
                people::remove_token(tx, &id).await?;
                let before = serde_json::to_string(&shown(&before)?).map_err(internal)?;
                audit::note(tx, &actor, &what, Some(&before), None).await
            })
        });
        write.await
    }

    /// Who acts with this token: its scopes, cut down to what its owner may at this moment. `None` if it is unknown,
    /// has ended, or its owner is gone.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn token_actor(&self, secret: &SecretText, origin: IpAddr) -> Result<Option<Actor>, Fault> {
        if !secret.expose().starts_with(PREFIX) || secret.expose().len() > 200 {
            return Ok(None);
        }
        let Some(token) = people::token(self.store(), &hash(secret), self.0.clock.now()).await? else {
            return Ok(None);
        };
        let owner = if token.owner == Actor::local().name {
            Some(Rights::all())
        } else {
            people::administrator(self.store(), &token.owner).await?.map(|who| rights_of(&who))
        };
        let Some(owner) = owner else { return Ok(None) };
        let scopes: Vec<String> = serde_json::from_str(&token.scopes).map_err(internal)?;
        let rights = Rights::from_words(scopes.iter().map(String::as_str)).and(owner);
        let name = format!("token {} of {}", token.name, token.owner);
        Ok(Some(Actor { name, rights, origin: origin.to_string() }))
    }
}

/// Ends every token of an account, each with its audit entry, in the transaction that takes the account from somebody.
pub(crate) async fn end_all(tx: &mut Tx, actor: &Actor, owner: &str) -> Result<(), Fault> {
    for token in people::tokens(&mut *tx).await?.into_iter().filter(|token| token.owner == owner) {
        people::remove_token(tx, &token.id).await?;
        let before = serde_json::to_string(&shown(&token)?).map_err(internal)?;
        audit::note(tx, actor, &format!("token/{}", token.id), Some(&before), None).await?;
    }
    Ok(())
}

fn shown(token: &Token) -> Result<Shown, Fault> {
    Ok(Shown {
        id: token.id.clone(),
        name: token.name.clone(),
        owner: token.owner.clone(),
        scopes: serde_json::from_str(&token.scopes).map_err(internal)?,
        created: token.created,
        expires: token.expires,
    })
}

/// 32 random octets need no slow hash.
fn hash(secret: &SecretText) -> String {
    data_encoding::HEXLOWER.encode(&openssl::sha::sha256(secret.expose().as_bytes()))
}

/// The account behind the actor: a token's tokens belong to its owner.
fn account_of(actor: &Actor) -> &str {
    match actor.name.strip_prefix("token ").and_then(|rest| rest.rsplit_once(" of ")) {
        Some((_, owner)) => owner,
        None => &actor.name,
    }
}
