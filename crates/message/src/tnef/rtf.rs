//! Compressed RTF (MS-OXRTFCP): a ring of 4,096 octets with a beginning that both sides know.

use bytes::Bytes;
use model::{Budget, Exhausted};

use super::u32_at;
use crate::bytes_of::slice;

const COMPRESSED: u32 = 0x7546_5a4c;
const PLAIN: u32 = 0x414c_454d;

/// What the ring begins with (MS-OXRTFCP §2.1.2.1).
const BEGINNING: &[u8] =
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArial\
Times New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

const RING: usize = 4_096;

/// The text, or `None` if it is not in this form.
pub(super) fn decompress(data: &Bytes, budget: &Budget) -> Result<Option<Bytes>, Exhausted> {
    let (Some(raw), Some(kind)) = (u32_at(data, 4), u32_at(data, 8)) else { return Ok(None) };
    let raw = usize::try_from(raw).unwrap_or(usize::MAX);
    let body = slice(data, 16..data.len());
    match kind {
        PLAIN => Ok(Some(data.slice(16.min(data.len())..data.len().min(raw.saturating_add(16))))),
        COMPRESSED => unpack(body, raw, budget).map(Some),
        _ => Ok(None),
    }
}

/// At most nine octets come out of one that goes in, so the input bounds the output; it is counted all the same.
fn unpack(body: &[u8], raw: usize, budget: &Budget) -> Result<Bytes, Exhausted> {
    let mut ring = [b' '; RING];
    for (slot, byte) in ring.iter_mut().zip(BEGINNING) {
        *slot = *byte;
    }
    let mut write = BEGINNING.len();
    let mut out = Vec::new();
    let mut input = body.iter().copied();
    'all: while let Some(flags) = input.next() {
        for bit in 0..8 {
            if flags >> bit & 1 == 0 {
                let Some(byte) = input.next() else { break 'all };
                put(&mut ring, &mut write, &mut out, byte);
                continue;
            }
            let (Some(high), Some(low)) = (input.next(), input.next()) else { break 'all };
            let reference = usize::from(u16::from_be_bytes([high, low]));
            let (offset, length) = (reference >> 4, (reference & 0xf) + 2);
            if offset == write % RING {
                break 'all;
            }
            for step in 0..length {
                let byte = ring.get((offset + step) % RING).copied().unwrap_or(b' ');
                put(&mut ring, &mut write, &mut out, byte);
            }
        }
        if out.len() >= raw {
            break;
        }
    }
    budget.bytes(out.len())?;
    out.truncate(raw);
    Ok(out.into())
}

fn put(ring: &mut [u8; RING], write: &mut usize, out: &mut Vec<u8>, byte: u8) {
    if let Some(slot) = ring.get_mut(*write % RING) {
        *slot = byte;
    }
    *write = (*write + 1) % RING;
    out.push(byte);
}
