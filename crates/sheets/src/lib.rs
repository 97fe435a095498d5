//! Sheets that people exchange: CSV (RFC 4180), read with every bad line named, and written so that no spreadsheet takes a field for a
//! formula. Octets in, entries out: who may enter what, and where it goes, is `admin`'s. No I/O.

pub mod devices;

/// What begins a formula in a spreadsheet, or is an apostrophe that would be taken for ours.
const FORMULA: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\''];

/// A field as it is written: what a spreadsheet would take for a formula has an apostrophe before it.
#[must_use]
pub fn harmless(field: &str) -> String {
    if field.starts_with(FORMULA) { format!("'{field}") } else { field.to_owned() }
}

/// A field as it was before [`harmless`].
#[must_use]
pub fn plain(field: &str) -> &str {
    match field.strip_prefix('\'') {
        Some(rest) if rest.starts_with(FORMULA) => rest,
        _ => field,
    }
}

/// Which separator the first line has: spreadsheets of some languages write semicolons.
#[must_use]
pub fn delimiter(file: &[u8]) -> u8 {
    let first = file.split(|octet| *octet == b'\n').next().unwrap_or_default();
    let count = |octet: u8| first.iter().filter(|other| **other == octet).count();
    if count(b';') > count(b',') { b';' } else { b',' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_10_a_field_is_never_a_formula_and_comes_back_as_it_was() {
        for text in ["=1+1", "+41 79", "-x", "@SUM(A1)", "'quoted", "'=x", "plain", "", "a=b"] {
            let written = harmless(text);
            assert!(!written.starts_with(['=', '+', '-', '@']), "{written}");
            assert_eq!(plain(&written), text);
        }
    }

    #[test]
    fn separators_of_either_kind_are_read() {
        assert_eq!((delimiter(b"user;id;labels\n"), delimiter(b"user,id\na;b;c;d,e"), delimiter(b"")), (b';', b',', b','));
    }
}
