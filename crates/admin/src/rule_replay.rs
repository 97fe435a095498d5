//! A past decision of this node under another rule set, from what its mail's story keeps (design promise 6). Nothing is sent, no key is used.

use logs::query::Asked;
use model::{Access, Actor, Right};
use rules::replay::{Record, Replayed, replay};

use crate::Admin;
use crate::authorise::need;
use crate::error::{AdminError, bad_field, not_found};
use crate::log::LogSearch;

impl Admin {
    /// What a rule text (`None`: the rules in force) would have made of the mail with this trace id.
    ///
    /// # Errors
    /// `not-found` when the log holds no decision of it; [`AdminError::Rules`]; without the rights to rules and log.
    pub async fn rules_replay(&self, actor: &Actor, trace: &str, rules: Option<(&str, &str)>) -> Result<Replayed, AdminError> {
        need(actor, Right::MailProcessing, Access::Read)?;
        let asked = Asked { trace, ..Asked::default() };
        let found = self.log_search(actor, &LogSearch { asked, limit: 1, events: true, ..LogSearch::default() }).await?;
        let mut events = found.stories.into_iter().flat_map(|story| story.events.unwrap_or_default());
        let is_decision =
            |event: &serde_json::Map<String, serde_json::Value>| event.get("event").is_some_and(|word| word == "mail.decided");
        let decided = events.rfind(is_decision);
        let way = decided.and_then(|event| event.get("way")?.as_str().map(str::to_owned));
        let way = way.ok_or_else(|| not_found(&format!("the decision about {trace}")))?;
        let record: Record =
            serde_json::from_str(&way).map_err(|error| bad_field("trace", format!("its record can't be read: {error}")))?;
        let (name, text) = match rules {
            Some((name, text)) => (name.to_owned(), text.to_owned()),
            None => ("rules".to_owned(), self.rules_show(actor).await?.record.text),
        };
        let (rules, _) = self.compile(actor, &name, &text).await?;
        replay(rules, &record).map_err(|cause| bad_field("trace", cause).into())
    }
}
