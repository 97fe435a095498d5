//! Story files that were put away: blocks of about 1 MiB of whole lines, each a zstd frame of its own (RFC 8878), and an index.
//!
//! The index stands at the end in a skippable frame (RFC 8878 §3.1.2), so that `zstdcat` shows the lines and nothing else. For
//! each block it has the place, the first and the last instant, and a sorted list of the CRC-32 of all that can be looked for in it
//! ([`Line::tokens`]); a search opens only blocks that have what it looks for. A block found in vain (two words with one CRC)
//! costs time only: lines are always compared in full.
//!
//! Must never: believe a length that stands in the file. Sizes are bounded, the index has a checksum, and a damaged
//! archive is an error that the search names.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use model::Timestamp;
use model::format::{Format, HEADER_LENGTH};

use crate::line::{LINE_MAX, Line};

/// A block ends with the line that makes it so long.
pub const BLOCK: usize = 1 << 20;
/// Longest block: a line may begin just before the end of it.
pub const BLOCK_MAX: usize = BLOCK + LINE_MAX;
/// Longest index that is read.
const INDEX_MAX: usize = 256 << 20;
/// Magic number of the skippable frame.
const SKIPPABLE: u32 = 0x184D_2A5A;
/// The last octets of an archive, after the length of the index.
const TAIL: [u8; 4] = *b"SGlx";
const FORMAT: Format = Format { magic: *b"SGli", version: 1, name: "story index" };
/// Speed matters more than the last percent.
const LEVEL: i32 = 3;

/// What the index says of one block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// Where its frame begins.
    pub offset: u64,
    /// Octets of its frame.
    pub packed: u32,
    /// Octets of its lines.
    pub raw: u32,
    /// Earliest instant of its lines.
    pub first: Timestamp,
    /// Latest.
    pub last: Timestamp,
    /// CRC-32 of each token, ascending.
    pub tokens: Vec<u32>,
}

impl Block {
    /// False if certainly no line of the block has this token.
    #[must_use]
    pub fn may_have(&self, token: u32) -> bool {
        self.tokens.binary_search(&token).is_ok()
    }

    /// Makes the entry of these lines.
    #[must_use]
    pub fn of(lines: &[u8]) -> Self {
        let mut block = Self { raw: u32::try_from(lines.len()).unwrap_or(u32::MAX), ..Self::default() };
        for line in lines.split(|byte| *byte == b'\n').filter_map(Line::parse) {
            block.first = if block.first.0 == 0 { line.at } else { block.first.min(line.at) };
            block.last = block.last.max(line.at);
            block.tokens.extend(line.tokens().iter().map(|token| hash(token)));
        }
        block.tokens.sort_unstable();
        block.tokens.dedup();
        block
    }
}

/// What the index has of a token.
#[must_use]
pub fn hash(token: &str) -> u32 {
    crc32fast::hash(token.as_bytes())
}

/// Reads the next block of whole lines; empty at the end. What is longer than a line may be is passed over.
///
/// # Errors
/// The file's.
pub fn next_block(input: &mut impl BufRead, lines: &mut Vec<u8>) -> io::Result<()> {
    lines.clear();
    while lines.len() < BLOCK {
        let before = lines.len();
        let most = u64::try_from(LINE_MAX).unwrap_or(u64::MAX);
        if input.by_ref().take(most).read_until(b'\n', lines)? == 0 {
            break;
        }
        if lines.last() != Some(&b'\n') && lines.len() - before >= LINE_MAX {
            lines.truncate(before);
            skip_line(input)?;
        }
    }
    Ok(())
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let (used, found) = match memchr::memchr(b'\n', buffer) {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(used);
        if found {
            return Ok(());
        }
    }
}

/// Compresses the lines of `input` to `output`.
///
/// # Errors
/// Either file's.
pub fn pack(input: impl Read, output: &mut impl Write) -> io::Result<Vec<Block>> {
    let mut input = BufReader::with_capacity(128 << 10, input);
    let (mut blocks, mut lines, mut offset) = (Vec::new(), Vec::with_capacity(BLOCK_MAX), 0);
    loop {
        next_block(&mut input, &mut lines)?;
        if lines.is_empty() {
            break;
        }
        let frame = zstd::bulk::compress(&lines, LEVEL)?;
        output.write_all(&frame)?;
        let packed = u32::try_from(frame.len()).map_err(io::Error::other)?;
        blocks.push(Block { offset, packed, ..Block::of(&lines) });
        offset += u64::from(packed);
    }
    output.write_all(&write_index(&blocks)?)?;
    Ok(blocks)
}

/// An archive, open for reading.
#[derive(Debug)]
pub struct Archive {
    file: File,
    blocks: Vec<Block>,
}

impl Archive {
    /// Opens it and reads its index.
    ///
    /// # Errors
    /// The file's; `InvalidData` for what is no archive or a damaged one.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let size = file.seek(SeekFrom::End(0))?;
        let mut tail = [0; 8];
        let end = size.checked_sub(8).ok_or_else(|| damaged("too short"))?;
        file.read_exact_at(&mut tail, end)?;
        let [a, b, c, d, magic @ ..] = tail;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if magic != TAIL || length > INDEX_MAX || (length as u64) > end {
            return Err(damaged("no index at its end"));
        }
        let mut index = vec![0; length];
        file.read_exact_at(&mut index, end - length as u64)?;
        Ok(Self { file, blocks: read_index(&index)? })
    }

    /// The index.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The lines of a block; empty beyond the last.
    ///
    /// # Errors
    /// The file's; `InvalidData` for a damaged block.
    pub fn read(&self, number: usize) -> io::Result<Vec<u8>> {
        let Some(block) = self.blocks.get(number) else { return Ok(Vec::new()) };
        if block.raw as usize > BLOCK_MAX || block.packed as usize > 2 * BLOCK_MAX {
            return Err(damaged("a block of impossible size"));
        }
        let mut frame = vec![0; block.packed as usize];
        self.file.read_exact_at(&mut frame, block.offset)?;
        zstd::bulk::decompress(&frame, block.raw as usize).map_err(|error| damaged(&error.to_string()))
    }
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a damaged story archive: {why}"))
}

/// Skippable frame: header, blocks, CRC-32 of both, then length of all that and the tail.
fn write_index(blocks: &[Block]) -> io::Result<Vec<u8>> {
    let mut index = FORMAT.header().to_vec();
    let count = |n: usize| u32::try_from(n).map_err(io::Error::other);
    index.extend(count(blocks.len())?.to_le_bytes());
    for block in blocks {
        index.extend(block.offset.to_le_bytes());
        index.extend(block.packed.to_le_bytes());
        index.extend(block.raw.to_le_bytes());
        index.extend(block.first.0.to_le_bytes());
        index.extend(block.last.0.to_le_bytes());
        index.extend(count(block.tokens.len())?.to_le_bytes());
        index.extend(block.tokens.iter().flat_map(|token| token.to_le_bytes()));
    }
    index.extend(crc32fast::hash(&index).to_le_bytes());
    let length = count(index.len())?;
    let mut frame = SKIPPABLE.to_le_bytes().to_vec();
    frame.extend((length + 8).to_le_bytes());
    frame.append(&mut index);
    frame.extend(length.to_le_bytes());
    frame.extend(TAIL);
    Ok(frame)
}

/// Reads an index. Total.
///
/// # Errors
/// `InvalidData`.
pub fn read_index(bytes: &[u8]) -> io::Result<Vec<Block>> {
    let (content, sum) = bytes.split_last_chunk::<4>().ok_or_else(|| damaged("a short index"))?;
    if crc32fast::hash(content) != u32::from_le_bytes(*sum) {
        return Err(damaged("its index has another checksum"));
    }
    read_blocks(content).ok_or_else(|| damaged("its index can't be read"))
}

/// As [`read_index`], after the checksum: for the fuzzer, which would not get past it.
#[must_use]
pub fn read_blocks(content: &[u8]) -> Option<Vec<Block>> {
    FORMAT.read(content).ok()?;
    let mut rest = content.get(HEADER_LENGTH..)?;
    let count = u32::from_le_bytes(take(&mut rest)?) as usize;
    // Each block takes 36 octets at least: the count can't make us reserve more than there is.
    let mut blocks = Vec::with_capacity(count.min(rest.len() / 36));
    for _ in 0..count {
        let (offset, packed, raw) = (take(&mut rest)?, take(&mut rest)?, take(&mut rest)?);
        let (first, last) = (take(&mut rest)?, take(&mut rest)?);
        let tokens = u32::from_le_bytes(take(&mut rest)?) as usize;
        let (words, behind) = rest.split_at_checked(tokens.checked_mul(4)?)?;
        rest = behind;
        blocks.push(Block {
            offset: u64::from_le_bytes(offset),
            packed: u32::from_le_bytes(packed),
            raw: u32::from_le_bytes(raw),
            first: Timestamp(i64::from_le_bytes(first)),
            last: Timestamp(i64::from_le_bytes(last)),
            tokens: words.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect(),
        });
    }
    rest.is_empty().then_some(blocks)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<u8> {
        let line = |n: usize| {
            format!(
                "{{\"timestamp\":\"2026-11-21T21:44:{:02}Z\",\"event\":\"mail.delivered\",\"trace\":\"t{n}\",\"to\":\"bob{n}@partner.example\"}}\n",
                n % 60
            )
        };
        (0..count).map(line).collect::<String>().into_bytes()
    }

    fn packed(raw: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        pack(raw, file.as_file_mut()).unwrap();
        file
    }

    #[test]
    fn what_was_put_away_comes_back_and_is_found_by_its_tokens() {
        let raw = lines(30_000);
        let file = packed(&raw);
        let archive = Archive::open(file.path()).unwrap();
        assert!(archive.blocks().len() > 2);
        let back: Vec<u8> = (0..archive.blocks().len()).flat_map(|n| archive.read(n).unwrap()).collect();
        assert_eq!(back, raw);
        let having: Vec<usize> =
            (0..archive.blocks().len()).filter(|n| archive.blocks()[*n].may_have(hash("bob17@partner.example"))).collect();
        assert_eq!(having, [0]);
        assert!(archive.blocks().iter().all(|block| block.may_have(hash("partner.example")) && block.last > block.first));
        assert!(archive.read(99).unwrap().is_empty());
    }

    #[test]
    fn any_zstd_tool_reads_it() {
        let raw = lines(30_000);
        let file = packed(&raw);
        assert_eq!(zstd::decode_all(File::open(file.path()).unwrap()).unwrap(), raw);
    }

    #[test]
    fn damage_is_an_error_and_no_more() {
        let file = packed(&lines(50));
        let whole = std::fs::read(file.path()).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(file.path(), &whole[..cut]).unwrap();
            assert!(Archive::open(file.path()).is_err(), "{cut}");
        }
        for at in 0..whole.len() {
            let mut bent = whole.clone();
            bent[at] ^= 0x55;
            std::fs::write(file.path(), &bent).unwrap();
            if let Ok(archive) = Archive::open(file.path()) {
                let _ = archive.read(0);
            }
        }
    }

    #[test]
    fn a_line_beyond_all_measure_is_passed_over() {
        let mut raw = lines(2);
        raw.extend(vec![b'x'; 3 * LINE_MAX]);
        raw.push(b'\n');
        raw.extend(lines(1));
        let mut block = Vec::new();
        next_block(&mut raw.as_slice(), &mut block).unwrap();
        assert_eq!(block.iter().filter(|byte| **byte == b'\n').count(), 3);
    }

    proptest::proptest! {
        #[test]
        fn an_index_of_any_octets_is_read_or_refused(bytes: Vec<u8>) {
            let mut content = FORMAT.header().to_vec();
            content.extend(&bytes);
            let _ = read_blocks(&content);
            let _ = read_index(&bytes);
        }
    }
}
