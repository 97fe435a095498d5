//! A disk in memory that forgets what was not synced, fails at a chosen act, and counts syncs; and a vault.
//!
//! Every act that changes something (create, write, sync, truncate, remove, sync of the directory) has a
//! number. At the chosen one either the power goes (this and every later act fails), or only this act fails.
//! [`PowerDisk::survivor`] is what the next start finds: all that was synced, and of the rest nothing, all,
//! or a random choice of 512-octet sectors.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use segments::{Disk, DiskFile, KeysError, SegmentKeys};

const SECTOR: usize = 512;

/// What happens at the chosen act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing works from here on.
    PowerCut,
    /// So many acts fail (a write that is the first of them after its first half), the next ones work.
    Errors(io::ErrorKind, usize),
}

/// What of the unsynced survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsynced {
    Nothing,
    Everything,
    Some(u64),
}

#[derive(Default)]
struct FileState {
    durable: Vec<u8>,
    current: Vec<u8>,
}

type Shelf = HashMap<String, Arc<Mutex<FileState>>>;

struct State {
    names: Mutex<Shelf>,
    durable_names: Mutex<Shelf>,
    acts: AtomicUsize,
    syncs: AtomicUsize,
    fault: Mutex<Option<(usize, Fault)>>,
    paused: AtomicBool,
}

#[derive(Clone)]
pub struct PowerDisk(Arc<State>);

struct PowerFile {
    disk: Arc<State>,
    state: Arc<Mutex<FileState>>,
}

impl PowerDisk {
    pub fn new() -> Self {
        Self::with(Shelf::new(), None)
    }

    /// The same content, with a fault at the act of this number (from 1).
    pub fn with_fault(&self, act: usize, fault: Fault) -> Self {
        Self::with(copy(&self.0.names.lock()), Some((act, fault)))
    }

    fn with(files: Shelf, fault: Option<(usize, Fault)>) -> Self {
        let durable_names = Mutex::new(files.clone());
        Self(Arc::new(State {
            names: Mutex::new(files),
            durable_names,
            acts: AtomicUsize::new(0),
            syncs: AtomicUsize::new(0),
            fault: Mutex::new(fault),
            paused: AtomicBool::new(false),
        }))
    }

    /// The next `count` acts fail.
    pub fn fail_from_now(&self, kind: io::ErrorKind, count: usize) {
        *self.0.fault.lock() = Some((self.acts() + 1, Fault::Errors(kind, count)));
    }

    /// While paused every act hangs.
    pub fn pause(&self, paused: bool) {
        self.0.paused.store(paused, Ordering::SeqCst);
    }

    pub fn acts(&self) -> usize {
        self.0.acts.load(Ordering::SeqCst)
    }

    pub fn syncs(&self) -> usize {
        self.0.syncs.load(Ordering::SeqCst)
    }

    /// True if the fault has happened.
    pub fn has_failed(&self) -> bool {
        self.0.fault.lock().is_some_and(|(act, _)| self.acts() >= act)
    }

    /// What the next start finds after a power cut now.
    pub fn survivor(&self, unsynced: Unsynced) -> Self {
        let mut dice = Dice(match unsynced {
            Unsynced::Some(seed) => seed | 1,
            _ => 1,
        });
        let mut keep = || match unsynced {
            Unsynced::Nothing => false,
            Unsynced::Everything => true,
            Unsynced::Some(_) => dice.flip(),
        };
        let (now, durable) = (self.0.names.lock(), self.0.durable_names.lock());
        let mut names: Vec<&String> = now.keys().chain(durable.keys()).collect();
        names.sort();
        names.dedup();
        let mut files = Shelf::new();
        for name in names {
            let file = match (durable.get(name), now.get(name)) {
                (Some(old), Some(new)) if Arc::ptr_eq(old, new) => Some(new),
                (old, new) => {
                    if keep() {
                        new
                    } else {
                        old
                    }
                }
            };
            if let Some(file) = file {
                let content = torn(&file.lock(), &mut keep);
                files.insert(name.clone(), Arc::new(Mutex::new(FileState { durable: content.clone(), current: content })));
            }
        }
        Self::with(files, None)
    }

    /// What the next start finds after a kill: the page cache is whole.
    pub fn after_kill(&self) -> Self {
        self.survivor(Unsynced::Everything)
    }

    pub fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = self.0.names.lock().keys().cloned().collect();
        names.sort();
        names
    }

    pub fn content(&self, name: &str) -> Vec<u8> {
        self.0.names.lock()[name].lock().current.clone()
    }

    pub fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let file = Arc::clone(&self.0.names.lock()[name]);
        let mut file = file.lock();
        change(&mut file.current);
        file.durable = file.current.clone();
    }
}

fn copy(shelf: &Shelf) -> Shelf {
    let file = |file: &Arc<Mutex<FileState>>| {
        let file = file.lock();
        Arc::new(Mutex::new(FileState { durable: file.durable.clone(), current: file.current.clone() }))
    };
    shelf.iter().map(|(name, state)| (name.clone(), file(state))).collect()
}

fn torn(file: &FileState, keep: &mut impl FnMut() -> bool) -> Vec<u8> {
    let length = if keep() { file.current.len() } else { file.durable.len() };
    let mut content = vec![0; length];
    for (n, sector) in content.chunks_mut(SECTOR).enumerate() {
        let source = |bytes: &[u8]| {
            let mut octets = bytes.get(n * SECTOR..bytes.len().min((n + 1) * SECTOR)).unwrap_or_default().to_vec();
            octets.resize(SECTOR, 0);
            octets
        };
        let (old, new) = (source(&file.durable), source(&file.current));
        let chosen = if old[..sector.len()] == new[..sector.len()] || keep() { new } else { old };
        sector.copy_from_slice(&chosen[..sector.len()]);
    }
    content
}

struct Dice(u64);

impl Dice {
    fn flip(&mut self) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 & 1 == 1
    }
}

impl State {
    /// Counts the act; `Err` if it is to fail.
    fn act(&self) -> io::Result<()> {
        while self.paused.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        let now = self.acts.fetch_add(1, Ordering::SeqCst) + 1;
        match *self.fault.lock() {
            Some((at, Fault::PowerCut)) if now >= at => Err(io::Error::other("no power")),
            Some((at, Fault::Errors(kind, count))) if (at..at + count).contains(&now) => Err(io::Error::from(kind)),
            _ => Ok(()),
        }
    }
}

impl Disk for PowerDisk {
    fn create(&self, name: &str, preallocate: u64) -> io::Result<Arc<dyn DiskFile>> {
        self.0.act()?;
        let mut names = self.0.names.lock();
        if names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let state = Arc::new(Mutex::new(FileState { durable: Vec::new(), current: vec![0; preallocate as usize] }));
        names.insert(name.to_owned(), Arc::clone(&state));
        Ok(Arc::new(PowerFile { disk: Arc::clone(&self.0), state }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let names = self.0.names.lock();
        let state = names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(PowerFile { disk: Arc::clone(&self.0), state: Arc::clone(state) }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.act()?;
        self.0.names.lock().remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.names.lock().keys().cloned().collect())
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.0.act()?;
        let names = self.0.names.lock().clone();
        *self.0.durable_names.lock() = names;
        Ok(())
    }
}

impl DiskFile for PowerFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let result = self.disk.act();
        let first = self.disk.fault.lock().is_some_and(|(at, _)| self.disk.acts.load(Ordering::SeqCst) == at);
        let written = match result {
            Ok(()) => bytes,
            Err(_) if first => &bytes[..bytes.len() / 2],
            Err(_) => return result,
        };
        let mut file = self.state.lock();
        let (start, end) = (offset as usize, offset as usize + written.len());
        if file.current.len() < end {
            file.current.resize(end, 0);
        }
        file.current[start..end].copy_from_slice(written);
        result
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.act()?;
        self.disk.syncs.fetch_add(1, Ordering::SeqCst);
        let mut file = self.state.lock();
        file.durable = file.current.clone();
        Ok(())
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let file = self.state.lock();
        let rest = file.current.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.state.lock().current.len() as u64)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.disk.act()?;
        self.state.lock().current.truncate(length as usize);
        Ok(())
    }
}

/// A vault that "wraps" by XOR with a byte and the name's length: enough to see that it was asked.
pub struct XorVault(pub u8);

impl SegmentKeys for XorVault {
    fn wrap(&self, name: &str, key: &[u8]) -> Result<Vec<u8>, KeysError> {
        let mut wrapped = vec![self.0, name.len() as u8];
        wrapped.extend(key.iter().map(|octet| octet ^ self.0));
        Ok(wrapped)
    }

    fn unwrap(&self, name: &str, wrapped: &[u8]) -> Result<model::SecretBytes, KeysError> {
        match wrapped {
            [vault, length, key @ ..] if *vault == self.0 && *length == name.len() as u8 => {
                Ok(model::SecretBytes::new(key.iter().map(|octet| octet ^ self.0).collect()))
            }
            _ => Err(KeysError { name: name.to_owned(), cause: "another vault made it".to_owned() }),
        }
    }
}
