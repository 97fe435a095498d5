//! Authentication-Results (RFC 8601): ours to write, forged ones to find.
//!
//! A field that claims our name and came from outside is a lie, and the people's mail programs believe it; so a claim is
//! found by the most generous reading: comments and folding passed over, quotes taken off, any case.

use crate::arc::ArcResult;
use crate::dkim::DkimResult;
use crate::dmarc::DmarcResult;
use crate::spf::SpfResult;
use crate::tags::white;
use crate::verdict::Verdict;

/// Comments in comments that are followed.
const DEPTH_MAX: usize = 20;

/// All that was found about one mail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// SPF.
    pub spf: SpfResult,
    /// MAIL FROM, for the field; empty for the null sender.
    pub sender: String,
    /// HELO, for the field.
    pub helo: String,
    /// DKIM, one for each signature that was looked at.
    pub dkim: Vec<DkimResult>,
    /// DMARC.
    pub dmarc: DmarcResult,
    /// ARC.
    pub arc: ArcResult,
}

impl Findings {
    /// The best word of the DKIM results: what a rule wants to know.
    #[must_use]
    pub fn dkim_verdict(&self) -> Verdict {
        let order = [Verdict::Pass, Verdict::TempError, Verdict::Fail, Verdict::Policy, Verdict::Neutral, Verdict::PermError];
        order.into_iter().find(|verdict| self.dkim.iter().any(|result| result.verdict == *verdict)).unwrap_or(Verdict::None)
    }

    /// The value of an Authentication-Results field: our name and a line for each result, folded with CRLF and a tab.
    #[must_use]
    pub fn text(&self, our_name: &str) -> String {
        let mut lines = vec![our_name.to_owned(), self.spf_line()];
        if self.dkim.is_empty() {
            lines.push("dkim=none".to_owned());
        }
        lines.extend(self.dkim.iter().map(dkim_line));
        let dmarc = &self.dmarc;
        let wish = if dmarc.verdict == Verdict::None { String::new() } else { format!(" (p={})", dmarc.policy.word()) };
        lines.push(format!("dmarc={}{wish} header.from={}", dmarc.verdict.word(), value(&dmarc.author)));
        if self.arc.verdict != Verdict::None {
            let by = if self.arc.sealed_by.is_empty() { String::new() } else { format!(" (sealed by {})", self.arc.sealed_by) };
            lines.push(format!("arc={}{}{by}", self.arc.verdict.word(), reason(self.arc.reason)));
        }
        lines.join(";\r\n\t")
    }

    fn spf_line(&self) -> String {
        let (property, whose) = if self.spf.by_helo { ("smtp.helo", &self.helo) } else { ("smtp.mailfrom", &self.sender) };
        format!("spf={} {property}={}", self.spf.verdict.word(), value(whose))
    }
}

fn dkim_line(result: &DkimResult) -> String {
    let mut line = format!("dkim={}{}", result.verdict.word(), reason(result.reason));
    if let Some(algorithm) = result.algorithm {
        line.push_str(&format!(
            "\r\n\t header.d={} header.s={} header.a={} header.b={}",
            value(&result.domain),
            value(&result.selector),
            algorithm.word(),
            value(&result.mark)
        ));
    }
    line
}

fn reason(reason: Option<&str>) -> String {
    reason.map(|reason| format!(" reason=\"{reason}\"")).unwrap_or_default()
}

/// A property's value: as it is if it is a token or an address of such, else quoted; control characters go, what is not
/// ASCII becomes a question mark.
fn value(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._@+".contains(c);
    let text: String = text.chars().filter(|c| !c.is_control()).map(|c| if c.is_ascii() { c } else { '?' }).take(300).collect();
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    let escaped: String = text.chars().flat_map(|c| if matches!(c, '"' | '\\') { vec!['\\', c] } else { vec![c] }).collect();
    format!("\"{escaped}\"")
}

/// The name that an Authentication-Results field claims; `None` if it names nobody.
#[must_use]
pub fn claimed_name(field: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(field);
    let rest = skip_comments(&text);
    let name = match rest.strip_prefix('"') {
        Some(quoted) => unquoted(quoted),
        None => rest.chars().take_while(|c| !white(*c) && !matches!(c, ';' | '(')).collect(),
    };
    (!name.is_empty()).then_some(name)
}

/// True if the field claims to be ours, by any reading that a mail program could have of it: also where something else
/// stands before our name.
#[must_use]
pub fn claims(field: &[u8], our_name: &str) -> bool {
    let ours = our_name.trim_end_matches('.');
    let same = |name: &str| name.trim_matches(white).trim_end_matches('.').eq_ignore_ascii_case(ours);
    if claimed_name(field).is_some_and(|name| same(&name)) {
        return true;
    }
    // What can't be read strictly is judged by its words before the first result.
    let text = String::from_utf8_lossy(field);
    let head = text.split(';').next().unwrap_or_default();
    head.split(|c: char| white(c) || "()\"<>,:".contains(c)).any(same)
}

/// What follows the name in an Authentication-Results field, without comments' meaning changed; for collecting results
/// under ARC.
#[must_use]
pub fn payload(field: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(field).ok()?;
    let (_, rest) = text.split_once(';')?;
    Some(rest.trim_matches(white).to_owned())
}

fn skip_comments(text: &str) -> &str {
    let mut rest = text.trim_start_matches(white);
    while rest.starts_with('(') {
        let Some(end) = comment_end(rest) else { return "" };
        rest = rest.get(end..).unwrap_or_default().trim_start_matches(white);
    }
    rest
}

/// Where a comment that stands first ends.
fn comment_end(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(at + c.len_utf8());
        }
        if depth > DEPTH_MAX {
            return None;
        }
    }
    None
}

fn unquoted(text: &str) -> String {
    let mut out = String::new();
    let mut escaped = false;
    for c in text.chars() {
        match c {
            _ if escaped => {
                out.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => break,
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_t11_a_forged_name_is_found_however_it_is_written() {
        for field in [
            &b" gate.example; spf=pass"[..],
            b"\r\n\tGATE.example ;spf=pass",
            b" (a (nested) comment) gate.example/1; none",
            b" (c)\r\n \"gate.example\" 1; dkim=pass",
            b" \"gate\\.example\"; none",
            b" gate.example.; none",
            b"gate.example",
            b" x gate.example; spf=pass",
            b" (unclosed gate.example; spf=pass",
        ] {
            let ours = claims(field, "gate.example") || claims(field, "gate.example/1");
            assert!(ours, "{}", String::from_utf8_lossy(field));
        }
        for other in [&b" other.example; spf=pass smtp.mailfrom=gate.example"[..], b" notgate.example; none", b""] {
            assert!(!claims(other, "gate.example"), "{}", String::from_utf8_lossy(other));
        }
    }

    #[test]
    fn m_t11_the_field_is_written_by_the_standard() {
        let spf = SpfResult { verdict: Verdict::Pass, domain: "a.example".into(), ..Default::default() };
        let findings = Findings { spf, sender: "bob@a.example".into(), ..Default::default() };
        let text = findings.text("gate.example");
        assert_eq!(text, "gate.example;\r\n\tspf=pass smtp.mailfrom=bob@a.example;\r\n\tdkim=none;\r\n\tdmarc=none header.from=\"\"");
        assert_eq!(value("x\r\ny\"z"), "\"xy\\\"z\"");
    }
}
