//! What a key was used for, and for which mail (design promise 3): read from this node's log.

use logs::Query;
use logs::query::Asked;
use logs::search::Page;
use model::{Access, Actor, Fault, Right};
use serde::Serialize;

use crate::Admin;
use crate::authorise::need;
use crate::error::not_available;

/// Mails that are looked at for one answer.
const MAILS: usize = 200;

/// One use of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyUsed {
    /// When, RFC 3339.
    pub at: String,
    /// The mail's trace id.
    pub trace: String,
    /// `sign-mail`, `open-mail`, ….
    pub purpose: String,
    /// `sign`, `unwrap`, `agree`.
    pub operation: String,
}

impl Admin {
    /// The last uses of a key on this node, newest first, as far as the log reaches. It ends early after the settings' time.
    ///
    /// # Errors
    /// Without the right; `not-found`; on a node that keeps no log; when its folder can't be read.
    pub async fn key_uses(&self, actor: &Actor, id: &str, limit: usize) -> Result<Vec<KeyUsed>, Fault> {
        need(actor, Right::Users, Access::Read)?;
        self.key_row(id).await?;
        let reader = self.0.logs.clone().ok_or_else(|| not_available("the log of a node that keeps none"))?;
        let query = Query::parse(&Asked { text: id, ..Asked::default() }, self.0.clock.now())?;
        let time = self.0.settings.log_search;
        let search = move || reader.search(&query, &Page { after: "", limit: MAILS, events: true, time });
        let found = tokio::task::spawn_blocking(search).await.map_err(crate::log::unreadable)?.map_err(crate::log::unreadable)?;
        let mut uses: Vec<KeyUsed> = Vec::new();
        for event in found.stories.iter().flat_map(|story| story.events.iter().flatten()) {
            let text = |name: &str| event.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            if text("event") == "key.used" && text("key") == id {
                uses.push(KeyUsed { at: text("timestamp"), trace: text("trace"), purpose: text("purpose"), operation: text("operation") });
            }
        }
        uses.sort_by(|one, other| other.at.cmp(&one.at));
        uses.truncate(limit);
        Ok(uses)
    }
}
