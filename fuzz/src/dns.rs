//! What strangers' zones and servers say about TLS: TLSA records with the certificates that they are about, and where reports go.

use std::sync::Arc;

use model::Budget;
use smtp::outbound::{Anchors, Rua, TlsDemand, TlsLevel, Tlsa, certificates_meet, tls_report_addresses};

const NOW: i64 = 1_795_000_000;
const HOST: &str = "mx.partner.example";

/// Three octets for the numbers of a TLSA record, two for the length of its data, the data; what is left is a certificate. And all of it
/// as a TXT record.
pub fn dns_texts(data: &[u8]) {
    if let [usage, selector, matching, high, low, rest @ ..] = data {
        let (record, certificate) = rest.split_at(rest.len().min(usize::from(u16::from_be_bytes([*high, *low]))));
        tlsa(Tlsa { usage: *usage, selector: *selector, matching: *matching, data: record.to_vec() }, certificate);
    }
    for to in tls_report_addresses([data], &Budget::default()) {
        match to {
            Rua::Mail(address) => assert!(!address.as_str().contains(['\r', '\n', '\0'])),
            Rua::Https(url) => assert!(url.starts_with("https:")),
        }
    }
}

fn tlsa(record: Tlsa, certificate: &[u8]) {
    let raised = TlsDemand::of(TlsLevel::May).with_tlsa(vec![record.clone()], vec![HOST.to_owned()]);
    assert_eq!(raised.level, if record.is_usable() { TlsLevel::Dane } else { TlsLevel::Encrypt });
    let means = certificates_meet(&TlsDemand { level: TlsLevel::Dane, tlsa: vec![record.clone()], ..raised }, &[certificate], HOST, NOW);
    assert!(means.is_err() || record.is_usable(), "an unusable record vouches");
    let nobody = TlsDemand { anchors: Some(Arc::new(Anchors::only(&[], &[]))), ..TlsDemand::of(TlsLevel::Verify) };
    assert!(certificates_meet(&nobody, &[certificate], HOST, NOW).is_err(), "trusted without a single root");
}
