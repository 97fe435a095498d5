//! The data directory: made, checked, locked. First thing at start, so that a second node or a full disk is named
//! before anything else happens.

use std::fs::File;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use model::{Fault, Guilty};
use rustix::fs::{FlockOperation, flock};

/// A data directory that this process owns until the value is dropped.
#[derive(Debug)]
pub struct Place {
    data: PathBuf,
    _lock: File,
}

/// Whether a node runs on a data directory.
#[derive(Debug)]
pub enum Use {
    /// Nobody; we have it now.
    Ours(Place),
    /// A node does; its local socket is here.
    Running(PathBuf),
}

impl Place {
    /// Makes the directory if needed and locks it.
    ///
    /// # Errors
    /// `data-unusable` (who owns it, what is read-only, and what to do) or `data-in-use`.
    pub fn take(data: &Path) -> Result<Self, Fault> {
        match Self::look(data)? {
            Use::Ours(place) => Ok(place),
            Use::Running(_) => {
                Err(Fault::permanent(Guilty::Configuration, "data-in-use", format!("another sealgate runs on {}", data.display()))
                    .with("path", data.display()))
            }
        }
    }

    /// Locks the directory, or finds out that a node runs on it.
    ///
    /// # Errors
    /// `data-unusable`, as [`Self::take`].
    pub fn look(data: &Path) -> Result<Use, Fault> {
        make_private(data)?;
        for folder in ["run", "tls", "log", "queue"] {
            make_private(&data.join(folder))?;
        }
        let path = data.join("run/lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(|e| unusable(data, &e))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Use::Ours(Self { data: data.to_owned(), _lock: lock })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(Use::Running(socket(data))),
            Err(e) => Err(unusable(data, &e.into())),
        }
    }

    /// The directory.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }
}

/// Where a running node listens for its own machine's administrator.
#[must_use]
pub fn socket(data: &Path) -> PathBuf {
    data.join("run/admin.sock")
}

/// The machine's name, as the kernel has it; empty where that can't be read.
#[must_use]
pub fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

fn make_private(path: &Path) -> Result<(), Fault> {
    if path.is_dir() {
        return check_owner(path);
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| unusable(path, &e))
}

fn check_owner(path: &Path) -> Result<(), Fault> {
    let owner = std::fs::metadata(path).map_err(|e| unusable(path, &e))?.uid();
    let own = rustix::process::geteuid().as_raw();
    if owner == own {
        return Ok(());
    }
    let cause = format!("{} belongs to user id {owner}, sealgate runs as {own}", path.display());
    Err(Fault::permanent(Guilty::Configuration, "data-foreign", cause).with("path", path.display()).with("owner", owner).with("own", own))
}

fn unusable(path: &Path, error: &std::io::Error) -> Fault {
    Fault::permanent(Guilty::Configuration, "data-unusable", format!("{}: {error}", path.display()))
        .with("path", path.display())
        .with("detail", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_node_a_directory() {
        let dir = std::env::temp_dir().join(format!("sealgate-place-{}", std::process::id()));
        let place = Place::take(&dir).unwrap();
        assert_eq!(Place::take(&dir).unwrap_err().code, "data-in-use");
        assert!(matches!(Place::look(&dir).unwrap(), Use::Running(path) if path.ends_with("run/admin.sock")));
        drop(place);
        assert!(matches!(Place::look(&dir).unwrap(), Use::Ours(_)));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
