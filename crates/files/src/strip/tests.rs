//! Members taken out of archives that were made here.

use std::io::Write;

use message::file_type::FileType as T;
use model::Limits;

use super::*;

fn bounded() -> Budget {
    Budget::new(crate::limits(Limits::default().time))
}

/// Local header, data, record and end record, stored or deflated.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut records) = (Vec::new(), Vec::new());
    for (number, (name, content)) in members.iter().enumerate() {
        let (method, packed) = if number % 2 == 0 {
            (0u16, content.to_vec())
        } else {
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(content).unwrap();
            (8, encoder.finish().unwrap())
        };
        let offset = u32::try_from(out.len()).unwrap();
        let common = [
            &[20u8, 0, 0, 0][..],
            &method.to_le_bytes(),
            &[1, 2, 3, 4],
            &crc32fast::hash(content).to_le_bytes(),
            &u32::try_from(packed.len()).unwrap().to_le_bytes(),
            &u32::try_from(content.len()).unwrap().to_le_bytes(),
            &u16::try_from(name.len()).unwrap().to_le_bytes(),
            &[0, 0],
        ]
        .concat();
        out.extend([b"PK\x03\x04", &common[..], name.as_bytes(), &packed].concat());
        records.extend([b"PK\x01\x02\x14\0", &common[..], &[0; 10], &offset.to_le_bytes(), name.as_bytes()].concat());
    }
    let count = u16::try_from(members.len()).unwrap().to_le_bytes();
    let (size, start) = (u32::try_from(records.len()).unwrap(), u32::try_from(out.len()).unwrap());
    out.extend(records);
    out.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size.to_le_bytes(), &start.to_le_bytes(), b"\x04\0note"].concat());
    out
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

const PDF: &[u8] = b"%PDF-1.7\n%%EOF\n";
const RTF: &[u8] = b"{\\rtf1 x}";

/// Takes PDFs out.
fn without_pdf(content: Vec<u8>) -> Stripped {
    let content = Bytes::from(content);
    let found = look(&content, None, true, &bounded()).found;
    strip(&content, &found, &|found| found.types.has(T::Pdf), &bounded()).unwrap()
}

fn changed(content: Vec<u8>) -> Vec<u8> {
    match without_pdf(content) {
        Stripped::Changed(new) => new.to_vec(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn m_p6_a_member_goes_and_the_rest_keeps_its_octets() {
    let (a, b, c) = (("a.rtf", RTF), ("b.pdf", PDF), ("c.rtf", RTF));
    // The third is stored at an odd place too.
    assert_eq!(changed(zip(&[a, ("x", b""), b])), zip(&[a, ("x", b"")]));
    assert_eq!(changed(zip(&[b, ("x", b""), c, b])), zip_at_even(&[("x", b""), c]));
    let long = "d/".repeat(80) + "b.pdf";
    assert_eq!(changed(tar(&[a, (&long, PDF), c])), tar(&[a, c]), "with its long name");
    assert_eq!(without_pdf(zip(&[a, c])), Stripped::Same);
    assert_eq!(without_pdf(PDF.to_vec()), Stripped::Gone);
}

/// As [`zip`], with the ways of compression that the members had in a longer one.
fn zip_at_even(members: &[(&str, &[u8])]) -> Vec<u8> {
    let all: Vec<(&str, &[u8])> = std::iter::once(("b.pdf", PDF)).chain(members.iter().copied()).collect();
    changed(zip(&all))
}

#[test]
fn m_p6_archives_in_archives_are_changed_inside() {
    let inner = tar(&[("a.rtf", RTF), ("b.pdf", PDF)]);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&inner).unwrap();
    let inner = encoder.finish().unwrap();
    let outer = changed(zip(&[("x.rtf", RTF), ("in.tgz", &inner), ("y.rtf", RTF)]));
    let outer = Bytes::from(outer);
    let looked = look(&outer, None, true, &bounded());
    assert!(looked.stopped.is_none() && looked.found.walk().all(|found| found.state == crate::State::Whole), "{:#?}", looked.found);
    let names: Vec<_> = looked.found.walk().filter_map(|found| found.name.clone()).collect();
    assert_eq!(names, ["x.rtf", "in.tgz", "a.rtf", "y.rtf"]);
    assert!(!looked.found.walk().any(|found| found.types.has(T::Pdf)));
}

#[test]
fn x_9_two_members_of_one_name_are_both_seen() {
    let content = Bytes::from(zip(&[("a", RTF), ("a", PDF)]));
    let found = look(&content, None, true, &bounded()).found;
    let types: Vec<_> = found.members.iter().map(|member| member.types).collect();
    assert_eq!(format!("{types:?}"), "[RTF, PDF]");
}

#[test]
fn x_9_members_that_the_directory_does_not_name_are_seen_and_go() {
    // The second member's record is cut out of the directory; its local part stays.
    let whole = zip(&[("a.rtf", RTF), ("b", b"x"), ("c.pdf", PDF)]);
    let Stripped::Changed(stripped) = without_pdf(whole.clone()) else { panic!() };
    let end = whole.len() - 26;
    let records = stripped.len() - 26 - (stripped.len() - 26 - find(&stripped, b"PK\x01\x02"));
    let local = &whole[find_nth(&whole, b"PK\x03\x04", 2)..find(&whole, b"PK\x01\x02")];
    let mut hidden = stripped[..records].to_vec();
    hidden.extend(local);
    let directory = hidden.len();
    hidden.extend(&stripped[records..]);
    let at = hidden.len() - 26 + 16;
    hidden[at..at + 4].copy_from_slice(&u32::try_from(directory).unwrap().to_le_bytes());
    assert!(end > 0);
    let content = Bytes::from(hidden.clone());
    let found = look(&content, None, true, &bounded()).found;
    assert!(found.members.iter().any(|member| member.types.has(T::Pdf)), "{found:#?}");
    assert_eq!(changed(hidden), stripped, "what only the local header knows is gone");
}

#[test]
fn x_9_an_archive_whose_directory_cannot_be_read_goes_whole() {
    let mut lost = zip(&[("a.rtf", RTF), ("b", b"x"), ("c.pdf", PDF)]);
    let size = lost.len() - 26 + 12;
    lost[size..size + 4].copy_from_slice(&0x7fff_ffffu32.to_le_bytes());
    assert_eq!(without_pdf(lost), Stripped::Gone);
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    find_nth(bytes, wanted, 0)
}

fn find_nth(bytes: &[u8], wanted: &[u8], number: usize) -> usize {
    memchr::memmem::find_iter(bytes, wanted).nth(number).unwrap()
}

/// A tar of 10 KiB that fuzzing found, compressed. Its second header is broken, and it ends like a ZIP: with the first file cut out it is no tar any more,
/// and readers take it for that ZIP.
const LEFT_OVER: &str = "eNrT09fTdwhIrPBITUxJLWKgCTCAAFy0gZG5GZwNFjc0MDIyYlCoYKADKC0uSSwCWs8wMoGhpYFCQWJJhu3hJUMPcjGMAgqBPc0Aav43MzHBmf\
     8NTAxR87+RIbAIYFAwGM3/NAeqAS5uuoZ65lyGCgYK+UlZNjb6XsEaFZp2dlyqqq7+bqNZbHACBSqZk0QHt4IytTGwQseZ/w3R8r+BGbAAGM3/\
     9ADVMUUlaYYKFbWjWWoUjIJRMApGwSgYBaNgFIyCUUAd4BtFiuor5AHaOB3TZAcgDnAFYm9mFhEgm4OhJrgmNmUjp6YykKcIxKxAnKhXkJIWzF\
     tQeNn0ivFzoxCDgBP+pzZtvPid69qKC1s2Pw4KLf1a/pgJzRSflhOXuIE8TqgpSXrA/tnqPk0tT+OQFStYgaoZmUSYcdsKAw2MDAwg27aTahvY\
     wgBvVjaQKUxAmAakS0ZT8CgYBaNgFIyCUTAKRsEoGAWjYBSMglEwhAEAkFQ6Cw==";

#[test]
fn x_9_what_reads_as_another_archive_after_the_cut_goes_whole() {
    let packed = data_encoding::BASE64.decode(LEFT_OVER.as_bytes()).unwrap();
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(&packed[..]), &mut tar).unwrap();
    let content = Bytes::from(tar);
    let looked = look(&content, None, true, &bounded());
    let unwanted = looked.found.members.iter().flat_map(Found::walk).find(|member| !member.types.is_empty()).unwrap().types;
    let fits = |found: &Found| found.types.meets(unwanted);
    match strip(&content, &looked.found, &fits, &bounded()).unwrap() {
        Stripped::Changed(new) => {
            let again = look(&new, None, true, &bounded());
            assert!(!again.found.members.iter().any(|member| member.walk().any(fits)));
        }
        Stripped::Gone => {}
        Stripped::Same => panic!("it was there"),
    }
}
