//! What a server's message says: records behind aliases, their proof, how long they hold, or which kind of no it is.

use std::time::{Duration, Instant};

use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::{DnsError as NetDnsError, NetError, NoRecords};
use hickory_resolver::proto::dnssec::Proof;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::SOA;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::proto::serialize::binary::BinEncodable;

use super::{Answer, DnsError, host_text};

/// Most aliases that are followed.
const ALIASES_MAX: usize = 8;

/// Records of one name and kind.
#[derive(Debug, Clone)]
pub(super) struct Found {
    records: Vec<RData>,
    secure: bool,
    name: Name,
    until: Instant,
}

impl Found {
    fn none(name: &Name, secure: bool, ttl: Duration) -> Self {
        Self { records: Vec::new(), secure, name: name.clone(), until: Instant::now() + ttl }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Octets that it takes, about.
    pub(super) fn octets(&self) -> usize {
        let record = |data: &RData| size_of::<RData>().saturating_add(data.to_bytes().map_or(0, |octets| octets.len()));
        self.records.iter().map(record).fold(self.name.len(), usize::saturating_add)
    }

    /// True if it has records and all are proven.
    pub(super) fn is_proven(&self) -> bool {
        self.secure && !self.is_empty()
    }

    /// The records in the shape that the question wants.
    pub(super) fn pick<T>(self, take: impl Fn(&RData) -> Option<T>) -> Answer<T> {
        let found = self.records.iter().filter_map(take).collect();
        Answer { found, secure: self.secure, name: host_text(&self.name).to_ascii_lowercase(), until: self.until }
    }
}

/// The answer in a look-up, and how long it may be kept.
pub(super) fn answer(asked: &Name, kind: RecordType, result: Result<Lookup, NetError>) -> (Result<Found, DnsError>, Duration) {
    match result {
        Ok(lookup) => records(asked, kind, lookup.answers()),
        Err(error) => no(asked, &error),
    }
}

/// The records of the asked kind at the end of the aliases; a record of any other name counts for nothing.
pub(super) fn records(asked: &Name, kind: RecordType, all: &[Record]) -> (Result<Found, DnsError>, Duration) {
    let (mut name, mut secure, mut ttl) = (asked.clone(), true, u32::MAX);
    for _ in 0..ALIASES_MAX {
        let alias = all.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == name && kind != RecordType::CNAME => Some((record, target)),
            _ => None,
        });
        let Some((record, target)) = alias else { break };
        secure &= record.proof == Proof::Secure;
        ttl = ttl.min(record.ttl);
        name = target.0.to_lowercase();
    }
    let mine = all.iter().filter(|record| record.name == name && record.record_type() == kind);
    let mut found = Vec::new();
    for record in mine {
        if record.proof == Proof::Bogus {
            return (Err(DnsError::Bogus), Duration::ZERO);
        }
        secure &= record.proof == Proof::Secure;
        ttl = ttl.min(record.ttl);
        found.push(record.data.clone());
    }
    if found.is_empty() {
        return (Ok(Found::none(&name, false, Duration::ZERO)), Duration::ZERO);
    }
    let ttl = Duration::from_secs(ttl.into());
    (Ok(Found { records: found, secure, name, until: Instant::now() + ttl }), ttl)
}

pub(super) fn no(asked: &Name, error: &NetError) -> (Result<Found, DnsError>, Duration) {
    match error {
        NetError::Dns(NetDnsError::NoRecordsFound(no)) => {
            let ttl = negative_ttl(no);
            let exists = no.response_code != ResponseCode::NXDomain;
            let answer = if exists { Ok(Found::none(asked, is_proven(no), ttl)) } else { Err(DnsError::NoSuchName) };
            (answer, ttl)
        }
        NetError::Dns(NetDnsError::DnssecBogus) => (Err(DnsError::Bogus), Duration::ZERO),
        NetError::Dns(NetDnsError::Nsec { response, proof, .. }) => {
            let answer = match (proof, response.response_code) {
                (Proof::Insecure, ResponseCode::NXDomain) => Err(DnsError::NoSuchName),
                (Proof::Insecure, ResponseCode::NoError) => {
                    // Records under a name whose denial alone is unproven, as of a wildcard.
                    return records(asked, response.queries.first().map_or(RecordType::ANY, |query| query.query_type()), &response.answers);
                }
                _ => Err(DnsError::Bogus),
            };
            (answer, Duration::ZERO)
        }
        error => (Err(DnsError::Temporary(error.to_string())), Duration::ZERO),
    }
}

/// True if the absence itself is proven.
fn is_proven(no: &NoRecords) -> bool {
    let denial = no
        .authorities
        .iter()
        .flat_map(|records| records.iter())
        .filter(|record| matches!(record.record_type(), RecordType::NSEC | RecordType::NSEC3));
    let mut proofs = denial.map(|record| record.proof).peekable();
    proofs.peek().is_some() && proofs.all(|proof| proof == Proof::Secure)
}

/// RFC 2308 §5: the lesser of the SOA's own life and its minimum; without an SOA it is not kept.
fn negative_ttl(no: &NoRecords) -> Duration {
    let of = |record: &Record<SOA>| Duration::from_secs(record.ttl.min(record.data.minimum).into());
    no.soa.as_ref().map_or(Duration::ZERO, |soa| of(soa))
}
