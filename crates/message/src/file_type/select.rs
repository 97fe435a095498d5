//! Which types a rule means: the first argument of `partoftype`.
//!
//! `type[,type…]`: names of types and groups, MIME types (`image/png`, `image/*`), and exclusions (`!type`). Exclusions
//! count first, wherever they stand: what one of them fits is not meant (what is in it may be). What a sender merely says of
//! a part excludes it only where its content is of no known type: a program is none the less one for calling itself a picture.

use super::{FileType, GROUPS, Group, Types};

/// What a rule asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    wanted: Types,
    excluded: Types,
    wanted_mime: Vec<String>,
    excluded_mime: Vec<String>,
}

/// Why a text names no selection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// Nothing is asked for, or only exclusions.
    #[error("no file type is asked for")]
    Empty,
    /// There is no such type or group.
    #[error("there is no file type '{0}'")]
    Unknown(String),
}

impl Selection {
    /// Reads the list.
    ///
    /// # Errors
    /// [`SelectionError`] with the name that is unknown.
    pub fn parse(list: &str) -> Result<Self, SelectionError> {
        let mut selection = Self::default();
        for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (name, excluded) = item.strip_prefix('!').map_or((item, false), |name| (name.trim(), true));
            let (types, mime) = if excluded {
                (&mut selection.excluded, &mut selection.excluded_mime)
            } else {
                (&mut selection.wanted, &mut selection.wanted_mime)
            };
            if is_mime(name) {
                mime.push(name.to_ascii_lowercase());
            } else {
                *types = types.and(named(name).ok_or_else(|| SelectionError::Unknown(name.to_owned()))?);
            }
        }
        if selection.wanted.is_empty() && selection.wanted_mime.is_empty() { Err(SelectionError::Empty) } else { Ok(selection) }
    }

    /// Does it mean this content? `said` is the Content-Type of a mail part, if it is one.
    ///
    /// A MIME type fits what the part is said to be and what its content is.
    #[must_use]
    pub fn fits(&self, types: Types, said: Option<&str>) -> bool {
        let is_one = |patterns: &[String]| patterns.iter().any(|pattern| is(types, pattern));
        let says_one = |patterns: &[String]| patterns.iter().any(|pattern| said.is_some_and(|said| mime_fits(pattern, said)));
        let excluded = types.meets(self.excluded) || is_one(&self.excluded_mime) || (types.is_empty() && says_one(&self.excluded_mime));
        !excluded && (types.meets(self.wanted) || is_one(&self.wanted_mime) || says_one(&self.wanted_mime))
    }

    /// Names of all types and groups, for suggestions.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FileType::ALL.iter().map(|known| known.name()).chain(GROUPS.iter().map(|group| group.name))
    }
}

/// The group of this name, else the type.
fn named(name: &str) -> Option<Types> {
    Group::named(name).map(|group| Types::of(group.types)).or_else(|| FileType::named(name).map(|known| Types::NONE.with(known)))
}

fn is_mime(name: &str) -> bool {
    name.split_once('/').is_some_and(|(kind, subtype)| {
        let token = |word: &str| !word.is_empty() && word.bytes().all(crate::content::is_token);
        token(kind) && token(subtype)
    })
}

fn is(types: Types, pattern: &str) -> bool {
    types.iter().any(|known| known.mime().iter().any(|mime| mime_fits(pattern, mime)))
}

/// `kind/subtype` or `kind/*`.
fn mime_fits(pattern: &str, mime: &str) -> bool {
    match pattern.strip_suffix('*').filter(|kind| kind.ends_with('/')) {
        Some(kind) => mime.get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind)),
        None => mime.eq_ignore_ascii_case(pattern),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FileType as T;

    fn fits(list: &str, types: &[T], said: &str) -> bool {
        Selection::parse(list).unwrap().fits(Types::of(types), Some(said))
    }

    #[test]
    fn m_p6_types_groups_and_mime_types() {
        assert!(fits("pdf", &[T::Pdf], "text/plain"));
        assert!(fits("Archives, PDF", &[T::SevenZ], "x/y"));
        assert!(!fits("ARCHIVES", &[T::Ooxml], "x/y"), "a document is no archive");
        assert!(fits("EXE", &[T::Elf], "x/y"), "the name means the group");
        assert!(fits("application/pdf", &[], "Application/PDF"), "as it is said to be");
        assert!(fits("application/pdf", &[T::Pdf], "text/plain"), "as it is");
        assert!(fits("image/*", &[T::Webp], "x/y") && fits("image/*", &[], "image/x-unknown") && !fits("image/*", &[T::Pdf], "x/y"));
    }

    #[test]
    fn m_p6_exclusions_count_first() {
        assert!(!fits("OFFICE,!OOXML-MACRO", &[T::Ooxml, T::OoxmlMacro], "x/y"));
        assert!(!fits("!PDF,OFFICE", &[T::Pdf], "x/y"));
        assert!(fits("!PDF,OFFICE", &[T::Rtf], "x/y"));
        assert!(!fits("IMAGES,!image/png", &[T::Png], "x/y"));
        assert!(!fits("application/*,!application/pdf", &[], "application/pdf"));
        assert!(fits("EXE,!image/*", &[T::Exe], "image/png"), "x_9: what it is said to be excludes no program");
    }

    #[test]
    fn what_is_no_selection() {
        assert_eq!(Selection::parse("PDFF"), Err(SelectionError::Unknown("PDFF".into())));
        assert_eq!(Selection::parse("PDF,!ZIPP"), Err(SelectionError::Unknown("ZIPP".into())));
        assert_eq!(Selection::parse("image/"), Err(SelectionError::Unknown("image/".into())));
        assert_eq!(Selection::parse(" , "), Err(SelectionError::Empty));
        assert_eq!(Selection::parse("!PDF"), Err(SelectionError::Empty), "an exclusion asks for nothing");
    }
}
