//! ZIP: the directory at the end, and what lies beside it (PKWARE APPNOTE 6.3.9).
//!
//! Read by ourselves because of what others hide here (security.md X-9): two members of one name, of which a reader by
//! name sees one; members that only their local headers know; archives cut off before their directory. All of them are
//! members. Decompression is `flate2`'s, `bzip2`'s, `lzma-rust2`'s and `ruzstd`'s.

use std::io::Read;
use std::ops::Range;

use bytes::Bytes;
use model::{Budget, Exhausted};

use super::{Data, Entry, Listed, Visitor};
use crate::octets::{at as begins, name, size_16, size_32, slice, u16_le, u32_le, u64_le};
use crate::read::DECODER_KIB;

/// Octets of the fixed parts.
pub(crate) const LOCAL: usize = 30;
pub(crate) const CENTRAL: usize = 46;
pub(crate) const END: usize = 22;

/// The longest comment behind the end record.
const COMMENT: usize = 65_535;

/// Bits of the general purpose flags.
const CLOSED: u16 = 0x0001;
const DESCRIPTOR: u16 = 0x0008;
const CENTRAL_CLOSED: u16 = 0x2000;

/// The members of an archive, and where its parts lie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// Members: those of the directory in its order, then those that it does not name.
    pub entries: Vec<Member>,
    /// Where the directory lies; empty for an archive without one.
    pub(crate) central: Range<usize>,
    /// Where its end record begins.
    pub(crate) end: Option<usize>,
    /// Octets before the archive (a program that unpacks it), if offsets don't count them.
    pub(crate) shift: usize,
    /// True if a record of the 64-bit form was needed.
    pub(crate) large: bool,
    /// False if it is cut off or says what is not so.
    pub whole: bool,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// As written in the directory. Never a path for us.
    pub name: Option<String>,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) size: u64,
    /// Where its local header begins.
    pub(crate) local: usize,
    /// Its compressed octets.
    pub(crate) data: Range<usize>,
    /// Its record in the directory, if it has one.
    pub(crate) record: Option<Range<usize>>,
}

impl Directory {
    /// True if the octets end like an archive. What begins otherwise may be one all the same.
    #[must_use]
    pub fn is_at_the_end_of(content: &[u8]) -> bool {
        end_record(content).is_some_and(|end| {
            let size = size_32(content, end + 12).unwrap_or(usize::MAX);
            size_16(content, end + 10).is_some_and(|count| count > 0)
                && (size == 0xffff_ffff || end.checked_sub(size).is_some_and(|start| begins(content, start, b"PK\x01\x02")))
        })
    }

    /// Reads the directory, and looks for members that it does not name.
    ///
    /// # Errors
    /// When there are more members than the budget's parts, or no time.
    pub fn read(content: &[u8], budget: &Budget) -> Result<Self, Exhausted> {
        let mut directory = Self { whole: true, ..Self::default() };
        match end_record(content) {
            Some(end) => directory.central(content, end, budget)?,
            None => directory.whole = false,
        }
        directory.unnamed(content, budget)?;
        Ok(directory)
    }

    fn central(&mut self, content: &[u8], end: usize, budget: &Budget) -> Result<(), Exhausted> {
        let (mut size, mut offset, mut behind) = (u64_of(content, end + 12), u64_of(content, end + 16), end);
        if let Some(record) = end.checked_sub(20).filter(|at| begins(content, *at, b"PK\x06\x07")) {
            // The locator of the 64-bit end record; its offset may not count what stands before the archive.
            let told = u64_le(content, record + 8).and_then(|at| usize::try_from(at).ok());
            let near = record.checked_sub(56);
            let found = told.into_iter().chain(near).find(|at| begins(content, *at, b"PK\x06\x06"));
            if let Some(at) = found {
                size = u64_le(content, at + 40).unwrap_or(0);
                offset = u64_le(content, at + 48).unwrap_or(0);
                behind = at;
                self.large = true;
            }
        }
        self.end = Some(end);
        let (size, offset) = (usize::try_from(size).unwrap_or(usize::MAX), usize::try_from(offset).unwrap_or(usize::MAX));
        let Some(start) = behind.checked_sub(size) else {
            self.whole = false;
            return Ok(());
        };
        self.shift = start.saturating_sub(offset);
        let mut at = start;
        while begins(content, at, b"PK\x01\x02") && at + CENTRAL <= behind {
            budget.part()?;
            let Some((member, next)) = self.record(content, at) else {
                self.whole = false;
                break;
            };
            self.entries.push(member);
            at = next;
        }
        self.whole &= at == behind && offset <= start;
        self.central = start..behind;
        budget.time()
    }

    /// A record of the directory, and where the next one begins.
    fn record(&mut self, content: &[u8], at: usize) -> Option<(Member, usize)> {
        let (title, extra, comment) = (size_16(content, at + 28)?, size_16(content, at + 30)?, size_16(content, at + 32)?);
        let next = at + CENTRAL + title + extra + comment;
        let (mut packed, mut size, mut offset) = (u64_of(content, at + 20), u64_of(content, at + 24), u64_of(content, at + 42));
        let fields = slice(content, at + CENTRAL + title..at + CENTRAL + title + extra);
        self.large |= wide(fields, [&mut size, &mut packed, &mut offset]);
        let flags = u16_le(content, at + 8)?;
        let local = usize::try_from(offset).ok()?.checked_add(self.shift)?;
        let data = if begins(content, local, b"PK\x03\x04") {
            local + LOCAL + size_16(content, local + 26)? + size_16(content, local + 28)?
        } else {
            self.whole = false;
            content.len()
        };
        let end = data.saturating_add(usize::try_from(packed).unwrap_or(usize::MAX));
        self.whole &= end <= content.len();
        let member = Member {
            name: name(slice(content, at + CENTRAL..at + CENTRAL + title)),
            method: u16_le(content, at + 10)?,
            flags,
            size,
            local,
            data: data.min(content.len())..end.min(content.len()),
            record: Some(at..next),
        };
        (next <= content.len()).then_some((member, next))
    }

    /// Local headers where no member of the directory lies.
    fn unnamed(&mut self, content: &[u8], budget: &Budget) -> Result<(), Exhausted> {
        let mut covered: Vec<Range<usize>> = self.entries.iter().map(|entry| entry.local..entry.data.end).collect();
        covered.push(self.central.clone());
        covered.sort_by_key(|range| range.start);
        let limit = if self.central.is_empty() { content.len() } else { self.central.start };
        let (mut at, mut gaps) = (0, Vec::new());
        for range in covered.into_iter().filter(|range| !range.is_empty()) {
            if range.start > at {
                gaps.push(at..range.start.min(limit));
            }
            at = at.max(range.end);
        }
        gaps.push(at..limit);
        for gap in gaps {
            let mut at = gap.start;
            while let Some(found) = memchr::memmem::find(slice(content, at..gap.end.max(at)), b"PK\x03\x04") {
                budget.part()?;
                budget.time()?;
                let start = at + found;
                let Some(member) = local_only(content, start, gap.end) else {
                    at = start + 4;
                    continue;
                };
                self.whole = false;
                at = member.data.end.max(start + 4);
                self.entries.push(member);
            }
        }
        Ok(())
    }
}

impl Member {
    /// Only a password opens it.
    #[must_use]
    pub const fn closed(&self) -> bool {
        self.flags & (CLOSED | CENTRAL_CLOSED) != 0 || self.method == 99
    }

    /// Gives its content; nothing for what is closed or compressed in a way that we don't know.
    pub(crate) fn reader<'a>(&self, content: &'a [u8]) -> Box<dyn Read + 'a> {
        self.decoder(slice(content, self.data.clone())).unwrap_or_else(|| Box::new(std::io::empty()))
    }

    fn decoder<'a>(&self, packed: &'a [u8]) -> Option<Box<dyn Read + 'a>> {
        if self.closed() {
            return None;
        }
        Some(match self.method {
            0 => Box::new(packed),
            8 => Box::new(flate2::bufread::DeflateDecoder::new(packed)),
            12 => Box::new(bzip2::bufread::BzDecoder::new(packed)),
            14 => self.lzma(packed)?,
            93 => Box::new(ruzstd::decoding::StreamingDecoder::new(packed).ok()?),
            95 => Box::new(lzma_rust2::XzReader::new_mem_limit(packed, false, DECODER_KIB)),
            _ => return None,
        })
    }

    /// Version, length of the properties, properties, data (APPNOTE §5.8.8).
    fn lzma<'a>(&self, packed: &'a [u8]) -> Option<Box<dyn Read + 'a>> {
        let (5, [props, rest @ ..]) = (size_16(packed, 2)?, packed.get(4..)?) else { return None };
        let dictionary = u32_le(rest, 0)?;
        if lzma_rust2::lzma_get_memory_usage_by_props(dictionary, *props).ok()? > DECODER_KIB {
            return None;
        }
        // Bit 1: the end is marked in the data.
        let size = if self.flags & 2 != 0 { u64::MAX } else { self.size };
        let reader = lzma_rust2::LzmaReader::new_with_props(rest.get(4..)?, size, *props, dictionary, None).ok()?;
        Some(Box::new(reader))
    }
}

pub(super) fn each(directory: &Directory, content: &Bytes, visit: &mut Visitor<'_>) -> Result<Listed, Exhausted> {
    for (place, member) in directory.entries.iter().enumerate() {
        if member.name.as_deref().is_some_and(|name| name.ends_with('/')) && member.size == 0 && member.data.is_empty() {
            continue;
        }
        let mut entry = Entry::listed(member.name.clone(), member.closed(), member.size, member.data.len());
        if member.method == 0 && !member.closed() {
            entry.data = Data::Slice(content.slice(member.data.clone()));
            visit(place, entry)?;
            continue;
        }
        let mut decoder = member.decoder(slice(content, member.data.clone()));
        if let Some(decoder) = decoder.as_mut() {
            entry.data = Data::Stream(decoder.as_mut());
        }
        visit(place, entry)?;
    }
    Ok(Listed::whole(directory.whole))
}

/// A member that only its local header knows, up to the next header where its length is not told.
fn local_only(content: &[u8], start: usize, limit: usize) -> Option<Member> {
    let (flags, method) = (u16_le(content, start + 6)?, u16_le(content, start + 8)?);
    let (title, extra) = (size_16(content, start + 26)?, size_16(content, start + 28)?);
    let data = start + LOCAL + title + extra;
    if data > limit || !matches!(method, 0..=20 | 93..=99) || title == 0 {
        return None;
    }
    let (mut size, mut packed) = (u64_of(content, start + 22), u64_of(content, start + 18));
    wide(slice(content, start + LOCAL + title..data), [&mut size, &mut packed, &mut 0]);
    let told =
        usize::try_from(packed).ok().filter(|packed| *packed > 0 || flags & DESCRIPTOR == 0).map(|packed| data.saturating_add(packed));
    let rest = slice(content, data..limit);
    let sign = |at: usize| matches!(rest.get(at + 2..at + 4), Some([3, 4] | [1, 2] | [7, 8]));
    let next = || memchr::memmem::find_iter(rest, b"PK").find(|at| sign(*at));
    let end = told.unwrap_or_else(|| next().map_or(limit, |length| data + length)).min(limit);
    let own = name(slice(content, start + LOCAL..start + LOCAL + title));
    Some(Member { name: own, method, flags, size, local: start, data: data..end, record: None })
}

/// The end record: the last that its comment fits behind, else the last.
fn end_record(content: &[u8]) -> Option<usize> {
    let from = content.len().saturating_sub(END + COMMENT);
    let all = || memchr::memmem::rfind_iter(slice(content, from..content.len()), b"PK\x05\x06").map(|at| from + at);
    let fits = |at: &usize| size_16(content, at + 20).is_some_and(|comment| at + END + comment == content.len());
    all().find(fits).or_else(|| all().find(|at| at + END <= content.len()))
}

/// The 64-bit values of those fields that are full (APPNOTE §4.5.3); true if there were any.
fn wide(extra: &[u8], fields: [&mut u64; 3]) -> bool {
    let (mut at, mut any) = (0, false);
    while let (Some(id), Some(length)) = (u16_le(extra, at), size_16(extra, at + 2)) {
        if id == 1 {
            let mut value = at + 4;
            for field in fields {
                if *field == 0xffff_ffff {
                    *field = u64_le(extra, value).unwrap_or(u64::MAX);
                    value += 8;
                    any = true;
                }
            }
            return any;
        }
        at += 4 + length;
    }
    any
}

fn u64_of(content: &[u8], at: usize) -> u64 {
    u64::from(u32_le(content, at).unwrap_or(0))
}
