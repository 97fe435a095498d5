//! What searches compare: the forms in which addresses, names and numbers are kept beside a device, and the places where a
//! search looks for what was typed.

use model::device::user_key;

/// A text without case and outer blanks; at most as long as an index takes.
pub(super) fn folded(text: &str) -> String {
    text.trim().to_lowercase().chars().take(255).collect()
}

/// A phone number: its digits, without the zeros that stand for `+`.
pub(super) fn digits(text: &str) -> String {
    let digits: String = text.chars().filter(char::is_ascii_digit).take(64).collect();
    digits.strip_prefix("00").map_or(digits.clone(), str::to_owned)
}

/// The number of a radio: digits and letters (an MEID has some), lower case.
pub(super) fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).take(64).collect()
}

/// Where a search looks, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    User,
    Id,
    Address,
    Name,
    Phone,
    Imei,
}

impl Place {
    pub(super) const ALL: [Self; 6] = [Self::User, Self::Id, Self::Address, Self::Name, Self::Phone, Self::Imei];

    /// What of the typed text is compared here, and whether the whole must fit; `None`: nothing can be found here.
    pub(super) fn wanted(self, typed: &str) -> Option<(String, bool)> {
        let whole = matches!(self, Self::User) && typed.contains('@');
        let text = match self {
            // In any spelling; behind an @ the user's name is complete.
            Self::User => user_key(typed),
            Self::Id | Self::Address | Self::Name => folded(typed),
            Self::Phone => digits(typed).trim_start_matches('0').to_owned(),
            Self::Imei => letters(typed),
        };
        let fits = match self {
            Self::Phone => typed.chars().all(|c| c.is_ascii_digit() || "+-/(). ".contains(c)),
            Self::Imei => typed.chars().all(|c| c.is_ascii_alphanumeric() || "- ".contains(c)),
            _ => true,
        };
        (fits && !text.is_empty()).then_some((text, whole))
    }

    /// Rows whose text here is not below $2 and below $3, after the place ($4, $5, $6): text, user, id.
    pub(super) const fn sql(self) -> &'static str {
        macro_rules! by {
            ($text:literal, $order:literal, $place:literal) => {
                concat!(
                    "SELECT ",
                    super::columns!(),
                    ", d.",
                    $text,
                    " FROM device d WHERE d.realm = $1 AND d.",
                    $text,
                    " <> '' AND d.",
                    $text,
                    " >= $2 AND d.",
                    $text,
                    " < $3 AND (",
                    $order,
                    ") > (",
                    $place,
                    ") ORDER BY ",
                    $order,
                    " LIMIT $7"
                )
            };
        }
        match self {
            Self::User => by!("user_key", "d.user_key, d.id", "$5, $6"),
            Self::Id => by!("id", "d.id, d.user_key", "$6, $5"),
            Self::Address => by!("address_key", "d.address_key, d.user_key, d.id", "$4, $5, $6"),
            Self::Name => by!("name_key", "d.name_key, d.user_key, d.id", "$4, $5, $6"),
            Self::Phone => by!("phone_key", "d.phone_key, d.user_key, d.id", "$4, $5, $6"),
            Self::Imei => by!("imei_key", "d.imei_key, d.user_key, d.id", "$4, $5, $6"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_7_numbers_are_found_however_they_are_written() {
        for written in ["+41 79 123 45 67", "0041 (79) 123-45-67", "41791234567"] {
            assert_eq!(digits(written), "41791234567", "{written}");
        }
        assert_eq!(Place::Phone.wanted("+41 79"), Some(("4179".into(), false)));
        assert_eq!(Place::Phone.wanted("anna 41"), None, "that is no number");
        assert_eq!(letters("35-209900 176148/1"), "352099001761481");
        assert_eq!(Place::Imei.wanted("35-2099"), Some(("352099".into(), false)));
    }

    #[test]
    fn a_7_users_are_found_in_any_spelling() {
        assert_eq!(Place::User.wanted("COMPANY\\Bo"), Some(("bo".into(), false)));
        assert_eq!(Place::User.wanted("Bob@company.example"), Some(("bob".into(), true)));
        assert_eq!(Place::Address.wanted(" Bob@Company"), Some(("bob@company".into(), false)));
        assert!(Place::ALL.iter().all(|place| place.wanted("  ").is_none()));
    }
}
