//! `partoftype`: what the attachments are, by their content (M-P6), and what is taken out of them.
//!
//! The look is made once for a mail and kept with it: rules ask several times. It runs on the CPU pool with a budget of
//! its own, whose memory is leased before it begins. What can't be looked through because a bound was passed is not
//! passed over in silence: the mail is refused, or waits.
//!
//! Of what stays every octet stays: a part that goes is replaced by a notice, an inner file is cut out of its archive.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use crypto::pool::Priority;
use files::mail::{PartFound, Parts};
use files::{Found, Stripped};
use message::build::Entity;
use message::file_type::Selection;
use message::transfer::encode_base64;
use message::{Encoding, Message, Part};
use model::{Budget, Exhausted, Fault, Guilty, Language};

use super::Answered;
use crate::decide::exhausted;
use crate::state::{MailState, Work};

/// Memory that a look into archives may need beside the mail: archives in archives are unpacked whole.
const ARCHIVE_MEMORY: usize = 64 << 20;
/// Longest time of one look.
const LONGEST: Duration = Duration::from_secs(10);

/// What one call asks.
pub(super) struct Asked<'a> {
    pub(super) types: &'a Selection,
    pub(super) delete: bool,
    pub(super) archives: bool,
}

pub(super) async fn part_of_type(work: &Work, state: &MailState, group: &[usize], asked: &Asked<'_>) -> Result<Answered, Fault> {
    let looked = look(work, state, asked.archives).await?;
    let fitting: Vec<&PartFound> = looked.parts.iter().filter(|part| part_fits(asked.types, part)).collect();
    if let Some(stopped) = looked.stopped
        && (fitting.is_empty() || asked.delete)
    {
        tracing::warn!(trace = %work.trace, event = "mail.not_looked_through", bound = ?stopped.kind, limit = stopped.limit, "an attachment passes a bound");
        return Err(exhausted(stopped));
    }
    if fitting.is_empty() {
        return Ok(Answered::plain(false));
    }
    let types: Vec<&str> = fitting.iter().flat_map(|part| part.found.walk()).flat_map(|found| found.types.names()).collect();
    tracing::info!(trace = %work.trace, event = "mail.part_of_type", parts = fitting.len(), types = unique(types).join(","), delete = asked.delete);
    if !asked.delete {
        return Ok(Answered::plain(true));
    }
    let removal = Removal { message: state.message.clone(), types: asked.types.clone(), languages: languages(work, group) };
    let concerned: Vec<PartFound> = fitting.into_iter().cloned().collect();
    let budget = budget(work, state, asked.archives)?;
    let edited = work.pool.run(Priority::Mail, move || removal.carry_out(&concerned, &budget)).await.map_err(exhausted)?;
    state.with_bytes(edited, &work.budget).map(Answered::changed)
}

/// What is in the mail as it now is; looked at once.
async fn look(work: &Work, state: &MailState, archives: bool) -> Result<Arc<Parts>, Fault> {
    let kept = if archives { &state.parts_within } else { &state.parts };
    if let Some(looked) = kept.get() {
        return Ok(Arc::clone(looked));
    }
    let (message, budget) = (state.message.clone(), budget(work, state, archives)?);
    let looked = work.pool.run(Priority::Mail, move || files::mail::parts(&message, archives, &budget)).await;
    Ok(Arc::clone(kept.get_or_init(|| Arc::new(looked))))
}

/// Bounds of one look, with the memory that it needs.
fn budget(work: &Work, state: &MailState, archives: bool) -> Result<Budget, Fault> {
    work.in_time()?;
    let need = state.message.bytes().len().saturating_mul(2) + if archives { ARCHIVE_MEMORY } else { 0 };
    // A node with little memory for mail looks at one mail at a time rather than at none.
    let lease = work.memory.lease(need.min(work.memory.total() / 2));
    let lease = lease.map_err(|e| Fault::temporary(Guilty::Ourselves, "memory", e.to_string()))?;
    let left = work.budget.deadline().saturating_duration_since(Instant::now());
    Ok(Budget::with_lease(files::limits(left.min(LONGEST)), Some(lease)))
}

fn part_fits(types: &Selection, part: &PartFound) -> bool {
    types.fits(part.found.types, Some(&part.said))
        || part.found.members.iter().flat_map(Found::walk).any(|member| member_fits(types, member))
}

fn member_fits(types: &Selection, member: &Found) -> bool {
    types.fits(member.types, None)
}

fn unique(mut names: Vec<&str>) -> Vec<&str> {
    names.sort_unstable();
    names.dedup();
    names
}

/// The languages of these recipients; all four where none is known (M-R8).
pub(super) fn languages(work: &Work, group: &[usize]) -> Vec<Language> {
    let mut known: Vec<Language> =
        group.iter().filter_map(|n| work.recipient(*n)).filter_map(|address| work.site.language_of(address)).collect();
    known.sort_unstable_by_key(|language| language.tag());
    known.dedup();
    if known.is_empty() { Language::ALL.to_vec() } else { known }
}

/// Takes parts and inner files out of one mail.
struct Removal {
    message: Message,
    types: Selection,
    languages: Vec<Language>,
}

impl Removal {
    fn carry_out(&self, concerned: &[PartFound], budget: &Budget) -> Result<Bytes, Exhausted> {
        let mut edit = self.message.edit();
        for found in concerned {
            let Some(part) = self.message.part(&found.id) else { continue };
            let stripped = if self.types.fits(found.found.types, Some(&found.said)) || !part.is_leaf() {
                Stripped::Gone
            } else {
                let content = part.decode(&self.message, budget)?;
                // The part itself does not fit: what remains is what is in it.
                files::strip(&content, &found.found, &|member| member_fits(&self.types, member), budget)?
            };
            match stripped {
                Stripped::Same => {}
                Stripped::Gone => self.replace(&mut edit, part),
                Stripped::Changed(content) => self.rewrite(&mut edit, part, &content),
            }
        }
        Ok(edit.finish())
    }

    fn is_root(&self, part: &Part) -> bool {
        part.id == self.message.root().id
    }

    /// A notice in the part's place, in the recipients' languages.
    fn replace(&self, edit: &mut message::Edit, part: &Part) {
        let name = part.name.clone().unwrap_or_else(|| part.content_type.to_string());
        let texts: Vec<String> =
            self.languages.iter().map(|language| texts::text(*language, "part-removed-text", &[("name", name.clone())])).collect();
        let entity = Entity::text("plain", &format!("{}\r\n", texts.join("\r\n\r\n"))).finish();
        if self.is_root(part) {
            edit.replace_entity(entity);
        } else {
            edit.splice(part.entity_range(), entity.into());
        }
    }

    /// Another content for the part; its header stays but for the encoding, if that was another.
    fn rewrite(&self, edit: &mut message::Edit, part: &Part, content: &[u8]) {
        let mut body = encode_base64(content);
        if !self.is_root(part) {
            // The line end before a delimiter belongs to the delimiter (RFC 2046 §5.1.1).
            body.truncate(body.len().saturating_sub(2));
        }
        if part.encoding == Encoding::Base64 {
            edit.splice(part.body_range(), body.into());
            return;
        }
        if self.is_root(part) {
            edit.set("Content-Transfer-Encoding", "base64");
            edit.splice(part.body_range(), body.into());
            return;
        }
        let mut entity = Vec::with_capacity(body.len() + 256);
        for field in part.fields(&self.message).iter().filter(|field| !field.is("content-transfer-encoding")) {
            entity.extend_from_slice(self.message.bytes().get(field.range.clone()).unwrap_or_default());
        }
        entity.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
        entity.extend(body);
        edit.splice(part.entity_range(), entity.into());
    }
}

#[cfg(test)]
#[path = "types_tests.rs"]
mod tests;
