//! OpenPGP (RFC 9580, keys of RFC 4880 too): read, open, verify, sign and encrypt.
//!
//! On the way in: [`named`] tells without any key whom a message names, [`open_for`] opens it for those whose own
//! keys give its session key and judges a signature that is inside, [`verify_detached`] and [`verify_inline`] judge one
//! that is not. On the way out: [`encrypt`], which signs first where it is told to, in the same message (RFC 3156 §6.2).
//! [`make`], [`revoke`] and [`import`] are for the keyring. A message without integrity protection, or whose protection
//! is broken, gives nothing at all (security.md X-1).
//!
//! This is the only place that knows `sequoia-openpgp` (LGPL-2.0-or-later, docs/decisions/0032-openpgp.md). No I/O, no
//! clock. Private keys are used through [`model::KeyUse`]; [`SoftPgp`] is what a vault holds while one is open.

mod certificate;
mod encrypt;
mod handle;
pub mod import;
mod make;
mod open;
mod soft;
mod verify;

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use model::{Budget, Timestamp};
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::types::SymmetricAlgorithm;

pub use certificate::{Details, PgpKey, PgpState};
pub use encrypt::{as_entity, encrypt};
pub use handle::OwnPgp;
pub use make::{Generation, Made, make, revoke};
pub use open::{Opened, named, open_for};
pub use soft::SoftPgp;
pub use verify::{Finding, Known, Request, verify_detached, verify_inline};

use crate::CryptoError;

/// How far a sender's clock may be ahead of ours.
const SKEW: Duration = Duration::from_secs(30 * 60);

/// Session keys that one message may hold: a mail has up to 1,000 recipients, some with two keys. How many are tried is bounded by itself.
const SESSION_KEYS: usize = 2_500;
/// Signatures and one-pass signatures that one message may hold: each may make us hash all of it once more.
const SIGNATURES: usize = 40;
/// Keys that the signatures of one message may name. One signature has room for thousands, and each is compared with all that is known here.
const SIGNERS: usize = 200;
/// Octets that come out of a message before memory is taken for them, and how many times so much is needed: the content, its lines made CRLF, the
/// mail with it, and what is made of that.
const ROOM: usize = 1 << 20;
const COPIES: usize = 4;

/// What counts as secure today: no MD5 or SHA-1 over content, no short keys.
fn policy() -> &'static StandardPolicy<'static> {
    static POLICY: LazyLock<StandardPolicy<'static>> = LazyLock::new(StandardPolicy::new);
    &POLICY
}

/// The same for opening: old mail in Triple DES still opens if its integrity is protected.
fn opening_policy() -> &'static StandardPolicy<'static> {
    static POLICY: LazyLock<StandardPolicy<'static>> = LazyLock::new(|| {
        let mut policy = StandardPolicy::new();
        #[allow(deprecated, reason = "old mail")]
        policy.accept_symmetric_algo(SymmetricAlgorithm::TripleDES);
        policy
    });
    &POLICY
}

fn system_time(now: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(now.0).unwrap_or(0))
}

fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Reads to the end within the budget, holding memory for what grows beyond the message itself.
fn read_all(reader: &mut impl std::io::Read, input: usize, budget: &Budget) -> Result<Vec<u8>, CryptoError> {
    let mut out = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    let mut room = input.max(ROOM);
    loop {
        let count = match reader.read(&mut chunk) {
            Ok(0) => return Ok(out),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return Err(CryptoError::CannotOpen),
        };
        budget.bytes(count)?;
        budget.time()?;
        if out.len() + count > room {
            budget.hold(room.saturating_mul(COPIES))?;
            room = room.saturating_mul(2);
        }
        out.extend_from_slice(chunk.get(..count).unwrap_or_default());
        budget.ratio(input, out.len())?;
    }
}

#[cfg(test)]
mod tests;
