//! One look at a message with OpenPGP in it: open, judge, put in place.

use std::ops::Range;

use bytes::Bytes;
use crypto::CryptoError;
use crypto::openpgp::{self, Finding, OwnPgp, Request};
use message::build::Entity;
use message::shape::pgp::{self, Block, BlockKind, Kind, Piece};
use message::{Message, Part};
use model::{AddressKey, Budget, BudgetKind, KeyUse, KeyUseError, Site, Timestamp, TraceId};

use super::{content, known};

/// What a treatment depends on beside the message.
pub struct Case<'a> {
    /// Whose keys are known.
    pub site: &'a Site,
    /// The message whose From counts: the outermost one.
    pub outer: &'a Message,
    /// The private keys.
    pub keys: &'a dyn KeyUse,
    /// For the log of key uses.
    pub trace: TraceId,
    /// The instant of judgement.
    pub now: Timestamp,
    /// What it may cost.
    pub budget: &'a Budget,
}

/// What was found and done.
#[derive(Debug, Default)]
pub struct Treated {
    /// The message with what was opened in place; `None` if nothing was.
    pub bytes: Option<Bytes>,
    /// For which owners it is so; of what opens for some of them only in part, nothing is theirs.
    pub theirs: Vec<bool>,
    /// The worst of all signatures that were seen; `None` if there was none.
    pub finding: Option<Finding>,
    /// Something was encrypted.
    pub encrypted: bool,
    /// All of the message was one encrypted piece, and it opened.
    pub whole: bool,
    /// Why a piece stayed closed; stable words, then the part.
    pub closed: Vec<String>,
    /// A private key was used.
    pub key_used: bool,
}

/// Opens for these owners what their keys open, and judges what is signed.
///
/// # Errors
/// When the budget runs out, or the vault is away.
pub fn treat(message: &Message, owners: &[Vec<OwnPgp>], case: &Case<'_>) -> Result<Treated, CryptoError> {
    let pieces = pgp::pieces(message, case.budget)?;
    let mut work = Work { message, case, owners, treated: Treated::default(), edits: Vec::new() };
    work.treated.theirs = vec![true; owners.len()];
    let active = active_beside(message, &pieces);
    for piece in &pieces {
        case.budget.time()?;
        let Some(part) = message.part(&piece.id) else { continue };
        if piece.is_encrypted() && piece.id != "1" && active {
            // Direct exfiltration: what is around a decrypted part could carry it away (security.md X-1).
            work.treated.encrypted = true;
            work.treated.closed.push(format!("active-content-beside: {}", piece.id));
            continue;
        }
        work.piece(piece, part)?;
    }
    Ok(work.finish())
}

/// True if a signature in this piece covers all that a reader is shown.
fn covers(piece: &Piece, message: &Message) -> bool {
    piece.id == "1"
        && match &piece.kind {
            Kind::Signed { whole, .. } => *whole,
            Kind::Encrypted(_) => true,
            Kind::File(_) => false,
            Kind::Text { .. } => piece.sole_block().is_some_and(|(text, block)| match block.kind {
                BlockKind::Cleartext => {
                    pgp::shows_only_signed(text.get(block.range.clone()).unwrap_or_default()) && is_plain(message.root())
                }
                BlockKind::Encrypted | BlockKind::Signed => {
                    let armour = text.get(block.range.clone()).unwrap_or_default();
                    is_plain(message.root()) && content::charset_of(armour).is_none_or(|charset| is_plain_charset(&charset))
                }
            }),
        }
}

/// Signed octets that every reader takes for the same text: neither the part's charset nor what the armour says of it is signed.
fn is_plain(part: &Part) -> bool {
    part.content_type.param("charset").is_none_or(is_plain_charset)
}

fn is_plain_charset(name: &str) -> bool {
    let plain = ["us-ascii", "ascii", "utf-8", "utf8", "iso-8859-1", "iso-8859-15", "windows-1252"];
    plain.iter().any(|charset| charset.eq_ignore_ascii_case(name.trim()))
}

/// True if something outside the pieces can load from elsewhere when it is shown.
fn active_beside(message: &Message, pieces: &[Piece]) -> bool {
    let within = |part: &Part| pieces.iter().any(|piece| part.id == piece.id || part.id.starts_with(&format!("{}.", piece.id)));
    let active = |part: &Part| {
        let of = |kind: &str, subtypes: &[&str]| part.content_type.kind == kind && subtypes.contains(&part.content_type.subtype.as_str());
        of("text", &["html", "xml", "css"]) || of("image", &["svg+xml"]) || of("application", &["xhtml+xml", "xml"])
    };
    message.parts().any(|part| active(part) && !within(part))
}

struct Work<'a> {
    message: &'a Message,
    case: &'a Case<'a>,
    owners: &'a [Vec<OwnPgp>],
    treated: Treated,
    edits: Vec<(Range<usize>, Bytes, String)>,
}

impl Work<'_> {
    fn piece(&mut self, piece: &Piece, part: &Part) -> Result<(), CryptoError> {
        let covers = covers(piece, self.message);
        match &piece.kind {
            Kind::Signed { content, signature, .. } => {
                let content = self.message.bytes().get(content.clone()).unwrap_or_default();
                let finding = self.judged(covers, |request| openpgp::verify_detached(content, signature, request, self.case.budget));
                self.take(finding);
                Ok(())
            }
            Kind::Encrypted(data) => {
                let Some(opened) = self.open(piece, data, covers)? else { return Ok(()) };
                let entity = content::mime(&opened.content, self.case.budget);
                self.put(piece, part, entity, opened.signature);
                Ok(())
            }
            Kind::File(data) => {
                let Some(opened) = self.open(piece, data, false)? else { return Ok(()) };
                let entity = content::file(part, opened.name.as_deref(), &opened.content);
                self.put(piece, part, entity, opened.signature);
                Ok(())
            }
            Kind::Text { text, blocks } => self.text(piece, part, text, blocks),
        }
    }

    /// Blocks that open are replaced in the text; the others stay as they are.
    fn text(&mut self, piece: &Piece, part: &Part, text: &Bytes, blocks: &[Block]) -> Result<(), CryptoError> {
        let covers = covers(piece, self.message);
        let (mut new, mut from, mut changed, mut findings) = (String::new(), 0, false, Vec::new());
        let around = |range: Range<usize>| message::text::charset(part.content_type.param("charset"), text.get(range).unwrap_or_default());
        for block in blocks {
            let armour = text.get(block.range.clone()).unwrap_or_default();
            let content = match block.kind {
                BlockKind::Encrypted => self.open(piece, armour, covers)?.map(|opened| (opened.content, opened.signature)),
                BlockKind::Signed => match self.judged_with_content(covers, armour) {
                    (finding, Some(content)) => Some((content, Some(finding))),
                    (finding, None) => {
                        findings.push(finding);
                        None
                    }
                },
                BlockKind::Cleartext => {
                    findings.push(self.judged_with_content(covers, armour).0);
                    None
                }
            };
            let Some((content, signature)) = content else { continue };
            new.push_str(&around(from..block.range.start));
            new.push_str(content::readable(&content, armour, part).trim_end_matches(['\r', '\n']));
            from = block.range.end;
            changed = true;
            findings.extend(signature);
        }
        if changed {
            new.push_str(&around(from..text.len()));
            let entity = Entity::text("plain", &new).finish().into();
            self.put(piece, part, entity, None);
        }
        findings.into_iter().for_each(|finding| self.take(finding));
        Ok(())
    }

    /// Opens one piece for all owners; `None` if it stays closed.
    fn open(&mut self, piece: &Piece, data: &[u8], covers: bool) -> Result<Option<openpgp::Opened>, CryptoError> {
        self.treated.encrypted = true;
        let case = self.case;
        let handle = (case.keys, case.trace);
        let found = self.judged(covers, |request| openpgp::open_for(data, self.owners, request, handle, case.budget));
        let word = match found {
            Ok((opened, theirs)) => {
                self.treated.key_used = true;
                for (all, this) in self.treated.theirs.iter_mut().zip(theirs) {
                    *all &= this;
                }
                return Ok(Some(opened));
            }
            Err(CryptoError::Budget(exhausted)) if matches!(exhausted.kind, BudgetKind::Time | BudgetKind::Memory) => {
                return Err(exhausted.into());
            }
            Err(error @ CryptoError::Key(KeyUseError::Unavailable(_))) => return Err(error),
            Err(CryptoError::NoKey) => "no-key-of-the-recipient",
            Err(_) => {
                self.treated.key_used |= self.owners.iter().any(|owner| !owner.is_empty());
                "could-not-be-opened"
            }
        };
        let reason = if piece.id == "1" { word.to_owned() } else { format!("{word}: {}", piece.id) };
        if !self.treated.closed.contains(&reason) {
            self.treated.closed.push(reason);
        }
        Ok(None)
    }

    fn judged<T>(&self, covers_whole: bool, judge: impl FnOnce(&Request<'_>) -> T) -> T {
        let from = self.case.outer.author();
        let key: Option<AddressKey> = from.as_ref().ok().map(model::Address::key);
        let known = |ids: &[String]| known(self.case.site, key.as_ref(), ids);
        judge(&Request { from: from.map_err(crate::judge::from_word), covers_whole, known: &known, now: self.case.now })
    }

    fn judged_with_content(&self, covers_whole: bool, armour: &[u8]) -> (Finding, Option<Bytes>) {
        self.judged(covers_whole, |request| openpgp::verify_inline(armour, request, self.case.budget))
    }

    /// What takes the piece's place; a piece whose content could end a multipart around it, or can't be sent on, stays closed.
    fn put(&mut self, piece: &Piece, part: &Part, entity: Bytes, signature: Option<Finding>) {
        let sendable = message::entity::sendable(&entity, self.case.budget).ok().flatten();
        let Some(entity) = sendable.filter(|entity| content::fits_in(self.message, &piece.id, entity)) else {
            self.treated.closed.push(format!("could-not-be-opened: {}", piece.id));
            return;
        };
        self.treated.whole |= piece.id == "1" && piece.is_encrypted();
        self.edits.push((part.entity_range(), entity, piece.id.clone()));
        if let Some(finding) = signature {
            self.take(finding);
        }
    }

    fn take(&mut self, finding: Finding) {
        let Some(before) = &mut self.treated.finding else {
            self.treated.finding = Some(finding);
            return;
        };
        before.verdict = before.verdict.max(finding.verdict);
        before.signer = before.signer.take().or(finding.signer);
        for reason in finding.reasons {
            if !before.reasons.contains(&reason) {
                before.reasons.push(reason);
            }
        }
    }

    fn finish(mut self) -> Treated {
        if self.case.outer.sole_from() == Err(message::FromError::SenderDiffers)
            && let Some(finding) = &mut self.treated.finding
        {
            finding.reasons.push("sender-differs".to_owned());
        }
        if self.edits.is_empty() {
            self.treated.theirs.fill(false);
            return self.treated;
        }
        // What opens in part for one and in part for another is nobody's.
        if self.treated.encrypted && self.treated.key_used && !self.treated.theirs.contains(&true) {
            self.treated.closed.push("opens-for-nobody-as-a-whole".to_owned());
            self.treated.finding = None;
            return self.treated;
        }
        let mut edit = self.message.edit();
        for (range, entity, id) in std::mem::take(&mut self.edits) {
            if id == "1" {
                edit.replace_entity(entity);
            } else {
                edit.splice(range, entity.strip_suffix(b"\r\n").map_or_else(|| entity.clone(), Bytes::copy_from_slice));
            }
        }
        self.treated.bytes = Some(edit.finish());
        self.treated
    }
}
