//! Devices as CSV (RFC 4180): taken in with every bad line named, written out page by page.
//!
//! The first line names the columns, in any order; `user` and `id` must be among them. A column that is not there changes nothing
//! of the device; an empty field takes the fact away. What only a gateway tells (decision, latest request, …) is written and
//! passed over when it is read, so that an export can be read again. Good lines go in although others are bad.
//! Fields that a spreadsheet would take for a formula are written with an apostrophe before them, which is taken off again.

use csv::WriterBuilder;
use model::device::Reported;
use model::{Access, Actor, Fault, Right, Timestamp};
use serde::Serialize;
use sheets::devices::{ENTERED, Entry, LABELS, Sheet, TOLD};
use sheets::harmless;
use store::Expect;
use store::devices::{DeviceRow, Filter, Status};

use crate::Admin;
use crate::authorise::need;
use crate::compliance::Bench;
use crate::devices::{self, DeviceName};
use crate::error::{bad_field, internal};
use crate::policy::check_reported;

/// Lines that are taken in in one transaction.
const AT_ONCE: usize = 500;
/// Bad lines that are named; more are counted.
const NAMED: usize = 1_000;

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

/// One line: a device, and what is entered for it.
struct Line {
    name: DeviceName,
    entry: Entry,
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
        let sheet = Sheet::new(file).map_err(|error| bad_field("columns", error))?;
        let (mut imported, mut waiting) = (Imported::default(), Vec::new());
        for line in sheet {
            match line {
                Ok(entry) => match named(entry) {
                    Ok(line) => waiting.push(line),
                    Err((number, error)) => imported.refuse(number, error),
                },
                Err(wrong) => imported.refuse(wrong.line, wrong.error),
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
                        Err(error) => bad.push((line.entry.line, error)),
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
    let reported = match checked(&line.entry, reported) {
        Ok(reported) => reported,
        Err(error) => return Ok(Err(error)),
    };
    if let Some(ruling) = line.entry.ruling {
        devices::rule(tx, actor, &line.name, ruling, Expect::Any).await?;
    }
    if line.entry.ruling.is_none() || line.entry.has_facts() {
        devices::report(tx, actor, &line.name, &reported, Expect::Any).await?;
    }
    bench.judge(tx, std::slice::from_ref(&line.name)).await.map(|_| Ok(()))
}

/// A line whose device can be one, and whose facts may be entered; else its number and what is wrong.
fn named(entry: Entry) -> Result<Line, (u64, String)> {
    let number = entry.line;
    let name = DeviceName::parse(&entry.user, &entry.id).map_err(|fault| (number, fault.cause.into_owned()))?;
    // Wrong facts are found before a transaction begins, so that the line stands with its number.
    checked(&entry, Reported::default()).map_err(|error| (number, error))?;
    Ok(Line { name, entry })
}

/// What is known with what a line says, if that may be entered.
fn checked(entry: &Entry, known: Reported) -> Result<Reported, String> {
    let reported = entry.on(known)?;
    check_reported(&reported).map_err(|fault| fault.cause.into_owned())?;
    Ok(reported)
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
        reported.external.map(|external| external.word().to_owned()).unwrap_or_default(),
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
