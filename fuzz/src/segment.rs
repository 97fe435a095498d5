//! The reader of queue segments: what a power cut or a bad disk may have left behind.

use segments::reader::{Scan, records};
use segments::{FRAME_LENGTH, SEGMENT_HEADER_LENGTH, SegmentHeader};

/// Magic of a record's frame.
const RECORD: &[u8; 4] = b"SGrc";

/// The octets as a whole segment, then as instructions that build one with good and bad records.
pub fn segment_reader(data: &[u8]) {
    check(data, None);
    let built = build(data);
    check(&built, None);
    let end = data.first().map_or(0, |byte| u64::from(*byte) * 8);
    check(&built, Some(end.min(built.len() as u64)));
}

fn check(bytes: &[u8], committed: Option<u64>) {
    let Ok(Scan { records, end, damage, .. }) = records(bytes, committed) else { return };
    let mut at = SEGMENT_HEADER_LENGTH as u64;
    for record in &records {
        assert!(record.offset >= at && record.end() <= bytes.len() as u64, "records overlap or leave the file");
        assert_eq!(record.end(), record.offset + (FRAME_LENGTH + record.sealed.len()) as u64);
        at = record.end();
    }
    assert!(end >= at, "the end lies before the last record");
    for hole in damage {
        assert!(hole.from < hole.to);
        assert!(records.iter().all(|record| record.end() <= hole.from || record.offset >= hole.to), "a good record in a hole");
    }
}

/// A header and records with right checksums, cut and spoilt as the octets say.
fn build(data: &[u8]) -> Vec<u8> {
    let salt = [7; 16];
    let header = SegmentHeader { number: 1, salt, previous: 0, previous_end: 0, next_id: 1 };
    let mut out = header.encode().to_vec();
    let mut rest = data;
    let mut id = 0u64;
    while let [what, length, tail @ ..] = rest {
        let (content, more) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = more;
        id += 1;
        let group = if what & 1 == 0 { 0 } else { out.len() as u64 };
        let mut head = Vec::new();
        head.extend_from_slice(RECORD);
        head.extend_from_slice(&u32::try_from(content.len()).unwrap_or_default().to_be_bytes());
        head.extend_from_slice(&id.to_be_bytes());
        head.extend_from_slice(&group.to_be_bytes());
        head.extend_from_slice(&u16::from(what >> 4).to_be_bytes());
        head.extend_from_slice(&[0; 2]);
        let mut crc = crc32fast::Hasher::new();
        [&salt[..], &head, content].iter().for_each(|piece| crc.update(piece));
        let spoilt = u32::from(what & 2);
        out.extend_from_slice(&head);
        out.extend_from_slice(&(crc.finalize() ^ spoilt).to_be_bytes());
        out.extend_from_slice(content);
        if what & 4 != 0 {
            // Half a record, as a power cut leaves it.
            out.truncate(out.len() - content.len() / 2);
        }
    }
    out
}
