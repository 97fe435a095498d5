//! Revocation lists: what comes in clear from an address in a server's certificate.

use std::sync::OnceLock;

use crypto::pki::Certificate;
use crypto::pki::revocation::{Listed, Unverified};
use model::{Budget, Limits, Timestamp};

/// The CA that has signed the list among the seeds.
const ISSUER: &[u8] = include_bytes!("../corpus/revocation_list/issuer");
/// In the time of the list among the seeds, and of none that the fuzzer could sign.
const NOW: Timestamp = Timestamp(1_795_000_000_000_000);

/// The octets as a list, and as a certificate that names addresses of lists.
pub fn revocation_list(data: &[u8]) {
    static CA: OnceLock<Option<Certificate>> = OnceLock::new();
    let budget = Budget::new(Limits { bytes: 1 << 20, parts: 10_000, ..Limits::default() });
    if let Ok(list) = Unverified::read(data, &budget)
        && let Some(issuer) = CA.get_or_init(|| Certificate::from_der(ISSUER).ok())
        && let Ok(list) = list.vouched_by(issuer)
    {
        assert_ne!(list.says(issuer, Timestamp(list.until().0 + 1_000_000)), Listed::No, "what is out of date says nothing");
        let _ = list.says(issuer, NOW);
    }
    if let Ok(certificate) = Certificate::from_der(data) {
        assert!(certificate.list_urls().iter().all(|url| url.bytes().all(|octet| octet.is_ascii_graphic())));
    }
}
