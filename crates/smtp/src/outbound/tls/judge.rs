//! Does a server's certificate meet what is demanded? Pure: certificates, demand and time in, yes or a reason out.

use openssl::stack::{Stack, StackRef};
use openssl::x509::X509;

use super::anchors::{self, stack};
use super::revocation::Vouched;
use super::stapled;
use super::{TlsDemand, TlsLevel, names, tlsa};

/// Certificates beside the server's own that are looked at.
const OTHERS: usize = 24;

/// What a server showed in the handshake.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'s> {
    /// The certificates, the server's own first, DER.
    pub(super) chain: &'s [&'s [u8]],
    /// The stapled OCSP response; empty without.
    pub(super) ocsp: &'s [u8],
    /// The server's name: [`super::super::Endpoint::host`].
    pub(super) host: &'s str,
    /// Seconds since 1970.
    pub(super) now: i64,
}

/// Judges. At levels that want a chain it is given back: whether its certificates were revoked is to be asked yet, but for
/// what was stapled.
///
/// # Errors
/// Why the demand is not met, in words for an administrator.
pub(super) fn judge(demand: &TlsDemand, shown: &Shown<'_>) -> Result<Option<Vouched>, String> {
    let (first, rest) = shown.chain.split_first().ok_or("it showed no certificate")?;
    match demand.level {
        TlsLevel::None | TlsLevel::May | TlsLevel::Encrypt => return Ok(None),
        TlsLevel::Fingerprint => {
            let known = demand.fingerprints.iter().any(|digest| digest.is_of(first));
            return if known { Ok(None) } else { Err("its certificate has none of the digests that are set".to_owned()) };
        }
        TlsLevel::Verify | TlsLevel::Secure | TlsLevel::Dane => {}
    }
    let leaf = X509::from_der(first).map_err(|_| "its certificate can't be read")?;
    let rest: Vec<X509> = rest.iter().take(OTHERS).filter_map(|der| X509::from_der(der).ok()).collect();
    let others = stack(&rest).map_err(|error| error.to_string())?;
    if demand.level == TlsLevel::Dane {
        return by_tlsa(demand, shown, &leaf, (&rest, &others)).map(|()| None);
    }
    let vouched = by_anchors(demand, shown, &leaf, &others)?;
    if demand.level == TlsLevel::Secure {
        named(demand, shown, &leaf)?;
    }
    match vouched.is_revoked() {
        true => Err("its certificate was revoked".to_owned()),
        false => Ok(Some(vouched)),
    }
}

/// The chain from the server's certificate to one of the demand's anchors, and what was stapled; the level is not looked at.
///
/// # Errors
/// Why there is none, in words for an administrator.
pub(super) fn chain(demand: &TlsDemand, shown: &Shown<'_>) -> Result<Vouched, String> {
    let (first, rest) = shown.chain.split_first().ok_or("it showed no certificate")?;
    let leaf = X509::from_der(first).map_err(|_| "its certificate can't be read")?;
    let rest: Vec<X509> = rest.iter().take(OTHERS).filter_map(|der| X509::from_der(der).ok()).collect();
    let others = stack(&rest).map_err(|error| error.to_string())?;
    by_anchors(demand, shown, &leaf, &others)
}

fn by_anchors(demand: &TlsDemand, shown: &Shown<'_>, leaf: &X509, others: &StackRef<X509>) -> Result<Vouched, String> {
    let nobody = anchors::Anchors::default();
    let trust = demand.anchors.as_deref().unwrap_or(&nobody);
    let chain = trust.chain(leaf, others, shown.now).map_err(|why| format!("its certificate is not trusted: {why}"))?;
    Ok(Vouched::new(&chain, stapled::state(shown.ocsp, &chain)))
}

fn named(demand: &TlsDemand, shown: &Shown<'_>, leaf: &X509) -> Result<(), String> {
    let own = [shown.host.to_owned()];
    let wanted = if demand.names.is_empty() { own.as_slice() } else { demand.names.as_slice() };
    if names::matches(leaf, wanted, demand.san_only) {
        return Ok(());
    }
    Err(format!("its certificate does not name {}", wanted.join(" or ")))
}

/// RFC 7672 §3.1: with usage 3 neither names nor dates count, with usage 2 both do.
fn by_tlsa(demand: &TlsDemand, shown: &Shown<'_>, leaf: &X509, (rest, others): (&[X509], &Stack<X509>)) -> Result<(), String> {
    if demand.tlsa.is_empty() {
        return Err("there is no validated TLSA record for it".to_owned());
    }
    let mut why = "its certificate matches no TLSA record".to_owned();
    for record in tlsa::that_count(&demand.tlsa) {
        if record.usage == 3 {
            if record.means(leaf) {
                return Ok(());
            }
            continue;
        }
        let whole = record.whole();
        let candidates = rest.iter().filter(|certificate| record.means(certificate)).chain(whole.as_ref());
        for anchor in candidates {
            match below(anchor, leaf, others, shown.now).and_then(|()| named(demand, shown, leaf)) {
                Ok(()) => return Ok(()),
                Err(reason) => why = reason,
            }
        }
    }
    Err(why)
}

fn below(anchor: &X509, leaf: &X509, others: &StackRef<X509>, now: i64) -> Result<(), String> {
    anchors::descends(leaf, others, anchor, now).map_err(|why| format!("its certificate does not descend from the TLSA record's: {why}"))
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
