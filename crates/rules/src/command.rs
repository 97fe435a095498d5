//! The commands that are built, as types: what the checker makes and what `flow` carries out.
//!
//! `Command<Text, Pattern>` is a checked command with variables in it; `Command` (of `String` and `Regex`) is
//! the same for one group, expanded. Commands that the evaluator answers itself (`setvar`, `compareattr`) and
//! those that end a group are kept apart, so that `flow` meets only what it has to do.

use std::sync::Arc;

use message::file_type::Selection;
use model::NewKey;
use regex::Regex;

use crate::directory::{self, Directory};
use crate::replace;
use crate::text::{Pattern, PatternError, Text};

/// One command for one group. Its meaning, and what "yes" says, is in ruleset-language.md "Commands".
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are the arguments of ruleset-language.md, under the same names")]
pub enum Command<T = String, P = Arc<Regex>> {
    /// Appends a text part; `None`: the results so far, in the recipients' languages.
    AddReport { name: String, text: Option<T> },
    /// A copy of the mail as it is now; one per mail and address.
    Archive { address: T },
    /// The current user's public OpenPGP key as a file.
    AttachPgpKey,
    /// Appends a file of the site.
    Attach { name: String, content_id: Option<String>, content_type: Option<String> },
    /// May the client speak for the sender? With `header` the address in From is taken.
    Authenticated { header: bool },
    /// Does one of these fields fit?
    Compare { header: String, how: Comparison<T, P> },
    /// Does a text or HTML part contain it?
    CompareBody { pattern: P },
    /// Makes an account for the current user, with keys of these kinds.
    CreateAccount { keys: Vec<NewKey>, user_id: Option<T>, name: Option<T> },
    /// Has the current user keys of all these kinds? What is lacking is made; `go_on`: the mail does not wait for it.
    CreateKeys { keys: Vec<NewKey>, go_on: bool },
    /// Splits. Opens all OpenPGP texts and files with the recipients' own keys; of what is signed in sight: is it valid?
    DecryptPgp,
    /// Splits. Opens one layer with the recipients' own keys.
    DecryptSmime,
    /// Removes OpenPGP signatures without checking them.
    DeletePgpSig,
    /// Removes an S/MIME signature without checking it.
    DeleteSmimeSig,
    /// The named disclaimer, or that of the sender's domain.
    Disclaimer { name: Option<String>, top: bool },
    /// Splits. Encrypts for each recipient who has an OpenPGP key, or with the key of `address` for all.
    EncryptPgp { sign: bool, address: Option<T> },
    /// Splits. Encrypts for each recipient who has a certificate.
    EncryptSmime,
    /// Has the current user a valid private key?
    HasSmimeKey,
    /// Splits. Is the recipient in a managed domain?
    Incoming,
    /// Is there a calendar part that is no attachment?
    IsCalendar,
    /// Is one of the first entry's values this one?
    LdapCompare { directory: Directory, filter: T, attribute: String, value: T },
    /// The first entry's values become a variable; several are joined by `;`.
    LdapRead { directory: Directory, filter: T, attribute: String, variable: String },
    /// A reply from each recipient to the sender (RFC 3834); commands in its block act on the reply.
    Autoreply { template: String, fields: Vec<(String, T)> },
    /// Level 0 (debug) to 7 (emergency).
    Log { level: u8, text: T },
    /// Is the current user in all of these groups?
    MemberOf { groups: Vec<String> },
    /// Mails a template.
    Notify { to: Receiver<T>, template: String, headers: bool, fields: Vec<(String, T)> },
    /// Is there an attachment of one of these types? `delete` takes it out; `archives`: also in files.
    PartOfType { types: Selection, delete: bool, archives: bool },
    /// Is the mail, as it now is, encrypted by OpenPGP as a whole? By structure.
    PgpEncrypted,
    /// Splits. Does what is encrypted by OpenPGP name a key that this recipient owns, or nobody? Uses no key.
    PgpKeyKnown,
    /// Are there OpenPGP keys: for all, or (`auto`, splits) for each?
    PgpKeysAvail { mode: Coverage },
    /// Is the mail, as it now is, signed by OpenPGP? By structure; what was opened just now counts.
    PgpSigned,
    /// Recipients that fit get new addresses; see [`crate::replaced`]. Each of `to` still holds escapes and groups.
    ReplaceRcpt { pattern: Option<P>, to: Vec<T> },
    /// Does it fit every recipient of the group?
    RMatch { pattern: P },
    /// Splits. Does it fit the recipient?
    RMatchSplit { pattern: P },
    /// Removes all such fields.
    RmHeader { name: String },
    /// Changes the first such field, or adds one.
    SetHeader { name: String, text: T },
    /// Sets or removes the Sensitivity field.
    SetSensitivity { value: Sensitivity },
    /// An attribute of the current user's account.
    SetUserAttr { name: &'static str, value: T },
    /// Company signature (M-C10): with a domain certificate, named by its address.
    SignCompany { certificate: T, prefix: T, suffix: T },
    /// Signs with the current user's certificate.
    SignSmime,
    /// Is the mail, as it now is, encrypted? By structure.
    SmimeEncrypted,
    /// Splits. Does the mail name a key that this recipient owns? Uses no key.
    SmimeKeyKnown,
    /// Are there certificates: for all, or (`auto`, splits) for each?
    SmimeKeysAvail { mode: Coverage },
    /// Is the mail, as it now is, signed? By structure.
    SmimeSigned,
    /// Appends to the subject, not twice.
    TagSubject { text: T },
    /// Is there a virus in it?
    VScan { mode: ScanMode, archives: bool },
    /// Is the spam score at least `reject`? From `mark` on the tag is put into the subject.
    IsSpam { mark: u32, tag: T, reject: u32 },
    /// Is the signature `valid`? `save`: the verified signer's certificate is kept.
    ValidateSmimeSig { save: bool },
}

/// Operator and value of `compare` and `compareattr`. Values are compared without TAB, CR, LF, FF: [`clean`].
#[derive(Debug, Clone)]
pub enum Comparison<T = String, P = Arc<Regex>> {
    /// Minds case.
    Equal(T),
    /// Found anywhere, without regard to case.
    Match(P),
    /// As match; what fitted is removed. Whoever removes takes look-alikes too (CVE-2026-29141, 29144).
    Substitute(P),
    /// The value is empty: yes, with a warning in the log.
    Anything,
}

/// `strict` or `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// All recipients, or no.
    Strict,
    /// Each recipient by itself: splits.
    Auto,
}

/// What `vscan` does with what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanMode {
    /// Says it.
    Info,
    /// Puts a notice in its place; `clean` too, as no engine gives us anything cleaned (M-P4).
    Delete,
}

/// The word that goes into the Sensitivity field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    /// `Company-Confidential`.
    Confidential,
    /// `Private`.
    Private,
    /// The field is removed.
    Removed,
}

/// To whom `notify` writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receiver<T = String> {
    /// The envelope sender.
    Sender,
    /// The postmaster.
    Admin,
    /// This address.
    Address(T),
}

/// How a group ends by command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the arguments of ruleset-language.md, under the same names")]
pub(crate) enum Ending<T> {
    Bounce { template: String, headers: bool },
    Deliver { server: Option<T> },
    Drop { code: u16, text: T },
    Reprocess,
}

/// What the evaluator does with a command.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    Ask(Command<Text, Pattern>),
    SetVar { name: String, value: Text },
    CompareAttr { name: String, how: Comparison<Text, Pattern> },
    End(Ending<Text>),
}

/// Removes TAB, CR, LF and FF, as `compare` does before it looks.
#[must_use]
pub fn clean(value: &str) -> String {
    value.chars().filter(|c| !matches!(c, '\t' | '\r' | '\n' | '\u{c}')).collect()
}

impl Comparison {
    /// Does this value fit? For [`Comparison::Substitute`]: would something be removed?
    #[must_use]
    pub fn fits(&self, value: &str) -> bool {
        let value = clean(value);
        match self {
            Self::Equal(wanted) => value == *wanted,
            Self::Match(pattern) | Self::Substitute(pattern) => pattern.is_match(&value),
            Self::Anything => true,
        }
    }

    /// The value without what fitted, cleaned, without leading blanks; `None` if nothing is to be removed.
    ///
    /// Repeated until nothing more fits, so that removing `[x]` from `[[x]x]` leaves no `[x]`.
    #[must_use]
    pub fn removed(&self, value: &str) -> Option<String> {
        let Self::Substitute(pattern) = self else { return None };
        let mut value = clean(value);
        if !pattern.is_match(&value) {
            return None;
        }
        loop {
            let shorter = pattern.replace_all(&value, "").into_owned();
            if shorter.len() == value.len() {
                return Some(value.trim_start().to_owned());
            }
            value = shorter;
        }
    }
}

impl<T, P> Command<T, P> {
    /// The name as the language writes it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AddReport { .. } => "add_report",
            Self::Archive { .. } => "archive",
            Self::Attach { .. } => "attach",
            Self::AttachPgpKey => "attachpgpkey",
            Self::Authenticated { .. } => "authenticated",
            Self::Autoreply { .. } => "autoreply",
            Self::Compare { .. } => "compare",
            Self::CompareBody { .. } => "comparebody",
            Self::CreateAccount { .. } => "createaccount",
            Self::CreateKeys { .. } => "createkeys",
            Self::DecryptPgp => "decrypt_pgp",
            Self::DecryptSmime => "decrypt_smime",
            Self::DeletePgpSig => "delete_pgp_sig",
            Self::DeleteSmimeSig => "delete_smime_sig",
            Self::Disclaimer { .. } => "disclaimer",
            Self::EncryptPgp { .. } => "encrypt_pgp",
            Self::EncryptSmime => "encrypt_smime",
            Self::HasSmimeKey => "has_smime_key",
            Self::Incoming => "incoming",
            Self::IsCalendar => "iscalendar",
            Self::LdapCompare { .. } => "ldap_compare",
            Self::LdapRead { .. } => "ldap_read",
            Self::Log { .. } => "log",
            Self::MemberOf { .. } => "member_of",
            Self::Notify { .. } => "notify",
            Self::PartOfType { .. } => "partoftype",
            Self::PgpEncrypted => "pgp_encrypted",
            Self::PgpKeyKnown => "pgp_key_known",
            Self::PgpKeysAvail { .. } => "pgp_keys_avail",
            Self::PgpSigned => "pgp_signed",
            Self::ReplaceRcpt { .. } => "replace_rcpt",
            Self::RMatch { .. } => "rmatch",
            Self::RMatchSplit { .. } => "rmatchsplit",
            Self::RmHeader { .. } => "rmheader",
            Self::SetHeader { .. } => "setheader",
            Self::SetSensitivity { .. } => "set_sensitivity",
            Self::SetUserAttr { .. } => "setuserattr",
            Self::SignCompany { .. } | Self::SignSmime => "sign_smime",
            Self::SmimeEncrypted => "smime_encrypted",
            Self::SmimeKeyKnown => "smime_key_known",
            Self::SmimeKeysAvail { .. } => "smime_keys_avail",
            Self::SmimeSigned => "smime_signed",
            Self::TagSubject { .. } => "tag_subject",
            Self::VScan { .. } => "vscan",
            Self::IsSpam { .. } => "isspam",
            Self::ValidateSmimeSig { .. } => "validate_smime_sig",
        }
    }

    /// True if its answer may differ between the recipients of a group.
    #[must_use]
    pub const fn splits(&self) -> bool {
        matches!(
            self,
            Self::DecryptPgp
                | Self::DecryptSmime
                | Self::EncryptPgp { .. }
                | Self::PgpKeyKnown
                | Self::PgpKeysAvail { mode: Coverage::Auto }
                | Self::EncryptSmime
                | Self::Incoming
                | Self::RMatchSplit { .. }
                | Self::SmimeKeyKnown
                | Self::SmimeKeysAvail { mode: Coverage::Auto }
        )
    }

    /// True if it looks at what the mail holds: of what a later decrypt command opens it sees nothing (M-P9).
    #[must_use]
    pub const fn scans(&self) -> bool {
        matches!(self, Self::PartOfType { .. } | Self::VScan { .. } | Self::IsSpam { .. })
    }

    /// True if it uses private keys of recipients, so that nothing after it may show on the wire (X-3).
    #[must_use]
    pub const fn decrypts(&self) -> bool {
        matches!(self, Self::DecryptSmime | Self::DecryptPgp)
    }
}

/// Values of variables, by name.
pub(crate) type Values<'v> = &'v dyn Fn(&str) -> Option<String>;

impl Command<Text, Pattern> {
    /// The same with the values in it.
    pub(crate) fn expand(&self, values: Values<'_>) -> Result<Command, PatternError> {
        let text = |t: &Text| t.expand(values, str::to_owned);
        Ok(match self {
            Self::AddReport { name, text: t } => Command::AddReport { name: name.clone(), text: t.as_ref().map(text) },
            Self::Archive { address } => Command::Archive { address: text(address) },
            Self::Attach { name, content_id, content_type } => {
                Command::Attach { name: name.clone(), content_id: content_id.clone(), content_type: content_type.clone() }
            }
            Self::Authenticated { header } => Command::Authenticated { header: *header },
            Self::Autoreply { template, fields } => Command::Autoreply {
                template: template.clone(),
                fields: fields.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            },
            Self::Compare { header, how } => Command::Compare { header: header.clone(), how: how.expand(values)? },
            Self::CompareBody { pattern } => Command::CompareBody { pattern: pattern.expand(values)? },
            Self::CreateAccount { keys, user_id, name } => {
                Command::CreateAccount { keys: keys.clone(), user_id: user_id.as_ref().map(text), name: name.as_ref().map(text) }
            }
            Self::CreateKeys { keys, go_on } => Command::CreateKeys { keys: keys.clone(), go_on: *go_on },
            Self::AttachPgpKey => Command::AttachPgpKey,
            Self::DecryptPgp => Command::DecryptPgp,
            Self::EncryptPgp { sign, address } => Command::EncryptPgp { sign: *sign, address: address.as_ref().map(text) },
            Self::PgpEncrypted => Command::PgpEncrypted,
            Self::PgpKeyKnown => Command::PgpKeyKnown,
            Self::PgpKeysAvail { mode } => Command::PgpKeysAvail { mode: *mode },
            Self::PgpSigned => Command::PgpSigned,
            Self::DecryptSmime => Command::DecryptSmime,
            Self::DeletePgpSig => Command::DeletePgpSig,
            Self::DeleteSmimeSig => Command::DeleteSmimeSig,
            Self::Disclaimer { name, top } => Command::Disclaimer { name: name.clone(), top: *top },
            Self::EncryptSmime => Command::EncryptSmime,
            Self::HasSmimeKey => Command::HasSmimeKey,
            Self::Incoming => Command::Incoming,
            Self::IsCalendar => Command::IsCalendar,
            Self::LdapCompare { directory, filter, attribute, value } => Command::LdapCompare {
                directory: directory.clone(),
                filter: filter.expand(values, directory::escaped),
                attribute: attribute.clone(),
                value: text(value),
            },
            Self::LdapRead { directory, filter, attribute, variable } => Command::LdapRead {
                directory: directory.clone(),
                filter: filter.expand(values, directory::escaped),
                attribute: attribute.clone(),
                variable: variable.clone(),
            },
            Self::MemberOf { groups } => Command::MemberOf { groups: groups.clone() },
            Self::Log { level, text: t } => Command::Log { level: *level, text: text(t) },
            Self::Notify { to, template, headers, fields } => Command::Notify {
                to: match to {
                    Receiver::Sender => Receiver::Sender,
                    Receiver::Admin => Receiver::Admin,
                    Receiver::Address(address) => Receiver::Address(text(address)),
                },
                template: template.clone(),
                headers: *headers,
                fields: fields.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            },
            Self::PartOfType { types, delete, archives } => {
                Command::PartOfType { types: types.clone(), delete: *delete, archives: *archives }
            }
            Self::ReplaceRcpt { pattern, to } => Command::ReplaceRcpt {
                pattern: pattern.as_ref().map(|pattern| pattern.expand(values)).transpose()?,
                to: to.iter().map(|new| new.expand(values, replace::escaped)).collect(),
            },
            Self::RMatch { pattern } => Command::RMatch { pattern: pattern.expand(values)? },
            Self::RMatchSplit { pattern } => Command::RMatchSplit { pattern: pattern.expand(values)? },
            Self::RmHeader { name } => Command::RmHeader { name: name.clone() },
            Self::SetHeader { name, text: t } => Command::SetHeader { name: name.clone(), text: text(t) },
            Self::SetSensitivity { value } => Command::SetSensitivity { value: *value },
            Self::SetUserAttr { name, value } => Command::SetUserAttr { name, value: text(value) },
            Self::SignCompany { certificate, prefix, suffix } => {
                Command::SignCompany { certificate: text(certificate), prefix: text(prefix), suffix: text(suffix) }
            }
            Self::SignSmime => Command::SignSmime,
            Self::SmimeEncrypted => Command::SmimeEncrypted,
            Self::SmimeKeyKnown => Command::SmimeKeyKnown,
            Self::SmimeKeysAvail { mode } => Command::SmimeKeysAvail { mode: *mode },
            Self::SmimeSigned => Command::SmimeSigned,
            Self::TagSubject { text: t } => Command::TagSubject { text: text(t) },
            Self::VScan { mode, archives } => Command::VScan { mode: *mode, archives: *archives },
            Self::IsSpam { mark, tag, reject } => Command::IsSpam { mark: *mark, tag: text(tag), reject: *reject },
            Self::ValidateSmimeSig { save } => Command::ValidateSmimeSig { save: *save },
        })
    }
}

impl Comparison<Text, Pattern> {
    /// The same with the values in it.
    pub(crate) fn expand(&self, values: Values<'_>) -> Result<Comparison, PatternError> {
        Ok(match self {
            Self::Equal(text) => Comparison::Equal(text.expand(values, str::to_owned)),
            Self::Match(pattern) => Comparison::Match(pattern.expand(values)?),
            Self::Substitute(pattern) => Comparison::Substitute(pattern.expand(values)?),
            Self::Anything => Comparison::Anything,
        })
    }
}

impl Action {
    /// The name as the language writes it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Ask(command) => command.name(),
            Self::SetVar { .. } => "setvar",
            Self::CompareAttr { .. } => "compareattr",
            Self::End(Ending::Bounce { .. }) => "bounce",
            Self::End(Ending::Deliver { .. }) => "deliver",
            Self::End(Ending::Drop { .. }) => "drop",
            Self::End(Ending::Reprocess) => "reprocess",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cve_2026_29141_removing_a_mark_leaves_no_mark() {
        let substitute = Comparison::Substitute(Arc::new(Regex::new(r"(?i)\s*\[signed\s*OK\]").unwrap()));
        assert_eq!(substitute.removed("[signed [signed OK]OK] Invoice").as_deref(), Some("Invoice"));
        assert_eq!(substitute.removed("Invoice [SIGNED ok]").as_deref(), Some("Invoice"));
        assert_eq!(substitute.removed("Invoice\r\n [sig\tned OK]").as_deref(), Some("Invoice"), "folding hides nothing");
        assert_eq!(substitute.removed("Invoice"), None);
        assert!(Comparison::Substitute(Arc::new(Regex::new("").unwrap())).removed("x").is_some(), "an empty match ends");
    }
}
