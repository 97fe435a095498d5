//! S/MIME 4.0 (RFC 8551) on CMS (RFC 5652, RFC 5083): sign, encrypt, open, verify.
//!
//! On the way out: [`sign`] then [`encrypt`] (sign first, so that the signature is protected too). On the way
//! in: [`named_recipients`] tells without any key whose message it is, [`open`] opens it for the certificates
//! whose keys the recipients own, [`verify`] judges a signature. What each layer's content is, and whether a
//! signature covers the whole message, the caller knows from the message's structure.
//!
//! Nothing here reads MIME but where RFC 8551 §3 makes an entity of CMS; nothing here decides whose key may
//! be used (security.md X-4): that is the caller's.

mod agree;
mod armour;
mod attributes;
mod cipher;
mod digest;
mod encrypt;
mod envelope;
mod open;
mod recipient;
mod sign;
mod signed_data;
mod signer;
mod verify;

pub use cipher::ContentCipher;
pub use encrypt::{KeyTransport, encrypt, encrypt_by};
pub use open::{Opened, open, open_for, open_if};
pub use recipient::{NamedRecipient, named_recipients};
pub use sign::{SignStyle, SigningIdentity, sign, sign_by, sign_inside};
pub use signed_data::{carried, signed_content, signers};
pub use verify::{SignatureFinding, SignedContent, VerifyRequest, verify};

use model::Budget;

use crate::CryptoError;
use crate::asn1::read::{OID, SEQUENCE};
use crate::asn1::{Element, Malformed, Reader};

/// ContentInfo ::= SEQUENCE { contentType, content [0] EXPLICIT ANY } (RFC 5652 §3): type and content.
fn content_info<'a>(der: &'a [u8], budget: &Budget) -> Result<(&'a [u8], Element<'a>), CryptoError> {
    budget.bytes(der.len())?;
    budget.time()?;
    let read = || -> Result<_, Malformed> {
        let mut info = Reader::sole(der, SEQUENCE)?.inside();
        let kind = info.need(OID)?.body;
        let content = Reader::sole(info.need(0xa0)?.body, SEQUENCE)?;
        info.end()?;
        Ok((kind, content))
    };
    read().map_err(|Malformed| CryptoError::Malformed("CMS message"))
}
