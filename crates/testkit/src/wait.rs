//! Waiting for an event: the one place that looks again and again, because other programs' files and ports give no signal.

use std::time::{Duration, Instant};

/// Calls `look` until it gives something.
///
/// # Panics
/// After `limit`, naming what did not happen.
pub fn until<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited {limit:?} in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Waits until something listens.
///
/// # Panics
/// After 20 s.
pub fn port(address: &str) {
    until(Duration::from_secs(20), &format!("{address} to listen"), || std::net::TcpStream::connect(address).ok());
}
