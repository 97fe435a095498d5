//! The real binary under test: start, ready, commands, log events, stop, kill.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::child::{Room, dying_with_us};
use crate::wait;

/// A running `sealgate serve` in a room of its own.
#[derive(Debug)]
pub struct Gateway {
    room: Arc<Room>,
    child: Child,
    log: Arc<Log>,
    /// Addresses by listener name, from `ready.json`.
    pub ready: Value,
}

/// What a gateway wrote to standard error, line by line.
#[derive(Debug, Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    grown: Condvar,
}

/// The program, built beside the tests.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("SEALGATE_BIN") {
        return path.into();
    }
    let own = std::env::current_exe().expect("own path");
    let path = own.ancestors().nth(2).expect("target directory").join("sealgate");
    assert!(path.exists(), "{} is not built: run cargo build -p sealgate first", path.display());
    path
}

impl Gateway {
    /// Starts with this node configuration (`data`, `master_key` and, if there is no `[log]`, JSON lines are added) and waits until ready.
    ///
    /// # Panics
    /// When it does not get ready within 30 s; its log is shown.
    #[must_use]
    pub fn start(name: &str, config: &str) -> Self {
        Self::start_in(Arc::new(Room::new(name)), config, &[])
    }

    /// As [`Self::start`], in a room that is there already (a restart), under a wrapper such as strace.
    ///
    /// # Panics
    /// As [`Self::start`].
    #[must_use]
    pub fn start_in(room: Arc<Room>, config: &str, wrapper: &[&str]) -> Self {
        let gateway = Self::spawn(room, config, wrapper);
        gateway.wait_ready()
    }

    fn spawn(room: Arc<Room>, config: &str, wrapper: &[&str]) -> Self {
        let _ = std::fs::remove_file(room.path().join("data/run/ready.json"));
        let log = if config.contains("[log]") { "" } else { "[log]\nformat = \"json\"\n" };
        // A story trusts whom it says itself.
        let roots = if config.contains("public_roots") { "" } else { "public_roots = \"\"\n" };
        let text = format!(
            "data = {:?}\nmaster_key = {:?}\n{roots}{config}\n{log}",
            room.file("data"),
            format!("file:{}", room.file("master.key"))
        );
        let file = room.write("sealgate.toml", text);
        let program = program().display().to_string();
        // A tracer that is killed leaves what it traced behind; so the gateway dies with its wrapper too.
        let own = ["setpriv", "--pdeathsig", "KILL", "--", program.as_str(), "serve", "--config", &file];
        let line: Vec<&str> = wrapper.iter().copied().chain(own).collect();
        let (first, rest) = line.split_first().expect("a program");
        let mut child = dying_with_us(first)
            .args(rest)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sealgate starts");
        let log = Arc::new(Log::default());
        let errors = child.stderr.take().expect("piped");
        let (into, copy) = (log.clone(), room.path().join("gateway.log"));
        std::thread::spawn(move || {
            let mut copy = std::fs::File::options().create(true).append(true).open(copy).ok();
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                if let Some(file) = &mut copy {
                    let _ = std::io::Write::write_all(file, format!("{line}\n").as_bytes());
                }
                into.lines.lock().expect("log").push(line);
                into.grown.notify_all();
            }
        });
        Self { room, child, log, ready: Value::Null }
    }

    fn wait_ready(mut self) -> Self {
        let file = self.room.path().join("data/run/ready.json");
        let end = Instant::now() + Duration::from_secs(30);
        self.ready = wait::until(Duration::from_secs(31), "sealgate to be ready", || {
            let ended = self.child.try_wait().ok().flatten();
            assert!(ended.is_none() && Instant::now() < end, "sealgate did not get ready ({ended:?}):\n{}", self.log_text());
            serde_json::from_slice(&std::fs::read(&file).ok()?).ok()
        });
        self
    }

    /// Its room, for a restart.
    #[must_use]
    pub fn room(&self) -> Arc<Room> {
        self.room.clone()
    }

    /// Address of a listener: `smtp`, `mobile`, `console`, `metrics`.
    ///
    /// # Panics
    /// When there is no such listener.
    #[must_use]
    pub fn address(&self, listener: &str) -> String {
        self.ready["listeners"][listener][0].as_str().unwrap_or_else(|| panic!("no listener {listener} in {}", self.ready)).to_owned()
    }

    /// Applies a site configuration.
    ///
    /// # Panics
    /// When it is refused.
    pub fn apply(&self, site: &str) {
        let file = self.room.write("site.toml", site);
        self.run(&["config", "apply", &file]);
    }

    /// Runs `sealgate ARGS` on this data directory and returns standard output.
    ///
    /// # Panics
    /// When the exit code is not 0.
    pub fn run(&self, args: &[&str]) -> String {
        let out = self.command(args);
        let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        assert!(out.status.success(), "sealgate {args:?}: {:?}\n{stdout}{stderr}", out.status);
        stdout.into_owned()
    }

    /// Runs `sealgate ARGS` and returns what became of it.
    ///
    /// # Panics
    /// When it does not start.
    pub fn command(&self, args: &[&str]) -> Output {
        cli(&self.room, args)
    }

    /// Process id of the gateway (of the wrapper, if there is one).
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a log event (`mail.delivered`) that `fits`, from the beginning of the log.
    ///
    /// # Panics
    /// After 30 s; the log is shown.
    #[must_use]
    pub fn event(&self, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.events(name, 1, fits).swap_remove(0)
    }

    /// Waits for `count` such events.
    ///
    /// # Panics
    /// After 30 s; the log is shown.
    #[must_use]
    pub fn events(&self, name: &str, count: usize, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
        let end = Instant::now() + Duration::from_secs(30);
        let mut lines = self.log.lines.lock().expect("log");
        loop {
            let found: Vec<Value> = lines
                .iter()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .filter(|v| v["event"] == name && fits(v))
                .collect();
            if found.len() >= count {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited for {count} × {name}, found {}:\n{}", found.len(), lines.join("\n"));
            lines = self.log.grown.wait_timeout(lines, left).expect("log").0;
        }
    }

    /// All that it logged so far.
    ///
    /// # Panics
    /// Never in practice.
    #[must_use]
    pub fn log_text(&self) -> String {
        self.log.lines.lock().expect("log").join("\n")
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Panics
    /// When it ends badly or not within 60 s.
    pub fn stop(mut self) -> Arc<Room> {
        signal(self.child.id(), "TERM");
        let status = wait::until(Duration::from_secs(60), "sealgate to stop", || self.child.try_wait().ok().flatten());
        assert!(status.success(), "sealgate ended with {status}:\n{}", self.log_text());
        self.room.clone()
    }

    /// Sends SIGKILL.
    pub fn kill(mut self) -> Arc<Room> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.room.clone()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !std::thread::panicking() {
            assert!(!self.log_text().contains("panicked at"), "sealgate panicked:\n{}", self.log_text());
        }
    }
}

/// Runs `sealgate ARGS` on the data of a room, whether a node is running there or not.
///
/// # Panics
/// When it does not start.
#[must_use]
pub fn cli(room: &Room, args: &[&str]) -> Output {
    let config = room.file("sealgate.toml");
    let mut command = Command::new(program());
    if Path::new(&config).exists() {
        command.args(["--config", &config]);
    }
    command.args(args).stdin(Stdio::null()).output().expect("sealgate starts")
}

/// Sends a signal by name.
pub fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
}
