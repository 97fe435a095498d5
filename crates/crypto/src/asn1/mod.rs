//! ASN.1 as CMS and X.509 need it: a total reader of BER, a writer of DER, and the object identifiers.
//!
//! It exists because mail carries BER with indefinite lengths (`openssl -stream`, Outlook, Apple) and
//! certificates that are not quite DER, whose bytes must stay as they are (docs/decisions/0003-cms.md).
//! It knows no CMS: `smime` and `pki` give the bytes their meaning. ITU-T X.690 decides.

pub(crate) mod oid;
pub(crate) mod read;
pub(crate) mod write;

pub(crate) use read::{Element, Malformed, Reader};
