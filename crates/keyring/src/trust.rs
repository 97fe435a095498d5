//! The trust store of the site's roots.
//!
//! Roots change seldom and judging happens for every signed mail, so the last store is kept and given again
//! while the rows are the same. What an administrator has not decided is not trusted (mail-gateway.md M-C3, M-C4).

use std::sync::Arc;

use crypto::pki::{Certificate, TrustStore};
use model::Site;
use model::site::{Root, Trust};
use parking_lot::Mutex;

/// The rows that the kept store was made of, compared by identity: a changed row is another one.
type Kept = (Vec<Arc<Root>>, Arc<TrustStore>);

static LAST: Mutex<Option<Kept>> = Mutex::new(None);

/// The trust store of this site, made anew only when a root changed.
#[must_use]
pub fn store(site: &Site) -> Arc<TrustStore> {
    let mut last = LAST.lock();
    if let Some((rows, store)) = last.as_ref()
        && rows.len() == site.roots.len()
        && rows.iter().zip(site.roots.values()).all(|(kept, row)| Arc::ptr_eq(kept, row))
    {
        return store.clone();
    }
    let made = Arc::new(build(site));
    *last = Some((site.roots.values().cloned().collect(), made.clone()));
    made
}

fn build(site: &Site) -> TrustStore {
    let (mut trusted, mut untrusted) = (Vec::new(), Vec::new());
    for (fingerprint, root) in &site.roots {
        let Ok(certificates) = Certificate::from_pem_many(&root.certificate) else {
            tracing::error!(event = "root.unreadable", fingerprint = %fingerprint);
            continue;
        };
        match root.trust {
            Trust::Trusted => trusted.extend(certificates.into_iter().take(1)),
            Trust::Untrusted => untrusted.extend(certificates.into_iter().take(1)),
            Trust::Undefined => {}
        }
    }
    TrustStore::new(trusted, untrusted)
}
