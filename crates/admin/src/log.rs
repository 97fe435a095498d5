//! Looking for mails in this node's stories (cluster-and-system.md S-6). Nothing is changed here.

use std::time::Duration;

use logs::query::Asked;
use logs::search::{Found, Page};
use logs::{Query, Reader};
use model::{Access, Actor, Fault, Guilty, Right};
use tokio::sync::Semaphore;

use crate::Admin;
use crate::authorise::need;
use crate::error::not_available;

/// Searches at a time: each may keep a disk and a core busy, and mail comes first.
static TURNS: Semaphore = Semaphore::const_new(2);

/// A search of the log as a face asks it.
#[derive(Debug, Clone, Default)]
pub struct LogSearch<'a> {
    /// What must fit.
    pub asked: Asked<'a>,
    /// The `next` of the page before; empty: the newest.
    pub after: &'a str,
    /// Stories of one page, 1 to 1,000.
    pub limit: u32,
    /// With all their lines.
    pub events: bool,
}

impl Admin {
    /// One page of stories, newest first. It ends early after the settings' time and says where to go on.
    ///
    /// # Errors
    /// Without the right; `bad-field`; on a node that keeps no stories; when their folder can't be read.
    pub async fn log_search(&self, actor: &Actor, search: &LogSearch<'_>) -> Result<Found, Fault> {
        need(actor, Right::Logs, Access::Read)?;
        let query = Query::parse(&search.asked, self.0.clock.now())?;
        let reader: Reader = self.0.logs.clone().ok_or_else(|| not_available("the log of a node that keeps none"))?;
        let (after, events, time) = (search.after.to_owned(), search.events, self.0.settings.log_search);
        let limit = usize::try_from(search.limit).unwrap_or(usize::MAX);
        let _turn = TURNS.acquire().await.map_err(unreadable)?;
        let page = move || reader.search(&query, &Page { after: &after, limit, events, time });
        tokio::task::spawn_blocking(page).await.map_err(unreadable)?.map_err(unreadable)
    }
}

/// Longest time of one search unless the settings say otherwise.
pub(crate) const SEARCH: Duration = Duration::from_secs(5);

pub(crate) fn unreadable(cause: impl ToString) -> Fault {
    Fault::temporary(Guilty::Ourselves, "log-unreadable", cause.to_string())
}
