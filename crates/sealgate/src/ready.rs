//! `<data>/run/ready.json`: what scripts and tests wait for. Written when every listener is up, removed at the stop.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Addresses by listener name.
pub type Listeners = BTreeMap<&'static str, Vec<SocketAddr>>;

/// The file, while it is there.
#[derive(Debug)]
pub struct Ready(PathBuf);

#[derive(Serialize)]
struct Content<'a> {
    format: u32,
    pid: u32,
    version: &'static str,
    listeners: &'a Listeners,
}

impl Ready {
    /// Writes the file whole (a reader never sees half of it).
    ///
    /// # Errors
    /// The disk's.
    pub fn write(data: &Path, listeners: &Listeners) -> std::io::Result<Self> {
        let path = data.join("run/ready.json");
        let content = Content { format: 1, pid: std::process::id(), version: env!("CARGO_PKG_VERSION"), listeners };
        let draft = data.join("run/ready.json.new");
        std::fs::write(&draft, serde_json::to_vec_pretty(&content)?)?;
        std::fs::rename(draft, &path)?;
        Ok(Self(path))
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
