//! Reports about TLS to those who ask for them, once a day (RFC 8460).
//!
//! Who wants them says so in TXT at `_smtp._tls.DOMAIN`. One report a domain and day, JSON, compressed, by mail from the postmaster to
//! `mailto:` addresses, or posted to `https:` ones. Off unless `[mail] tls_reports` is on: a report tells a stranger's domain how
//! much mail goes there. The mail goes out like any other, at the level that is set (deviation from §3, which would lower it).

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use message::build::{Builder, Entity, Multipart};
use model::{Address, Output, Plan, Recipient, Timestamp, TraceId};
use serde::Serialize;

use super::results::{Period, PolicyResults};

/// Who reports, about whom, and when.
#[derive(Debug, Clone)]
pub struct About<'a> {
    /// Our name.
    pub host: &'a str,
    /// Our postmaster.
    pub postmaster: &'a str,
    /// The policy domain.
    pub domain: &'a str,
    /// The day.
    pub period: Period,
    /// Names this report.
    pub id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Report<'a> {
    organization_name: &'a str,
    date_range: DateRange,
    contact_info: &'a str,
    report_id: &'a str,
    policies: &'a [PolicyResults],
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct DateRange {
    start_datetime: String,
    end_datetime: String,
}

/// The report, compressed (§4.1 `application/tlsrpt+gzip`).
///
/// # Errors
/// When it can't be written.
pub fn compressed(about: &About<'_>, policies: &[PolicyResults]) -> std::io::Result<Vec<u8>> {
    let Period { start, end } = about.period;
    let report = Report {
        organization_name: about.host,
        date_range: DateRange { start_datetime: start.rfc3339(), end_datetime: end.rfc3339() },
        contact_info: about.postmaster,
        report_id: about.id,
        policies,
    };
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&serde_json::to_vec(&report).map_err(std::io::Error::other)?)?;
    encoder.finish()
}

/// The report as a mail (§5.3).
#[must_use]
pub fn mail(about: &About<'_>, to: &Address, body: &[u8], now: Timestamp) -> Plan {
    let Period { start, end } = about.period;
    let name = format!("{}!{}!{}!{}!{}.json.gz", about.host, about.domain, start.seconds(), end.seconds(), about.id);
    let trace = TraceId::new();
    let subject = format!("Report Domain: {} Submitter: {} Report-ID: <{}@{}>", about.domain, about.host, about.id, about.host);
    let text = format!("This is an aggregate TLS report from {} about mail for {}.\n", about.host, about.domain);
    let content: Bytes = Builder::new()
        .header("From", &format!("<{}>", about.postmaster))
        .mailbox("To", None, to)
        .header("Subject", &subject)
        .header("TLS-Report-Domain", about.domain)
        .header("TLS-Report-Submitter", about.host)
        .date(now)
        .message_id(&format!("{trace}@{}", about.host))
        .header("Auto-Submitted", "auto-generated")
        .text(&text)
        .part(Entity::attachment(&name, "application/tlsrpt+gzip", body))
        .multipart(Multipart::Report("tlsrpt"))
        .finish();
    let output = Output::own(Recipient::plain(to.clone()), content);
    Plan { trace, received: now, outputs: vec![output], effects: Vec::new(), digest: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_t4_a_report_has_the_form_of_the_standard() {
        let period = Period { start: Timestamp(1_728_000_000_000_000), end: Timestamp(1_728_086_399_000_000) };
        let about = About { host: "gate.a.example", postmaster: "postmaster@a.example", domain: "b.example", period, id: "7" };
        let body = compressed(&about, &[]).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&body[..]), &mut text).unwrap();
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(report["date-range"]["start-datetime"], "2024-10-04T00:00:00Z");
        assert_eq!(report["date-range"]["end-datetime"], "2024-10-04T23:59:59Z");
        assert_eq!((&report["organization-name"], &report["report-id"]), (&"gate.a.example".into(), &"7".into()));
        let plan = mail(&about, &Address::parse("r@b.example").unwrap(), &body, Timestamp(0));
        let shown = String::from_utf8_lossy(&plan.outputs[0].content).into_owned();
        for part in [
            "TLS-Report-Domain: b.example",
            "report-type",
            "tlsrpt",
            "application/tlsrpt+gzip",
            "gate.a.example!b.example!1728000000!1728086399!7.json.gz",
        ] {
            assert!(shown.replace("\r\n ", " ").contains(part), "{part}: {shown}");
        }
    }
}
