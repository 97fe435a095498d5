//! MTA-STS: what a stranger's web server and zone say.

use model::{Budget, Limits};
use smtp::outbound::{StsPolicy, sts_id};

/// The octets as a policy and as a TXT record. What is read is written and read again alike.
pub fn mta_sts(data: &[u8]) {
    let budget = Budget::new(Limits { bytes: 65_536, ..Limits::default() });
    if let Ok(policy) = StsPolicy::parse(data, &budget) {
        let written = policy.lines().join("\r\n");
        let budget = Budget::new(Limits::default());
        assert_eq!(StsPolicy::parse(written.as_bytes(), &budget).as_ref(), Ok(&policy));
        let _ = policy.names(&String::from_utf8_lossy(data));
    }
    if let Some(id) = sts_id([data]) {
        assert!((1..=32).contains(&id.len()));
    }
}
