//! What the scanners beside us say of a mail: asked once for each content, however many groups or retries ask
//! (mail-gateway.md M-P4, M-P5, M-P7, M-P9).
//!
//! Before: the rule commands `vscan` and `isspam` ([`crate::commands`]). After: `outside`'s clients. A scan that outlasts the
//! mail's time goes on, and its answer waits for the retry. Must never: let a scanner that is away look like a clean mail
//! (security.md X-23).

mod once;
mod pieces;
mod spam;
mod virus;

use std::sync::Arc;
use std::time::Duration;

use model::site::ScannerDown;
use model::{AddressKey, Fault, Guilty, Timestamp};
use outside::ScannerError;
use outside::clamd::Clamd;
use outside::ldap::LdapError;
use outside::rspamd::Rspamd;

use crate::limits::{Buckets, NoticeSettings};
use crate::state::Work;
use once::Once;

pub use spam::SpamReport;
pub use virus::VirusReport;

/// What is left of the mail's time when the wait for a scanner ends.
const SPARE: Duration = Duration::from_millis(250);

/// Durations and bounds of what is remembered.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// An answer serves retries for so long.
    pub keep: Duration,
    /// Answers that are kept.
    pub most: usize,
    /// An answer of a directory that a rule asked serves for so long.
    pub keep_directory: Duration,
    /// Longest wait for one directory server.
    pub directory: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { keep: Duration::from_secs(600), most: 10_000, keep_directory: Duration::from_secs(60), directory: Duration::from_secs(5) }
    }
}

/// Running scans and their answers, and what else is asked or done once on this node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Scans(Arc<Kept>);

impl Default for Scans {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

#[derive(Debug)]
struct Kept {
    virus: Once<VirusReport>,
    spam: Once<SpamReport>,
    directories: Once<Arc<Vec<String>>>,
    /// Whom a reply was sent to of late, and from whom.
    replied: Buckets<(AddressKey, AddressKey)>,
    /// Longest wait for one directory server.
    directory: Duration,
}

impl Scans {
    /// Nothing was scanned yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let directories = Once::new(Settings { keep: settings.keep_directory, ..settings });
        let directory = settings.directory;
        let a_day = NoticeSettings { most: 1, per: Duration::from_secs(86_400), receivers: settings.most };
        let replied = Buckets::new(a_day);
        Self(Arc::new(Kept { virus: Once::new(settings), spam: Once::new(settings), directories, directory, replied }))
    }
}

impl Scans {
    /// May a reply go from this recipient to this sender: the only one of the day (RFC 3834 §2)? It counts from then on, on this node.
    #[must_use]
    pub fn may_reply(&self, from: &AddressKey, to: &AddressKey, now: Timestamp) -> bool {
        self.0.replied.take(&(from.clone(), to.clone()), now)
    }
}

/// Before a key is used for a stranger's mail: can the scanners be reached that the rules will ask? Later their absence must
/// not show, and the mail would be delivered closed.
///
/// # Errors
/// `scanner-down`, temporary.
pub async fn ready(work: &Work, wants: rules::Scans) -> Result<(), Fault> {
    if work.site.protection.scanner_down == ScannerDown::Pass {
        return Ok(());
    }
    if wants.virus {
        clamd(work)?.ping().await.map_err(|error| down("clamd", &error))?;
    }
    if wants.spam {
        rspamd(work)?.ping().await.map_err(|error| down("rspamd", &error))?;
    }
    Ok(())
}

fn clamd(work: &Work) -> Result<Clamd, Fault> {
    let place = outside::clamd::Place::parse(&work.site.protection.clamd).map_err(|_| missing("clamd"))?;
    Ok(Clamd::new(place))
}

fn rspamd(work: &Work) -> Result<Rspamd, Fault> {
    let place = outside::rspamd::Place::parse(&work.site.protection.rspamd).map_err(|_| missing("rspamd"))?;
    Ok(Rspamd::new(place))
}

fn down(engine: &'static str, error: &ScannerError) -> Fault {
    Fault::temporary(Guilty::NextHop, "scanner-down", format!("{engine}: {error}"))
}

/// The rules scan, and `[protection]` names no scanner.
fn missing(engine: &'static str) -> Fault {
    Fault::temporary(Guilty::Configuration, "scanner-missing", format!("[protection] {engine} is not set"))
}

/// The values that a directory has; asked once for all that ask the same within its time.
///
/// # Errors
/// `directory-away`, `mail-took-too-long`: temporary.
pub async fn directory(work: &Work, query: outside::ldap_values::Query) -> Result<Arc<Vec<String>>, Fault> {
    let time = work.scans.0.directory;
    let mut digest = openssl::sha::Sha256::new();
    let servers = query.servers.join(",");
    let parts = [servers.as_str(), &query.user, query.password.expose(), &query.base, &query.filter, &query.attribute];
    for part in parts {
        digest.update(&part.len().to_be_bytes());
        digest.update(part.as_bytes());
    }
    let ask = move || async move {
        query.values(time).await.map(Arc::new).map_err(|error| match error {
            LdapError::Away(cause) => Fault::temporary(Guilty::NextHop, "directory-away", cause),
            LdapError::Configuration(cause) => Fault::temporary(Guilty::Configuration, "directory-away", cause),
        })
    };
    in_time(work, work.scans.0.directories.get(digest.finish(), ask)).await
}

/// Waits for an answer as long as the mail has time.
async fn in_time<T>(work: &Work, answer: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let deadline = work.budget.deadline();
    let until = deadline.checked_sub(SPARE).unwrap_or(deadline);
    tokio::time::timeout_at(until.into(), answer).await.unwrap_or_else(|_| Err(crate::decide::too_long()))
}

/// Does the administrator want mail to pass for which the scanner gave no answer? Not where none is set.
fn may_pass(work: &Work, fault: &Fault) -> bool {
    work.site.protection.scanner_down == ScannerDown::Pass && fault.code != "scanner-missing"
}

/// What the virus scanner says of the mail as it is now.
///
/// # Errors
/// `scanner-down`, `mail-took-too-long`, `memory`: temporary. `scanner-missing`: temporary, until it is set.
pub async fn virus(work: &Work, message: &message::Message, archives: bool) -> Result<VirusReport, Fault> {
    match in_time(work, virus::ask(work, message, archives)).await {
        Err(fault) if may_pass(work, &fault) => {
            tracing::warn!(event = "mail.unscanned", trace = %work.trace, engine = "clamd", code = fault.code, cause = %fault.cause, "passes, as scanner_down says");
            Ok(VirusReport::unscanned())
        }
        answer => answer,
    }
}

/// What the spam scanner says of the mail as it is now; `None`: it gave no answer, and mail may pass then.
///
/// # Errors
/// As [`virus()`].
pub async fn spam(work: &Work, message: &message::Message) -> Result<Option<SpamReport>, Fault> {
    match in_time(work, spam::ask(work, message)).await {
        Err(fault) if may_pass(work, &fault) => {
            tracing::warn!(event = "mail.unscanned", trace = %work.trace, engine = "rspamd", code = fault.code, cause = %fault.cause, "passes, as scanner_down says");
            Ok(None)
        }
        answer => answer.map(Some),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
