//! Marks: 64 bits for each queued mail by which a search for an address passes over nearly all that don't have it.
//!
//! Two bits each for every recipient, every recipient's domain and the sender, chosen by a hash (a Bloom filter). A
//! search looks closer where all its bits are set; so the marks need no upkeep and cost eight octets a mail. They lie
//! in stored summaries: the hash must stay as it is.

use model::Plan;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    To,
    Domain,
    From,
}

/// The marks of a plan.
pub(crate) fn of(plan: &Plan) -> u64 {
    let mut marks = 0;
    for output in &plan.outputs {
        marks |= output.sender.as_ref().map_or(0, |sender| mark(Sort::From, sender.key().as_str()));
        for recipient in &output.recipients {
            let key = recipient.address.key();
            marks |= mark(Sort::To, key.as_str()) | mark(Sort::Domain, key.domain());
        }
    }
    marks
}

/// The marks of a key: of an address, or of a domain.
pub(crate) fn mark(sort: Sort, key: &str) -> u64 {
    let hash = fnv1a(std::iter::once(sort as u8).chain(key.bytes()));
    // The upper bits of FNV are the better mixed ones.
    (1 << ((hash >> 58) & 63)) | (1 << ((hash >> 40) & 63))
}

fn fnv1a(octets: impl Iterator<Item = u8>) -> u64 {
    octets.fold(0xcbf2_9ce4_8422_2325, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_of_many_mails_are_looked_at_closer() {
        let wanted = mark(Sort::To, "user4711@partner.example");
        let one = |n: u32| {
            mark(Sort::To, &format!("user{n}@partner.example"))
                | mark(Sort::Domain, "partner.example")
                | mark(Sort::From, "a@company.example")
        };
        let passed = (0..100_000).filter(|n| one(*n) & wanted == wanted).count();
        assert!(passed < 5_000 && one(4711) & wanted == wanted, "{passed}");
        // Stored: must not change.
        assert_eq!((mark(Sort::Domain, "partner.example"), mark(Sort::From, "")), (35184372088840, 9223380832947798016));
    }
}
