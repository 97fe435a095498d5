//! `ldap_compare` and `ldap_read`: what a directory that a rule names says. Asked once a minute for the same; without any server the mail
//! waits (4xx).

use std::sync::Arc;

use model::{Fault, Guilty, SecretText};
use outside::ldap_values::Query;
use rules::Directory;

use super::Answered;
use crate::scan;
use crate::state::Work;

/// Who is asked for what.
pub(super) struct Asked<'a> {
    pub(super) directory: &'a Directory,
    pub(super) filter: &'a str,
    pub(super) attribute: &'a str,
}

pub(super) async fn compare(work: &Work, asked: &Asked<'_>, value: &str) -> Result<Answered, Fault> {
    Ok(Answered::plain(values(work, asked).await?.iter().any(|found| found == value)))
}

/// Several values are joined by `;`; none make the variable empty.
pub(super) async fn read(work: &Work, asked: &Asked<'_>, variable: &str) -> Result<Answered, Fault> {
    let found = values(work, asked).await?;
    Ok(Answered { variable: Some((variable.to_owned(), found.join(";"))), ..Answered::plain(!found.is_empty()) })
}

async fn values(work: &Work, asked: &Asked<'_>) -> Result<Arc<Vec<String>>, Fault> {
    let password = password(work, asked.directory)?;
    let Directory { servers, user, base, .. } = asked.directory.clone();
    let (filter, attribute) = (asked.filter.to_owned(), asked.attribute.to_owned());
    scan::directory(work, Query { servers, user, password, base, filter, attribute }).await
}

/// As the rule says it, or what is stored under the name that it says.
fn password(work: &Work, directory: &Directory) -> Result<SecretText, Fault> {
    let Some(name) = directory.secret() else { return Ok(directory.password.clone()) };
    let found = work.site.secrets.get(name).and_then(|secret| work.secrets.open(name, &secret.sealed));
    found.ok_or_else(|| {
        Fault::temporary(Guilty::Configuration, "directory-away", format!("{name}: the directory's password can't be opened"))
    })
}

#[cfg(test)]
#[path = "ldap_tests.rs"]
mod tests;
