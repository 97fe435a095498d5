//! Whom a mail is really from, as far as domains say it: SPF, DKIM, DMARC, ARC, Authentication-Results.
//!
//! Bytes and DNS answers in, verdicts out; for signing, a digest goes to a [`DigestSigner`] and comes back signed. The
//! order in which a mail meets it: [`spf::check_host`] → [`dkim::verify`] → [`dmarc::evaluate`] → [`arc::verify`] →
//! [`results`] on the way in, [`arc::seal`] when a signed mail was changed there; [`dkim::sign`] as the last act on the
//! way out.
//!
//! It asks the DNS only through the [`Resolver`] that it is given, reads no clock, holds no private key, and never
//! turns a DNS failure into a refusal: that is a verdict of its own (`temperror`). Why this is own code and no library
//! is in docs/decisions/0014-mail-authentication.md.

pub mod arc;
mod canonical;
pub mod dkim;
pub mod dmarc;
mod domain;
mod domain_key;
mod resolver;
pub mod results;
mod signature;
mod signed;
pub mod spf;
mod tags;
mod verdict;

pub use domain_key::{DomainKey, KeyProblem, KeySet};
pub use resolver::{Family, LookupError, Resolver};
pub use signature::Algorithm;
pub use signed::{DigestSigner, SignError};
pub use verdict::Verdict;

#[cfg(test)]
mod testing;
