//! The spam score of one mail: rspamd gets the mail as it is now, and what is known of its envelope.

use crypto::pool::Priority;
use message::Message;
use model::{Address, Fault, Guilty, Origin};
use outside::rspamd::Facts;

use super::{down, rspamd};
use crate::state::Work;

/// What rspamd made of a mail.
#[derive(Debug, Clone, PartialEq)]
pub struct SpamReport {
    /// The score.
    pub score: f64,
    /// What rspamd would do with it.
    pub action: String,
}

pub(super) async fn ask(work: &Work, message: &Message) -> Result<SpamReport, Fault> {
    let engine = rspamd(work)?;
    let facts = facts(work);
    let (for_key, known) =
        (message.clone(), format!("{}\0{}\0{}\0{:?}", work.site.protection.rspamd, facts.ip, facts.from, facts.recipients));
    let key = work.pool.run(Priority::Mail, move || {
        let mut hash = openssl::sha::Sha256::new();
        hash.update(b"spam\0");
        hash.update(known.as_bytes());
        hash.update(b"\0");
        hash.update(for_key.bytes());
        hash.finish()
    });
    let room = work.memory.lease(message.bytes().len());
    let room = room.map_err(|e| Fault::temporary(Guilty::Ourselves, "memory", e.to_string()))?;
    let (content, trace) = (message.bytes().clone(), work.trace);
    let scan = move || async move {
        let since = std::time::Instant::now();
        let scored = engine.check(content, &facts).await.map_err(|error| down("rspamd", &error))?;
        let took_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(event = "mail.scored", %trace, engine = "rspamd", score = scored.score, action = scored.action, took_ms);
        drop(room);
        Ok(SpamReport { score: scored.score, action: scored.action })
    };
    work.scans.0.spam.get(key.await, scan).await
}

fn facts(work: &Work) -> Facts {
    let (ip, helo, user) = match &work.origin {
        Origin::Smtp { peer } => {
            (peer.address.to_string(), peer.helo.clone(), peer.account.as_ref().map_or_else(String::new, ToString::to_string))
        }
        Origin::Notice { .. } => Default::default(),
    };
    Facts {
        ip,
        helo,
        user,
        from: work.envelope.sender.as_ref().map_or("", Address::as_str).to_owned(),
        recipients: work.envelope.recipients.iter().map(|recipient| recipient.address.to_string()).collect(),
        queue_id: work.trace.to_string(),
    }
}
