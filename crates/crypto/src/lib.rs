//! Cryptography of Sealgate: bytes and [`model::KeyUse`] handles in, bytes and verdicts out.
//!
//! The order in which a mail meets it: [`smime::named_recipients`] (whose is it; no key is used) →
//! [`smime::open`] → [`smime::verify`] on the way in; [`smime::sign`] → [`smime::encrypt`] on the way out.
//! [`openpgp`] does the same for OpenPGP. [`pki`] reads certificates, builds chains, imports and makes keys; [`seal`] protects what we store, [`attachment`] what phones keep;
//! [`pool`] keeps all of it off the runtimes' threads.
//!
//! It never does I/O, never reads a clock, never logs key bytes, and never lets the result of a private-key
//! operation show in the kind of an error (security.md X-3). All primitives are OpenSSL's; the CMS
//! structure is read and written here (docs/decisions/0003-cms.md), that of OpenPGP by a library (0032-openpgp.md).

mod asn1;
pub mod attachment;
pub mod error;
mod lines;
pub mod openpgp;
pub mod pki;
pub mod pool;
pub mod seal;
pub mod smime;

pub use error::CryptoError;
