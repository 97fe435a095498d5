//! Builds the tree of parts in one pass.
//!
//! Called by [`crate::Message::parse`] with the header already read. Bounded by the budget (depth, parts,
//! time); recursion is no deeper than the tree. Must never copy a body and never guess: where a reading is
//! open, the grammar's is taken and an anomaly noted (security.md ).

use model::{Budget, BudgetKind, Exhausted};

use super::Part;
use super::boundary::{Boundaries, Stop};
use crate::anomaly::{Anomaly, AnomalyKind, SINGLE_IN_PART};
use crate::content::{self, ContentType};
use crate::header::{self, Field, Section};
use crate::{Disposition, Encoding, MessageError, text};

/// Deepest tree whatever the budget says: the stack must bear it.
const DEEPEST: usize = 200;

/// Builds the tree under a header section that ends at `section.body`.
pub(crate) fn tree(bytes: &[u8], section: &Section, budget: &Budget) -> Result<(Part, Vec<Anomaly>), MessageError> {
    let mut scan = Scan { bytes, budget, boundaries: Boundaries::new(), anomalies: Vec::new(), depth: 0, parts: 0 };
    let (part, _) = scan.entity("1".to_owned(), 0, section, ContentType::default())?;
    Ok((part, scan.anomalies))
}

struct Scan<'a> {
    bytes: &'a [u8],
    budget: &'a Budget,
    boundaries: Boundaries,
    anomalies: Vec<Anomaly>,
    depth: usize,
    parts: usize,
}

/// What a part's content fields say.
struct Described {
    part: Part,
    boundary: Option<String>,
}

impl Scan<'_> {
    /// One entity whose header section is read; its end is where the stop says.
    fn entity(&mut self, id: String, start: usize, section: &Section, default: ContentType) -> Result<(Part, Stop), MessageError> {
        let _level = self.budget.enter()?;
        self.count()?;
        self.budget.time()?;
        if self.depth >= DEEPEST {
            return Err(Exhausted { kind: BudgetKind::Depth, limit: DEEPEST as u64 }.into());
        }
        self.depth += 1;
        let Described { mut part, boundary } = self.describe(id, start, section, default);
        let body = section.body;
        let composite = part.encoding.is_identity() || part.encoding == Encoding::Unknown;
        let stop = match boundary {
            Some(boundary) if composite => self.multipart(&mut part, &boundary, body)?,
            _ if part.content_type.is_message() && composite => self.embedded(&mut part, body)?,
            _ => self.boundaries.next(self.bytes, body, None).0,
        };
        if std::mem::take(&mut self.boundaries.lookalike) {
            self.note(&part.id, AnomalyKind::BoundaryLookalike);
        }
        self.depth -= 1;
        let end = match stop {
            Stop::End => self.bytes.len(),
            Stop::Delimiter { start, .. } => start,
        };
        part.body = body..end.max(body);
        Ok((part, stop))
    }

    /// One more part of this message. The bound is a message's own: a mail that was changed and is read again, or
    /// that lay encrypted in another, does not inherit what was counted before.
    fn count(&mut self) -> Result<(), Exhausted> {
        self.parts += 1;
        let limit = self.budget.limits().parts;
        if self.parts > limit { Err(Exhausted { kind: BudgetKind::Parts, limit: limit as u64 }) } else { Ok(()) }
    }

    fn multipart(&mut self, part: &mut Part, boundary: &str, body: usize) -> Result<Stop, MessageError> {
        let (repeated, prefix) = self.boundaries.collides(boundary);
        for (found, kind) in [(repeated, AnomalyKind::BoundaryRepeated), (prefix, AnomalyKind::BoundaryPrefix)] {
            if found {
                self.note(&part.id, kind);
            }
        }
        let level = self.boundaries.len();
        self.boundaries.push(boundary);
        let digest = part.content_type.subtype == "digest";
        let mut stop = self.boundaries.next(self.bytes, body, None).0;
        while let Stop::Delimiter { level: at, next, close: false, .. } = stop
            && at == level
        {
            let id = format!("{}.{}", part.id, part.children.len() + 1);
            let default = if digest { ContentType::new("message", "rfc822") } else { ContentType::default() };
            let (child, after) = self.header_and_entity(id, next, default)?;
            part.children.push(child);
            stop = after;
        }
        let closed = self.boundaries.pop();
        if part.children.is_empty() {
            self.note(&part.id, AnomalyKind::BoundaryUnused);
        }
        match stop {
            Stop::Delimiter { level: at, next, close: true, .. } if at == level => {
                let (after, again) = self.boundaries.next(self.bytes, next, closed.as_deref());
                if again {
                    self.note(&part.id, AnomalyKind::BoundaryAfterClose);
                }
                Ok(after)
            }
            other => {
                if !part.children.is_empty() {
                    self.note(&part.id, AnomalyKind::BoundaryUnclosed);
                }
                Ok(other)
            }
        }
    }

    fn embedded(&mut self, part: &mut Part, body: usize) -> Result<Stop, MessageError> {
        let (child, stop) = self.header_and_entity(format!("{}.1", part.id), body, ContentType::default())?;
        part.children.push(child);
        Ok(stop)
    }

    fn header_and_entity(&mut self, id: String, start: usize, default: ContentType) -> Result<(Part, Stop), MessageError> {
        let (bytes, boundaries) = (self.bytes, &mut self.boundaries);
        let section = header::scan(bytes, start, None, |line| boundaries.at(bytes, line))?;
        self.entity(id, start, &section, default)
    }

    fn describe(&mut self, id: String, start: usize, section: &Section, default: ContentType) -> Described {
        let mut part = Part {
            id,
            content_type: default,
            encoding: Encoding::default(),
            disposition: None,
            name: None,
            content_id: None,
            children: Vec::new(),
            header: start..section.end,
            body: section.body..section.body,
        };
        let mut doubtful = Vec::new();
        let mut seen = [false; SINGLE_IN_PART.len()];
        if section.items.iter().any(|item| item.field.is_none()) {
            self.note(&part.id, AnomalyKind::BrokenLine);
        }
        for field in header::fields(self.bytes, &section.items) {
            let Some(which) = SINGLE_IN_PART.iter().position(|name| field.is(name)) else { continue };
            match seen.get_mut(which) {
                Some(seen) if !*seen => *seen = true,
                _ => {
                    self.note(&part.id, AnomalyKind::Duplicate(field.name.to_ascii_lowercase()));
                    continue;
                }
            }
            self.take(&mut part, which, &field, &mut doubtful);
        }
        part.name = name(&part);
        let boundary = self.boundary(&part, &doubtful);
        Described { part, boundary }
    }

    fn take(&mut self, part: &mut Part, which: usize, field: &Field<'_>, doubtful: &mut Vec<String>) {
        match which {
            0 => match content::content_type(field.value) {
                Some((content_type, odd)) => (part.content_type, *doubtful) = (content_type, odd),
                None => self.note(&part.id, AnomalyKind::BrokenType),
            },
            1 => {
                part.encoding = Encoding::parse(field.value);
                if part.encoding == Encoding::Unknown {
                    self.note(&part.id, AnomalyKind::UnknownEncoding);
                }
            }
            2 => part.disposition = Some(Disposition::parse(field.value)),
            _ => {
                let id = text::header(field.value);
                part.content_id = Some(id.trim_start_matches('<').trim_end_matches('>').to_owned());
            }
        }
    }

    fn boundary(&mut self, part: &Part, doubtful: &[String]) -> Option<String> {
        let encoded = !part.encoding.is_identity() && part.encoding != Encoding::Unknown;
        if encoded && (part.content_type.is_multipart() || part.content_type.is_message()) {
            self.note(&part.id, AnomalyKind::EncodedComposite);
        }
        if !part.content_type.is_multipart() {
            return None;
        }
        let boundary = part.content_type.param("boundary").unwrap_or_default();
        if boundary.is_empty() {
            self.note(&part.id, AnomalyKind::BoundaryMissing);
            return None;
        }
        if doubtful.iter().any(|name| name == "boundary") || !boundary.is_ascii() {
            self.note(&part.id, AnomalyKind::BoundaryDoubtful);
        }
        Some(boundary.to_owned())
    }

    fn note(&mut self, part: &str, kind: AnomalyKind) {
        let anomaly = Anomaly { kind, part: part.to_owned() };
        // A part has few findings: equal ones stand close together.
        if !self.anomalies.iter().rev().take(8).any(|known| *known == anomaly) {
            self.anomalies.push(anomaly);
        }
    }
}

fn name(part: &Part) -> Option<String> {
    let said = part.disposition.as_ref().and_then(|disposition| disposition.param("filename"));
    said.or_else(|| part.content_type.param("name")).filter(|name| !name.is_empty()).map(str::to_owned)
}
