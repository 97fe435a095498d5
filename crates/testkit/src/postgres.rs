//! Debian's PostgreSQL as a private cluster: own directory, own port, as user `postgres` when the test is root.
//!
//! It dies with the test: stopped when dropped, and told by the kernel to shut down at once when the test's thread ends
//! (`setpriv --pdeathsig`). Directories that a killed run left are removed by the next [`Room`].

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::child::Room;
use crate::wait;

/// Longest wait for start and stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running (or stopped) PostgreSQL.
#[derive(Debug)]
pub struct Postgres {
    room: Room,
    port: u16,
    server: Option<Child>,
}

impl Postgres {
    /// Makes a cluster named after the test and starts it.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start.
    #[must_use]
    pub fn start(name: &str) -> Self {
        let room = Room::new(&format!("{name}-postgres"));
        let data = room.path().join("data");
        std::fs::create_dir_all(&data).expect("directory of the cluster");
        if is_root() {
            let owned = Command::new("chown").arg("postgres:").arg(&data).status().expect("chown");
            assert!(owned.success(), "there is no user postgres: apt-get install postgresql");
        }
        let mut initdb = as_postgres("KILL", &binary("initdb"));
        initdb.args(["--no-sync", "-A", "trust", "-U", "sealgate", "-E", "UTF8", "--locale=C.UTF-8", "-D"]).arg(&data);
        let made = initdb.stdin(Stdio::null()).output().expect("initdb starts");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut postgres = Self { room, port: free_port(), server: None };
        // Between our look and its start the port may become somebody else's: then another one.
        while let Err(said) = postgres.try_start() {
            assert!(said.contains("Address already in use"), "postgres ended: {said}");
            postgres.port = free_port();
        }
        postgres
    }

    /// The URL of a database; `postgres` is always there.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://sealgate@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes a database and returns its URL.
    ///
    /// # Panics
    /// When it can't be made.
    #[must_use]
    pub fn create_database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE \"{name}\""));
        self.url(name)
    }

    /// Runs SQL with psql and returns what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let out = Command::new(binary("psql")).args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql]).arg(self.url(database)).output();
        let out = out.expect("psql starts");
        assert!(out.status.success(), "psql: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }

    /// Starts a stopped server, on the same port with the same data.
    ///
    /// # Panics
    /// When it is not ready in time.
    pub fn start_again(&mut self) {
        self.try_start().unwrap_or_else(|said| panic!("postgres ended: {said}"));
    }

    /// Starts the server, or gives what it said when it ended instead.
    fn try_start(&mut self) -> Result<(), String> {
        assert!(self.server.is_none(), "PostgreSQL runs already");
        let mut command = as_postgres("QUIT", &binary("postgres"));
        command.arg("-D").arg(self.room.path().join("data")).args(["-p", &self.port.to_string(), "-k", ""]);
        command.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200"]);
        let mut server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("postgres starts");
        let lines = BufReader::new(server.stderr.take().expect("its standard error")).lines();
        let (ready, is_ready) = mpsc::channel();
        // Reads on to the end, so that the server never waits for a full pipe.
        std::thread::spawn(move || {
            let mut seen = Vec::new();
            for line in lines.map_while(Result::ok) {
                if line.contains("database system is ready to accept connections") {
                    let _ = ready.send(Ok(()));
                } else if seen.len() < 50 {
                    seen.push(line);
                }
            }
            let _ = ready.send(Err(seen.join("\n")));
        });
        let answer = is_ready.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("postgres is not ready after {PATIENCE:?}"));
        match answer {
            Ok(()) => self.server = Some(server),
            Err(_) => drop(server.wait()),
        }
        answer
    }

    /// Serves TLS with this certificate and key from now on; plain connections stay allowed.
    ///
    /// # Panics
    /// When it does not start with them.
    pub fn serve_tls(&mut self, certificate: &str, key: &str) {
        self.sql("postgres", "ALTER SYSTEM SET ssl = on");
        self.stop();
        for (name, content) in [("server.crt", certificate), ("server.key", key)] {
            let path = PathBuf::from(self.room.write(&format!("data/{name}"), content));
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode of the key");
            if is_root() {
                assert!(Command::new("chown").arg("postgres:").arg(&path).status().expect("chown").success());
            }
        }
        self.start_again();
    }

    /// Stops the server; its connections break. The data stay.
    pub fn stop(&mut self) {
        self.resume();
        self.end(Signal::INT);
    }

    /// Stops all its processes in their steps (SIGSTOP): connections stay open and give no answer.
    pub fn pause(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Lets them go on.
    pub fn resume(&self) {
        self.signal_all(Signal::CONT);
    }

    fn signal_all(&self, signal: Signal) {
        let Some(server) = &self.server else { return };
        // The postmaster first, so that it makes no new processes meanwhile.
        for pid in std::iter::once(server.id()).chain(children(server.id())) {
            send(pid, signal);
        }
    }

    fn end(&mut self, signal: Signal) {
        if let Some(mut server) = self.server.take() {
            send(server.id(), signal);
            wait::until(PATIENCE, "PostgreSQL to stop", || server.try_wait().ok().flatten());
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.resume();
        self.end(Signal::QUIT);
    }
}

/// A port that nothing listens on now.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Processes whose parent is `parent`: the server's own, as each of them is a session of its own.
fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // "pid (name) state ppid …"; the name may hold anything.
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        after_name.split_whitespace().nth(1).and_then(|ppid| ppid.parse().ok()) == Some(parent)
    })
    .collect()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command that gets `signal` when our thread ends, as user postgres if we are root (PostgreSQL refuses root).
fn as_postgres(signal: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.args(["--pdeathsig", signal, "--"]).arg(program).current_dir("/");
    command
}

/// The newest installed version's program.
fn binary(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let path = entry.path().join("bin").join(name);
            path.exists().then_some((version, path))
        })
        .max();
    newest.map(|(_, path)| path).unwrap_or_else(|| panic!("no {name} in /usr/lib/postgresql: apt-get install postgresql"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_stops_pauses_and_keeps_its_data() {
        let mut postgres = Postgres::start("kit");
        let _ = postgres.create_database("one");
        postgres.sql("one", "CREATE TABLE t (n BIGINT); INSERT INTO t VALUES (7)");
        postgres.stop();
        assert!(std::net::TcpStream::connect(("127.0.0.1", postgres.port)).is_err(), "still listens");
        postgres.start_again();
        postgres.pause();
        let server = postgres.server.as_ref().expect("runs").id();
        let state = || std::fs::read_to_string(format!("/proc/{server}/stat")).expect("its state");
        wait::until(PATIENCE, "the server to stand still", || state().contains(") T ").then_some(()));
        postgres.resume();
        assert_eq!(postgres.sql("one", "SELECT n FROM t"), "7");
        let room = postgres.room.path().to_owned();
        drop(postgres);
        assert!(!room.exists());
        wait::until(PATIENCE, "the server to be gone", || (!Path::new(&format!("/proc/{server}")).exists()).then_some(()));
    }
}
