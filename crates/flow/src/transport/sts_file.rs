//! The file of MTA-STS policies: one writer, never a torn file.
//!
//! A change is written at once; what changes while the writer is at it, or within [`GATHER`] after it, goes together into the next
//! writing. The text is written to a file of its own, made durable, and put in the place of the old one. Must never: wait on the way
//! of mail. What a crash takes with it is fetched again.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The next writing comes so long after the last one.
const GATHER: Duration = Duration::from_millis(100);

/// See the file.
pub(super) struct StsFile {
    path: Option<PathBuf>,
    changed: AtomicBool,
    writing: AtomicBool,
}

impl StsFile {
    /// The file, or none.
    pub(super) const fn new(path: Option<PathBuf>) -> Self {
        Self { path, changed: AtomicBool::new(false), writing: AtomicBool::new(false) }
    }

    /// Something has changed: `text` says, as often as it is asked, what the file is to hold. Must be called within a runtime.
    pub(super) fn changed(self: &Arc<Self>, text: impl Fn() -> io::Result<Vec<u8>> + Send + Sync + 'static) {
        if self.path.is_none() {
            return;
        }
        self.changed.store(true, Ordering::Release);
        if !self.writing.swap(true, Ordering::AcqRel) {
            tokio::spawn(Arc::clone(self).write_on(Arc::new(text)));
        }
    }

    /// Returns when nothing is left to be written: what was learned before a stop must be in force after it.
    pub(super) async fn settled(&self) {
        while self.changed.load(Ordering::Acquire) || self.writing.load(Ordering::Acquire) {
            tokio::time::sleep(GATHER / 10).await;
        }
    }

    async fn write_on(self: Arc<Self>, text: Arc<dyn Fn() -> io::Result<Vec<u8>> + Send + Sync>) {
        let Some(path) = self.path.clone() else { return };
        loop {
            while self.changed.swap(false, Ordering::AcqRel) {
                let (path, text) = (path.clone(), Arc::clone(&text));
                let written = tokio::task::spawn_blocking(move || write(&path, &text()?)).await;
                if let Err(cause) = written.map_err(io::Error::other).flatten() {
                    tracing::warn!(event = "sts.unkept", %cause, "MTA-STS policies can't be written; a restart forgets them");
                }
                tokio::time::sleep(GATHER).await;
            }
            self.writing.store(false, Ordering::Release);
            // Between the look and the word that nobody writes there may have been a change.
            if !self.changed.load(Ordering::Acquire) || self.writing.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }
}

/// Puts a new file in the place of the old one: whole, or not at all.
fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = std::fs::File::create(&fresh)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    path.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_changes_are_few_writings_and_the_last_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mta-sts.json");
        let (file, state, writings) =
            (Arc::new(StsFile::new(Some(path.clone()))), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for n in 1..=1_000 {
            state.store(n, Ordering::SeqCst);
            let (state, writings) = (state.clone(), writings.clone());
            file.changed(move || {
                writings.fetch_add(1, Ordering::SeqCst);
                Ok(state.load(Ordering::SeqCst).to_string().into_bytes())
            });
            tokio::task::yield_now().await;
        }
        tokio::time::timeout(Duration::from_secs(60), file.settled()).await.expect("it comes to an end");
        assert_eq!(std::fs::read(&path).unwrap(), b"1000", "the last state is written");
        assert!(writings.load(Ordering::SeqCst) <= 3, "{} writings", writings.load(Ordering::SeqCst));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
    }
}
