//! Object identifiers that decide something here: the content octets of each (X.690 §8.19).
//!
//! Data only; what they mean is said where they are used.

type Oid = &'static [u8];

// Content types (RFC 5652 §4, RFC 5083 §2.1, RFC 3274 §1.1).
pub(crate) const DATA: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
pub(crate) const SIGNED_DATA: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
pub(crate) const ENVELOPED_DATA: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
pub(crate) const ENCRYPTED_DATA: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06";
pub(crate) const AUTH_ENVELOPED_DATA: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17";

// Signed attributes (RFC 5652 §11, RFC 8551 §2.5, RFC 5035 §3).
pub(crate) const CONTENT_TYPE: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03";
pub(crate) const MESSAGE_DIGEST: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04";
pub(crate) const SIGNING_TIME: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05";
pub(crate) const SMIME_CAPABILITIES: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0f";
/// SMIMEEncryptionKeyPreference (RFC 8551 §2.5.3), and the same as Outlook writes it beside.
pub(crate) const ENCRYPTION_KEY_PREFERENCE: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x0b";
pub(crate) const MICROSOFT_KEY_PREFERENCE: Oid = b"\x2b\x06\x01\x04\x01\x82\x37\x10\x04";
pub(crate) const SIGNING_CERTIFICATE_V2: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f";

// Digests.
pub(crate) const MD5: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x02\x05";
pub(crate) const SHA1: Oid = b"\x2b\x0e\x03\x02\x1a";
pub(crate) const SHA224: Oid = b"\x60\x86\x48\x01\x65\x03\x04\x02\x04";
pub(crate) const SHA256: Oid = b"\x60\x86\x48\x01\x65\x03\x04\x02\x01";
pub(crate) const SHA384: Oid = b"\x60\x86\x48\x01\x65\x03\x04\x02\x02";
pub(crate) const SHA512: Oid = b"\x60\x86\x48\x01\x65\x03\x04\x02\x03";

// Public keys and signatures (RFC 8017, RFC 5480, RFC 5758, RFC 8410).
pub(crate) const RSA: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
pub(crate) const RSA_OAEP: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x07";
pub(crate) const MGF1: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08";
pub(crate) const RSA_PSS: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";
pub(crate) const RSA_MD5: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04";
pub(crate) const RSA_SHA1: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05";
pub(crate) const RSA_SHA256: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";
pub(crate) const RSA_SHA384: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c";
pub(crate) const RSA_SHA512: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d";
pub(crate) const RSA_SHA224: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e";
pub(crate) const EC_PUBLIC_KEY: Oid = b"\x2a\x86\x48\xce\x3d\x02\x01";
pub(crate) const ECDSA_SHA1: Oid = b"\x2a\x86\x48\xce\x3d\x04\x01";
pub(crate) const ECDSA_SHA224: Oid = b"\x2a\x86\x48\xce\x3d\x04\x03\x01";
pub(crate) const ECDSA_SHA256: Oid = b"\x2a\x86\x48\xce\x3d\x04\x03\x02";
pub(crate) const ECDSA_SHA384: Oid = b"\x2a\x86\x48\xce\x3d\x04\x03\x03";
pub(crate) const ECDSA_SHA512: Oid = b"\x2a\x86\x48\xce\x3d\x04\x03\x04";
pub(crate) const DSA: Oid = b"\x2a\x86\x48\xce\x38\x04\x01";
pub(crate) const DSA_SHA1: Oid = b"\x2a\x86\x48\xce\x38\x04\x03";
pub(crate) const ED25519: Oid = b"\x2b\x65\x70";
pub(crate) const X25519: Oid = b"\x2b\x65\x6e";

// Content ciphers (RFC 3565, RFC 5084, RFC 3370) and key wrap (RFC 3394, RFC 3565 §2.3.2).
pub(crate) const AES128_CBC: Oid = b"\x60\x86\x48\x01\x65\x03\x04\x01\x02";
pub(crate) const AES192_CBC: Oid = b"\x60\x86\x48\x01\x65\x03\x04\x01\x16";
pub(crate) const AES256_CBC: Oid = b"\x60\x86\x48\x01\x65\x03\x04\x01\x2a";
pub(crate) const AES128_GCM: Oid = b"\x60\x86\x48\x01\x65\x03\x04\x01\x06";
pub(crate) const AES192_GCM: Oid = b"\x60\x86\x48\x01\x65\x03\x04\x01\x1a";
pub(crate) const AES256_GCM: Oid = b"\x60\x86\x48\x01\x65\x03\x04\x01\x2e";
pub(crate) const AES128_WRAP: Oid = b"\x60\x86\x48\x01\x65\x03\x04\x01\x05";
pub(crate) const AES192_WRAP: Oid = b"\x60\x86\x48\x01\x65\x03\x04\x01\x19";
pub(crate) const AES256_WRAP: Oid = b"\x60\x86\x48\x01\x65\x03\x04\x01\x2d";
pub(crate) const DES_EDE3_WRAP: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x06";
pub(crate) const DES_EDE3_CBC: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x03\x07";
pub(crate) const RC2_CBC: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x03\x02";

// One-pass ECDH with the X9.63 KDF (RFC 5753 §7.1.4). On the NIST prime curves the cofactor is 1, so the
// cofactor schemes give the same secret.
pub(crate) const ECDH_SHA1: Oid = b"\x2b\x81\x05\x10\x86\x48\x3f\x00\x02";
pub(crate) const ECDH_COFACTOR_SHA1: Oid = b"\x2b\x81\x05\x10\x86\x48\x3f\x00\x03";
pub(crate) const ECDH_SHA224: Oid = b"\x2b\x81\x04\x01\x0b\x00";
pub(crate) const ECDH_SHA256: Oid = b"\x2b\x81\x04\x01\x0b\x01";
pub(crate) const ECDH_SHA384: Oid = b"\x2b\x81\x04\x01\x0b\x02";
pub(crate) const ECDH_SHA512: Oid = b"\x2b\x81\x04\x01\x0b\x03";
pub(crate) const ECDH_COFACTOR_SHA256: Oid = b"\x2b\x81\x04\x01\x0e\x01";
pub(crate) const ECDH_COFACTOR_SHA384: Oid = b"\x2b\x81\x04\x01\x0e\x02";
pub(crate) const ECDH_COFACTOR_SHA512: Oid = b"\x2b\x81\x04\x01\x0e\x03";

// The same with HKDF (RFC 8418 §2.2).
pub(crate) const ECDH_HKDF_SHA256: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x13";
pub(crate) const ECDH_HKDF_SHA384: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x14";
pub(crate) const ECDH_HKDF_SHA512: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x15";

// Certificates (RFC 5280 §4.2.1, RFC 4262, RFC 8398).
pub(crate) const SUBJECT_KEY_IDENTIFIER: Oid = b"\x55\x1d\x0e";
pub(crate) const KEY_USAGE: Oid = b"\x55\x1d\x0f";
pub(crate) const SUBJECT_ALT_NAME: Oid = b"\x55\x1d\x11";
pub(crate) const BASIC_CONSTRAINTS: Oid = b"\x55\x1d\x13";
pub(crate) const EXTENDED_KEY_USAGE: Oid = b"\x55\x1d\x25";
pub(crate) const CRL_DISTRIBUTION_POINTS: Oid = b"\x55\x1d\x1f";
pub(crate) const ANY_EXTENDED_KEY_USAGE: Oid = b"\x55\x1d\x25\x00";
pub(crate) const EMAIL_PROTECTION: Oid = b"\x2b\x06\x01\x05\x05\x07\x03\x04";
pub(crate) const SMTP_UTF8_MAILBOX: Oid = b"\x2b\x06\x01\x05\x05\x07\x08\x09";
pub(crate) const EMAIL_ADDRESS: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01";

// Revocation lists (RFC 5280 §5.2).
pub(crate) const CRL_NUMBER: Oid = b"\x55\x1d\x14";
pub(crate) const ISSUING_DISTRIBUTION_POINT: Oid = b"\x55\x1d\x1c";
pub(crate) const AUTHORITY_KEY_IDENTIFIER: Oid = b"\x55\x1d\x23";

// PKCS#12 bags (RFC 7292 §4.2).
pub(crate) const KEY_BAG: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x01";
pub(crate) const SHROUDED_KEY_BAG: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x02";
pub(crate) const SAFE_CONTENTS_BAG: Oid = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x06";
