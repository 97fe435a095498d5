//! Autodiscover in JSON: every text in it is looked at; names of members stay.

use serde_json::Value;

use super::Text;

/// Most values of one answer.
const MOST: usize = 10_000;

/// The answer with other texts. Nesting is bounded by the parser (128).
///
/// # Errors
/// A sentence: it is no JSON, or too much of it.
pub(super) fn rewritten(text: Text<'_>, body: &[u8]) -> Result<Vec<u8>, String> {
    let mut value: Value = serde_json::from_slice(body).map_err(|cause| cause.to_string())?;
    let mut left = MOST;
    change(text, &mut value, &mut left)?;
    serde_json::to_vec(&value).map_err(|cause| cause.to_string())
}

fn change(text: Text<'_>, value: &mut Value, left: &mut usize) -> Result<(), String> {
    *left = left.checked_sub(1).ok_or_else(|| format!("over {MOST} values"))?;
    match value {
        Value::String(own) => {
            if let Some(other) = text(own) {
                *own = other;
            }
            Ok(())
        }
        Value::Array(list) => list.iter_mut().try_for_each(|one| change(text, one, left)),
        Value::Object(members) => members.values_mut().try_for_each(|one| change(text, one, left)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}
