//! The reader against octets of every kind: torn, flipped, foreign, random.

use proptest::prelude::*;

use super::*;

const SALT: [u8; 16] = [7; 16];

/// A segment of groups of records, with the offsets of the records' ends.
fn segment(groups: &[&[&[u8]]]) -> (Vec<u8>, Vec<u64>) {
    let mut out = SegmentHeader { number: 3, salt: SALT, previous: 2, previous_end: 64, next_id: 1 }.encode().to_vec();
    let mut ends = Vec::new();
    let mut id = 0;
    for group in groups {
        let synced = out.len() as u64;
        for content in *group {
            id += 1;
            let head = Frame { length: content.len() as u32, id, group: synced, kind: 1 }.head();
            out.extend_from_slice(&head);
            out.extend_from_slice(&record_crc(&SALT, &head, content).to_be_bytes());
            out.extend_from_slice(content);
            ends.push(out.len() as u64);
        }
    }
    (out, ends)
}

fn contents<'a>(scan: &Scan<'a>) -> Vec<&'a [u8]> {
    scan.records.iter().map(|record| record.sealed).collect()
}

#[test]
fn good_records_read_back_and_zeros_end_them() {
    let (mut octets, ends) = segment(&[&[b"one", b"two"], &[b"three"]]);
    octets.resize(octets.len() + 4096, 0);
    let scan = records(&octets, None).unwrap();
    assert_eq!(contents(&scan), [&b"one"[..], b"two", b"three"]);
    assert_eq!((scan.end, scan.damage.len()), (ends[2], 0));
}

#[test]
fn a_torn_tail_is_normal_at_every_octet() {
    let (octets, ends) = segment(&[&[b"one"], &[b"two", b"three"]]);
    for cut in SEGMENT_HEADER_LENGTH..octets.len() {
        for fill in [0_usize, 64] {
            let mut torn = octets[..cut].to_vec();
            torn.resize(cut + fill, 0);
            let scan = records(&torn, None).unwrap();
            let whole = ends.iter().filter(|end| **end <= cut as u64).count();
            assert_eq!((scan.records.len(), scan.damage.len()), (whole, 0), "cut at {cut}");
        }
    }
}

#[test]
fn a_broken_record_of_an_unsynced_group_is_a_torn_tail() {
    let (mut octets, ends) = segment(&[&[b"one"], &[b"two", b"three"]]);
    octets[ends[0] as usize + FRAME_LENGTH] ^= 1;
    let scan = records(&octets, None).unwrap();
    assert_eq!(
        (contents(&scan), scan.damage.len(), scan.end),
        (vec![&b"one"[..]], 0, ends[0]),
        "nobody was told that group two is durable"
    );
}

#[test]
fn a_broken_record_with_a_later_group_is_damage_and_costs_only_itself() {
    let (mut octets, ends) = segment(&[&[b"one"], &[b"two", b"three"], &[b"four"]]);
    octets[ends[0] as usize + FRAME_LENGTH] ^= 1;
    let scan = records(&octets, None).unwrap();
    assert_eq!(contents(&scan), [&b"one"[..], b"three", b"four"]);
    assert_eq!(scan.damage, [Damage { from: ends[0], to: ends[1] }]);
}

#[test]
fn the_successor_names_the_end() {
    let (octets, ends) = segment(&[&[b"one"], &[b"two"]]);
    let cut_off = records(&octets, Some(ends[0])).unwrap();
    assert_eq!((contents(&cut_off), cut_off.end), (vec![&b"one"[..]], ends[0]), "what was not durable does not count");
    let short = records(&octets[..ends[0] as usize], Some(ends[1])).unwrap();
    assert_eq!(short.damage, [Damage { from: ends[0], to: ends[1] }], "what was durable and is gone is damage");
}

#[test]
fn an_unfinished_segment_is_told_from_a_damaged_one() {
    let (octets, _) = segment(&[&[b"one"]]);
    assert_eq!(records(&octets[..10], None), Err(ReadError::Unfinished));
    assert_eq!(records(&[0; 4096], None), Err(ReadError::Unfinished));
    let mut damaged = octets;
    damaged[9] ^= 1;
    assert!(matches!(records(&damaged, None), Err(ReadError::Format(FormatError::Foreign(_)))));
    damaged[5] = 9;
    assert!(matches!(records(&damaged, None), Err(ReadError::Format(FormatError::Newer { found: 9, .. }))));
}

proptest! {
    #[test]
    fn any_octets_are_read_without_panic(octets in proptest::collection::vec(any::<u8>(), 0..2048), end in proptest::option::of(any::<u64>())) {
        let _ = records(&octets, end);
    }

    #[test]
    fn one_flipped_bit_costs_at_most_its_record(
        groups in proptest::collection::vec(proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 1..4), 1..6),
        place in any::<proptest::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let borrowed: Vec<Vec<&[u8]>> = groups.iter().map(|group| group.iter().map(Vec::as_slice).collect()).collect();
        let slices: Vec<&[&[u8]]> = borrowed.iter().map(Vec::as_slice).collect();
        let (mut octets, ends) = segment(&slices);
        let whole = records(&octets, None).unwrap();
        prop_assert_eq!(whole.records.len(), ends.len());
        let all: Vec<Vec<u8>> = whole.records.iter().map(|record| record.sealed.to_vec()).collect();
        let at = SEGMENT_HEADER_LENGTH + place.index(octets.len() - SEGMENT_HEADER_LENGTH);
        octets[at] ^= 1 << bit;
        let hit = ends.iter().position(|end| (at as u64) < *end).unwrap();
        // With a known end, exactly the hit record is lost.
        let scan = records(&octets, ends.last().copied()).unwrap();
        let expected: Vec<&[u8]> = all.iter().enumerate().filter(|(n, _)| *n != hit).map(|(_, c)| c.as_slice()).collect();
        prop_assert_eq!(contents(&scan), expected);
        prop_assert_eq!(scan.damage.len(), 1);
        // Without one, never anything that was not written, and all before it.
        let scan = records(&octets, None).unwrap();
        prop_assert!(scan.records.len() >= hit && scan.records.iter().all(|record| all.contains(&record.sealed.to_vec())));
    }
}
