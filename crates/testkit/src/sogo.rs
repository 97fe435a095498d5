//! A real ActiveSync server: SOGo with Dovecot and PostgreSQL, set up by the scripts of the test material. One instance a machine.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The running server.
#[derive(Debug)]
pub struct Sogo {
    folder: PathBuf,
}

/// Folder with the test material, by `SEALGATE_MATERIAL`; `None` where it is missing (then tests that need it are skipped,
/// but with `CI=true` they fail).
///
/// # Panics
/// With `CI=true` and no material.
#[must_use]
pub fn material() -> Option<PathBuf> {
    let root = std::env::var_os("SEALGATE_MATERIAL")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")), PathBuf::from);
    if root.join("testdata").is_dir() {
        return Some(root);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} has no test material; SEALGATE_MATERIAL names its folder", root.display());
    eprintln!("skipped: no test material at {}", root.display());
    None
}

impl Sogo {
    /// Starts SOGo behind its TLS front on 127.0.0.1:20443. `None` without the test material.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start() -> Option<Self> {
        let sogo = Self { folder: material()?.join("peers/sogo") };
        sogo.setup("start");
        sogo.setup("front");
        Some(sogo)
    }

    /// The front's URL without path.
    #[must_use]
    pub const fn url(&self) -> &'static str {
        "https://127.0.0.1:20443"
    }

    /// The independent client beside the server.
    #[must_use]
    pub fn client(&self) -> PathBuf {
        self.folder.clone()
    }

    fn setup(&self, word: &str) {
        let status = Command::new("bash")
            .arg(self.folder.join("setup.sh"))
            .arg(word)
            .env("USERS", "alice bob")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        assert!(status.is_ok_and(|s| s.success()), "setup.sh {word} failed");
    }
}

impl Drop for Sogo {
    fn drop(&mut self) {
        let _ = Command::new("bash")
            .arg(self.folder.join("setup.sh"))
            .arg("stop")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}
