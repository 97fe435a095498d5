//! Devices as CSV: what is entered for each.
//!
//! The first line names the columns, in any order; `user` and `id` must be among them. A column that is not there changes nothing
//! of the device; an empty field takes the fact away. What only a gateway tells is passed over. Fields are bounded; a file costs its
//! own length and one line.

use csv::{ByteRecord, Reader, ReaderBuilder, StringRecord};
use model::Timestamp;
use model::device::{External, Override, Reported};

/// Columns that are read and written: as `[[device]]` names them.
pub const ENTERED: [&str; 18] = [
    "user",
    "id",
    "override",
    "managed",
    "enrolled",
    "mdm_compliant",
    "compromised",
    "encrypted",
    "eas_profile",
    "platform",
    "model",
    "os",
    "last_seen",
    "phone",
    "imei",
    "friendly_name",
    "address",
    "external",
];
/// The last of them: names of one device, separated by semicolons.
pub const LABELS: &str = "labels";
/// Columns that are written only.
pub const TOLD: [&str; 11] = [
    "device_type",
    "agent",
    "first_request",
    "last_request",
    "last_command",
    "state_command",
    "state_since",
    "status",
    "reason",
    "gateway",
    "client",
];
/// Longest field, octets.
const LONGEST: usize = 4_096;

/// One line: whose device, and what is entered for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the file, from 1.
    pub line: u64,
    /// As it is written.
    pub user: String,
    /// As it is written.
    pub id: String,
    /// `None`: no such column.
    pub ruling: Option<Override>,
    facts: Vec<(String, String)>,
}

/// A line that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Its number in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub error: String,
}

/// A file, line by line. After a line that is no CSV nothing more comes.
pub struct Sheet<'f> {
    reader: Reader<&'f [u8]>,
    names: Vec<String>,
    record: ByteRecord,
    over: bool,
}

impl Entry {
    /// True if any fact is entered.
    #[must_use]
    pub fn has_facts(&self) -> bool {
        !self.facts.is_empty()
    }

    /// What is known with what the line says put in.
    ///
    /// # Errors
    /// Never for an entry that was read; the field that is none.
    pub fn on(&self, mut known: Reported) -> Result<Reported, String> {
        for (name, text) in &self.facts {
            put(&mut known, name, text)?;
        }
        Ok(known)
    }
}

impl<'f> Sheet<'f> {
    /// Reads the first line.
    ///
    /// # Errors
    /// It can't be used: nothing of the file should be.
    pub fn new(file: &'f [u8]) -> Result<Self, String> {
        let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
        // By LF alone, so that lines are counted right; the CR before it is trimmed with the blanks of the last field.
        let lines = csv::Terminator::Any(b'\n');
        let mut reader = ReaderBuilder::new().flexible(true).delimiter(crate::delimiter(file)).terminator(lines).from_reader(file);
        let names = columns(&reader.headers().map_err(|e| e.to_string())?.clone())?;
        Ok(Self { reader, names, record: ByteRecord::new(), over: false })
    }
}

impl Iterator for Sheet<'_> {
    type Item = Result<Entry, Wrong>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let read = self.reader.read_byte_record(&mut self.record);
        let line = self.record.position().map_or_else(|| self.reader.position().line(), csv::Position::line);
        match read {
            Ok(false) => None,
            Ok(true) => Some(entry(line, &self.names, &self.record).map_err(|error| Wrong { line, error })),
            Err(error) => {
                self.over = true;
                Some(Err(Wrong { line, error: error.to_string() }))
            }
        }
    }
}

impl std::fmt::Debug for Sheet<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sheet({})", self.names.join(", "))
    }
}

/// The columns' names; all must be known, none twice.
fn columns(header: &StringRecord) -> Result<Vec<String>, String> {
    let names: Vec<String> = header.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    let known = |name: &str| ENTERED.contains(&name) || name == LABELS || TOLD.contains(&name);
    if let Some(odd) = names.iter().find(|name| !known(name)) {
        let odd: String = odd.chars().take(100).collect();
        return Err(format!("{odd:?} is none of: {}, {LABELS}", ENTERED.join(", ")));
    }
    if let Some(twice) = names.iter().enumerate().find(|(n, name)| names.iter().take(*n).any(|earlier| earlier == *name)) {
        return Err(format!("{:?} stands twice", twice.1));
    }
    let there = |name: &str| names.iter().any(|other| other == name);
    if there("user") && there("id") { Ok(names) } else { Err("expected a first line that names user and id".to_owned()) }
}

fn entry(line: u64, names: &[String], record: &ByteRecord) -> Result<Entry, String> {
    if record.len() != names.len() {
        return Err(format!("expected {} fields, found {}", names.len(), record.len()));
    }
    let mut entry = Entry { line, user: String::new(), id: String::new(), ruling: None, facts: Vec::new() };
    for (name, field) in names.iter().zip(record.iter()) {
        let text = std::str::from_utf8(field).map_err(|_| format!("{name}: this is no UTF-8"))?;
        if text.len() > LONGEST {
            return Err(format!("{name}: longer than {LONGEST} characters"));
        }
        let text = crate::plain(text.trim());
        match name.as_str() {
            "user" => text.clone_into(&mut entry.user),
            "id" => text.clone_into(&mut entry.id),
            "override" => {
                let word = if text.is_empty() { "default" } else { text };
                entry.ruling = Some(Override::from_word(word).ok_or("override: expected default, whitelist or blacklist")?);
            }
            name if TOLD.contains(&name) => {}
            name => entry.facts.push((name.to_owned(), text.to_owned())),
        }
    }
    // Wrong facts are found at once, so that the line stands with its number.
    entry.on(Reported::default())?;
    Ok(entry)
}

fn put(known: &mut Reported, name: &str, text: &str) -> Result<(), String> {
    let maybe = || said(text).map_err(|expected| format!("{name}: {expected}"));
    match name {
        "managed" => known.managed = maybe()?.unwrap_or_default(),
        "enrolled" => known.enrolled = maybe()?.unwrap_or_default(),
        "mdm_compliant" => known.mdm_compliant = maybe()?,
        "compromised" => known.compromised = maybe()?,
        "encrypted" => known.encrypted = maybe()?,
        "eas_profile" => known.eas_profile = maybe()?,
        "platform" => text.clone_into(&mut known.platform),
        "model" => text.clone_into(&mut known.model),
        "os" => text.clone_into(&mut known.os),
        "phone" => text.clone_into(&mut known.phone),
        "imei" => text.clone_into(&mut known.imei),
        "friendly_name" => text.clone_into(&mut known.friendly_name),
        "address" => text.clone_into(&mut known.address),
        "external" => {
            known.external = External::from_word(&text.to_ascii_lowercase());
            if known.external.is_none() && !text.is_empty() {
                return Err("external: expected global, individual or nothing".to_owned());
            }
        }
        "last_seen" => {
            known.last_seen = Timestamp::parse_rfc3339(text);
            if known.last_seen.is_none() && !text.is_empty() {
                return Err("last_seen: expected a time, as in 2026-11-21T21:44:34Z".to_owned());
            }
        }
        _ => known.labels = text.split(';').map(str::trim).filter(|label| !label.is_empty()).map(str::to_owned).collect(),
    }
    Ok(())
}

/// A truth, or nothing.
fn said(text: &str) -> Result<Option<bool>, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "true" | "yes" | "1" => Ok(Some(true)),
        "false" | "no" | "0" => Ok(Some(false)),
        _ => Err("expected true, false or nothing"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_line_that_nobody_knows_is_refused() {
        let of = |names: &[&str]| columns(&StringRecord::from(names.to_vec()));
        assert!(of(&["ID", " User ", "status"]).is_ok());
        for (names, what) in
            [(&["user"][..], "user and id"), (&["user", "id", "colour"][..], "colour"), (&["user", "id", "user"][..], "twice")]
        {
            assert!(of(names).unwrap_err().contains(what), "{names:?}");
        }
    }

    #[test]
    fn g_35_lines_are_entries_or_named() {
        let file = b"user;id;external;labels\nanna;a1;Global;a; b\nanna;a2;global;\"a; b\"\nbob;b1;x;\ncarl;c1\n\xff;d1;;\n";
        let read: Vec<_> = Sheet::new(file).unwrap().collect();
        assert_eq!(read.len(), 5);
        let entry = read[1].as_ref().unwrap();
        assert_eq!((entry.line, entry.user.as_str(), entry.id.as_str(), entry.ruling, entry.has_facts()), (3, "anna", "a2", None, true));
        let known = Reported { managed: true, ..Reported::default() };
        let told = entry.on(known).unwrap();
        assert_eq!((told.managed, told.external, told.labels), (true, Some(External::Global), vec!["a".to_owned(), "b".to_owned()]));
        let wrong: Vec<_> = read.iter().filter_map(|line| line.as_ref().err()).map(|wrong| (wrong.line, wrong.error.as_str())).collect();
        assert_eq!(
            wrong,
            [
                (2, "expected 4 fields, found 5"),
                (4, "external: expected global, individual or nothing"),
                (5, "expected 4 fields, found 2"),
                (6, "user: this is no UTF-8"),
            ]
        );
    }
}
