//! Devices in the node's sealed copy: what a start without the store must know of a million of them (mobile-gateway.md G-14).
//!
//! `<data>/devices.sealed` has records ([`model::records`]): the first hold all devices with a ruling, an order or facts of their
//! management (the bulk, written anew from time to time), each later one what changed since (the delta). The bulk is written beside
//! and renamed; deltas are appended and synced before the site's own copy says how far it goes, so the devices are never older
//! than that.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use model::Fault;
use model::device::{Device, Override};
use model::format::Format;
use model::records::{DeviceRecord, Kind};

use super::{DeviceTable, Sealer, State, records};
use crate::{Store, devices};

/// Name of the file in the data directory.
pub const DEVICES_FILE: &str = "devices.sealed";

const KIND: Kind = Kind {
    format: Format { magic: *b"SGdv", version: 1, name: "sealed copy of the devices" },
    file: DEVICES_FILE,
    sealed_as: "devices-copy",
};
/// Devices read and sealed at once.
const AT_ONCE: u32 = 2_000;

/// What one record changes.
pub(crate) type Record = DeviceRecord;

fn path(store: &Store) -> PathBuf {
    store.inner().data.join(DEVICES_FILE)
}

/// True for what a start without the store must know.
pub(crate) fn is_kept(device: &Device) -> bool {
    device.override_ != Override::Default || device.reported.is_some() || !device.orders.is_none()
}

/// Writes the bulk beside the file; says how many records it has.
pub(crate) async fn bulk(state: &State) -> Result<u64, String> {
    let fresh = path(&state.store).with_extension("sealed.new");
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh).map_err(|e| e.to_string())?;
    out.write_all(&KIND.format.header()).map_err(|e| e.to_string())?;
    let (mut after, mut number): (Option<(String, String)>, u64) = (None, 0);
    loop {
        let from = after.as_ref().map(|(user, id)| (user.as_str(), id.as_str()));
        let text = |fault: Fault| fault.to_string();
        let facts = devices::facts(&state.store, from, AT_ONCE).await.map_err(text)?;
        let Some((_, last)) = facts.last().map_err(text)? else { break };
        after = Some(last);
        // The cipher and the disk are not the runtime's work.
        let sealer = Arc::clone(&state.sealer);
        let work = move || {
            let all = facts.devices().filter(|device| device.as_ref().map_or(true, is_kept));
            let put: Vec<Device> = all.collect::<Result<_, Fault>>().map_err(text)?;
            if put.is_empty() {
                return Ok((out, number));
            }
            let bytes = KIND.framed(|name, plain| sealer.seal(name, plain), number, &Record { put, gone: Vec::new() })?;
            out.write_all(&bytes).map_err(|e| e.to_string())?;
            Ok::<_, String>((out, number + 1))
        };
        (out, number) = tokio::task::spawn_blocking(work).await.map_err(|e| e.to_string())??;
    }
    let done = tokio::task::spawn_blocking(move || out.sync_all()).await.map_err(|e| e.to_string())?;
    done.map_err(|e| e.to_string()).map(|()| number)
}

/// Puts the bulk in the file's place. Only who appends calls it, so that no record goes into the wrong file.
pub(crate) fn put_in_place(store: &Store) -> Result<(), String> {
    let file = path(store);
    let moved = std::fs::rename(file.with_extension("sealed.new"), &file);
    let synced = moved.and_then(|()| file.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all()));
    synced.map_err(|e| format!("{}: {e}", file.display()))
}

/// Appends a delta as record `number`.
pub(crate) async fn append(state: &State, number: u64, record: Record) -> Result<(), String> {
    let (file, sealer) = (path(&state.store), Arc::clone(&state.sealer));
    let work = move || {
        let bytes = KIND.framed(|name, plain| sealer.seal(name, plain), number, &record)?;
        let mut out = OpenOptions::new().append(true).open(&file).map_err(|e| e.to_string())?;
        let before = out.metadata().map_err(|e| e.to_string())?.len();
        let written = out.write_all(&bytes).and_then(|()| out.sync_data());
        if let Err(cause) = written {
            // Half a record would hide all later ones.
            let _ = out.set_len(before);
            return Err(cause.to_string());
        }
        Ok(())
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(error.to_string()))
}

/// Puts the file's devices into the table; says how many records there were. No file: 0.
pub(crate) fn load(store: &Store, sealer: &dyn Sealer, table: &DeviceTable) -> Result<u64, String> {
    let file = match File::open(path(store)) {
        Ok(file) => file,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(cause) => return Err(format!("{DEVICES_FILE}: {cause}")),
    };
    let take = |record: Record| {
        record.put.iter().for_each(|device| table.put(device));
        record.gone.iter().for_each(|(user, id)| table.remove(user, id));
    };
    records::read(&KIND, BufReader::new(file), sealer, take).map(|(records, _)| records)
}
