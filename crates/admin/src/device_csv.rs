//! Devices as CSV (RFC 4180): taken in with every bad line named, written out page by page.
//!
//! The first line names the columns, in any order; `user` and `id` must be among them. A column that is not there changes nothing
//! of the device; an empty field takes the fact away. What only a gateway tells (decision, latest request, …) is written and
//! passed over when it is read, so that an export can be read again. Good lines go in although others are bad.
//! Fields that a spreadsheet would take for a formula are written with an apostrophe before them, which is taken off again.

use csv::{ByteRecord, ReaderBuilder, StringRecord, WriterBuilder};
use model::device::{Override, Reported};
use model::{Access, Actor, Fault, Right, Timestamp};
use serde::Serialize;
use store::Expect;
use store::devices::{DeviceRow, Filter, Status};

use crate::Admin;
use crate::authorise::need;
use crate::compliance::Bench;
use crate::devices::{self, DeviceName};
use crate::error::{bad_field, internal};
use crate::policy::check_reported;

/// Columns that are read and written: as `[[device]]` names them.
const ENTERED: [&str; 17] = [
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
];
/// The last of them: names of one device, separated by semicolons.
const LABELS: &str = "labels";
/// Columns that are written only.
const TOLD: [&str; 11] = [
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
/// Lines that are taken in in one transaction.
const AT_ONCE: usize = 500;
/// Bad lines that are named; more are counted.
const NAMED: usize = 1_000;
/// Longest field.
const LONGEST: usize = 4_096;

/// A line that was not taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub error: String,
}

/// What came of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Lines that were taken in.
    pub taken: u64,
    /// Lines that were not.
    pub refused: u64,
    /// The first thousand of them.
    pub bad: Vec<BadLine>,
}

/// One line: a device, and what is entered for it. `None`: no such column.
struct Line {
    number: u64,
    name: DeviceName,
    ruling: Option<Override>,
    facts: Vec<(String, String)>,
}

impl Admin {
    /// A page of the devices as CSV, after a cursor, and the cursor of the next; the page after the empty cursor begins with the
    /// line of names.
    ///
    /// # Errors
    /// Without the right; when the store is away.
    pub async fn device_export(&self, actor: &Actor, filter: &Filter, after: &str) -> Result<(String, Option<String>), Fault> {
        need(actor, Right::MobileDashboard, Access::Read)?;
        let page = store::devices::page(self.store(), filter, after, 1_000).await?;
        let mut out = WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        if after.is_empty() {
            out.write_record(ENTERED.iter().chain([&LABELS]).chain(&TOLD)).map_err(internal)?;
        }
        for row in &page.rows {
            out.write_record(fields(row).iter().map(|field| harmless(field))).map_err(internal)?;
        }
        let bytes = out.into_inner().map_err(internal)?;
        Ok((String::from_utf8(bytes).map_err(internal)?, page.next))
    }

    /// Takes in a file. Each device is judged by what is known of it then.
    ///
    /// # Errors
    /// `bad-field` if the first line can't be used: nothing is taken in then; without the right; when the store is away: the
    /// lines before are in, and the same file may be sent again.
    pub async fn device_import(&self, actor: &Actor, file: &[u8]) -> Result<Imported, Fault> {
        need(actor, Right::MobileDashboard, Access::Write)?;
        let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
        // By LF alone, so that lines are counted right; the CR before it is trimmed with the blanks of the last field.
        let lines = csv::Terminator::Any(b'\n');
        let mut reader = ReaderBuilder::new().flexible(true).delimiter(delimiter(file)).terminator(lines).from_reader(file);
        let names = columns(&reader.headers().map_err(|e| bad_field("columns", e))?.clone())?;
        let (mut imported, mut waiting, mut record) = (Imported::default(), Vec::new(), ByteRecord::new());
        loop {
            let read = reader.read_byte_record(&mut record);
            let number = record.position().map_or_else(|| reader.position().line(), csv::Position::line);
            match read {
                Ok(false) => break,
                Ok(true) => match line(number, &names, &record) {
                    Ok(line) => waiting.push(line),
                    Err(error) => imported.refuse(number, error),
                },
                Err(error) => {
                    imported.refuse(number, error.to_string());
                    break;
                }
            }
            if waiting.len() == AT_ONCE {
                self.take_lines(actor, std::mem::take(&mut waiting), &mut imported).await?;
            }
        }
        self.take_lines(actor, waiting, &mut imported).await?;
        self.in_force().await?;
        Ok(imported)
    }

    async fn take_lines(&self, actor: &Actor, lines: Vec<Line>, imported: &mut Imported) -> Result<(), Fault> {
        if lines.is_empty() {
            return Ok(());
        }
        let (actor, bench) = (actor.clone(), self.bench().await?);
        let write = self.store().write(move |tx| {
            Box::pin(async move {
                let (mut taken, mut bad) = (0, Vec::new());
                for line in lines {
                    match take(tx, &actor, &bench, &line).await? {
                        Ok(()) => taken += 1,
                        Err(error) => bad.push((line.number, error)),
                    }
                }
                Ok((taken, bad))
            })
        });
        let (taken, bad) = write.await?;
        imported.taken += taken;
        bad.into_iter().for_each(|(number, error)| imported.refuse(number, error));
        Ok(())
    }
}

impl Imported {
    fn refuse(&mut self, line: u64, error: String) {
        self.refused += 1;
        if self.bad.len() < NAMED {
            self.bad.push(BadLine { line, error });
        }
    }
}

/// One line in a transaction; the inner error is the line's fault and leaves the rest alone.
async fn take(tx: &mut store::Tx, actor: &Actor, bench: &Bench, line: &Line) -> Result<Result<(), String>, Fault> {
    let known = store::devices::get(&mut *tx, &line.name.user, &line.name.id).await?;
    let reported = known.and_then(|row| row.device.reported).map(|known| Reported::clone(&known).given()).unwrap_or_default();
    let reported = match with_facts(reported, &line.facts) {
        Ok(reported) => reported,
        Err(error) => return Ok(Err(error)),
    };
    if let Some(ruling) = line.ruling {
        devices::rule(tx, actor, &line.name, ruling, Expect::Any).await?;
    }
    if line.ruling.is_none() || !line.facts.is_empty() {
        devices::report(tx, actor, &line.name, &reported, Expect::Any).await?;
    }
    bench.judge(tx, std::slice::from_ref(&line.name)).await.map(|_| Ok(()))
}

/// Which separator the first line has: spreadsheets of some languages write semicolons.
fn delimiter(file: &[u8]) -> u8 {
    let first = file.split(|octet| *octet == b'\n').next().unwrap_or_default();
    let count = |octet: u8| first.iter().filter(|other| **other == octet).count();
    if count(b';') > count(b',') { b';' } else { b',' }
}

/// The columns' names; all must be known, none twice.
fn columns(header: &StringRecord) -> Result<Vec<String>, Fault> {
    let names: Vec<String> = header.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    let known = |name: &str| ENTERED.contains(&name) || name == LABELS || TOLD.contains(&name);
    if let Some(odd) = names.iter().find(|name| !known(name)) {
        let expected = format!("{odd:?} is none of: {}, {LABELS}", ENTERED.join(", "));
        return Err(bad_field("columns", expected));
    }
    if let Some(twice) = names.iter().enumerate().find(|(n, name)| names.iter().take(*n).any(|earlier| earlier == *name)) {
        return Err(bad_field("columns", format!("{:?} stands twice", twice.1)));
    }
    let there = |name: &str| names.iter().any(|other| other == name);
    if there("user") && there("id") { Ok(names) } else { Err(bad_field("columns", "expected a first line that names user and id")) }
}

fn line(number: u64, names: &[String], record: &ByteRecord) -> Result<Line, String> {
    if record.len() != names.len() {
        return Err(format!("expected {} fields, found {}", names.len(), record.len()));
    }
    let (mut user, mut id, mut ruling, mut facts) = (String::new(), String::new(), None, Vec::new());
    for (name, field) in names.iter().zip(record.iter()) {
        let text = std::str::from_utf8(field).map_err(|_| format!("{name}: this is no UTF-8"))?;
        if text.len() > LONGEST {
            return Err(format!("{name}: longer than {LONGEST} characters"));
        }
        let text = plain(text.trim());
        match name.as_str() {
            "user" => text.clone_into(&mut user),
            "id" => text.clone_into(&mut id),
            "override" => {
                let word = if text.is_empty() { "default" } else { text };
                ruling = Some(Override::from_word(word).ok_or("override: expected default, whitelist or blacklist")?);
            }
            name if TOLD.contains(&name) => {}
            name => facts.push((name.to_owned(), text.to_owned())),
        }
    }
    let name = DeviceName::parse(&user, &id).map_err(|fault| fault.cause.into_owned())?;
    // Wrong facts are found before a transaction begins, so that the line stands with its number.
    with_facts(Reported::default(), &facts)?;
    Ok(Line { number, name, ruling, facts })
}

/// Facts with those of a line put in.
fn with_facts(mut known: Reported, facts: &[(String, String)]) -> Result<Reported, String> {
    for (name, text) in facts {
        let maybe = || said(text).map_err(|expected| format!("{name}: {expected}"));
        match name.as_str() {
            "managed" => known.managed = maybe()?.unwrap_or_default(),
            "enrolled" => known.enrolled = maybe()?.unwrap_or_default(),
            "mdm_compliant" => known.mdm_compliant = maybe()?,
            "compromised" => known.compromised = maybe()?,
            "encrypted" => known.encrypted = maybe()?,
            "eas_profile" => known.eas_profile = maybe()?,
            "platform" => known.platform.clone_from(text),
            "model" => known.model.clone_from(text),
            "os" => known.os.clone_from(text),
            "phone" => known.phone.clone_from(text),
            "imei" => known.imei.clone_from(text),
            "friendly_name" => known.friendly_name.clone_from(text),
            "address" => known.address.clone_from(text),
            "last_seen" => {
                let read = Timestamp::parse_rfc3339(text);
                if read.is_none() && !text.is_empty() {
                    return Err("last_seen: expected a time, as in 2026-11-21T21:44:34Z".to_owned());
                }
                known.last_seen = read;
            }
            _ => known.labels = text.split(';').map(str::trim).filter(|label| !label.is_empty()).map(str::to_owned).collect(),
        }
    }
    check_reported(&known).map_err(|fault| fault.cause.into_owned())?;
    Ok(known)
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

/// The fields of a device, in the order of the columns.
fn fields(row: &DeviceRow) -> Vec<String> {
    let reported = row.device.reported.as_deref().cloned().unwrap_or_default();
    let truth = |told: Option<bool>| told.map(|told| told.to_string()).unwrap_or_default();
    let time = |at: Timestamp| if at.0 > 0 { at.rfc3339() } else { String::new() };
    vec![
        row.device.user.clone(),
        row.device.id.as_str().to_owned(),
        row.device.override_.word().to_owned(),
        reported.managed.to_string(),
        reported.enrolled.to_string(),
        truth(reported.mdm_compliant),
        truth(reported.compromised),
        truth(reported.encrypted),
        truth(reported.eas_profile),
        reported.platform,
        reported.model,
        reported.os,
        reported.last_seen.map(time).unwrap_or_default(),
        reported.phone,
        reported.imei,
        reported.friendly_name,
        reported.address,
        reported.labels.join(";"),
        row.device.device_type.clone(),
        row.device.agent.clone(),
        time(row.first_seen),
        time(row.device.last_seen),
        row.last_command.clone(),
        row.state_command.clone(),
        time(row.state_since),
        Status::of(row.last_allowed).word().to_owned(),
        row.code(),
        row.gateway.clone(),
        row.client.clone(),
    ]
}

/// What begins a formula in a spreadsheet, or is an apostrophe that would be taken for ours.
const FORMULA: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\''];

fn harmless(field: &str) -> String {
    if field.starts_with(FORMULA) { format!("'{field}") } else { field.to_owned() }
}

fn plain(field: &str) -> &str {
    match field.strip_prefix('\'') {
        Some(rest) if rest.starts_with(FORMULA) => rest,
        _ => field,
    }
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

    #[test]
    fn a_first_line_that_nobody_knows_is_refused() {
        let of = |names: &[&str]| columns(&StringRecord::from(names.to_vec())).map_err(|fault| fault.cause.into_owned());
        assert!(of(&["ID", " User ", "status"]).is_ok());
        for (names, what) in
            [(&["user"][..], "user and id"), (&["user", "id", "colour"][..], "colour"), (&["user", "id", "user"][..], "twice")]
        {
            assert!(of(names).unwrap_err().contains(what), "{names:?}");
        }
    }
}
