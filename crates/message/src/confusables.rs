//! Look-alikes: texts that a person reads as the same.
//!
//! A mark such as `[signed OK]` in a subject must be ours, so what looks like it is taken out of incoming
//! mail (CVE-2026-29141, CVE-2026-29144). Texts are compared after NFKC, without case, combining marks and
//! invisible characters, and by the skeleton of UTS #39 §4. Folded text is for comparing only.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

/// The text as a careless eye reads it. Equal folds look alike; it is not to be shown.
#[must_use]
pub fn fold_confusables(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        fold_char(c, &mut folded);
    }
    let words: Vec<&str> = folded.split_whitespace().collect();
    words.join(" ")
}

/// The fold of one character; nothing for what can't be seen.
pub(crate) fn fold_char(c: char, out: &mut String) {
    let from = out.len();
    read_char(c, out);
    let folded: String = out.get(from..).unwrap_or_default().chars().map(plain).collect();
    out.truncate(from);
    out.push_str(&folded);
}

/// As [`fold_char`], for expressions: foreign look-alikes become the ASCII letter that they look like, ASCII
/// stays as it is in lower case.
pub(crate) fn read_char(c: char, out: &mut String) {
    match c {
        ' '..='~' => out.push(c.to_ascii_lowercase()),
        _ if is_invisible(c) || is_combining_mark(c) => {}
        _ if c.is_whitespace() => out.push(' '),
        _ if bracket(c).is_some() => out.extend(bracket(c)),
        _ => {
            // Capitals and small letters have look-alikes of their own: К is like K, but к is only like ĸ.
            let once = fold_once(&std::iter::once(c).nfkc().collect::<String>());
            let twice = if once.is_ascii() { once } else { fold_once(&once) };
            out.extend(twice.chars().map(small_capital));
        }
    }
}

/// As [`read_char`], and ASCII characters become the letter that they are used to imitate.
pub(crate) fn hurried_char(c: char, out: &mut String) {
    let from = out.len();
    read_char(c, out);
    let read: String = out.get(from..).unwrap_or_default().chars().map(imitated).collect();
    out.truncate(from);
    out.push_str(&read);
}

fn imitated(c: char) -> char {
    match plain(c) {
        'l' => 'i',
        c => c,
    }
}

fn fold_once(text: &str) -> String {
    skeleton(text).filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

/// Small capitals and the letters that they stand beside, which UTS #39 keeps apart.
fn small_capital(c: char) -> char {
    const TABLE: [(char, char); 27] = [
        ('ᴀ', 'a'),
        ('ʙ', 'b'),
        ('ᴄ', 'c'),
        ('ᴅ', 'd'),
        ('ᴇ', 'e'),
        ('ꜰ', 'f'),
        ('ɢ', 'g'),
        ('ʜ', 'h'),
        ('ɪ', 'i'),
        ('ᴊ', 'j'),
        ('ᴋ', 'k'),
        ('ĸ', 'k'),
        ('κ', 'k'),
        ('ʟ', 'l'),
        ('ᴍ', 'm'),
        ('ɴ', 'n'),
        ('ᴏ', 'o'),
        ('ᴘ', 'p'),
        ('ʀ', 'r'),
        ('ꜱ', 's'),
        ('ᴛ', 't'),
        ('ᴜ', 'u'),
        ('ᴠ', 'v'),
        ('ᴡ', 'w'),
        ('ʏ', 'y'),
        ('ᴢ', 'z'),
        ('ɡ', 'g'),
    ];
    TABLE.iter().find(|(small, _)| *small == c).map_or(c, |(_, letter)| *letter)
}

/// Within ASCII: what UTS #39 takes for one (`0`/`O`, `1`/`l`/`I`) and what a hurried eye does (`i`, `|`, `5`).
fn plain(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | 'i' | '|' | '!' => 'l',
        '5' | '$' => 's',
        '{' | '(' => '[',
        '}' | ')' => ']',
        c if c.is_whitespace() => ' ',
        c => c,
    }
}

fn bracket(c: char) -> Option<char> {
    match c {
        '\u{3010}' | '\u{3014}' | '\u{3016}' | '\u{3018}' | '\u{301a}' | '\u{27e6}' | '\u{27e8}' | '\u{2045}' | '\u{2772}' | '\u{2768}'
        | '\u{23a1}' | '\u{300c}' | '\u{300e}' | '\u{ff62}' | '\u{2983}' | '\u{2985}' | '\u{2987}' | '\u{298b}' => Some('['),
        '\u{3011}' | '\u{3015}' | '\u{3017}' | '\u{3019}' | '\u{301b}' | '\u{27e7}' | '\u{27e9}' | '\u{2046}' | '\u{2773}' | '\u{2769}'
        | '\u{23a4}' | '\u{300d}' | '\u{300f}' | '\u{ff63}' | '\u{2984}' | '\u{2986}' | '\u{2988}' | '\u{298c}' => Some(']'),
        _ => None,
    }
}

/// Characters without a picture: controls, joiners, directions, fillers, variation selectors, tags.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}'
        | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cve_2026_29144_look_alikes_fold_to_one() {
        let mark = fold_confusables("[signed OK]");
        for fake in [
            "[SIGNED ok]",
            "[s\u{456}gned OK]",       // Cyrillic i
            "[signed \u{41e}\u{41a}]", // Cyrillic O, K
            "[signed 0K]",
            "[s1gned OK]",
            "\u{ff3b}signed OK\u{ff3d}", // full-width brackets
            "\u{3010}signed OK\u{3011}",
            "[si\u{200b}gned\u{a0}OK]", // zero width, no-break
            "[s\u{301}igned  OK]",
            "[\u{1d42c}\u{1d422}\u{1d420}\u{1d427}\u{1d41e}\u{1d41d} OK]", // mathematical bold
            "(signed OK)",
        ] {
            assert_eq!(fold_confusables(fake), mark, "{fake}");
        }
        assert_ne!(fold_confusables("[signed INVALID]"), mark);
        assert_ne!(fold_confusables("signed OK"), mark);
    }
}
