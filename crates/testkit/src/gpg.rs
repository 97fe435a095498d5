//! GnuPG's command line with a home of its own: somebody with OpenPGP keys.

use std::path::Path;

use crate::tools::{Answer, run};

/// A keyring of GnuPG's; its agent ends with it.
#[derive(Debug)]
pub struct Gpg {
    home: tempfile::TempDir,
}

impl Default for Gpg {
    fn default() -> Self {
        Self::new()
    }
}

impl Gpg {
    /// An empty keyring. Its folder has a short name: the agent's socket lies in it.
    ///
    /// # Panics
    /// When the folder can't be made.
    #[must_use]
    pub fn new() -> Self {
        Self { home: tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").expect("a folder") }
    }

    /// Its folder.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs gpg with `input` on standard input; keys have no pass phrase unless `args` say otherwise.
    #[must_use]
    pub fn run(&self, args: &[&str], input: &[u8]) -> Answer {
        let home = self.home.path().to_string_lossy().into_owned();
        let own = ["--homedir", &home, "--batch", "--yes", "--no-tty", "--pinentry-mode", "loopback", "--trust-model", "always"];
        let pass: &[&str] = if args.contains(&"--passphrase") { &[] } else { &["--passphrase", ""] };
        run("gpg", &[&own, pass, args].concat(), input)
    }

    /// As [`Self::run`]; it must succeed.
    ///
    /// # Panics
    /// When it fails; its words are shown.
    #[must_use]
    pub fn must(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let answer = self.run(args, input);
        assert!(answer.ok, "gpg {args:?} failed:\n{}{}", answer.text(), answer.err);
        answer.out
    }

    /// Makes a key with a subkey for encryption: `default`, `future-default` (Ed25519), `rsa2048`, …; `expires` as gpg writes it (`never`, `1y`, `seconds=5`).
    pub fn person(&self, user_id: &str, algorithm: &str, expires: &str) {
        let _ = self.must(&["--quick-generate-key", user_id, algorithm, "default", expires], b"");
        if !algorithm.ends_with("default") {
            let made = self.must(&["--list-keys", "--with-colons", user_id], b"");
            let text = String::from_utf8_lossy(&made).into_owned();
            let fingerprint = text.lines().find_map(|line| line.strip_prefix("fpr:")).expect("a fingerprint").trim_matches(':').to_owned();
            let _ = self.must(&["--quick-add-key", &fingerprint, algorithm, "encr", expires], b"");
        }
    }

    /// The public key, in armour.
    #[must_use]
    pub fn public(&self, who: &str) -> Vec<u8> {
        self.must(&["--armor", "--export", who], b"")
    }

    /// The private key without pass phrase, in armour.
    #[must_use]
    pub fn secret(&self, who: &str) -> Vec<u8> {
        self.must(&["--armor", "--export-secret-keys", who], b"")
    }

    /// Takes somebody's key.
    pub fn import(&self, key: &[u8]) {
        let _ = self.must(&["--import"], key);
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let home = self.home.path().to_string_lossy().into_owned();
        let _ = run("gpgconf", &["--homedir", &home, "--kill", "all"], b"");
    }
}
