//! Does one SignerInfo fit the content and its certificate's key? Mathematics only, no trust.
//!
//! Every fault is found as a stable reason word; any of them makes the verdict `invalid`. A weak digest is such
//! a fault too, but the rest is still checked, so that the reasons tell old mail from forged mail.

use openssl::pkey::{Id, PKey, Public};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Verifier};

use super::attributes::{self, disguised, misplaced};
use super::digest::{Digest, Digests};
use super::signed_data::SignerInfo;
use crate::CryptoError;
use crate::asn1::read::{INTEGER, OID, SEQUENCE, SET};
use crate::asn1::{Element, Malformed, Reader, oid};
use crate::pki::Certificate;

/// How a signature is made of a digest (or, for Ed25519, of the bytes).
#[derive(Debug, Clone, Copy)]
enum Scheme {
    Rsa,
    Pss { mask: Digest, salt: i32 },
    Ecdsa,
    Dsa,
    Ed25519,
}

/// All that is wrong with this signer; empty when the signature is good.
pub(super) fn faults(
    signer: &SignerInfo<'_>,
    content_type: &[u8],
    digests: &mut Digests<'_>,
    certificate: &Certificate,
) -> Result<Vec<&'static str>, CryptoError> {
    let Some(digest) = Digest::from_oid(signer.digest) else { return Ok(vec!["digest-unknown"]) };
    let mut faults = Vec::new();
    if digest.is_weak() {
        faults.push("weak-digest");
    }
    if signer.unsigned.is_some_and(|set| misplaced(&set)) {
        faults.push("attribute-not-signed");
    }
    let Some((scheme, named)) = scheme(signer.algorithm, digest) else {
        faults.push("signature-algorithm-unknown");
        return Ok(faults);
    };
    if named.is_some_and(|named| named != digest) {
        faults.push("signature-algorithm-differs");
        return Ok(faults);
    }
    let good = match &signer.attributes {
        Some(set) => {
            if let Some(fault) = attribute_faults(set, content_type, digest, digests, certificate)? {
                faults.push(fault);
            }
            match set.definite_as(SET) {
                Ok(signed) => fits(scheme, digest, certificate, &signed, signer.signature)?,
                Err(Malformed) => false,
            }
        }
        None => {
            // RFC 5652 §5.3: attributes may be absent only when the content is plain data.
            if content_type != oid::DATA || disguised(digests.content()) {
                faults.push("signed-attributes-missing");
            }
            fits(scheme, digest, certificate, digests.content(), signer.signature)?
        }
    };
    if !good {
        faults.push("signature-wrong");
    }
    Ok(faults)
}

fn attribute_faults(
    set: &Element<'_>,
    content_type: &[u8],
    digest: Digest,
    digests: &mut Digests<'_>,
    certificate: &Certificate,
) -> Result<Option<&'static str>, CryptoError> {
    let signed = match attributes::read(set) {
        Ok(signed) => signed,
        Err(fault) => return Ok(Some(fault)),
    };
    if signed.content_type != content_type {
        return Ok(Some("content-type-differs"));
    }
    if signed.digest != digests.get(digest)? {
        return Ok(Some("content-changed"));
    }
    if let Some((algorithm, hash)) = signed.certificate {
        let same = match Digest::from_oid(algorithm) {
            Some(digest) => digest.of(&[certificate.der()])? == hash,
            None => false,
        };
        if !same {
            return Ok(Some("signing-certificate-differs"));
        }
    }
    Ok(None)
}

/// signatureAlgorithm as scheme, and the digest that it names itself.
fn scheme((id, parameters): (&[u8], Option<Element<'_>>), digest: Digest) -> Option<(Scheme, Option<Digest>)> {
    if id == oid::RSA_PSS {
        return pss(parameters?).ok().flatten();
    }
    if id == oid::ED25519 {
        return Some((Scheme::Ed25519, None));
    }
    [
        (oid::RSA, Scheme::Rsa, None),
        (oid::RSA_SHA256, Scheme::Rsa, Some(Digest::Sha256)),
        (oid::RSA_SHA384, Scheme::Rsa, Some(Digest::Sha384)),
        (oid::RSA_SHA512, Scheme::Rsa, Some(Digest::Sha512)),
        (oid::RSA_SHA224, Scheme::Rsa, Some(Digest::Sha224)),
        (oid::RSA_SHA1, Scheme::Rsa, Some(Digest::Sha1)),
        (oid::RSA_MD5, Scheme::Rsa, Some(Digest::Md5)),
        (oid::ECDSA_SHA256, Scheme::Ecdsa, Some(Digest::Sha256)),
        (oid::ECDSA_SHA384, Scheme::Ecdsa, Some(Digest::Sha384)),
        (oid::ECDSA_SHA512, Scheme::Ecdsa, Some(Digest::Sha512)),
        (oid::ECDSA_SHA224, Scheme::Ecdsa, Some(Digest::Sha224)),
        (oid::ECDSA_SHA1, Scheme::Ecdsa, Some(Digest::Sha1)),
        // Some senders name the key instead of the signature.
        (oid::EC_PUBLIC_KEY, Scheme::Ecdsa, Some(digest)),
        (oid::DSA, Scheme::Dsa, None),
        (oid::DSA_SHA1, Scheme::Dsa, Some(Digest::Sha1)),
    ]
    .into_iter()
    .find_map(|(known, scheme, named)| (known == id).then_some((scheme, named)))
}

/// RSASSA-PSS-params (RFC 4055 §3.1); what is left out is SHA-1 and 20.
fn pss(parameters: Element<'_>) -> Result<Option<(Scheme, Option<Digest>)>, Malformed> {
    let mut inside = parameters.inside();
    let hash = match inside.optional(&[0xa0])? {
        Some(hash) => digest_of(hash.inside())?,
        None => Some(Digest::Sha1),
    };
    let mask = match inside.optional(&[0xa1])? {
        Some(mask) => {
            let mut generator = Reader::sole(mask.body, SEQUENCE)?.inside();
            if generator.need(OID)?.body == oid::MGF1 { digest_of(generator)? } else { None }
        }
        None => Some(Digest::Sha1),
    };
    let salt = match inside.optional(&[0xa2])? {
        Some(salt) => Reader::sole(salt.body, INTEGER)?.small()?,
        None => 20,
    };
    let salt = i32::try_from(salt).map_err(|_| Malformed)?;
    Ok(hash.zip(mask).map(|(hash, mask)| (Scheme::Pss { mask, salt }, Some(hash))))
}

fn digest_of(mut algorithm: Reader<'_>) -> Result<Option<Digest>, Malformed> {
    Ok(Digest::from_oid(algorithm.need(SEQUENCE)?.inside().need(OID)?.body))
}

/// The signature check itself. A key of another kind, or a signature that is none, does not fit.
fn fits(scheme: Scheme, digest: Digest, certificate: &Certificate, signed: &[u8], signature: &[u8]) -> Result<bool, CryptoError> {
    let Ok(key) = certificate.x509().public_key() else { return Ok(false) };
    let kind_fits = match scheme {
        Scheme::Rsa => key.id() == Id::RSA,
        Scheme::Pss { .. } => key.id() == Id::RSA || key.id() == Id::RSA_PSS,
        Scheme::Ecdsa => key.id() == Id::EC,
        Scheme::Dsa => key.id() == Id::DSA,
        Scheme::Ed25519 => key.id() == Id::ED25519,
    };
    if !kind_fits {
        return Ok(false);
    }
    // OpenSSL reports a malformed signature as an error; it is simply not a good one.
    Ok(check(scheme, digest, &key, signed, signature).unwrap_or(false))
}

fn check(scheme: Scheme, digest: Digest, key: &PKey<Public>, signed: &[u8], signature: &[u8]) -> Result<bool, openssl::error::ErrorStack> {
    if matches!(scheme, Scheme::Ed25519) {
        return Verifier::new_without_digest(key)?.verify_oneshot(signature, signed);
    }
    let mut verifier = Verifier::new(digest.openssl(), key)?;
    if let Scheme::Pss { mask, salt } = scheme {
        verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
        verifier.set_rsa_mgf1_md(mask.openssl())?;
        verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(salt))?;
    }
    verifier.update(signed)?;
    verifier.verify(signature)
}
