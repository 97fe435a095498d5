//! Who may do what (console.md A-3): asked first in every use case, whatever the face has asked already.

use model::{Access, Actor, Fault, Guilty, Right, Rights};

/// The actor has this right.
///
/// # Errors
/// `not-permitted`, with the right that is missing.
pub fn need(actor: &Actor, right: Right, access: Access) -> Result<(), Fault> {
    if actor.rights.allow(right, access) {
        return Ok(());
    }
    let cause = format!("{} lacks {} ({access:?})", actor.name, right.word());
    Err(Fault::permanent(Guilty::Sender, "not-permitted", cause).with("right", right.word()))
}

/// The actor has all of these rights: nobody grants, takes or uses rights above their own.
///
/// # Errors
/// `above-own-rights`, with the first right that is missing.
pub fn cover(actor: &Actor, rights: Rights) -> Result<(), Fault> {
    if actor.rights.cover(rights) {
        return Ok(());
    }
    let above =
        |right: &&Right| [Access::Read, Access::Write].iter().any(|a| rights.allow(**right, *a) && !actor.rights.allow(**right, *a));
    let right = Right::ALL.iter().find(above).map_or("admin", |right| right.word());
    Err(Fault::permanent(Guilty::Sender, "above-own-rights", format!("{} lacks {right}", actor.name)).with("right", right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cve_2026_29132_denied_by_default_and_nobody_above_their_own() {
        let nobody = Actor { name: "nobody".into(), rights: Rights::NONE, origin: "local".into() };
        for right in Right::ALL {
            assert_eq!(need(&nobody, *right, Access::Read).unwrap_err().code, "not-permitted");
            assert!(need(&Actor::local(), *right, Access::Write).is_ok());
        }
        let users = Actor { rights: Rights::from_words(["usersadmin"]), ..nobody };
        assert!(cover(&users, Rights::from_words(["usersadmin:read"])).is_ok());
        let fault = cover(&users, Rights::from_words(["usersadmin", "caadmin:read"])).unwrap_err();
        assert_eq!((fault.code, fault.args[0].1.as_str()), ("above-own-rights", "caadmin"));
    }
}
