//! What happens to one attachment: by its name alone, or by its name and what is in it (mobile-gateway.md G-21).
//!
//! A list of attachments tells names only; the attachment itself comes later, by another command. So both are judged, and
//! the stricter word stands: a program that is called `report.pdf` is one, and a file that was shown as blocked stays so.

use bytes::Bytes;
use message::file_type::{FileType, Selection, SelectionError, Types};
use model::Budget;
use model::site::content::{AttachmentAction, AttachmentRow, TypeList};

/// Types of one row, ready to be asked.
#[derive(Debug, Clone, Default)]
pub struct TypeRule {
    every: bool,
    endings: Vec<String>,
    types: Option<Selection>,
}

impl TypeRule {
    /// Reads a list: `*`, endings such as `.docx`, and what `partoftype` takes.
    ///
    /// # Errors
    /// A sentence with the entry that is unknown.
    pub fn parse(list: &TypeList) -> Result<Self, String> {
        let mut rule = Self::default();
        let mut types = Vec::new();
        for entry in list.entries() {
            match entry.strip_prefix('.') {
                _ if entry == "*" => rule.every = true,
                Some(ending) if !ending.is_empty() && !ending.contains(['.', '/', ' ']) => rule.endings.push(ending.to_lowercase()),
                _ => types.push(entry),
            }
        }
        if types.is_empty() && !rule.every && rule.endings.is_empty() {
            return Err("expected file types, endings such as .docx, or *".to_owned());
        }
        if !types.is_empty() {
            let selection = Selection::parse(&types.join(",")).map_err(|wrong| match wrong {
                SelectionError::Empty => "an exclusion alone names no type".to_owned(),
                unknown => unknown.to_string(),
            })?;
            rule.types = Some(selection);
        }
        Ok(rule)
    }

    fn fits(&self, types: Types, name: &str, said: Option<&str>) -> bool {
        let ending = name.trim_end_matches(['.', ' ', '\u{a0}']).rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
        self.every
            || ending.is_some_and(|ending| self.endings.contains(&ending))
            || self.types.as_ref().is_some_and(|selection| selection.fits(types, said))
    }

    /// True if it names this type itself: a `*` says nothing of what lies inside an archive.
    fn names(&self, types: Types) -> bool {
        self.types.as_ref().is_some_and(|selection| selection.fits(types, None))
    }
}

/// Rows of one class of devices.
#[derive(Debug, Clone, Default)]
pub struct Attachments {
    rows: Vec<(TypeRule, AttachmentAction, String)>,
}

/// What was decided of one attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict<'p> {
    /// What happens.
    pub action: AttachmentAction,
    /// What stands in its place, if the policy has a text of its own.
    pub text: &'p str,
}

/// It passes.
pub const PASSES: Verdict<'static> = Verdict { action: AttachmentAction::Allow, text: "" };

/// Why an attachment could not be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the attachment could not be looked through")]
pub struct Unjudged;

impl Attachments {
    /// Of these rows, the first that fits decides; none: it passes. Rows that can't be read are passed over: they were checked
    /// when they were set.
    pub(crate) fn new<'r>(rows: impl Iterator<Item = &'r AttachmentRow>) -> Self {
        let read = |row: &AttachmentRow| Some((TypeRule::parse(&row.types).ok()?, row.action, row.text.clone()));
        Self { rows: rows.filter_map(read).collect() }
    }

    /// True if nothing is ever taken away.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.rows.iter().all(|(_, action, _)| *action == AttachmentAction::Allow)
    }

    fn first(&self, fits: impl Fn(&TypeRule) -> bool) -> Verdict<'_> {
        let found = self.rows.iter().find(|(rule, ..)| fits(rule));
        found.map_or(PASSES, |(_, action, text)| Verdict { action: *action, text })
    }

    /// By the name, and what the mail says that it is.
    #[must_use]
    pub fn by_name(&self, name: &str, said: Option<&str>) -> Verdict<'_> {
        let types = types_of(name);
        self.first(|rule| rule.fits(types, name, said))
    }

    /// By name and content, and what lies in it if it is an archive or a mail.
    ///
    /// # Errors
    /// [`Unjudged`] when the budget ended before all of it was seen.
    pub fn by_content(&self, name: &str, said: Option<&str>, content: &Bytes, budget: &Budget) -> Result<Verdict<'_>, Unjudged> {
        let looked = files::look(content, Some(name).filter(|name| !name.is_empty()), true, budget);
        let own = self.first(|rule| rule.fits(looked.found.types, name, said));
        let mut strictest = stricter(own, self.by_name(name, said));
        for member in looked.found.walk().skip(1) {
            let blocked = self.rows.iter().find(|(rule, action, _)| *action == AttachmentAction::Block && rule.names(member.types));
            if let Some((_, action, text)) = blocked {
                strictest = stricter(strictest, Verdict { action: *action, text });
            }
        }
        if looked.stopped.is_some() && strictest.action != AttachmentAction::Block {
            return Err(Unjudged);
        }
        Ok(strictest)
    }
}

fn stricter<'p>(one: Verdict<'p>, other: Verdict<'p>) -> Verdict<'p> {
    let rank = |verdict: &Verdict<'_>| match verdict.action {
        AttachmentAction::Allow => 0,
        AttachmentAction::Encrypt => 1,
        AttachmentAction::Block => 2,
    };
    if rank(&other) > rank(&one) { other } else { one }
}

/// The types that a name's ending stands for.
fn types_of(name: &str) -> Types {
    let Some((_, ending)) = name.trim_end_matches(['.', ' ', '\u{a0}']).rsplit_once('.') else { return Types::NONE };
    let tables = [files::detect::endings(false), files::detect::endings(true)];
    let known = tables.iter().flatten().filter(|(endings, _)| endings.iter().any(|known| known.eq_ignore_ascii_case(ending)));
    let types = known.fold(Types::NONE, |all, (_, types)| all.and(*types));
    // A mail as a file has no type of its own in the list; its MIME type is what rules name.
    if types.is_empty() && ending.eq_ignore_ascii_case("js") { types.with(FileType::Script) } else { types }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(toml: &str) -> Attachments {
        let mut written: std::collections::BTreeMap<String, Vec<AttachmentRow>> = toml::from_str(toml).unwrap();
        Attachments::new(written.remove("rows").unwrap().iter())
    }

    fn content(rules: &Attachments, name: &str, octets: &[u8]) -> Result<AttachmentAction, Unjudged> {
        rules.by_content(name, None, &Bytes::copy_from_slice(octets), &Budget::default()).map(|verdict| verdict.action)
    }

    const RULES: &str = r#"
        rows = [
            { types = "PDF", action = "encrypt" },
            { types = ["IMAGES", ".txt"], action = "allow" },
            { types = "EXE", action = "block", text = "no programs" },
            { types = "*", action = "block" },
        ]"#;

    #[test]
    fn g_21_the_first_row_that_fits_a_name_decides() {
        use AttachmentAction as A;
        let rules = rows(RULES);
        for (name, action) in [
            ("a.pdf", A::Encrypt),
            ("A.PDF", A::Encrypt),
            ("b.jpeg", A::Allow),
            ("c.TXT", A::Allow),
            ("d.exe", A::Block),
            ("e.docx", A::Block),
            ("none", A::Block),
            ("a.pdf.", A::Encrypt),
            ("", A::Block),
        ] {
            assert_eq!(rules.by_name(name, None).action, action, "{name}");
        }
        assert_eq!(rules.by_name("d.exe", None).text, "no programs");
        assert_eq!(Attachments::default().by_name("x.exe", None), PASSES);
        assert!(!rules.is_idle() && Attachments::default().is_idle());
    }

    #[test]
    fn g_21_what_is_in_it_counts_too_and_the_stricter_word_stands() {
        use AttachmentAction as A;
        let rules = rows(RULES);
        assert_eq!(content(&rules, "a.pdf", b"%PDF-1.7\n"), Ok(A::Encrypt));
        assert_eq!(content(&rules, "a.jpg", b"%PDF-1.7\n"), Ok(A::Encrypt), "a document that is called a picture");
        assert_eq!(content(&rules, "a.txt", b"MZ\x90\0program"), Ok(A::Allow), "its ending is allowed before programs are asked about");
        assert_eq!(content(&rules, "a.pdf", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0"), Ok(A::Block), "a program");
        let programs = rows("rows = [{ types = 'EXE', action = 'block' }]");
        assert_eq!(content(&programs, "a.txt", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0"), Ok(A::Block));
        assert_eq!(content(&programs, "a.txt", b"hello"), Ok(A::Allow));
        assert_eq!(content(&programs, "setup.exe", b"hello"), Ok(A::Block), "it was shown as blocked");
    }

    #[test]
    fn g_21_an_archive_is_blocked_for_what_lies_in_it() {
        let mut tar = vec![0u8; 2048];
        let program = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0";
        tar[..5].copy_from_slice(b"p.bin");
        tar[100..107].copy_from_slice(b"0000644");
        tar[124..135].copy_from_slice(format!("{:011o}", program.len()).as_bytes());
        tar[156] = b'0';
        tar[257..265].copy_from_slice(b"ustar\x0000");
        tar[148..156].copy_from_slice(b"        ");
        let sum: u32 = tar[..512].iter().map(|octet| u32::from(*octet)).sum();
        tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar[512..512 + program.len()].copy_from_slice(program);
        let programs = rows("rows = [{ types = 'EXE', action = 'block' }, { types = '*', action = 'allow' }]");
        assert_eq!(content(&programs, "a.tar", &tar), Ok(AttachmentAction::Block));
        let tight = Budget::new(model::Limits { parts: 0, ..model::Limits::MAIL });
        let seen = programs.by_content("a.tar", None, &Bytes::from(tar), &tight);
        assert_eq!(seen, Err(Unjudged), "g_26: what could not be looked through is not let pass");
    }

    #[test]
    fn g_21_lists_that_name_nothing_are_refused() {
        let parse = |text: &str| TypeRule::parse(&TypeList::One(text.into())).map(|_| ());
        assert!(parse("*").is_ok() && parse(".docx, PDF").is_ok() && parse("image/*").is_ok());
        for (bad, what) in [("", "expected file types"), ("PDFF", "PDFF"), ("!PDF", "exclusion"), (".", "'.'"), (".a.b", ".a.b")] {
            assert!(parse(bad).unwrap_err().contains(what), "{bad}");
        }
    }
}
