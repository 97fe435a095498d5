//! Passwords of directories in rules that come in: sealed as secrets of the site, named in the text (security.md X-22). So neither the stored text
//! nor the audit log, versions, diffs and exports show any.
//!
//! Before: a rule text or the generator's switches were read. After: [`crate::secrets`] seals what was taken, in the transaction of the rules.

use model::SecretText;
use model::site::RulesSetting;
use serde_json::Value;

use crate::error::{AdminError, bad_field};
use crate::secrets::{Secrets, Wanted};

/// Takes them out of the text and out of the generator's custom texts.
///
/// # Errors
/// [`AdminError::Rules`] where one can't be taken out; `bad-field` where one account has two.
pub(crate) fn take(setting: &mut RulesSetting) -> Result<Secrets, AdminError> {
    let mut secrets = Secrets::new();
    setting.text = out_of("rules", &setting.text, &mut secrets)?;
    for (key, value) in setting.generator.iter_mut().flatten().filter(|(key, _)| key.starts_with("custom_")) {
        if let Some(text) = value.as_str() {
            *value = Value::from(out_of(key, text, &mut secrets)?);
        }
    }
    Ok(secrets)
}

fn out_of(name: &str, text: &str, secrets: &mut Secrets) -> Result<String, AdminError> {
    let taken = rules::passwords::take(name, text).map_err(AdminError::Rules)?;
    for (name, password) in taken.passwords {
        match (password, secrets.get(&name)) {
            (Some(new), Some(Wanted::Seal(old))) if differ(&new, old) => {
                return Err(bad_field("rules.text", "one account of one directory stands there with two passwords").into());
            }
            (Some(new), _) => drop(secrets.insert(name, Wanted::Seal(new))),
            // What is written elsewhere in clear is newer than what is stored.
            (None, Some(_)) => {}
            (None, None) => drop(secrets.insert(name, Wanted::Keep)),
        }
    }
    Ok(taken.text)
}

fn differ(one: &SecretText, other: &SecretText) -> bool {
    one.expose() != other.expose()
}
