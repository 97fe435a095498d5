//! A network of the test's own: only loopback, nobody else on it, all of 127/8 and every port free.

use std::process::Command;

const MARK: &str = "SEALGATE_TEST_NETWORK";

/// Runs `story` in a fresh network namespace: the test process starts itself again under `unshare -n`.
/// Needs root. The story runs on the thread that libtest named after the test.
///
/// # Panics
/// When the story fails, or the machine gives no namespaces.
pub fn isolated(story: impl FnOnce()) {
    within(&["-n"], story);
}

/// As [`isolated`], with mounts of the test's own too: what it mounts nobody else sees, and goes with it.
///
/// # Panics
/// As [`isolated`].
pub fn isolated_with_mounts(story: impl FnOnce()) {
    within(&["-n", "-m"], story);
}

fn within(namespaces: &[&str], story: impl FnOnce()) {
    if std::env::var_os(MARK).is_some() {
        story();
        return;
    }
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    let program = std::env::current_exe().expect("own path");
    let status = Command::new("unshare")
        .args(namespaces)
        .args([
            "--",
            "sh",
            "-c",
            "ip link set lo up && for n in 10 20 21 22 23 24 25; do ip address add 127.0.0.$n/8 dev lo || exit 1; done; exec \"$0\" \"$@\"",
        ])
        .arg(program)
        .args(["--exact", &name, "--nocapture", "--test-threads=1", "--include-ignored"])
        .env(MARK, "1")
        .status()
        .expect("unshare(1) of util-linux starts; the stories need root");
    assert!(status.success(), "the story {name} failed: see above");
}
