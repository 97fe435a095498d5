//! A server process that dies with the test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running program; killed when dropped, and by the kernel when the test dies first.
#[derive(Debug)]
pub struct Server {
    child: Child,
}

impl Server {
    /// Starts `command` with standard output and error appended to `log`.
    ///
    /// # Panics
    /// When it can't be started.
    #[must_use]
    pub fn start(program: &str, args: &[&str], log: &Path) -> Self {
        let out = std::fs::File::options().create(true).append(true).open(log).expect("log file");
        let err = out.try_clone().expect("log file");
        let child = dying_with_us(program).args(args).stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        Self { child: child.unwrap_or_else(|e| panic!("{program} does not start: {e}")) }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that the kernel kills when the thread that started it ends (`setpriv` of util-linux).
#[must_use]
pub fn dying_with_us(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]);
    command
}

/// A directory that servers running as other users can enter; removed when dropped. Directories of test
/// processes that no longer live are removed first.
#[derive(Debug)]
pub struct Room {
    path: PathBuf,
}

const ROOMS: &str = "/var/tmp/sealgate-peers";

impl Room {
    /// Makes `ROOMS/PID-name`.
    ///
    /// # Panics
    /// When the directory can't be made.
    #[must_use]
    pub fn new(name: &str) -> Self {
        clean_dead();
        let path = Path::new(ROOMS).join(format!("{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("directory for a peer");
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file or folder in it, as text for command lines.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }

    /// Writes a file in it and returns its path.
    ///
    /// # Panics
    /// When it can't be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("folder");
        }
        std::fs::write(&path, content).expect("file");
        path.display().to_string()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if std::env::var_os("SEALGATE_KEEP").is_none() {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

fn clean_dead() {
    for entry in std::fs::read_dir(ROOMS).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(pid) = name.split('-').next().and_then(|pid| pid.parse::<u32>().ok()) else { continue };
        if std::env::var_os("SEALGATE_KEEP").is_none() && !Path::new(&format!("/proc/{pid}")).exists() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
