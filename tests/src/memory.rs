//! What a gateway's process takes, as the kernel tells it.

use testkit::Gateway;

/// Highest memory of the process so far, in MiB.
///
/// # Panics
/// When it is gone.
#[must_use]
pub fn peak(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}
