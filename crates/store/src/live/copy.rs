//! The sealed copy of the site on the node's own disk: with it a node starts and works while the store is away.
//!
//! Layout of `<data>/site.sealed`: the format's header, the length of the front (four octets, big-endian), the front
//! (JSON: wrapped data keys, which only the master key opens, so that the vault can be opened first), and the
//! rest sealed by the vault (JSON: place in the feed, site rows). Devices lie in a file of their own ([`super::device_copy`]);
//! version 1 had them here.
//! Replaced whole: written beside, synced, renamed.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::Site;
use model::device::Device;
use model::format::Format;
use model::site::SiteRow;

use super::{Sealer, State, device_copy, follow};
use crate::Store;
use crate::data_keys::WrappedKey;
use crate::feed::Place;

/// Name of the file in the data directory.
pub const COPY_FILE: &str = "site.sealed";
/// Logical name under which it is sealed.
const SEALED_AS: &str = "site-copy";

const FORMAT: Format = Format { magic: *b"SGsc", version: 2, name: "sealed copy of the site" };

/// All that is in the sealed part.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Contents {
    pub(crate) place: Place,
    pub(crate) rows: Vec<SiteRow>,
    /// As version 1 wrote them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) devices: Vec<Device>,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Front {
    keys: Vec<WrappedKey>,
}

fn path(store: &Store) -> PathBuf {
    store.inner().data.join(COPY_FILE)
}

/// The wrapped data keys in front of the copy.
pub(crate) fn front(store: &Store) -> Result<Vec<WrappedKey>, String> {
    let bytes = std::fs::read(path(store)).map_err(|cause| format!("{COPY_FILE}: {cause}"))?;
    split(&bytes).map(|(front, _)| front.keys)
}

/// Puts the copy's content in force.
pub(crate) fn load(state: &State) -> Result<(), String> {
    let bytes = std::fs::read(path(&state.store)).map_err(|cause| format!("{COPY_FILE}: {cause}"))?;
    let (front, sealed) = split(&bytes)?;
    let plain = state.sealer.open(SEALED_AS, sealed).ok_or_else(|| format!("{COPY_FILE} can't be opened with this master key"))?;
    let contents: Contents = serde_json::from_slice(&plain).map_err(|cause| format!("{COPY_FILE}: {cause}"))?;
    let mut site = Site { number: contents.place.number, ..Site::default() };
    contents.rows.iter().for_each(|row| follow::apply(&mut site, row));
    state.site.store(Arc::new(site));
    *state.keys.lock() = front.keys;
    contents.devices.iter().for_each(|device| state.devices.put(device));
    device_copy::load(&state.store, &*state.sealer, &state.devices)?;
    state.number.send_replace(contents.place.number);
    Ok(())
}

fn split(bytes: &[u8]) -> Result<(Front, &[u8]), String> {
    let (_, rest) = FORMAT.read(bytes).map_err(|error| error.to_string())?;
    let damaged = || format!("{COPY_FILE} is damaged");
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| damaged())?;
    let (front, sealed) = rest.split_at_checked(length).ok_or_else(damaged)?;
    Ok((serde_json::from_slice(front).map_err(|_| damaged())?, sealed))
}

/// Writes the copy; the work of the disk and of the cipher is not the runtime's.
pub(crate) async fn save(state: &State, keys: Vec<WrappedKey>, contents: Contents) -> Result<(), String> {
    let (file, sealer) = (path(&state.store), Arc::clone(&state.sealer));
    let work = move || {
        let bytes = join(&*sealer, keys, &contents)?;
        replace(&file, &bytes).map_err(|cause| format!("{}: {cause}", file.display()))
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(error.to_string()))
}

fn join(sealer: &dyn Sealer, keys: Vec<WrappedKey>, contents: &Contents) -> Result<Vec<u8>, String> {
    let front = serde_json::to_vec(&Front { keys }).map_err(|cause| cause.to_string())?;
    let plain = serde_json::to_vec(contents).map_err(|cause| cause.to_string())?;
    let length = u32::try_from(front.len()).map_err(|cause| cause.to_string())?;
    let mut bytes = FORMAT.header().to_vec();
    bytes.extend(length.to_be_bytes());
    bytes.extend(front);
    bytes.extend(sealer.seal(SEALED_AS, &plain));
    Ok(bytes)
}

fn replace(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let fresh = file.with_extension("sealed.new");
    let mut out = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    std::fs::rename(&fresh, file)?;
    match file.parent() {
        Some(directory) => std::fs::File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plain;
    impl Sealer for Plain {
        fn seal(&self, _: &str, plain: &[u8]) -> Vec<u8> {
            plain.to_vec()
        }
        fn open(&self, _: &str, sealed: &[u8]) -> Option<Vec<u8>> {
            Some(sealed.to_vec())
        }
    }

    #[test]
    fn a_cut_or_newer_copy_is_refused_never_a_panic() {
        let contents = Contents { place: Place { number: 7, id: "x".into() }, rows: vec![], devices: vec![] };
        let keys = vec![WrappedKey { epoch: 1, wrapped: vec![1, 2, 3] }];
        let whole = join(&Plain, keys.clone(), &contents).unwrap();
        assert_eq!(split(&whole).unwrap().0.keys, keys);
        let front_end = whole.len() - serde_json::to_vec(&contents).unwrap().len();
        for end in 0..front_end {
            assert!(split(&whole[..end]).is_err(), "cut at {end}");
        }
        let mut newer = whole;
        newer[5] = 3;
        assert!(split(&newer).err().unwrap().contains("newer Sealgate"));
    }
}
