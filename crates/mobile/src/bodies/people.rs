//! The step of certificates (G-24): ResolveRecipients and ValidateCert, where a configuration names a directory.
//!
//! A mail client asks by ResolveRecipients for the certificates of whom it writes to (MS-ASCMD §2.2.1.15). What the directory has is
//! given at once if nothing else is asked; otherwise the mail server is asked too, and the directory fills in what its answer
//! lacks. ValidateCert (§2.2.1.22) goes to the mail server; where it distrusts who issued a certificate that the company's own directory publishes for its
//! address, that counts as valid. A server that knows neither command is stood in for: by the directory, and by the roots
//! that the site trusts.

use std::sync::Arc;

use activesync::Command;
use activesync::tags::{resolve, validate};
use activesync::views::people::{Asked as Wish, asked as wished, resolved, to_validate};
use activesync::wbxml::{Document, EditError, Edits, Fragment, Writer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crypto::pki::{Certificate, ChainVerdict};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use model::Fault;

use super::{Upward, of_phone, of_server};
use crate::answer::wbxml;
use crate::gate::MobileGate;
use crate::identify::Asked;

/// Recipients of one request (MS-ASCMD §2.2.3.182); more are the mail server's alone.
const RECIPIENTS: usize = 20;
/// Certificates that are checked in one request, those of the chain included.
const CHECKED: usize = 20;

/// `CertificateRetrieval`: whole certificates. The short form is Microsoft's own; it is the mail server's to give.
const WHOLE: u64 = 2;

/// ValidateCert (§2.2.3.177.20).
mod status {
    pub(super) const VALID: u8 = 1;
    pub(super) const UNTRUSTED: u8 = 4;
    pub(super) const CHAIN: u8 = 5;
    pub(super) const EXPIRED: u8 = 7;
    pub(super) const UNREADABLE: u8 = 10;
    pub(super) const UNKNOWN_REVOCATION: u8 = 14;
    pub(super) const SERVER_ERROR: u8 = 17;
}

/// One recipient that was asked for, and what the directory has of it.
#[derive(Debug)]
struct Sought {
    to: String,
    certificates: Vec<Certificate>,
}

/// What is known of one certificate that is to be checked.
#[derive(Debug, Clone, Copy)]
struct Checked {
    /// The directory publishes it for its address, and it is in its time.
    published: bool,
    /// What is said where the mail server does not know the command.
    status: u8,
}

#[derive(Debug)]
enum Work {
    Nothing,
    Recipients(Vec<Sought>),
    Certificates(Vec<Checked>),
}

/// The step for one request.
#[derive(Debug)]
pub(crate) struct Step {
    command: Command,
    work: Work,
}

impl Step {
    /// `None` where no directory is named, and for all other commands.
    pub(super) fn of(asked: &Asked) -> Option<Self> {
        let command = asked.command.filter(|command| matches!(command, Command::ResolveRecipients | Command::ValidateCert))?;
        (!asked.gateway.smime_lookup.is_none()).then_some(Self { command, work: Work::Nothing })
    }

    /// Asked after [`Step::request`].
    pub(super) fn reads_answer(&self) -> bool {
        !matches!(self.work, Work::Nothing)
    }

    /// The request on its way up; looks up what it asks for. Runs where waiting harms nobody.
    ///
    /// # Errors
    /// The phone's fault: a body that can't be read.
    pub(super) fn request(&mut self, gate: &MobileGate, asked: &Asked, body: Bytes) -> Result<Upward, Fault> {
        if body.is_empty() {
            return Ok(Upward::Pass(body));
        }
        let document = of_phone(&body)?;
        if self.command == Command::ValidateCert {
            self.work = Work::Certificates(checked(gate, asked, &document));
            return Ok(Upward::Pass(body));
        }
        let Some(wish) = wished(&document).filter(|wish| (1..=RECIPIENTS).contains(&wish.to.len())) else { return Ok(Upward::Pass(body)) };
        let options = Options::of(&document, &wish);
        if !options.whole {
            return Ok(Upward::Pass(body));
        }
        let names: Vec<String> = wish.to.iter().map(|to| to.text().into_owned()).collect();
        let found = look_up(gate, asked, &names);
        let sought: Vec<Sought> = names
            .into_iter()
            .zip(found)
            .map(|(to, found)| Sought { to, certificates: found.iter().take(options.most).cloned().collect() })
            .collect();
        if options.alone && sought.iter().all(|one| !one.certificates.is_empty()) {
            return Ok(Upward::Answered(Box::new(wbxml(own_answer(&sought)))));
        }
        self.work = Work::Recipients(sought);
        Ok(Upward::Pass(body))
    }

    /// The answer on its way down. One that can't be read, or says nothing (SOGo's), is stood in for.
    pub(super) fn answer(&self, body: Bytes, headers: &mut HeaderMap) -> Bytes {
        let Ok(document) = of_server(&body) else {
            let Some(own) = self.instead(StatusCode::NOT_IMPLEMENTED) else { return body };
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(activesync::answer::CONTENT_TYPE));
            return own;
        };
        let changed = match &self.work {
            Work::Nothing => Ok(None),
            Work::Recipients(sought) => filled(&document, sought),
            Work::Certificates(checked) => vouched(&document, checked),
        };
        match changed {
            Ok(Some(changed)) => changed,
            Ok(None) => body,
            Err(wrong) => {
                tracing::debug!(%wrong, "an answer about certificates stays as it is");
                body
            }
        }
    }

    /// What is said in place of a mail server that does not know the command; `None` for every other answer.
    pub(super) fn instead(&self, status: StatusCode) -> Option<Bytes> {
        let unknown = [
            StatusCode::BAD_REQUEST,
            StatusCode::NOT_FOUND,
            StatusCode::METHOD_NOT_ALLOWED,
            StatusCode::INTERNAL_SERVER_ERROR,
            StatusCode::NOT_IMPLEMENTED,
        ];
        if !unknown.contains(&status) {
            return None;
        }
        match &self.work {
            Work::Nothing => None,
            Work::Recipients(sought) => Some(own_answer(sought).into()),
            Work::Certificates(checked) => Some(own_verdicts(checked).into()),
        }
    }
}

/// What a ResolveRecipients asks for besides names.
struct Options {
    /// Whole certificates.
    whole: bool,
    /// Certificates of one recipient at most.
    most: usize,
    /// Nothing but certificates.
    alone: bool,
}

impl Options {
    fn of(document: &Document, wish: &Wish<'_>) -> Self {
        let options = document.root().and_then(|root| root.child(resolve::OPTIONS));
        let number = |tag| options.and_then(|options| options.number_of(tag));
        let about = [resolve::CERTIFICATE_RETRIEVAL, resolve::MAX_CERTIFICATES, resolve::MAX_AMBIGUOUS_RECIPIENTS];
        Self {
            whole: wish.certificates && number(resolve::CERTIFICATE_RETRIEVAL) == Some(WHOLE),
            most: number(resolve::MAX_CERTIFICATES).and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX),
            alone: options.is_some_and(|options| options.children().all(|child| about.contains(&child.tag()))),
        }
    }
}

/// Asks the directory. The caller is on a thread that may wait.
fn look_up(gate: &MobileGate, asked: &Asked, names: &[String]) -> Vec<Arc<Vec<Certificate>>> {
    tokio::runtime::Handle::current().block_on(gate.directories.find(gate, &asked.gateway, names))
}

fn checked(gate: &MobileGate, asked: &Asked, document: &Document) -> Vec<Checked> {
    let root = document.root();
    let leaves = root.and_then(|root| root.child(validate::CERTIFICATES)).map_or(0, |list| list.all(validate::CERTIFICATE).count());
    let all: Vec<_> = to_validate(document).iter().take(CHECKED).map(|one| read(&one.text())).collect();
    let (leaves, chain) = all.split_at(leaves.min(all.len()));
    let chain: Vec<Certificate> = chain.iter().flatten().cloned().collect();
    let revocation = root.and_then(|root| root.number_of(validate::CHECK_CRL)) == Some(1);
    let now = gate.ports.clock.now();
    let trust = keyring::trust::store(&gate.ports.facts.site());
    let one = |leaf: &Option<Certificate>| {
        let Some(leaf) = leaf else { return Checked { published: false, status: status::UNREADABLE } };
        if !leaf.is_in_time(now) {
            return Checked { published: false, status: status::EXPIRED };
        }
        let names: Vec<String> = leaf.addresses().iter().take(3).map(ToString::to_string).collect();
        let published = look_up(gate, asked, &names).iter().any(|found| found.iter().any(|known| known.der() == leaf.der()));
        let trusted = published || matches!(trust.judge(leaf, &chain, now), Ok(ChainVerdict::Trusted));
        let status = match (trusted, revocation) {
            (false, _) => status::UNTRUSTED,
            (true, true) => status::UNKNOWN_REVOCATION,
            (true, false) => status::VALID,
        };
        Checked { published, status }
    };
    leaves.iter().map(one).collect()
}

fn read(text: &str) -> Option<Certificate> {
    let plain: String = text.split_whitespace().collect();
    Certificate::from_der(&STANDARD.decode(plain).ok()?).ok()
}

/// The whole answer, by the directory alone.
fn own_answer(sought: &[Sought]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.start(resolve::RESOLVE_RECIPIENTS.page, resolve::RESOLVE_RECIPIENTS.token);
    writer.start(resolve::STATUS.page, resolve::STATUS.token).text("1").end();
    let empty = writer.finish();
    let Ok(document) = of_server(&Bytes::from(empty.clone())) else { return empty };
    let mut edits = Edits::new(&document);
    for (root, one) in document.root().into_iter().flat_map(|root| sought.iter().map(move |one| (root, one))) {
        let response = if one.certificates.is_empty() { unknown(one) } else { response(one) };
        let _ = edits.append(root.id(), &response);
    }
    edits.finish().into_bytes().into()
}

/// `Status` 4: nobody is known by that name (MS-ASCMD §2.2.3.177.12).
fn unknown(one: &Sought) -> Fragment {
    Fragment::new()
        .start(resolve::RESPONSE)
        .text(resolve::TO, one.to.as_str())
        .text(resolve::STATUS, "4")
        .text(resolve::RECIPIENT_COUNT, "0")
        .end()
}

/// The answer about one recipient; 1 is the company's list.
fn response(one: &Sought) -> Fragment {
    let to = one.to.trim();
    let fragment = Fragment::new()
        .start(resolve::RESPONSE)
        .text(resolve::TO, one.to.as_str())
        .text(resolve::STATUS, "1")
        .text(resolve::RECIPIENT_COUNT, "1")
        .start(resolve::RECIPIENT)
        .text(resolve::TYPE, "1")
        .text(resolve::DISPLAY_NAME, to)
        .text(resolve::EMAIL_ADDRESS, to);
    certificates(fragment, one).end().end()
}

fn certificates(fragment: Fragment, one: &Sought) -> Fragment {
    let mut fragment = fragment
        .start(resolve::CERTIFICATES)
        .text(resolve::STATUS, "1")
        .text(resolve::CERTIFICATE_COUNT, one.certificates.len().to_string())
        .text(resolve::RECIPIENT_COUNT, "1");
    for certificate in &one.certificates {
        fragment = fragment.text(resolve::CERTIFICATE, STANDARD.encode(certificate.der()));
    }
    fragment.end()
}

/// The mail server's answer with what it lacks; `None` if it lacks nothing.
fn filled(document: &Document, sought: &[Sought]) -> Result<Option<Bytes>, EditError> {
    let Some(root) = document.root().filter(|root| root.tag() == resolve::RESOLVE_RECIPIENTS) else { return Ok(None) };
    let frames = resolved(document);
    let mut edits = Edits::new(document);
    for one in sought.iter().filter(|one| !one.certificates.is_empty()) {
        let Some(frame) = frames.iter().find(|frame| frame.to.as_deref().is_some_and(|to| to.eq_ignore_ascii_case(&one.to))) else {
            edits.append(root.id(), &response(one))?;
            continue;
        };
        match &frame.recipients[..] {
            [] => {
                edits.remove(frame.frame.id())?;
                edits.append(root.id(), &response(one))?;
            }
            [person] if person.certificates.is_empty() => {
                if let Some(list) = person.list {
                    edits.remove(list.id())?;
                }
                let list = certificates(Fragment::new(), one);
                match person.frame.child(resolve::PICTURE) {
                    Some(picture) => edits.before(picture.id(), &list)?,
                    None => edits.append(person.frame.id(), &list)?,
                }
            }
            // It knows certificates, or several people: that is for it to say.
            _ => {}
        }
    }
    Ok((!edits.is_empty()).then(|| edits.finish().into_bytes()))
}

/// The verdicts with the directory's word for what the mail server distrusts.
fn vouched(document: &Document, checked: &[Checked]) -> Result<Option<Bytes>, EditError> {
    let Some(root) = document.root().filter(|root| root.tag() == validate::VALIDATE_CERT) else { return Ok(None) };
    let mut edits = Edits::new(document);
    for (said, known) in root.all(validate::CERTIFICATE).zip(checked) {
        let Some(place) = said.child(validate::STATUS) else { continue };
        let doubts = [status::UNTRUSTED, status::CHAIN, status::SERVER_ERROR].map(u64::from);
        if known.published && place.number().is_some_and(|status| doubts.contains(&status)) {
            edits.set(place.id(), status::VALID.to_string())?;
        }
    }
    Ok((!edits.is_empty()).then(|| edits.finish().into_bytes()))
}

fn own_verdicts(checked: &[Checked]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.start(validate::VALIDATE_CERT.page, validate::VALIDATE_CERT.token);
    writer.start(validate::STATUS.page, validate::STATUS.token).text("1").end();
    for one in checked {
        writer.start(validate::CERTIFICATE.page, validate::CERTIFICATE.token);
        writer.start(validate::STATUS.page, validate::STATUS.token).text(&one.status.to_string()).end().end();
    }
    writer.finish()
}
