//! Texts in subjects: tags that command us, marks that we set.
//!
//! Rules look for a tag, add one, or take one out (mail-gateway.md M-R6); incoming mail loses everything
//! that looks like one of our marks (CVE-2026-29141). All compare decoded text, and change the Subject line
//! alone. Several Subject fields are all changed: which one a reader shows is not known.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

use crate::confusables::{fold_char, hurried_char, read_char};
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

/// The text without everything that fits an expression, as it stands or as a person reads it; `None` if
/// nothing fits. What does not fit stays as it was written. For marks that are taken out of foreign mail; what
/// commands us is compared by [`without_exact_matches`].
///
/// `find` gives the places in the text it is handed, which is lower case with look-alikes as plain ASCII: an
/// expression that does not mind case finds `[s\u{456}gned 0K]` where it looks for `[signed OK]`. A text that
/// still fits after many removals was made to resist them, and nothing of it is kept.
#[must_use]
pub fn without_matches(text: &str, find: &dyn Fn(&str) -> Vec<Range<usize>>) -> Option<String> {
    removed(text, &[|c, out| out.push(c), read_char, hurried_char], find)
}

/// The text without everything that fits an expression, as it stands; `None` if nothing fits.
///
/// For texts that command us: what only looks like a command is none, or `(noenc)` would switch off what
/// `[noenc]` was agreed for. As [`without_matches`] it removes until nothing fits.
#[must_use]
pub fn without_exact_matches(text: &str, find: &dyn Fn(&str) -> Vec<Range<usize>>) -> Option<String> {
    removed(text, &[|c, out| out.push(c)], find)
}

fn removed(text: &str, readings: &[Fold], find: &dyn Fn(&str) -> Vec<Range<usize>>) -> Option<String> {
    const TURNS: usize = 16;
    let mut now = text.to_owned();
    for turn in 0..TURNS {
        let Some(shorter) = readings.iter().find_map(|fold| cut(&now, *fold, find)) else {
            return (turn > 0).then(|| now.trim().to_owned());
        };
        now = shorter;
    }
    Some(String::new())
}

/// The text without the places found in its folded form.
fn cut(text: &str, fold: Fold, find: &dyn Fn(&str) -> Vec<Range<usize>>) -> Option<String> {
    let chars = folded(text, fold);
    let mut read = String::with_capacity(text.len());
    let mut places = Vec::with_capacity(text.len());
    for (c, range) in &chars {
        places.extend(std::iter::repeat_n(range.clone(), c.len_utf8()));
        read.push(*c);
    }
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    for found in find(&read).into_iter().filter(|found| !found.is_empty()) {
        let (first, last) = (places.get(found.start)?, places.get(found.end - 1)?);
        kept.push_str(text.get(at..first.start.max(at)).unwrap_or_default());
        at = last.end.max(at);
    }
    kept.push_str(text.get(at..).unwrap_or_default());
    (at > 0).then_some(kept)
}

type Fold = fn(char, &mut String);

/// Equal but for case and Unicode normal form.
fn exact(c: char, out: &mut String) {
    out.extend(std::iter::once(c).nfd().flat_map(char::to_lowercase));
}

/// The text without the marks; `None` if it holds none.
///
/// Taking one mark out may join the halves of another, so folded characters go onto a stack, and a mark that
/// stands at its top is taken off at once: nothing is left over, in one pass.
fn without(text: &str, marks: &[&str], fold: Fold) -> Option<String> {
    let pattern = |mark: &&str| folded(mark.trim(), fold).into_iter().map(|(c, _)| c).collect::<Vec<char>>();
    let marks: Vec<Vec<char>> = marks.iter().map(pattern).filter(|mark| !mark.is_empty()).collect();
    let mut stack: Vec<(char, Range<usize>)> = Vec::new();
    // Up to where the text is dealt with: the rest of a character that was taken off goes with it.
    let (mut done, mut found) = (0, false);
    for (c, range) in folded(text, fold) {
        if range.start < done {
            continue;
        }
        if c == ' ' && found && stack.last().is_none_or(|(last, _)| *last == ' ') {
            continue;
        }
        let end = range.end;
        stack.push((c, range));
        let Some(length) = marks.iter().find(|mark| ends_with(&stack, mark)).map(Vec::len) else { continue };
        found = true;
        done = end;
        let whole = stack.split_off(stack.len() - length);
        let first = whole.first().map_or(end, |(_, range)| range.start);
        while stack.last().is_some_and(|(_, range)| range.start == first) {
            stack.pop();
        }
    }
    found.then(|| pieces(text, &stack))
}

fn ends_with(stack: &[(char, Range<usize>)], mark: &[char]) -> bool {
    let tail = stack.len().checked_sub(mark.len()).and_then(|start| stack.get(start..));
    tail.is_some_and(|tail| tail.iter().map(|(c, _)| c).eq(mark.iter()))
}

/// The characters of `text` that are still on the stack, each once.
fn pieces(text: &str, stack: &[(char, Range<usize>)]) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut last = None;
    for (_, range) in stack {
        if last != Some(range.start) {
            kept.push_str(text.get(range.clone()).unwrap_or_default());
            last = Some(range.start);
        }
    }
    kept.trim().to_owned()
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

    #[test]
    fn x_11_many_marks_and_deep_ones_go_in_one_pass() {
        let many = format!("{}x{}{}", "[signed OK] ".repeat(5_000), "[signed ".repeat(5_000), "OK]".repeat(5_000));
        assert_eq!(stripped(&many, &["[signed OK]"]).as_deref(), Some("x"));
        assert_eq!(stripped("a \u{fb01}x", &["f"]).as_deref(), Some("a x"), "half a ligature takes the whole");
    }

    #[test]
    fn m_r6_what_only_looks_like_a_command_is_none() {
        let find = |text: &str| text.to_lowercase().match_indices("[noenc]").map(|(at, found)| at..at + found.len()).collect();
        assert_eq!(without_exact_matches("Hi [NoEnc] x", &find).as_deref(), Some("Hi  x"));
        assert_eq!(without_exact_matches("Hi [noe[noenc]nc]", &find).as_deref(), Some("Hi"));
        for similar in ["Hi (noenc)", "Hi {n0enc}", "Hi [no\u{435}nc]"] {
            assert_eq!(without_exact_matches(similar, &find), None, "{similar}");
        }
        assert_eq!(without_matches("Hi [no\u{435}nc]", &find).as_deref(), Some("Hi"), "taken out of foreign mail");
    }

    #[test]
    fn cve_2026_29144_expressions_find_look_alikes_and_keep_the_rest() {
        let find = |text: &str| -> Vec<Range<usize>> {
            let lower = text.to_lowercase();
            lower.match_indices("[signed ok]").map(|(at, found)| at..at + found.len()).collect()
        };
        for fake in ["[signed OK]", "[s\u{456}gned 0K]", "[signed\u{a0}\u{41e}\u{41a}]", "[slgned ok]", "[sig[signed OK]ned OK]"] {
            let text = format!("Kl\u{e4}nge 101 {fake} in \u{406}talien");
            assert_eq!(without_matches(&text, &find).as_deref(), Some("Kl\u{e4}nge 101  in \u{406}talien"), "{fake}");
        }
        assert_eq!(without_matches("Kl\u{e4}nge 101", &find), None);
        let deep = format!("{}{}", "[signed ".repeat(1_000), "ok]".repeat(1_000));
        assert_eq!(without_matches(&deep, &find).as_deref(), Some(""), "x_11: made to resist");
    }
}
