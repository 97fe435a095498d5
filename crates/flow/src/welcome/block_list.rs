//! DNS block lists (mail-gateway.md M-P3, RFC 5782): the client's address backwards under each zone.
//!
//! A listing is an A record in 127/8. 127.255.255/24 is how the large lists say "you may not ask me", which is no listing. A
//! zone that does not answer lists nobody. All zones are asked side by side.

use std::net::{IpAddr, Ipv4Addr};

use model::{Fault, Guilty};

use super::lookups::Lookups;

/// What a zone's TXT record may add to the log.
const REASON_MAX: usize = 200;

pub(super) async fn check(ask: &dyn Lookups, zones: &[String], client: IpAddr) -> Result<(), Fault> {
    let asked = zones.iter().map(|zone| async move {
        let name = format!("{}.{zone}", backwards(client));
        let found = ask.ipv4(&name).await.unwrap_or_default();
        if found.iter().any(is_error) {
            tracing::warn!(event = "rbl.refused", zone, "this block list does not answer us; ask its operator");
        }
        found.iter().any(lists).then_some((zone, name))
    });
    let Some((zone, name)) = futures_util::future::join_all(asked).await.into_iter().flatten().next() else { return Ok(()) };
    let reason: String = ask.texts(&name).await.unwrap_or_default().join("; ").chars().take(REASON_MAX).collect();
    Err(Fault::permanent(Guilty::Sender, "block-listed", format!("{client} at {zone}: {reason}"))
        .with("zone", zone)
        .with("address", client))
}

/// `1.2.3.4` is asked as `4.3.2.1`, IPv6 by nibbles (RFC 5782 §2.1, §2.4).
fn backwards(client: IpAddr) -> String {
    let parts: Vec<String> = match client.to_canonical() {
        IpAddr::V4(v4) => v4.octets().iter().rev().map(u8::to_string).collect(),
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            (0..32).map(|nibble| format!("{:x}", (bits >> (4 * nibble)) & 15)).collect()
        }
    };
    parts.join(".")
}

fn lists(answer: &Ipv4Addr) -> bool {
    answer.is_loopback() && !is_error(answer)
}

fn is_error(answer: &Ipv4Addr) -> bool {
    matches!(answer.octets(), [127, 255, 255, _])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_p3_addresses_are_asked_backwards() {
        assert_eq!(backwards("192.0.2.99".parse().unwrap()), "99.2.0.192");
        assert_eq!(backwards("::ffff:192.0.2.99".parse().unwrap()), "99.2.0.192");
        let v6 = backwards("2001:db8:1:2:3:4:567:89ab".parse().unwrap());
        assert_eq!(v6, "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2");
    }

    #[test]
    fn m_p3_only_127_lists_and_an_error_code_does_not() {
        let answer = |text: &str| text.parse::<Ipv4Addr>().unwrap();
        assert!(lists(&answer("127.0.0.2")) && lists(&answer("127.0.1.255")));
        for none in ["127.255.255.254", "192.0.2.1", "93.184.216.34"] {
            assert!(!lists(&answer(none)), "{none}");
        }
    }
}
