//! Sound and films: RIFF and its kinds, Flash, MPEG audio by its frames.

use message::file_type::{FileType as T, Types};

use super::magic;
use crate::octets::{at, byte, head, u32_be};

/// Media with a beginning of their own.
pub(super) fn types(content: &[u8]) -> Types {
    riff(content).and(flash(content)).and(magic::brand(content))
}

fn riff(content: &[u8]) -> Types {
    if content.starts_with(b"RIFX") && content.len() >= 12 {
        return Types::NONE.with(T::RiffRifx);
    }
    if !content.starts_with(b"RIFF") {
        return Types::NONE;
    }
    match content.get(8..12).unwrap_or_default() {
        b"ACON" => Types::NONE.with(T::RiffAni),
        b"AVI " => Types::NONE.with(T::RiffAvi),
        b"RDIB" => Types::NONE.with(T::RiffDib),
        b"RMID" => Types::NONE.with(T::RiffMid),
        b"RMMP" => Types::NONE.with(T::RiffMmf),
        b"WAVE" => Types::NONE.with(T::RiffWav),
        b"WEBP" => Types::NONE.with(T::Webp),
        _ => Types::NONE,
    }
}

fn flash(content: &[u8]) -> Types {
    match content {
        [b'F' | b'C' | b'Z', b'W', b'S', 1..=60, ..] => Types::NONE.with(T::Swf),
        _ => Types::NONE,
    }
}

/// An ID3 tag, or three frames of layer 3 that follow each other (ISO/IEC 11172-3 §2.4.1).
pub(super) fn audio_frames(content: &[u8]) -> Types {
    if content.starts_with(b"ID3") && byte(content, 3).is_some_and(|version| (2..=4).contains(&version)) && at(content, 4, b"\0") {
        return Types::NONE.with(T::MpegL3);
    }
    let Some(start) = head(content, 8_192).iter().position(|byte| *byte == 0xff) else { return Types::NONE };
    let mut place = start;
    for _ in 0..3 {
        match frame(content, place) {
            Some(length) => place += length,
            None => return Types::NONE,
        }
    }
    Types::NONE.with(T::MpegL3)
}

/// Length of the layer 3 frame at a place.
fn frame(content: &[u8], at: usize) -> Option<usize> {
    const RATES_1: [usize; 16] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
    const RATES_2: [usize; 16] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0];
    let header = u32_be(content, at)?;
    let version = header >> 19 & 3;
    if header >> 21 != 0x7ff || header >> 17 & 3 != 1 || version == 1 {
        return None;
    }
    let rate_place = usize::try_from(header >> 12 & 15).ok()?;
    let rates = if version == 3 { RATES_1 } else { RATES_2 };
    let rate = rates.get(rate_place).copied().filter(|rate| *rate > 0)? * 1_000;
    let base = [44_100usize, 48_000, 32_000].get(usize::try_from(header >> 10 & 3).ok()?).copied()?;
    let (sampling, samples) = match version {
        3 => (base, 144),
        2 => (base / 2, 72),
        _ => (base / 4, 72),
    };
    Some(samples * rate / sampling + usize::try_from(header >> 9 & 1).ok()?)
}
