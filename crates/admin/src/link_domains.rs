//! Domains of a policy on links as CSV (mobile-gateway.md G-22): one domain a line, bad lines named, good lines go in.
//!
//! The first field of a line counts; a first line that says `domain` is a heading. A domain may be written with `*.` before it, which means
//! the same, since a listed domain matches its subdomains. Names in other letters become what DNS calls them.

use std::collections::HashSet;

use csv::WriterBuilder;
use model::address::normal_domain;
use model::site::content::LinkMode;
use model::site::{MobilePolicy, PolicyKind};
use model::{Actor, Fault};
use store::Expect;

use crate::device_csv::{BadLine, Imported};
use crate::error::{bad_field, internal};
use crate::{Admin, Kept};

/// Bad lines that are named; more are counted.
const NAMED: usize = 1_000;
/// Lines of one file that are looked at.
const LINES: u64 = 100_000;
/// Characters of a bad line that are shown.
const SHOWN: usize = 100;

impl Admin {
    /// Takes in a file: its domains are added to those of the policy, or, with `replace`, stand in their place. A domain that is there
    /// already counts as taken.
    ///
    /// # Errors
    /// `not-found`; `bad-field` for a policy that has no list of domains, or if they become too many; `changed-meanwhile`; without the
    /// right; when the store is away. Nothing is changed then.
    pub async fn link_domains_import(&self, actor: &Actor, key: &str, file: &[u8], replace: bool) -> Result<Imported, Fault> {
        let Kept { mut record, version, .. } = self.link_policy(actor, key).await?;
        if record.mode == LinkMode::All {
            return Err(bad_field("mobile.policy.mode", "expected include or exclude: with all there is no list"));
        }
        let (found, imported) = read(file);
        if found.is_empty() {
            return Ok(imported);
        }
        let before = record.domains.clone();
        if replace {
            record.domains.clear();
        }
        let known: HashSet<String> = record.domains.iter().filter_map(|domain| normal_domain(domain.trim_matches('.'))).collect();
        record.domains.extend(found.into_iter().filter(|domain| !known.contains(domain)));
        if record.domains != before {
            self.put(actor, record, Expect::Version(version)).await?;
        }
        Ok(imported)
    }

    /// The domains of a policy, one a line, with a heading: a file that can be taken in again.
    ///
    /// # Errors
    /// As [`Admin::link_domains_import`].
    pub async fn link_domains_export(&self, actor: &Actor, key: &str) -> Result<String, Fault> {
        let kept = self.link_policy(actor, key).await?;
        let mut out = WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        for line in std::iter::once("domain").chain(kept.record.domains.iter().map(String::as_str)) {
            out.write_record([line]).map_err(internal)?;
        }
        String::from_utf8(out.into_inner().map_err(internal)?).map_err(internal)
    }

    async fn link_policy(&self, actor: &Actor, key: &str) -> Result<Kept<MobilePolicy>, Fault> {
        let kept = self.show::<MobilePolicy>(actor, key).await?;
        if PolicyKind::from_word(&kept.record.kind) == Some(PolicyKind::Hyperlinks) {
            return Ok(kept);
        }
        Err(bad_field("key", "expected a policy of type hyperlinks"))
    }
}

/// The domains of a file, each once, and what is to be said of it. Read line by line, so that each bad one has the number that an
/// editor shows: a domain holds neither commas nor quotes.
fn read(file: &[u8]) -> (Vec<String>, Imported) {
    let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
    let (mut found, mut imported) = (Vec::new(), Imported::default());
    let mut known = HashSet::new();
    for (number, line) in (1..).zip(file.split(|octet| *octet == b'\n')) {
        let said =
            if number > LINES { Err(format!("expected at most {LINES} lines: the rest was not read")) } else { domain(number, line) };
        match said {
            Ok(None) => {}
            Ok(Some(domain)) => {
                imported.taken += 1;
                if known.insert(domain.clone()) {
                    found.push(domain);
                }
            }
            Err(error) => {
                imported.refused += 1;
                if imported.bad.len() < NAMED {
                    imported.bad.push(BadLine { line: number, error });
                }
            }
        }
        if number > LINES {
            break;
        }
    }
    (found, imported)
}

/// The domain of one line; `None` for an empty one and for the heading.
fn domain(number: u64, line: &[u8]) -> Result<Option<String>, String> {
    let line = std::str::from_utf8(line).map_err(|_| "expected UTF-8".to_owned())?;
    let field = line.split([',', ';']).next().unwrap_or_default().trim().trim_matches('"').trim();
    let written = field.strip_prefix('\'').unwrap_or(field);
    if written.is_empty() || (number == 1 && written.eq_ignore_ascii_case("domain")) {
        return Ok(None);
    }
    let name = written.strip_prefix("*.").unwrap_or(written).trim_matches('.');
    let shown = || format!("{:?} is no domain", written.chars().take(SHOWN).collect::<String>());
    normal_domain(name).map(Some).ok_or_else(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_22_good_lines_go_in_and_bad_ones_are_named() {
        let file = "\u{feff}Domain,comment\r\nIntra.Example\n\n*.partner.example,theirs\nb\u{fc}cher.example\nhttps://x.example\n'a.example\nintra.example.\na b\n";
        let (found, imported) = read(file.as_bytes());
        assert_eq!(found[..2], ["intra.example", "partner.example"]);
        assert_eq!((imported.taken, imported.refused), (5, 2), "{imported:?}");
        let lines: Vec<u64> = imported.bad.iter().map(|bad| bad.line).collect();
        assert_eq!(lines, [6, 9]);
        assert!(imported.bad[0].error.contains("https://x.example"));
    }

    #[test]
    fn x_11_any_octets_cost_little_and_name_their_lines() {
        let (found, imported) = read(b"a.example\n\xff\xfe\nb.example\n\"never closed\n");
        assert_eq!(found, ["a.example", "b.example"]);
        assert_eq!(imported.bad[0], BadLine { line: 2, error: "expected UTF-8".to_owned() });
        let many = "x y\n".repeat(150_000);
        let (found, imported) = read(many.as_bytes());
        assert!(found.is_empty() && imported.bad.len() == NAMED && imported.refused == LINES + 1);
        assert_eq!(read(b"").1, Imported::default());
    }
}
