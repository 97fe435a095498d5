//! All that can be said of one message's protection: opened layer by layer, verified, put into one judgement.
//!
//! It is the answer of `sealgate message verify`; a gate, whose rules decide what is opened, calls [`verify`] for
//! the message as it is at that point. From is the outer one, always: what a sender protected inside may speak against it, never for it
//! (RFC 9788 §4.4, CVE-2026-27443). A signature counts at the root and covers the whole;
//! one found deeper covers a part, one inside an attached message says nothing about this one; what is encrypted
//! in part stays closed (security.md ). Nothing is opened but with the recipients' own keys: whom a layer did not
//! open for sees nothing of what is inside, so the layers below are tried only with the keys of those whom it did.

use crypto::CryptoError;
use crypto::smime::{self, SignatureFinding, SignedContent, VerifyRequest};
use message::{CmsKind, FromError, Message, Shape, protected, shape};
use model::{AddressKey, Budget, EncryptionWord, Judgement, KeyUse, KeyUseError, SignatureVerdict, Site, Timestamp, TraceId};

use crate::{choose, pgp, trust};

/// Layers that are opened or looked through (mail-gateway.md M-R9).
const LAYERS: usize = 10;

/// What the judgement depends on beside the message.
pub struct Case<'a> {
    /// Roots, keys, certificates.
    pub site: &'a Site,
    /// The private keys.
    pub keys: &'a dyn KeyUse,
    /// For the log of key uses.
    pub trace: TraceId,
    /// Whose keys may open it.
    pub recipients: &'a [AddressKey],
    /// The instant of judgement.
    pub now: Timestamp,
}

/// Judges one message.
#[must_use]
pub fn judge(message: &Message, case: &Case<'_>, budget: &Budget) -> Judgement {
    let mut walk =
        Walk { case, from: message, readers: case.recipients.to_vec(), over_cipher: false, judgement: Judgement::default(), budget };
    let mut current = message.clone();
    for _ in 0..LAYERS {
        match walk.layer(&current) {
            Some(inner) => current = inner,
            None => return walk.finish(),
        }
    }
    walk.reason("too-many-layers".to_owned());
    walk.finish()
}

/// Judges the signature of a message as it is: at the root, else of signed parts, which cover a part only.
/// [`SignatureVerdict::None`] when there is none. `outer` is the message whose From counts.
#[must_use]
pub fn verify(message: &Message, outer: &Message, site: &Site, now: Timestamp, budget: &Budget) -> SignatureFinding {
    let root = shape::of(message);
    if root.is_signed() {
        return verify_shape(message, &root, (outer, true), (site, now), budget);
    }
    if root.is_encrypted() {
        return SignatureFinding::default();
    }
    let mut worst = SignatureFinding::default();
    for (id, part) in shape::nested(message).iter().filter(|(_, part)| part.is_signed()).take(LAYERS) {
        if in_attached_message(message, id) {
            worst.reasons.push(format!("signature-in-attached-message: {id}"));
            continue;
        }
        let finding = verify_shape(message, part, (outer, false), (site, now), budget);
        if finding.verdict > worst.verdict {
            worst = SignatureFinding { content: None, ..finding };
        }
    }
    worst
}

fn verify_shape(
    message: &Message,
    shape: &Shape,
    (outer, at_root): (&Message, bool),
    (site, now): (&Site, Timestamp),
    budget: &Budget,
) -> SignatureFinding {
    let (signed, whole) = match shape {
        Shape::ClearSigned { content, signature, whole } => {
            let content = message.bytes().get(content.clone()).unwrap_or_default();
            (SignedContent::Detached { content, signature }, *whole)
        }
        Shape::Cms { der, kind: CmsKind::Signed } => (SignedContent::Opaque(der), true),
        // OpenPGP is judged by `pgp`.
        Shape::Plain | Shape::PgpSigned | Shape::PgpEncrypted | Shape::Cms { .. } => return SignatureFinding::default(),
    };
    let store = trust::store(site);
    let from = outer.author().map_err(from_word);
    let known = from.as_ref().map(|from| choose::known(site, &from.key())).unwrap_or_default();
    let request = VerifyRequest { signed, from, covers_whole: whole && at_root, trust: &store, known: &known, now };
    let mut finding = smime::verify(&request, budget);
    if request.covers_whole && finding.verdict == SignatureVerdict::Valid && from_differs(&request, finding.content.as_ref(), budget) {
        finding.add(SignatureVerdict::Mismatch, "protected-from-differs");
    }
    if outer.sole_from() == Err(FromError::SenderDiffers) {
        finding.reasons.push("sender-differs".to_owned());
    }
    finding
}

/// The signer protected a From inside (RFC 9788 §4.4), and it is another one than the message's: somebody may have put his own name on it.
fn from_differs(request: &VerifyRequest<'_>, opaque: Option<&bytes::Bytes>, budget: &Budget) -> bool {
    let content = match (request.signed, opaque) {
        (SignedContent::Detached { content, .. }, _) => bytes::Bytes::copy_from_slice(content),
        (SignedContent::Opaque(_), Some(content)) => content.clone(),
        (SignedContent::Opaque(_), None) => return false,
    };
    let inside = Message::parse(content, budget).ok().and_then(|payload| protected::read(&payload)?.author());
    match (inside, &request.from) {
        (Some(Ok(inside)), Ok(from)) => inside.key() != from.key(),
        (Some(_), _) => true,
        (None, _) => false,
    }
}

/// The judgement so far, and what each layer adds.
struct Walk<'a> {
    case: &'a Case<'a>,
    from: &'a Message,
    /// For whom every layer so far has opened.
    readers: Vec<AddressKey>,
    /// The last signature was made over what was encrypted then, and none inside was met yet.
    over_cipher: bool,
    judgement: Judgement,
    budget: &'a Budget,
}

impl Walk<'_> {
    /// Takes one layer off; `None` when the walk ends.
    fn layer(&mut self, current: &Message) -> Option<Message> {
        match shape::of(current) {
            Shape::Cms { der, kind: CmsKind::Enveloped } => self.encrypted(&der, "encrypted-smime-cbc"),
            Shape::Cms { der, kind: CmsKind::AuthEnveloped } => self.encrypted(&der, "encrypted-smime-gcm"),
            Shape::PgpEncrypted | Shape::PgpSigned | Shape::Plain => self.openpgp(current),
            Shape::ClearSigned { content, .. } => {
                self.signed(current, "signed-smime");
                self.parse(current.bytes().slice(content))
            }
            Shape::Cms { kind: CmsKind::Signed, .. } => {
                let content = self.signed(current, "signed-smime").content?;
                self.parse(content)
            }
        }
    }

    /// OpenPGP at the root or in parts; else S/MIME in parts.
    fn openpgp(&mut self, current: &Message) -> Option<Message> {
        let owners: Vec<_> = self.readers.iter().map(|reader| pgp::own(self.case.site, std::slice::from_ref(reader))).collect();
        let Case { site, keys, trace, now, .. } = *self.case;
        let case = pgp::Case { site, outer: self.from, keys, trace, now, budget: self.budget };
        let treated = match pgp::treat(current, &owners, &case) {
            Ok(treated) => treated,
            Err(error) => {
                self.judgement.encryption = EncryptionWord::Failed;
                self.reason(open_word(&error).to_owned());
                return None;
            }
        };
        if treated.encrypted {
            self.over_cipher |= treated.whole && self.judgement.layers.last().is_some_and(|layer| layer.starts_with("signed"));
            self.judgement.layers.push("encrypted-pgp".to_owned());
            self.judgement.encryption = if treated.closed.is_empty() { EncryptionWord::Pgp } else { EncryptionWord::Failed };
            if treated.bytes.is_some() {
                self.keep_readers(&treated.theirs);
            }
        }
        treated.closed.iter().for_each(|reason| self.reason(reason.clone()));
        if let Some(finding) = treated.finding.clone() {
            self.judgement.layers.push("signed-pgp".to_owned());
            self.over_cipher = false;
            let crypto::openpgp::Finding { verdict, signer, reasons } = finding;
            self.take(&SignatureFinding { verdict, signer, reasons, ..SignatureFinding::default() });
        }
        match (treated.bytes, shape::of(current), current.root().children.first()) {
            (Some(bytes), ..) if treated.whole => self.parse(bytes),
            (None, Shape::PgpSigned, Some(content)) => self.parse(current.bytes().slice(content.entity_range())),
            _ if treated.encrypted || treated.finding.is_some() => None,
            _ => {
                self.parts(current);
                None
            }
        }
    }

    /// A signature over a cipher text says who sent that, not who wrote what is inside (security.md X-2).
    fn finish(mut self) -> Judgement {
        if self.over_cipher && self.judgement.signature == SignatureVerdict::Valid {
            self.judgement.signature = SignatureVerdict::Partial;
            self.reason("signature-over-ciphertext".to_owned());
        }
        self.judgement
    }

    fn signed(&mut self, current: &Message, layer: &str) -> SignatureFinding {
        let finding = verify(current, self.from, self.case.site, self.case.now, self.budget);
        // Certificates alone, sent to be kept, are no signature.
        if finding.verdict != SignatureVerdict::None {
            self.judgement.layers.push(layer.to_owned());
            self.over_cipher = false;
        }
        self.take(&finding);
        finding
    }

    /// Signed or encrypted parts of a message that is neither as a whole.
    fn parts(&mut self, current: &Message) {
        let finding = verify(current, self.from, self.case.site, self.case.now, self.budget);
        if finding.verdict != SignatureVerdict::None {
            self.judgement.layers.push("signed-part".to_owned());
        }
        self.take(&finding);
        for (id, part) in shape::nested(current) {
            if part.is_encrypted() {
                self.reason(format!("encrypted-part-stays-closed: {id}"));
            }
        }
    }

    fn take(&mut self, finding: &SignatureFinding) {
        self.judgement.signature = self.judgement.signature.max(finding.verdict);
        if self.judgement.signer.is_none() {
            self.judgement.signer.clone_from(&finding.signer);
        }
        for reason in &finding.reasons {
            self.reason(reason.clone());
        }
    }

    fn encrypted(&mut self, der: &[u8], layer: &str) -> Option<Message> {
        let below_signature = self.judgement.layers.last().is_some_and(|last| last == "signed-smime");
        self.judgement.layers.push(layer.to_owned());
        let owners: Vec<_> = self.readers.iter().map(|reader| choose::own(self.case.site, std::slice::from_ref(reader))).collect();
        match smime::open_for(der, &owners, self.case.keys, self.case.trace, self.budget) {
            Ok((opened, theirs)) => {
                self.judgement.encryption = EncryptionWord::Smime;
                self.over_cipher |= below_signature;
                self.keep_readers(&theirs);
                if !opened.authenticated {
                    self.reason("unauthenticated".to_owned());
                }
                self.parse(opened.entity)
            }
            Err(error) => {
                self.judgement.encryption = EncryptionWord::Failed;
                self.reason(open_word(&error).to_owned());
                None
            }
        }
    }

    fn keep_readers(&mut self, theirs: &[bool]) {
        let mut theirs = theirs.iter();
        let mut closed = Vec::new();
        self.readers.retain(|reader| {
            let is_theirs = theirs.next() == Some(&true);
            if !is_theirs {
                closed.push(format!("closed-for: {}", reader.as_str()));
            }
            is_theirs
        });
        closed.into_iter().for_each(|reason| self.reason(reason));
    }

    fn parse(&mut self, entity: bytes::Bytes) -> Option<Message> {
        match Message::parse(entity, self.budget) {
            Ok(inner) => Some(inner),
            Err(error) => {
                self.reason(format!("content-unreadable: {error}"));
                None
            }
        }
    }

    fn reason(&mut self, reason: String) {
        if !self.judgement.reasons.contains(&reason) {
            self.judgement.reasons.push(reason);
        }
    }
}

/// Why it stayed closed, as far as it may be said: nothing here depends on what a key gave.
fn open_word(error: &CryptoError) -> &'static str {
    match error {
        CryptoError::NoKey | CryptoError::Key(KeyUseError::UnknownKey) => "no-key",
        CryptoError::Unsupported(_) => "algorithm-not-supported",
        CryptoError::Malformed(_) => "cms-malformed",
        CryptoError::Budget(_) => "too-costly",
        CryptoError::Key(KeyUseError::Unavailable(_)) => "vault-not-available",
        _ => "cannot-open",
    }
}

pub(crate) const fn from_word(error: FromError) -> &'static str {
    match error {
        FromError::Missing => "from-missing",
        FromError::Several => "from-several",
        FromError::Unreadable => "from-unreadable",
        FromError::SenderDiffers => "sender-differs",
    }
}

/// True if one of the parts around this one is an attached message.
fn in_attached_message(message: &Message, id: &str) -> bool {
    id.match_indices('.').filter_map(|(at, _)| message.part(id.get(..at)?)).any(|part| part.content_type.kind == "message")
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
