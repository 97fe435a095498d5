//! Passwords of people: Argon2id (RFC 9106), the same time whether or not there is an account.
//!
//! A hash is a PHC string with its own parameters, so they may be raised later. Hashing takes tens of
//! milliseconds and 19 MiB: call it on a blocking thread, never on one that serves sockets.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use model::{Fault, Guilty, SecretText};

/// Fewest characters of a password that people choose.
pub const LEAST: usize = 10;
/// Longest password that is hashed, in octets; more is cut off nowhere, it is refused.
pub const LONGEST: usize = 1024;

/// Most memory (KiB) and passes of a hash that was made elsewhere.
pub const LARGEST: (u32, u32) = (65_536, 5);

/// A hash of a random text nobody knows: what an unknown account's attempts are checked against.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2VhbGdhdGVub2JvZHk$HvrkGiKCRd8fDxB5ctWjbKCyCCvLGDMGTNxb3Q9dyLI";

/// Letters and digits that are not mistaken for each other.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789A";

/// Hashes a password for storing.
///
/// # Errors
/// When the system gives no randomness or memory, or the text is longer than [`LONGEST`].
pub fn hash(password: &SecretText) -> Result<String, Fault> {
    let failed = |cause: String| Fault::temporary(Guilty::Ourselves, "internal", cause);
    if password.expose().len() > LONGEST {
        return Err(Fault::permanent(Guilty::Sender, "too-large", "password too long").with("limit", format!("{LONGEST} B")));
    }
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| failed(error.to_string()))?;
    let salt = SaltString::encode_b64(&salt).map_err(|error| failed(error.to_string()))?;
    let hash = argon().hash_password(password.expose().as_bytes(), &salt).map_err(|error| failed(error.to_string()))?;
    Ok(hash.to_string())
}

/// True if the password fits the stored hash. Without a hash (no such account) it takes the same time and is false.
#[must_use]
pub fn verify(password: &SecretText, stored: Option<&str>) -> bool {
    let text = password.expose();
    let text = if text.len() > LONGEST { "" } else { text };
    let fits = |hash: &str| PasswordHash::new(hash).is_ok_and(|parsed| argon().verify_password(text.as_bytes(), &parsed).is_ok());
    match stored {
        Some(hash) => fits(hash) && !text.is_empty(),
        None => {
            let _ = fits(NOBODY);
            false
        }
    }
}

/// True if the text is a whole hash of this kind, made elsewhere, that costs no more to check than [`LARGEST`] allows.
#[must_use]
pub fn is_hash(text: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(text) else { return false };
    let cheap =
        Params::try_from(&parsed).is_ok_and(|params| params.m_cost() <= LARGEST.0 && params.t_cost() <= LARGEST.1 && params.p_cost() <= 4);
    parsed.algorithm == argon2::ARGON2ID_IDENT && parsed.hash.is_some() && parsed.salt.is_some() && cheap
}

/// Checks a password that somebody chooses, typed twice.
///
/// # Errors
/// What to choose instead.
pub fn check_new(first: &SecretText, second: &SecretText) -> Result<(), Fault> {
    if first.expose().chars().count() < LEAST {
        return Err(Fault::permanent(Guilty::Sender, "password-too-short", "too short").with("least", LEAST));
    }
    if first.expose() != second.expose() {
        return Err(Fault::permanent(Guilty::Sender, "password-differs", "typed differently"));
    }
    Ok(())
}

/// A one-time password: 20 characters, 99 bits.
///
/// # Errors
/// When the system gives no randomness.
pub fn one_time() -> Result<SecretText, Fault> {
    let mut random = [0u8; 20];
    getrandom::fill(&mut random).map_err(|error| Fault::temporary(Guilty::Ourselves, "internal", error.to_string()))?;
    let text = random.iter().map(|byte| ALPHABET.get(usize::from(byte & 31)).copied().unwrap_or(b'x') as char).collect();
    Ok(SecretText::new(text))
}

fn argon() -> Argon2<'static> {
    // RFC 9106 §4 names 64 MiB as the small choice; OWASP's 19 MiB, t=2 is what several sign-ins at once can pay.
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19_456, 2, 1, None).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretText {
        SecretText::new(text.to_owned())
    }

    #[test]
    fn x_22_passwords_are_argon2id_and_salted() {
        let (one, two) = (hash(&secret("correct horse")).unwrap(), hash(&secret("correct horse")).unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && one != two);
        assert!(verify(&secret("correct horse"), Some(&one)) && verify(&secret("correct horse"), Some(&two)));
        for bad in ["", "Correct horse", "correct horse "] {
            assert!(!verify(&secret(bad), Some(&one)), "{bad}");
        }
        assert!(!verify(&secret("x"), Some("no hash")) && !verify(&secret(""), Some("")));
    }

    #[test]
    fn x_11_a_hash_from_elsewhere_is_whole_and_cheap() {
        assert!(is_hash(&hash(&secret("correct horse")).unwrap()));
        for bad in [
            "",
            "hunter2",
            "$argon2id$v=19$m=19456,t=2,p=1$c2VhbGdhdGVub2JvZHk",
            "$argon2i$v=19$m=19456,t=2,p=1$c2VhbGdhdGVub2JvZHk$HvrkGiKCRd8fDxB5ctWjbKCyCCvLGDMGTNxb3Q9dyLI",
            "$argon2id$v=19$m=4000000,t=2,p=1$c2VhbGdhdGVub2JvZHk$HvrkGiKCRd8fDxB5ctWjbKCyCCvLGDMGTNxb3Q9dyLI",
        ] {
            assert!(!is_hash(bad), "{bad}");
        }
    }

    #[test]
    fn x_16_an_unknown_account_costs_the_same() {
        let stored = hash(&secret("correct horse")).unwrap();
        assert!(PasswordHash::new(NOBODY).is_ok(), "else it would cost nothing");
        // The quickest of some: what else the machine does only makes tries slower.
        let time = |stored: Option<&str>| {
            let tries = (0..7).map(|_| {
                let start = std::time::Instant::now();
                assert!(!verify(&secret("wrong"), stored));
                start.elapsed().as_secs_f64()
            });
            tries.fold(f64::MAX, f64::min)
        };
        let (known, unknown) = (time(Some(&stored)), time(None));
        assert!(known / unknown < 3.0 && unknown / known < 3.0, "{known} {unknown}");
    }

    #[test]
    fn new_passwords_are_long_and_typed_twice() {
        assert_eq!(check_new(&secret("short"), &secret("short")).unwrap_err().code, "password-too-short");
        assert_eq!(check_new(&secret("long enough 1"), &secret("long enough 2")).unwrap_err().code, "password-differs");
        assert!(check_new(&secret("long enough 1"), &secret("long enough 1")).is_ok());
        assert_eq!(one_time().unwrap().expose().len(), 20);
        assert_ne!(one_time().unwrap().expose(), one_time().unwrap().expose());
    }
}
