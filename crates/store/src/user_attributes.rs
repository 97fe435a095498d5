//! What `setuserattr` sets on an account: attributes, and the account's own fields behind three of the names.
//!
//! Called by [`crate::effects`] in its transaction, once for each effect. An account that is not there (any more) gets nothing; a
//! password comes as its hash and stands in no audit entry.

use model::site::{Secret, Section, User};
use model::{Address, Fault};

use crate::audit::{self, Entry};
use crate::effects::{MAIL, again, json};
use crate::site::{self, Expect};
use crate::write::Tx;

/// Most attributes of one account.
const MOST: usize = 100;

pub(crate) async fn set(tx: &mut Tx, address: &Address, name: &str, value: String) -> Result<(), Fault> {
    let key = address.key();
    let Some(row) = site::get(&mut *tx, Section::User, key.as_str()).await? else {
        tracing::warn!(%address, name, "an attribute for an account that is not there; it is left out");
        return Ok(());
    };
    if name == "userPassword" {
        return password(tx, key.as_str(), value).await;
    }
    let mut user: User = serde_json::from_str(&row.body).map_err(|cause| crate::StoreError::Sql(cause.to_string()))?;
    match name {
        "accountOptions" => {
            let bits: u32 = value.parse().unwrap_or_default();
            (user.may_not_encrypt, user.may_not_sign) = (bits & 1 != 0, bits & 4 != 0);
        }
        "uid" => user.user_id = value,
        _ if value.is_empty() => drop(user.attributes.remove(name)),
        _ if user.attributes.len() >= MOST && !user.attributes.contains_key(name) => {
            tracing::warn!(%address, name, "this account has {MOST} attributes; no more are taken");
            return Ok(());
        }
        _ => drop(user.attributes.insert(name.to_owned(), value)),
    }
    let body = json(&user)?;
    if body == row.body {
        return Ok(());
    }
    site::put(tx, Section::User, key.as_str(), &body, Expect::Version(row.version)).await.map_err(again)?;
    audit::append(tx, Entry { who: MAIL, what: &format!("user/{key}"), before: Some(&row.body), after: Some(&body) }).await
}

async fn password(tx: &mut Tx, user: &str, hash: String) -> Result<(), Fault> {
    let name = format!("user/{user}/password");
    let body = json(&Secret { password_hash: hash, ..Secret::default() })?;
    site::put(tx, Section::Secret, &name, &body, Expect::Any).await.map_err(again)?;
    audit::append(tx, Entry { who: MAIL, what: &format!("secret/{name}"), before: None, after: Some("\"changed\"") }).await
}
