//! The master key: 32 octets that live outside the data directory.
//!
//! A stolen database or backup is worth nothing without it (security.md X-22), so it comes from a file of its
//! own or from systemd's credentials, never from the store. The file must be readable by its owner only. It
//! wraps data keys and does nothing else; it can't be printed.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto::seal::SealKey;
use model::SecretBytes;
use zeroize::Zeroizing;

use crate::KeyringError;

/// Octets of a key.
const LENGTH: usize = 32;
/// Longest file that is read: 64 hex digits and some white space.
const MAX_FILE: u64 = 1_000;

/// The key that wraps the data keys.
#[derive(Clone, Debug)]
pub struct MasterKey(SealKey);

impl MasterKey {
    /// Reads the key that `master_key` of the node's configuration names: `file:PATH`, or `credential:NAME` in
    /// `$CREDENTIALS_DIRECTORY`.
    ///
    /// # Errors
    /// Says what is wrong with the source and what to do.
    pub fn load(source: &str) -> Result<Self, KeyringError> {
        Self::load_with(source, std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).as_deref())
    }

    /// As [`MasterKey::load`], with the folder of credentials given.
    ///
    /// # Errors
    /// As [`MasterKey::load`].
    pub fn load_with(source: &str, credentials: Option<&Path>) -> Result<Self, KeyringError> {
        let unknown = || KeyringError::MasterSource(source.to_owned());
        if let Some(path) = source.strip_prefix("file:").filter(|path| !path.is_empty()) {
            let path = Path::new(path);
            let metadata = std::fs::metadata(path).map_err(unreadable(path))?;
            let mode = metadata.mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(KeyringError::MasterExposed { path: path.to_owned(), mode });
            }
            return Self::read(path);
        }
        let name = source.strip_prefix("credential:").ok_or_else(unknown)?;
        let is_name = !name.is_empty() && !name.starts_with('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if !is_name {
            return Err(unknown());
        }
        // systemd guards the directory itself; its files' modes are its own affair.
        Self::read(&credentials.ok_or(KeyringError::NoCredentials)?.join(name))
    }

    /// Makes a fresh key in a new file (mode 0600) and returns it. An existing file is never touched.
    ///
    /// # Errors
    /// When the file exists or can't be written whole.
    pub fn create(path: &Path) -> Result<Self, KeyringError> {
        let key = SealKey::random()?;
        let mut text = Zeroizing::new(STANDARD.encode(key.secret().expose()));
        text.push('\n');
        let write = || -> std::io::Result<()> {
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            // The name must survive a power cut as well: all that is sealed depends on it.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            std::fs::File::open(folder)?.sync_all()
        };
        write().map_err(unreadable(path))?;
        Ok(Self(key))
    }

    /// The key that waits beside the one at `path` to take over from it: the one that is there, else a fresh one.
    ///
    /// # Errors
    /// When it can't be read or made.
    pub fn next(path: &Path) -> Result<Self, KeyringError> {
        let next = Self::next_path(path);
        match Self::create(&next) {
            Err(KeyringError::MasterUnreadable { cause, .. }) if cause.kind() == std::io::ErrorKind::AlreadyExists => {
                Self::load(&format!("file:{}", next.display()))
            }
            made => made,
        }
    }

    /// Where the next key waits.
    #[must_use]
    pub fn next_path(path: &Path) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(".next");
        PathBuf::from(name)
    }

    /// The next key takes the place of the one at `path`, which is gone then. Nothing happens if none waits.
    ///
    /// # Errors
    /// When the folder does not take it.
    pub fn take_over(path: &Path) -> Result<(), KeyringError> {
        let next = Self::next_path(path);
        let rename = || -> std::io::Result<()> {
            std::fs::rename(&next, path)?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            std::fs::File::open(folder)?.sync_all()
        };
        if next.exists() { rename().map_err(unreadable(path)) } else { Ok(()) }
    }

    fn read(path: &Path) -> Result<Self, KeyringError> {
        use std::io::Read;
        let mut text = Zeroizing::new(Vec::new());
        let file = std::fs::File::open(path).map_err(unreadable(path))?;
        file.take(MAX_FILE).read_to_end(&mut text).map_err(unreadable(path))?;
        let text = text.trim_ascii();
        let octets = match text.len() {
            64 => data_encoding::HEXLOWER_PERMISSIVE.decode(text).ok(),
            _ => STANDARD.decode(text).ok(),
        };
        let octets = octets.map(SecretBytes::new).filter(|octets| octets.expose().len() == LENGTH);
        let octets = octets.ok_or_else(|| KeyringError::MasterShape(path.to_owned()))?;
        Ok(Self(SealKey::new(octets)?))
    }

    pub(crate) const fn seal_key(&self) -> &SealKey {
        &self.0
    }
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> KeyringError {
    let path: PathBuf = path.to_owned();
    move |cause| KeyringError::MasterUnreadable { path: path.clone(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn source(path: &Path) -> String {
        format!("file:{}", path.display())
    }

    #[test]
    fn what_was_created_is_loaded_and_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let made = MasterKey::create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(MasterKey::load_with(&source(&path), None).unwrap().0.secret(), made.0.secret());
        assert!(matches!(MasterKey::create(&path), Err(KeyringError::MasterUnreadable { .. })));
    }

    #[test]
    fn m_c12_the_next_key_waits_and_takes_over_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let old = MasterKey::create(&path).unwrap();
        MasterKey::take_over(&path).unwrap();
        let next = MasterKey::next(&path).unwrap();
        assert_eq!(MasterKey::next(&path).unwrap().0.secret(), next.0.secret(), "a second try goes on with the same");
        assert_eq!(MasterKey::load_with(&source(&path), None).unwrap().0.secret(), old.0.secret(), "nothing has changed so far");
        assert_eq!(std::fs::metadata(MasterKey::next_path(&path)).unwrap().mode() & 0o777, 0o600);
        MasterKey::take_over(&path).unwrap();
        assert_eq!(MasterKey::load_with(&source(&path), None).unwrap().0.secret(), next.0.secret());
        assert!(!MasterKey::next_path(&path).exists());
    }

    #[test]
    fn hex_is_taken_and_a_credential_too() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("sealgate-master"), format!("{}\n", "0A".repeat(32))).unwrap();
        let key = MasterKey::load_with("credential:sealgate-master", Some(folder.path())).unwrap();
        assert_eq!(key.0.secret().expose(), [10; 32]);
        assert!(matches!(MasterKey::load_with("credential:sealgate-master", None), Err(KeyringError::NoCredentials)));
    }

    #[test]
    fn x_22_a_readable_file_and_strange_sources_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        MasterKey::create(&path).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let error = MasterKey::load_with(&source(&path), None).unwrap_err().to_string();
        assert!(error.contains("640") && error.contains("chmod 600"), "{error}");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(MasterKey::load_with(&source(&path), None), Err(KeyringError::MasterShape(_))));
        for strange in ["", "file:", "kms:key", "credential:../../etc/passwd", "credential:", "credential:.x"] {
            assert!(matches!(MasterKey::load_with(strange, Some(folder.path())), Err(KeyringError::MasterSource(_))), "{strange}");
        }
        assert!(!format!("{:?}", MasterKey::create(&folder.path().join("other")).unwrap()).contains("Zeroizing"));
    }
}
