//! Mails that the gateway writes itself because of a rule: bounces by template, notices, word about dropped recipients.
//!
//! From the postmaster, null envelope sender, `Auto-Submitted` (RFC 3834). Never the body of the mail that caused them: header
//! lines at most, as they came, and only as an attachment: what was opened, found or tagged here shows in none of them
//! (X-3). Never to a null sender (X-12).

use std::collections::BTreeMap;
use std::fmt::Write;

use bytes::Bytes;
use message::Message;
use message::build::{Builder, Entity};
use model::{Address, Budget, Envelope, Fault, Guilty, Language, Output, Recipient, Site};

use crate::state::{MailState, Work};

/// Between the same words in two languages.
const BETWEEN: &str = "\n\n--\n\n";

/// Address of the postmaster: the setting, else `postmaster@` the first managed domain or our host.
#[must_use]
pub fn postmaster(site: &Site) -> String {
    if !site.mail.postmaster.is_empty() {
        return site.mail.postmaster.clone();
    }
    let domain = site.domains.keys().min().cloned();
    format!("postmaster@{}", domain.unwrap_or_else(|| site.mail.hostname.clone()))
}

/// Sender and recipients on one line, for archive copies; what would part them on this line is percent-encoded in an address
/// (as RFC 6068 §2 does it), so that none reads like two.
#[must_use]
pub fn envelope_line(envelope: &Envelope) -> String {
    let to: Vec<String> = envelope.recipients.iter().map(|r| encoded(&r.address)).collect();
    format!("from=<{}>; to=<{}>", envelope.sender.as_ref().map(encoded).unwrap_or_default(), to.join(">,<"))
}

fn encoded(address: &Address) -> String {
    let mut text = String::with_capacity(address.as_str().len());
    for c in address.local().chars() {
        match c {
            '"' | '%' | '(' | ')' | ',' | ':' | ';' | '<' | '>' | '@' | '[' | '\\' | ']' | '\0'..=' ' | '\x7f' => {
                // All of these are one octet; writing to a String can't fail.
                let _ = write!(text, "%{:02X}", u32::from(c));
            }
            other => text.push(other),
        }
    }
    text.push('@');
    text.push_str(address.domain());
    text
}

/// The bounce of a rule, to the sender.
///
/// # Errors
/// `template-failed` when the template can't be rendered.
pub fn bounce(
    work: &Work,
    state: &MailState,
    template: &str,
    headers: bool,
    sender: &Address,
    failed: &[Address],
) -> Result<Output, Fault> {
    let names: Vec<&str> = failed.iter().map(Address::as_str).collect();
    write(work, state, template, sender, headers, &names.join(", "))
}

/// A notice by template, to anybody.
///
/// # Errors
/// `template-failed` when the template can't be rendered.
pub fn from_template(work: &Work, state: &MailState, template: &str, to: &Address, headers: bool) -> Result<Output, Fault> {
    let all: Vec<&str> = work.envelope.recipients.iter().map(|r| r.address.as_str()).collect();
    write(work, state, template, to, headers, &all.join(", "))
}

/// A reply in the name of a recipient (RFC 3834 §3): to the sender, about this mail.
///
/// # Errors
/// `template-failed` when the template can't be rendered.
pub fn reply(work: &Work, state: &MailState, template: &str, from: &Address, to: &Address) -> Result<Bytes, Fault> {
    let rendered = render(work, state, template, to, from.as_str())?;
    let subject = rendered.first().map_or_else(String::new, |mail| mail.subject().to_owned());
    let text = in_all_languages(&rendered);
    let content = builder(work, to, &subject, &text).finish();
    let came = Message::parse(state.came.clone(), &work.budget).map_err(Fault::from)?;
    let mut edit = Message::parse(content, &work.budget).map_err(Fault::from)?.edit();
    edit.set("From", from.as_str());
    if let Some(id) = came.message_id() {
        edit.set("In-Reply-To", &format!("<{id}>")).set("References", &format!("<{id}>"));
    }
    Ok(edit.finish())
}

/// Tells an authenticated sender which recipients a rule dropped.
///
/// # Errors
/// When the text can't be written.
pub fn dropped(work: &Work, recipients: &[Address], hostname: &str) -> Result<Option<Output>, Fault> {
    let Some(sender) = work.envelope.sender.as_ref().filter(|_| !recipients.is_empty()) else {
        return Ok(None);
    };
    let names: Vec<&str> = recipients.iter().map(Address::as_str).collect();
    let args = [("recipients", names.join(", ")), ("hostname", hostname.to_owned())];
    let (subject, text) = said(&work.site, sender, ("notice-dropped-subject", "notice-dropped-text"), &args);
    Ok(Some(mail(work, sender, &subject, &text, None)))
}

/// A message that a user attached to have it opened, and that stayed closed: as it was, with one fixed notice (M-R7a).
#[must_use]
pub fn not_opened(work: &Work, user: &Address, content: &Bytes) -> Output {
    let (subject, text) = said(&work.site, user, ("reprocess-closed-subject", "reprocess-closed-text"), &[]);
    let mail = builder(work, user, &subject, &text).part(Entity::message(content)).finish();
    Output { opened: true, inside: true, ..Output::own(Recipient::plain(user.clone()), mail) }
}

/// Subject and text for this person: in their language, else all four texts under an English subject (M-R8).
fn said(site: &Site, to: &Address, (subject, text): (&str, &str), args: &[(&str, String)]) -> (String, String) {
    let known = site.language_of(to);
    let languages = known.map_or_else(|| Language::ALL.to_vec(), |language| vec![language]);
    let subject = texts::text(known.unwrap_or_default(), subject, args);
    let all: Vec<String> = languages.into_iter().map(|language| texts::text(language, text, args).trim_end().to_owned()).collect();
    (subject, all.join(BETWEEN))
}

fn write(work: &Work, state: &MailState, template: &str, to: &Address, headers: bool, recipients: &str) -> Result<Output, Fault> {
    let rendered = render(work, state, template, to, recipients)?;
    let subject = rendered.first().map_or_else(String::new, |mail| mail.subject().to_owned());
    let text = in_all_languages(&rendered);
    let attached = headers.then(|| state.came.clone());
    Ok(mail(work, to, &subject, &text, attached))
}

fn render(work: &Work, state: &MailState, name: &str, to: &Address, recipients: &str) -> Result<Vec<texts::RenderedMail>, Fault> {
    let came = Message::parse(state.came.clone(), &work.budget).map_err(Fault::from)?;
    by_template(&work.site, name, to, &values(work, &came, recipients))
}

/// The text of a mail that was rendered in one language or in several.
pub(crate) fn in_all_languages(rendered: &[texts::RenderedMail]) -> String {
    rendered.iter().map(|mail| mail.text.trim_end()).collect::<Vec<_>>().join(BETWEEN)
}

/// The site's own template, or the built-in one in the language of who gets it; without a known language in all four (M-R8).
///
/// # Errors
/// `template-failed`, temporary.
pub(crate) fn by_template(
    site: &Site,
    name: &str,
    to: &Address,
    values: &BTreeMap<String, String>,
) -> Result<Vec<texts::RenderedMail>, Fault> {
    let failed = |cause: String| Fault::temporary(Guilty::Configuration, "template-failed", format!("{name}: {cause}"));
    let sources: Vec<String> = match site.templates.get(name) {
        Some(template) => vec![template.text.clone()],
        None => match site.language_of(to) {
            Some(language) => texts::mail_template(language, name).into_iter().collect(),
            None => Language::ALL.into_iter().filter_map(|language| texts::mail_template(language, name)).collect(),
        },
    };
    if sources.is_empty() {
        return Err(failed("there is no such template".to_owned()));
    }
    sources.iter().map(|source| texts::render(source, values).map_err(|e| failed(e.to_string()))).collect()
}

fn values(work: &Work, came: &Message, recipients: &str) -> BTreeMap<String, String> {
    let header = |name: &str| came.decoded_all(name).join(", ");
    let sender = work.envelope.sender.as_ref().map_or_else(String::new, ToString::to_string);
    let mut values = BTreeMap::new();
    for (name, value) in [
        ("recipients", recipients.to_owned()),
        // Whom it concerns: of a mail that was split, only those for whom this way was taken.
        ("to", recipients.to_owned()),
        ("from", sender.clone()),
        ("sender", sender),
        ("subject", header("subject")),
        ("date", header("date")),
        ("mailid", header("message-id")),
        ("header_from", header("from")),
        ("header_to", header("to")),
        ("header_cc", header("cc")),
        ("admin", postmaster(&work.site)),
        ("hostname", work.site.mail.hostname.clone()),
    ] {
        values.insert(name.to_owned(), value);
    }
    values
}

fn mail(work: &Work, to: &Address, subject: &str, text: &str, header_lines: Option<Bytes>) -> Output {
    let mut builder = builder(work, to, subject, text);
    if let Some(lines) = header_lines {
        builder = builder.part(Entity::lines("text/rfc822-headers", &lines));
    }
    Output { opened: true, ..Output::own(Recipient::plain(to.clone()), builder.finish()) }
}

/// A mail of the postmaster's that answers another (RFC 3834).
fn builder(work: &Work, to: &Address, subject: &str, text: &str) -> Builder {
    let host = if work.site.mail.hostname.is_empty() { "localhost" } else { &work.site.mail.hostname };
    Builder::new()
        .header("From", &format!("<{}>", postmaster(&work.site)))
        .mailbox("To", None, to)
        .header("Subject", subject)
        .date(work.now)
        .message_id(&format!("{}@{host}", model::TraceId::new()))
        .header("Auto-Submitted", "auto-replied")
        .text(text)
}

/// Puts the fields that `notify` asks for into a finished notice.
///
/// # Errors
/// When the notice can't be read again.
pub fn with_fields(content: &Bytes, fields: &[(String, String)], budget: &Budget) -> Result<Bytes, Fault> {
    if fields.is_empty() {
        return Ok(content.clone());
    }
    let mut edit = Message::parse(content.clone(), budget).map_err(Fault::from)?.edit();
    for (name, value) in fields {
        edit.set(name, value);
    }
    Ok(edit.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit_tests::{OURS, work};

    #[test]
    fn x_10_an_address_in_the_envelope_line_reads_like_one() {
        let quoted = r#""x>,<boss@company.example>; to=<%y \""@company.example"#;
        let work = work(OURS, "a+b=c@company.example", &["bob@partner.example", quoted]);
        assert_eq!(
            envelope_line(&work.envelope),
            "from=<a+b=c@company.example>; to=<bob@partner.example>,\
             <%22x%3E%2C%3Cboss%40company.example%3E%3B%20to=%3C%25y%20%5C%22%22@company.example>"
        );
    }
}
