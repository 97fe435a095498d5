//! Tests of [`super`]: route expansion against a fixed zone.

use std::collections::HashMap;

use super::*;

#[derive(Default)]
struct Zone {
    mx: HashMap<&'static str, Vec<(u16, &'static str)>>,
    addresses: HashMap<&'static str, Vec<&'static str>>,
    broken: Vec<&'static str>,
}

impl Resolver for Zone {
    async fn mx(&self, domain: &str) -> Result<Vec<Mx>, LookupError> {
        if self.broken.contains(&domain) {
            return Err(LookupError::Temporary("SERVFAIL".into()));
        }
        match self.mx.get(domain) {
            Some(records) => {
                Ok(records.iter().map(|(preference, host)| Mx { preference: *preference, host: (*host).to_owned() }).collect())
            }
            None if self.addresses.contains_key(domain) => Ok(Vec::new()),
            None => Err(LookupError::NoSuchName),
        }
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        if self.broken.contains(&host) {
            return Err(LookupError::Temporary("SERVFAIL".into()));
        }
        self.addresses.get(host).map(|list| list.iter().map(|ip| ip.parse().unwrap()).collect()).ok_or(LookupError::NoSuchName)
    }
}

fn zone() -> Zone {
    let mut zone = Zone::default();
    zone.mx.insert("a.example", vec![(20, "backup.example"), (10, "mx.example"), (10, "mx2.example."), (30, "gone.example")]);
    zone.mx.insert("null.example", vec![(0, ".")]);
    zone.mx.insert("empty.example", vec![(10, "gone.example")]);
    zone.mx.insert("shaky.example", vec![(10, "broken.example"), (20, "backup.example")]);
    zone.mx.insert("down.example", vec![(10, "broken.example")]);
    zone.mx.insert("self.example", vec![(5, "mx.example"), (10, "gate.example"), (20, "backup.example")]);
    zone.mx.insert("loop.example", vec![(10, "Gate.example.")]);
    zone.addresses.insert("mx.example", vec!["192.0.2.1", "2001:db8::1"]);
    zone.addresses.insert("mx2.example", vec!["192.0.2.2"]);
    zone.addresses.insert("backup.example", vec!["192.0.2.9"]);
    zone.addresses.insert("implicit.example", vec!["192.0.2.7"]);
    zone.addresses.insert("bare.example", vec![]);
    zone.addresses.insert("alias.example", vec!["192.0.2.99"]);
    zone.addresses.insert("zero.example", vec!["0.0.0.0", "::", "224.0.0.1", "255.255.255.255"]);
    zone.mx.insert("second.example", vec![(10, "mx2.example"), (20, "alias.example"), (30, "backup.example")]);
    zone.broken = vec!["broken.example", "servfail.example"];
    zone
}

async fn go(target: &str, seed: u64) -> Result<Vec<String>, RouteFault> {
    let settings = RouteSettings {
        port: 2525,
        own_names: vec!["gate.example".into()],
        own_addresses: vec![([192, 0, 2, 99], 2525).into()],
        seed,
        search: Vec::new(),
    };
    let endpoints = expand(&Target::parse(target).unwrap(), &zone(), &settings).await?;
    Ok(endpoints.iter().map(|endpoint| format!("{} {}", endpoint.host, endpoint.address)).collect())
}

#[tokio::test]
async fn m_t3_mx_hosts_come_by_preference_and_change_places_among_equals() {
    let mut firsts = std::collections::HashSet::new();
    for seed in 0..32 {
        let route = go("a.example", seed).await.unwrap();
        assert_eq!(route.len(), 4, "two addresses, one, one; gone.example has none");
        assert_eq!(route[3], "backup.example 192.0.2.9:2525");
        firsts.insert(route[0].clone());
    }
    assert_eq!(firsts.len(), 2, "both hosts of preference 10 are first at times");
}

#[tokio::test]
async fn m_t3_implicit_null_and_missing_mx() {
    assert_eq!(go("implicit.example", 0).await.unwrap(), ["implicit.example 192.0.2.7:2525"]);
    assert_eq!(go("null.example", 0).await, Err(RouteFault::NullMx("null.example".into())));
    assert_eq!(go("nowhere.example", 0).await, Err(RouteFault::NoSuchDomain("nowhere.example".into())));
    assert_eq!(go("empty.example", 0).await, Err(RouteFault::NoServer("empty.example".into())));
    assert_eq!(go("bare.example", 0).await, Err(RouteFault::NoServer("bare.example".into())));
    let outcome = RouteFault::NullMx("null.example".into()).outcome();
    assert!(outcome.reply().starts_with("556 5.1.10 ") && !outcome.retries());
}

#[tokio::test]
async fn m_t3_dns_failures_are_temporary_unless_another_host_serves() {
    assert!(matches!(go("servfail.example", 0).await, Err(fault) if fault.outcome().retries()));
    assert!(matches!(go("down.example", 0).await, Err(RouteFault::Temporary(..))));
    assert_eq!(go("shaky.example", 0).await.unwrap(), ["backup.example 192.0.2.9:2525"]);
}

#[tokio::test]
async fn m_t3_our_own_mx_ends_the_list() {
    let route = go("self.example", 0).await.unwrap();
    assert!(route.iter().all(|endpoint| endpoint.starts_with("mx.example")), "{route:?}");
    assert_eq!(go("loop.example", 0).await, Err(RouteFault::Ourselves("loop.example".into())));
}

#[tokio::test]
async fn x_12_no_name_and_no_address_leads_mail_back_to_us() {
    let ourselves = |name: &str| Err(RouteFault::Ourselves(name.into()));
    assert_eq!(go("alias.example", 0).await, ourselves("alias.example"));
    assert_eq!(go("[192.0.2.99]:2525", 0).await, ourselves("192.0.2.99"));
    assert_eq!(go("[::ffff:192.0.2.99]:2525", 0).await.map_err(|fault| fault.outcome().retries()), Err(false));
    assert_eq!(go("[192.0.2.99]:26", 0).await.unwrap().len(), 1, "another server on the same machine");
    assert_eq!(go("second.example", 0).await.unwrap(), ["mx2.example 192.0.2.2:2525"], "what stands behind us is not asked");
    assert_eq!(go("zero.example", 0).await, Err(RouteFault::NoServer("zero.example".into())));
    // A listener on every address takes all of this machine's, and no other's.
    let settings =
        RouteSettings { own_addresses: vec![([0, 0, 0, 0], 2525).into()], port: 2525, own_names: vec![], seed: 0, search: vec![] };
    let (here, there) = (Target::parse("[127.0.0.1]").unwrap(), Target::parse("[192.0.2.1]").unwrap());
    assert!(matches!(expand(&here, &zone(), &settings).await, Err(RouteFault::Ourselves(_))));
    assert!(expand(&there, &zone(), &settings).await.is_ok());
}

#[tokio::test]
async fn m_t2_brackets_ask_no_mx() {
    assert_eq!(go("[192.0.2.1]", 0).await.unwrap(), ["192.0.2.1 192.0.2.1:2525"]);
    assert_eq!(go("[2001:db8::1]:26", 0).await.unwrap(), ["2001:db8::1 [2001:db8::1]:26"]);
    assert_eq!(go("[mx2.example]:2600", 0).await.unwrap(), ["mx2.example 192.0.2.2:2600"]);
    assert!(matches!(go("[a.example]", 0).await, Err(RouteFault::NoSuchDomain(_))));
    assert_eq!(go("implicit.example:26", 0).await.unwrap(), ["implicit.example 192.0.2.7:26"]);
}
