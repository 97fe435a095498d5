//! What each rule command does: one file for each kind, one function for each command.
//!
//! A command gets the group's mail and gives an answer, and a changed copy for those who got "yes" (and, where a
//! failed try must be remembered, for those who got "no"). It touches nothing outside: what has to happen to the
//! world is kept in the state and becomes part of the plan.

mod adds;
mod autoreply;
mod conditions;
mod decrypt;
mod edits;
mod encrypt;
mod ldap;
mod new_keys;
mod notes;
mod pgp;
mod recipients;
mod scan;
mod sign;
mod types;
mod users;
mod verify;

use std::sync::Arc;

use model::Fault;
use rules::{Answer, Command};

use crate::state::{MailState, Work};

/// A command's answer, with the mail as it is afterwards.
#[derive(Debug)]
pub struct Answered {
    /// For the evaluator.
    pub answer: Answer,
    /// The mail of those who got "yes"; `None`: unchanged.
    pub yes: Option<MailState>,
    /// The mail of those who got "no"; `None`: unchanged.
    pub no: Option<MailState>,
    /// A variable that the group has from then on, with its value.
    pub variable: Option<(String, String)>,
    /// Other recipients of the group: places in the envelope of the changed mail.
    pub recipients: Option<Arc<[usize]>>,
    /// Replies that were made, each with an envelope of its own.
    pub replies: Vec<MailState>,
}

impl Answered {
    /// Yes or no, nothing changed.
    #[must_use]
    pub const fn plain(yes: bool) -> Self {
        Self {
            answer: if yes { Answer::Yes } else { Answer::No },
            yes: None,
            no: None,
            variable: None,
            recipients: None,
            replies: Vec::new(),
        }
    }

    /// Yes, and the mail is this now.
    #[must_use]
    pub fn changed(state: MailState) -> Self {
        Self { yes: Some(state), ..Self::plain(true) }
    }

    /// An answer for each recipient; all alike is a plain answer.
    #[must_use]
    pub fn each(answers: Vec<bool>, yes: Option<MailState>) -> Self {
        let answer = match (answers.iter().all(|a| *a), answers.iter().any(|a| *a)) {
            (true, _) => Answer::Yes,
            (_, false) => Answer::No,
            _ => Answer::Split(answers),
        };
        Self { answer, yes, ..Self::plain(false) }
    }
}

/// Those recipients for whom this command must be carried out alone: their groups are divided before it.
#[must_use]
pub fn apart(work: &Work, state: &MailState, group: &[usize], command: &Command) -> Vec<usize> {
    match command {
        Command::EncryptSmime => encrypt::blind(work, state, group),
        Command::EncryptPgp { address, .. } => pgp::blind(work, state, group, address.as_deref()),
        Command::DecryptPgp => pgp::apart_to_decrypt(work, state, group),
        _ => Vec::new(),
    }
}

/// True for commands that use keys or read the whole content again: not begun when time is up.
#[must_use]
pub const fn is_costly(command: &Command) -> bool {
    if let Command::CreateAccount { keys, .. } = command {
        return !keys.is_empty();
    }
    matches!(
        command,
        Command::DecryptSmime
            | Command::DecryptPgp
            | Command::EncryptPgp { .. }
            | Command::ValidateSmimeSig { .. }
            | Command::DeleteSmimeSig
            | Command::DeletePgpSig
            | Command::SignSmime
            | Command::SignCompany { .. }
            | Command::CreateKeys { .. }
            | Command::LdapCompare { .. }
            | Command::LdapRead { .. }
            | Command::SetUserAttr { .. }
            | Command::Disclaimer { .. }
            | Command::EncryptSmime
            | Command::CompareBody { .. }
            | Command::PartOfType { .. }
            | Command::VScan { .. }
            | Command::IsSpam { .. }
    )
}

/// "No" in place of a command that failed or was not begun, in a mail that must not show it.
#[must_use]
pub fn not_done(state: &MailState, command: &Command, key_used: bool) -> Answered {
    match command {
        Command::DecryptSmime => decrypt::failed(state, key_used, "could-not-be-opened"),
        Command::DecryptPgp if pgp::found(state) => decrypt::failed(state, key_used, "could-not-be-opened"),
        Command::ValidateSmimeSig { .. } => verify::unchecked(state),
        Command::VScan { .. } => scan::not_scanned(state),
        _ => Answered::plain(false),
    }
}

/// Carries out one command for one group.
///
/// # Errors
/// What the whole mail needs and can't have now: the mail is answered 4xx.
pub async fn run(work: &Work, state: &MailState, group: &[usize], command: &Command) -> Result<Answered, Fault> {
    match command {
        Command::Incoming => Ok(conditions::incoming(work, group)),
        Command::Authenticated { header } => Ok(conditions::authenticated(work, state, *header)),
        Command::Compare { header, how } => conditions::compare(work, state, header, how),
        Command::CompareBody { pattern } => conditions::compare_body(work, state, pattern),
        Command::RMatch { pattern } => Ok(conditions::rmatch(work, group, pattern)),
        Command::RMatchSplit { pattern } => Ok(conditions::rmatchsplit(work, group, pattern)),
        Command::IsCalendar => Ok(conditions::is_calendar(state)),
        Command::HasSmimeKey => Ok(conditions::has_smime_key(work, state)),
        Command::SmimeKeysAvail { mode } => Ok(conditions::smime_keys_avail(work, group, *mode)),
        Command::SmimeKeyKnown => conditions::smime_key_known(work, state, group),
        Command::SmimeSigned => Ok(conditions::smime_signed(state)),
        Command::SmimeEncrypted => Ok(conditions::smime_encrypted(work, state)),
        Command::RmHeader { name } => edits::rm_header(work, state, name),
        Command::SetHeader { name, text } => edits::set_header(work, state, name, text),
        Command::SetSensitivity { value } => edits::set_sensitivity(work, state, *value),
        Command::TagSubject { text } => edits::tag_subject(work, state, text),
        Command::DecryptSmime => decrypt::decrypt_smime(work, state, group).await,
        Command::ValidateSmimeSig { save } => verify::validate_smime_sig(work, state, *save).await,
        Command::DeleteSmimeSig => verify::delete_smime_sig(work, state).await,
        Command::SignSmime => sign::sign_smime(work, state).await,
        Command::SignCompany { certificate, prefix, suffix } => sign::sign_company(work, state, certificate, prefix, suffix).await,
        Command::EncryptSmime => encrypt::encrypt_smime(work, state, group).await,
        Command::DecryptPgp => pgp::decrypt_pgp(work, state, group).await,
        Command::EncryptPgp { sign, address } => pgp::encrypt_pgp(work, state, group, *sign, address.as_deref()).await,
        Command::AttachPgpKey => pgp::attach_key(work, state),
        Command::PgpKeysAvail { mode } => Ok(pgp::keys_avail(work, group, *mode)),
        Command::PgpSigned => Ok(pgp::is_signed(work, state)),
        Command::PgpKeyKnown => pgp::key_known(work, state, group),
        Command::DeletePgpSig => pgp::delete_signatures(work, state).await,
        Command::PgpEncrypted => Ok(pgp::is_encrypted(state)),
        Command::PartOfType { types, delete, archives } => {
            types::part_of_type(work, state, group, &types::Asked { types, delete: *delete, archives: *archives }).await
        }
        Command::VScan { mode, archives } => scan::vscan(work, state, group, *mode, *archives).await,
        Command::IsSpam { mark, tag, reject } => scan::isspam(work, state, *mark, tag, *reject).await,
        Command::Log { level, text } => Ok(notes::log(work, *level, text)),
        Command::Archive { address } => notes::archive(work, state, address).await,
        Command::CreateAccount { keys, user_id, name } => {
            new_keys::create_account(work, state, keys, (user_id.as_deref(), name.as_deref())).await
        }
        Command::CreateKeys { keys, go_on } => new_keys::create_keys(work, state, keys, *go_on).await,
        Command::Autoreply { template, fields } => autoreply::autoreply(work, state, group, template, fields),
        Command::MemberOf { groups } => Ok(users::member_of(work, state, groups)),
        Command::SetUserAttr { name, value } => users::set_user_attr(work, state, name, value).await,
        Command::AddReport { name, text } => adds::add_report(work, state, group, name, text.as_deref()),
        Command::Attach { name, content_id, content_type } => {
            let (content_id, content_type) = (content_id.as_deref(), content_type.as_deref());
            adds::attach(work, state, &adds::File { name, content_id, content_type })
        }
        Command::Disclaimer { name, top } => adds::disclaimer(work, state, name.as_deref(), *top),
        Command::ReplaceRcpt { pattern, to } => recipients::replace(work, state, group, pattern.as_deref(), to),
        Command::LdapCompare { directory, filter, attribute, value } => {
            ldap::compare(work, &ldap::Asked { directory, filter, attribute }, value).await
        }
        Command::LdapRead { directory, filter, attribute, variable } => {
            ldap::read(work, &ldap::Asked { directory, filter, attribute }, variable).await
        }
        Command::Notify { to, template, headers, fields } => {
            notes::notify(work, state, &notes::Notice { to, template, headers: *headers, fields })
        }
    }
}
