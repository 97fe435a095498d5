//! Texts in subjects: tags that command us, marks that we set.
//!
//! Rules look for a tag, add one, or take one out (mail-gateway.md M-R6); incoming mail loses everything
//! that looks like one of our marks (CVE-2026-29141). All compare decoded text, and change the Subject line
//! alone. Several Subject fields are all changed: which one a reader shows is not known.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

use crate::confusables::fold_char;
use crate::{Edit, Message};

/// True if a Subject holds the tag, without regard to case and to how it is encoded. An empty tag is in none.
#[must_use]
pub fn contains_tag(message: &Message, tag: &str) -> bool {
    message.decoded_all("subject").iter().any(|text| find(text, tag, exact).is_some())
}

/// Puts the tag behind the subject, if it is not in it. A mail without a Subject gets one.
pub fn append_tag(edit: &mut Edit, tag: &str) -> bool {
    let texts = edit.decoded_all("subject");
    if tag.trim().is_empty() || texts.iter().any(|text| find(text, tag, exact).is_some()) {
        return false;
    }
    if texts.is_empty() {
        edit.append("Subject", tag);
        return true;
    }
    edit.map("subject", |text| Some(format!("{text} {tag}").trim().to_owned()))
}

/// Takes the tag out, wherever and how often it stands. True if it was there.
pub fn remove_tag(edit: &mut Edit, tag: &str) -> bool {
    edit.map("subject", |text| without(text, &[tag], exact))
}

/// Takes out everything that a person could take for one of these marks. True if there was something.
pub fn strip_marks(edit: &mut Edit, marks: &[&str]) -> bool {
    edit.map("subject", |text| without(text, marks, fold_char))
}

/// A text without these marks and their look-alikes; `None` if it holds none.
#[must_use]
pub fn stripped(text: &str, marks: &[&str]) -> Option<String> {
    without(text, marks, fold_char)
}

type Fold = fn(char, &mut String);

/// Equal but for case and Unicode normal form.
fn exact(c: char, out: &mut String) {
    out.extend(std::iter::once(c).nfd().flat_map(char::to_lowercase));
}

fn without(text: &str, marks: &[&str], fold: Fold) -> Option<String> {
    let mut now = text.to_owned();
    // Taking one out may join the halves of another: again until nothing is found. Each turn shortens.
    while let Some(range) = marks.iter().find_map(|mark| find(&now, mark, fold)) {
        let (before, after) = (now.get(..range.start)?, now.get(range.end..)?);
        let gap = if before.ends_with(char::is_whitespace) { after.trim_start() } else { after };
        now = format!("{before}{gap}").trim().to_owned();
    }
    (now != text).then_some(now)
}

/// Where the first occurrence of `mark` lies in `text`, compared by `fold`; runs of blanks count as one.
fn find(text: &str, mark: &str, fold: Fold) -> Option<Range<usize>> {
    let wanted: Vec<char> = folded(mark.trim(), fold).into_iter().map(|(c, _)| c).collect();
    if wanted.is_empty() {
        return None;
    }
    let have = folded(text, fold);
    let place = have.windows(wanted.len()).position(|window| window.iter().map(|(c, _)| c).eq(wanted.iter()))?;
    let first = have.get(place)?;
    let last = have.get(place + wanted.len() - 1)?;
    Some(first.1.start..last.1.end)
}

/// Folded characters with the bytes that each comes from; what folds to nothing belongs to the one before.
fn folded(text: &str, fold: Fold) -> Vec<(char, Range<usize>)> {
    let mut all: Vec<(char, Range<usize>)> = Vec::with_capacity(text.len());
    let mut buffer = String::new();
    for (at, c) in text.char_indices() {
        let range = at..at + c.len_utf8();
        buffer.clear();
        fold(c, &mut buffer);
        let blank = buffer == " ";
        match all.last_mut() {
            Some((_, last)) if buffer.is_empty() => last.end = range.end,
            Some((' ', last)) if blank => last.end = range.end,
            _ => all.extend(buffer.chars().map(|c| (c, range.clone()))),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use model::Budget;

    fn edit(subject: &str) -> Edit {
        let mail = format!("A: 1\r\nSubject: {subject}\r\nB: 2\r\n\r\nbody");
        Message::parse(Bytes::from(mail), &Budget::default()).unwrap().edit()
    }

    fn contains(subject: &str, tag: &str) -> bool {
        contains_tag(edit(subject).original(), tag)
    }

    #[test]
    fn m_r6_tags_are_matched_after_decoding() {
        assert!(contains("Hello [SECURE]", "[secure]"));
        assert!(contains("=?utf-8?Q?[sec?= =?iso-8859-1?B?dXJlXSDk?=", "[secure]"));
        assert!(contains("[sec\r\n ure]", "[sec ure]"));
        assert!(!contains("secure", "[secure]") && !contains("anything", ""));
    }

    #[test]
    fn m_r6_a_tag_is_added_once_and_removed_whole() {
        let mut added = edit("Hello");
        assert!(append_tag(&mut added, "[secure]") && !append_tag(&mut added, "[Secure]"));
        assert_eq!(added.decoded("subject").as_deref(), Some("Hello [secure]"));
        let mut removed = edit("One [secure] two [SECURE]");
        assert!(remove_tag(&mut removed, "[secure]") && !remove_tag(&mut removed, "[secure]"));
        assert_eq!(removed.finish(), "A: 1\r\nSubject: One two\r\nB: 2\r\n\r\nbody");
        let none = Message::parse(Bytes::from_static(b"A: 1\r\n\r\n"), &Budget::default()).unwrap();
        let mut none = none.edit();
        assert!(append_tag(&mut none, "[x]"));
        assert_eq!(none.finish(), "A: 1\r\nSubject: [x]\r\n\r\n");
    }

    #[test]
    fn m_r6_without_the_tag_nothing_changes() {
        let mut untouched = edit("  odd   =?utf-8?q?sp=61ces?=  ");
        assert!(!remove_tag(&mut untouched, "[secure]") && !untouched.is_touched());
    }

    #[test]
    fn cve_2026_29141_marks_and_look_alikes_are_stripped() {
        for fake in ["[signed OK]", "[s\u{456}gned 0K]", "[sig[signed OK]ned OK]", "=?utf-8?Q?=5Bsigned?= OK]", "\u{3010}SIGNED ok\u{3011}"]
        {
            let mut stripped = edit(&format!("Hi {fake} there"));
            assert!(strip_marks(&mut stripped, &["[signed OK]", "[signed INVALID]"]), "{fake}");
            assert_eq!(stripped.decoded("subject").as_deref(), Some("Hi there"), "{fake}");
        }
        assert!(!strip_marks(&mut edit("We signed, OK?"), &["[signed OK]"]));
    }
}
