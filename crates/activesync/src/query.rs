//! The query of a phone's request, plain or base64 (MS-ASHTTP §2.2.1.1.1).
//!
//! Comes first in the life of a request: it says which device, which command, which version. What this reads must be
//! what the mail server reads, so a query that could be read in two ways (a name twice, octets left over) is refused.
//! Pure and total: any text gives a [`Query`] or a [`QueryError`].

#[path = "query_edit.rs"]
mod edit;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use model::device::DeviceId;
use serde::Serialize;

use crate::{Command, Version};

pub use edit::{percent_encode, with_attachment};

/// Phones may leave the padding out; nothing else is forgiven.
const ENGINE: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// Longest query that is read. The base64 form holds at most some 2,300 octets; plain ones carry attachment names.
const LONGEST: usize = 8 * 1024;

/// What the query said. Serialises to the output of `mobile query`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Query {
    /// From the base64 form; a plain query leaves it to the header `MS-ASProtocolVersion`.
    pub version: Option<Version>,
    /// What is asked for.
    pub command: Command,
    /// Language of the server's texts, as LCID.
    pub locale: Option<u16>,
    /// As written; 16 raw octets are written as lower-case hex.
    pub device_id: String,
    /// From the base64 form; a plain query leaves it to the header `X-MS-PolicyKey`.
    pub policy_key: Option<u32>,
    /// Kind of device, as it calls itself.
    pub device_type: String,
    /// The user that the query names, as written. Who asks is said by the credentials, not by this.
    pub user: Option<String>,
    /// All other parameters by the protocol's name; options are `T` or `F`.
    pub parameters: BTreeMap<String, String>,
}

/// Why a text is no ActiveSync query. Each is answered with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Nothing there.
    #[error("the query is empty")]
    Empty,
    /// Over 8 KiB.
    #[error("the query is too long")]
    Long,
    /// Neither `name=value` pairs nor base64.
    #[error("the query is neither name=value pairs nor base64")]
    Encoding,
    /// The base64 form ends inside a field, or a field has a length that it can't have.
    #[error("the base64 query is truncated or has a field of a wrong length")]
    Truncated,
    /// A base64 parameter with an unknown tag.
    #[error("the base64 query has an unknown parameter")]
    Parameter,
    /// No command, or none that exists.
    #[error("the query names no known command")]
    Command,
    /// No device id, or one with characters that it can't have.
    #[error("the query names no device id, or an impossible one")]
    Device,
    /// One name twice.
    #[error("the query names something twice")]
    Repeated,
}

impl Query {
    /// The device id as compared.
    #[must_use]
    pub fn device(&self) -> Option<DeviceId> {
        DeviceId::parse(&self.device_id)
    }
}

/// Reads what stands after the `?` of the request line, still as it came over the wire.
///
/// # Errors
/// [`QueryError`]; nothing is guessed.
pub fn parse(query: &str) -> Result<Query, QueryError> {
    if query.is_empty() {
        return Err(QueryError::Empty);
    }
    if query.len() > LONGEST {
        return Err(QueryError::Long);
    }
    let parsed = if is_plain(query) { plain(query)? } else { packed(query)? };
    if parsed.device().is_none() {
        return Err(QueryError::Device);
    }
    Ok(parsed)
}

/// True for `name=value` pairs. Base64 has `=` at its end only and no `&` at all.
fn is_plain(query: &str) -> bool {
    query.contains('&') || query.trim_end_matches('=').contains('=')
}

fn plain(query: &str) -> Result<Query, QueryError> {
    let mut fields: BTreeMap<String, (String, String)> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode(name, true)?;
        let value = percent_decode(value, true)?;
        if fields.insert(name.to_ascii_lowercase(), (name, value)).is_some() {
            return Err(QueryError::Repeated);
        }
    }
    let mut take = |name: &str| fields.remove(name).map(|(_, value)| value);
    let command = take("cmd").and_then(|name| Command::from_name(&name)).ok_or(QueryError::Command)?;
    let device_id = take("deviceid").ok_or(QueryError::Device)?;
    let device_type = take("devicetype").unwrap_or_default();
    let user = take("user");
    let locale = fields.get("locale").and_then(|(_, value)| value.parse().ok());
    let parameters = fields.into_values().collect();
    Ok(Query { version: None, command, locale, device_id, policy_key: None, device_type, user, parameters })
}

/// The base64 form: fixed fields in a fixed order, then tagged parameters in any (MS-ASHTTP §2.2.1.1.1.1).
fn packed(query: &str) -> Result<Query, QueryError> {
    let text = percent_decode(query, false)?;
    let bytes = ENGINE.decode(text).map_err(|_| QueryError::Encoding)?;
    let mut rest = Fields(&bytes);
    let version = Version::from_tenths(rest.octet()?);
    let command = Command::from_code(rest.octet()?).ok_or(QueryError::Command)?;
    let locale = u16::from_le_bytes(rest.array()?);
    let device = rest.counted()?;
    if device.is_empty() {
        return Err(QueryError::Device);
    }
    let policy_key = match rest.octet()? {
        0 => None,
        4 => Some(u32::from_le_bytes(rest.array()?)),
        _ => return Err(QueryError::Truncated),
    };
    let device_type = lossless(rest.counted()?);
    let (user, parameters) = parameters(&mut rest)?;
    let device_id = device_text(device);
    Ok(Query { version: Some(version), command, locale: Some(locale), device_id, policy_key, device_type, user, parameters })
}

/// Tags of MS-ASHTTP §2.2.1.1.1.1.
fn parameters(rest: &mut Fields<'_>) -> Result<(Option<String>, BTreeMap<String, String>), QueryError> {
    const USER: u8 = 8;
    const OPTIONS: u8 = 7;
    const NAMES: [&str; 7] = ["AttachmentName", "CollectionId", "CollectionName", "ItemId", "LongId", "ParentId", "Occurrence"];
    let mut user = None;
    let mut parameters = BTreeMap::new();
    while !rest.0.is_empty() {
        let tag = rest.octet()?;
        let value = rest.counted()?;
        let repeated = match tag {
            USER => user.replace(lossless(value)).is_some(),
            OPTIONS => {
                let [flags] = value else { return Err(QueryError::Truncated) };
                let letter = |bit: u8| if flags & bit == 0 { "F" } else { "T" }.to_owned();
                let saved = parameters.insert("SaveInSent".to_owned(), letter(1)).is_some();
                parameters.insert("AcceptMultiPart".to_owned(), letter(2)).is_some() || saved
            }
            _ => {
                let name = NAMES.get(usize::from(tag)).ok_or(QueryError::Parameter)?;
                parameters.insert((*name).to_owned(), lossless(value)).is_some()
            }
        };
        if repeated {
            return Err(QueryError::Repeated);
        }
    }
    Ok((user, parameters))
}

/// Text when it could be a device id as text, else hex: phones send a GUID as its 16 raw octets.
fn device_text(octets: &[u8]) -> String {
    match std::str::from_utf8(octets) {
        Ok(text) if DeviceId::parse(text).is_some() => text.to_owned(),
        _ => data_encoding::HEXLOWER.encode(octets),
    }
}

/// UTF-8, or Latin-1 where it is none: every octet stays visible.
fn lossless(octets: &[u8]) -> String {
    std::str::from_utf8(octets).map_or_else(|_| octets.iter().map(|byte| char::from(*byte)).collect(), ToOwned::to_owned)
}

/// Decodes `%XX` exactly once; `+` is a space in pairs and itself in base64.
fn percent_decode(text: &str, plus_is_space: bool) -> Result<String, QueryError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16)).ok_or(QueryError::Encoding);
                let value = digit(rest.next())? * 16 + digit(rest.next())?;
                u8::try_from(value).map_err(|_| QueryError::Encoding)?
            }
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    Ok(lossless(&bytes))
}

/// What is left of the base64 form's octets.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], QueryError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(QueryError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], QueryError> {
        self.take(N)?.try_into().map_err(|_| QueryError::Truncated)
    }

    fn octet(&mut self) -> Result<u8, QueryError> {
        self.array::<1>().map(|[octet]| octet)
    }

    fn counted(&mut self) -> Result<&'a [u8], QueryError> {
        let length = self.octet()?;
        self.take(usize::from(length))
    }
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
