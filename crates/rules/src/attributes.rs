//! Attributes that a user's account may have: those of inetOrgPerson (RFC 2798 §9.1, RFC 4519) and two of the gateway's own.

/// Decides what the account may do; see [`Options`].
pub const ACCOUNT_OPTIONS: &str = "accountOptions";
/// The account's password: kept hashed, never shown.
pub const USER_PASSWORD: &str = "userPassword";
/// The account's user id.
pub const UID: &str = "uid";

/// All names that rules may write.
pub const ATTRIBUTES: [&str; 51] = [
    ACCOUNT_OPTIONS,
    "audio",
    "businessCategory",
    "carLicense",
    "cn",
    "departmentNumber",
    "description",
    "destinationIndicator",
    "displayName",
    "employeeNumber",
    "employeeType",
    "facsimileTelephoneNumber",
    "givenName",
    "homePhone",
    "homePostalAddress",
    "initials",
    "internationalISDNNumber",
    "jpegPhoto",
    "l",
    "labeledURI",
    "mail",
    "manager",
    "mobile",
    "o",
    "ou",
    "pager",
    "photo",
    "physicalDeliveryOfficeName",
    "postOfficeBox",
    "postalAddress",
    "postalCode",
    "preferredDeliveryMethod",
    "preferredLanguage",
    "registeredAddress",
    "roomNumber",
    "secretary",
    "seeAlso",
    "sn",
    "st",
    "street",
    "telephoneNumber",
    "teletexTerminalIdentifier",
    "telexNumber",
    "title",
    UID,
    "userCertificate",
    "userPKCS12",
    USER_PASSWORD,
    "userSMIMECertificate",
    "x121Address",
    "x500UniqueIdentifier",
];

/// The name as the standards write it; case does not matter.
#[must_use]
pub fn attribute(name: &str) -> Option<&'static str> {
    ATTRIBUTES.into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

/// May rules read it as a variable? A password never; names of one or two letters are too likely to be meant as plain text.
#[must_use]
pub fn readable(name: &str) -> bool {
    name.len() > 2 && name != USER_PASSWORD && ATTRIBUTES.contains(&name)
}

/// What `accountOptions` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Bit 1.
    pub must_not_encrypt: bool,
    /// Bit 4.
    pub must_not_sign: bool,
}

impl Options {
    /// Reads the number; other bits are refused.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bits: u32 = text.trim().parse().ok()?;
        (bits & !5 == 0).then_some(Self { must_not_encrypt: bits & 1 != 0, must_not_sign: bits & 4 != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_r1_account_options_have_two_bits() {
        assert_eq!(Options::parse("5"), Some(Options { must_not_encrypt: true, must_not_sign: true }));
        assert_eq!(Options::parse("0"), Some(Options { must_not_encrypt: false, must_not_sign: false }));
        assert!(["2", "8", "-1", "x", ""].iter().all(|text| Options::parse(text).is_none()));
        assert_eq!(attribute("USERPASSWORD"), Some(USER_PASSWORD));
        assert!(readable("mobile") && !readable(USER_PASSWORD) && !readable("l"));
    }
}
