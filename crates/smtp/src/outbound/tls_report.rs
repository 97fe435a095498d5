//! TLS reports: where a domain wants them, read from its TXT record (RFC 8460 §3).
//!
//! Who counts and sends calls this (`flow::transport`); it does no I/O. What can't be read wants no reports.

use model::{Address, Budget};

/// Addresses of one record that are served.
const ADDRESSES_MAX: usize = 4;

/// Where a domain wants its reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rua {
    /// By mail.
    Mail(Address),
    /// By POST.
    Https(String),
}

/// The addresses in the TXT records of `_smtp._tls.DOMAIN`: of exactly one record that starts with `v=TLSRPTv1`. None if the records
/// are larger than the budget.
#[must_use]
pub fn tls_report_addresses<'a>(records: impl IntoIterator<Item = &'a [u8]>, budget: &Budget) -> Vec<Rua> {
    let within = |record: &&[u8]| budget.bytes(record.len()).is_ok();
    let texts = records.into_iter().take_while(within).filter_map(|record| std::str::from_utf8(record).ok());
    let mut ours = texts.filter_map(|record| record.strip_prefix("v=TLSRPTv1")?.trim_start().strip_prefix(';'));
    let (Some(fields), None) = (ours.next(), ours.next()) else { return Vec::new() };
    let value = fields.split(';').find_map(|field| field.trim().strip_prefix("rua="));
    let uris = value.into_iter().flat_map(|value| value.split(',')).map(str::trim).take(ADDRESSES_MAX);
    uris.filter_map(|uri| match uri.split_once(':') {
        Some(("mailto", address)) => Address::parse(address.split('?').next().unwrap_or_default()).ok().map(Rua::Mail),
        Some(("https", _)) => Some(Rua::Https(uri.to_owned())),
        _ => None,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use model::Limits;

    use super::*;

    #[test]
    fn m_t4_where_reports_go() {
        let read = |records: &[&str]| tls_report_addresses(records.iter().map(|record| record.as_bytes()), &Budget::default());
        let mail = |text: &str| Rua::Mail(Address::parse(text).unwrap());
        assert_eq!(read(&["v=TLSRPTv1;rua=mailto:reports@a.example"]), [mail("reports@a.example")]);
        assert_eq!(
            read(&["v=TLSRPTv1; rua=mailto:r@a.example?subject=x , https://r.a.example/v1; more=1", "v=spf1 -all"]),
            [mail("r@a.example"), Rua::Https("https://r.a.example/v1".into())]
        );
        for none in [
            &["v=TLSRPTv1;rua=mailto:a@b.example", "v=TLSRPTv1;rua=mailto:c@d.example"][..],
            &["v=TLSRPTv1"],
            &["v=TLSRPTv1; rua=http://a"],
            &[],
        ] {
            assert_eq!(read(none), [], "{none:?}");
        }
        let small = Budget::new(Limits { bytes: 10, ..Limits::default() });
        assert_eq!(tls_report_addresses([&b"v=TLSRPTv1;rua=mailto:r@a.example"[..]], &small), [], "x_11");
    }
}
