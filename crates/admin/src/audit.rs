//! The audit log: what goes in is masked here, and pages of it are read here (console.md A-1).

use model::{Access, Actor, Fault, Right};
use serde_json::Value;
use store::audit::{Entry, Kept};
use store::write::Tx;

use crate::Admin;
use crate::authorise::need;

/// What stands for a secret.
pub const MASK: &str = "«secret»";

/// Fields whose values never reach the log, at any depth.
const SECRET: [&str; 7] = ["sealed", "password", "password_hash", "hash", "secret", "passphrase", "private_key"];

impl Admin {
    /// Entries before `cursor` (an entry's id; empty: the newest first).
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn audit_log(&self, actor: &Actor, cursor: &str, limit: u32) -> Result<Vec<Kept>, Fault> {
        need(actor, Right::Administration, Access::Read)?;
        store::audit::page(self.store(), cursor, limit).await
    }
}

/// Writes an entry in the transaction of its change. `before` and `after` are JSON; secrets are masked here.
pub(crate) async fn note(tx: &mut Tx, who: &Actor, what: &str, before: Option<&str>, after: Option<&str>) -> Result<(), Fault> {
    let (before, after) = (before.map(mask), after.map(mask));
    let entry = Entry { who: &who.name, what, before: before.as_deref(), after: after.as_deref() };
    store::audit::append(tx, entry).await
}

/// The JSON with its secrets masked; what is no JSON is masked as a whole.
#[must_use]
pub fn mask(json: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(json) else { return format!("\"{MASK}\"") };
    mask_value(&mut value);
    value.to_string()
}

fn mask_value(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if SECRET.contains(&name.to_ascii_lowercase().as_str()) {
                    *field = Value::from(MASK);
                } else {
                    mask_value(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask_value),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_21_secrets_are_masked_at_any_depth() {
        let masked = mask(r#"{"name":"bob","sealed":"AAAA","list":[{"Password":"hunter2","n":1}]}"#);
        assert_eq!(masked, r#"{"name":"bob","sealed":"«secret»","list":[{"Password":"«secret»","n":1}]}"#);
        assert!(!mask("hunter2 is no JSON").contains("hunter2"));
    }
}
