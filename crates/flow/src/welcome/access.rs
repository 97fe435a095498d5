//! The list by hand: networks that are accepted or rejected (mail-gateway.md M-P3). The longest prefix wins; of the same
//! length accept stands before reject. What an entry covers: [`super`].

use std::net::IpAddr;

use model::site::{AccessAction, AccessEntry};
use model::{Fault, Guilty};

/// The entry that counts for a client.
#[must_use]
pub fn ruling(list: &[AccessEntry], client: IpAddr) -> Option<(AccessAction, &AccessEntry)> {
    let client = client.to_canonical();
    let rank = |entry: &&AccessEntry| (entry.network.prefix_len(), entry.action == AccessAction::Accept);
    list.iter().filter(|entry| entry.network.contains(client)).max_by_key(rank).map(|entry| (entry.action, entry))
}

pub(super) fn rejected(client: IpAddr, entry: &AccessEntry) -> Fault {
    let cause = format!("{client} is in {} ({})", entry.network, if entry.comment.is_empty() { "no comment" } else { &entry.comment });
    Fault::permanent(Guilty::Sender, "access-rejected", cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(network: &str, action: &str) -> AccessEntry {
        serde_json::from_value(serde_json::json!({ "network": network, "action": action })).unwrap()
    }

    #[test]
    fn m_p3_the_longest_prefix_wins_and_accept_stands_before_reject() {
        let list = [
            entry("186.56", "reject"),
            entry("186.56.148", "accept"),
            entry("186.56.148.7", "reject"),
            entry("192.0.2", "reject"),
            entry("192.0.2.0/24", "accept"),
            entry("2001:db8::/32", "reject"),
        ];
        let of = |client: &str| ruling(&list, client.parse().unwrap()).map(|(action, _)| action);
        assert_eq!(of("186.56.1.1"), Some(AccessAction::Reject));
        assert_eq!(of("186.56.148.1"), Some(AccessAction::Accept));
        assert_eq!(of("186.56.148.7"), Some(AccessAction::Reject));
        assert_eq!(of("192.0.2.1"), Some(AccessAction::Accept));
        assert_eq!(of("::ffff:186.56.1.1"), Some(AccessAction::Reject), "an IPv4 address in its IPv6 form");
        assert_eq!(of("2001:db8::1"), Some(AccessAction::Reject));
        assert_eq!(of("198.51.100.1"), None);
        let mut back: Vec<AccessEntry> = list.to_vec();
        back.reverse();
        assert_eq!(ruling(&back, "192.0.2.1".parse().unwrap()).map(|(action, _)| action), Some(AccessAction::Accept));
    }
}
