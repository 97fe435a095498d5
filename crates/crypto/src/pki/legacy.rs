//! OpenSSL's legacy provider, loaded once and beside the default one.
//!
//! Old PKCS#12 files (RC2-40) and old mail (RC2) need it. Loading it must keep the default provider, else all
//! other primitives vanish; it adds algorithms to the process and changes none. Where the module is not
//! installed, old input fails as unreadable and nothing else does.

use std::sync::OnceLock;

use openssl::provider::Provider;

/// Makes the legacy algorithms available; false where the system lacks them.
pub(crate) fn legacy_algorithms() -> bool {
    static LEGACY: OnceLock<Option<Loaded>> = OnceLock::new();
    LEGACY.get_or_init(|| Provider::try_load(None, "legacy", true).ok().map(Loaded)).is_some()
}

/// Kept for the life of the process; dropping it would unload the provider.
struct Loaded(#[expect(dead_code, reason = "held so that the provider stays loaded")] Provider);
