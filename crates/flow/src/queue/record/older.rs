//! Plans as older programs wrote them, brought to the form of today.
//!
//! Version 1 stands for several forms, because its first changes came without a new number. Their fields tell them apart: a report said
//! which recipients it is about and whether they failed, before it named each fate by itself; and a recipient said `notify_never` before
//! it said all of NOTIFY (RFC 3461 §4.1). What is missing else has a default.

use serde_json::{Value, json};

/// The JSON of a version 1 plan as one of today. What it does not know it leaves alone: then reading it says what is wrong.
pub(super) fn upgraded(mut meta: Value) -> Value {
    if let Some(about) = meta.get_mut("about") {
        upgrade_about(about);
    }
    let outputs = meta.pointer_mut("/plan/outputs").and_then(Value::as_array_mut);
    let recipients = outputs.into_iter().flatten().filter_map(|output| output.get_mut("recipients")?.as_array_mut());
    recipients.flatten().for_each(upgrade_recipient);
    meta
}

fn upgrade_about(about: &mut Value) {
    let Some(about) = about.as_object_mut() else { return };
    let (Some(places), Some(failed)) = (about.get("recipients").cloned(), about.get("failed").and_then(Value::as_bool)) else { return };
    about.remove("recipients");
    about.insert("failed".to_owned(), if failed { places.clone() } else { json!([]) });
    about.insert("delayed".to_owned(), if failed { json!([]) } else { places });
}

fn upgrade_recipient(recipient: &mut Value) {
    let Some(recipient) = recipient.as_object_mut() else { return };
    if recipient.remove("notify_never").is_some_and(|never| never == json!(true)) && !recipient.contains_key("notify") {
        recipient.insert("notify".to_owned(), json!({ "success": false, "failure": false, "delay": false }));
    }
}
