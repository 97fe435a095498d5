//! Tests of [`super`] against a small server on loopback that answers from a fixed zone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::Record;
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX, PTR, SOA, TLSA, TXT};
use model::Site;
use model::site::{Section, SiteRow};
use tokio::net::UdpSocket;

use super::*;

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn zone(asked: &str, kind: RecordType) -> Result<Vec<(Name, RData)>, ResponseCode> {
    let mx = |preference, host| (name(asked), RData::MX(MX::new(preference, name(host))));
    Ok(match (asked, kind) {
        ("many.example.", RecordType::MX) => vec![mx(20, "b.example."), mx(10, "a.example.")],
        ("null.example.", RecordType::MX) => vec![mx(0, ".")],
        ("a.example." | "real.example.", RecordType::A) => vec![(name(asked), RData::A(A::new(192, 0, 2, 1)))],
        ("a.example.", RecordType::AAAA) => vec![(name(asked), RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)))],
        ("alias.example.", RecordType::A) => {
            vec![(name(asked), RData::CNAME(CNAME(name("real.example.")))), (name("real.example."), RData::A(A::new(192, 0, 2, 1)))]
        }
        ("stray.example.", RecordType::A) => vec![(name("other.example."), RData::A(A::new(192, 0, 2, 66)))],
        ("long.example.", RecordType::TXT) => vec![(name(asked), RData::TXT(TXT::new(vec!["v=spf1 ".into(), "-all".into()])))],
        ("1.2.0.192.in-addr.arpa.", RecordType::PTR) => vec![(name(asked), RData::PTR(PTR(name("Real.Example."))))],
        ("_25._tcp.real.example.", RecordType::TLSA) => {
            vec![(name(asked), RData::TLSA(TLSA::new(3.into(), 1.into(), 1.into(), vec![7; 32])))]
        }
        ("half.example.", RecordType::A) => vec![(name(asked), RData::A(A::new(192, 0, 2, 7)))],
        ("half.example." | "broken.example.", _) => return Err(ResponseCode::ServFail),
        ("many.example." | "null.example." | "real.example." | "alias.example.", _) => Vec::new(),
        _ => return Err(ResponseCode::NXDomain),
    })
}

async fn server(queries: Arc<AtomicUsize>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
            queries.fetch_add(1, Ordering::SeqCst);
            let request = Message::from_vec(&buffer[..length]).unwrap();
            let query = request.queries.first().unwrap().clone();
            let mut answer = Message::response(request.id, request.op_code);
            answer.metadata.recursion_available = true;
            answer.add_query(query.clone());
            match zone(&query.name().to_lowercase().to_ascii(), query.query_type()) {
                Ok(records) => {
                    answer.add_answers(records.into_iter().map(|(owner, data)| Record::from_rdata(owner, 60, data)));
                }
                Err(code) => answer.metadata.response_code = code,
            }
            if answer.answers.is_empty() {
                let soa = SOA::new(name("ns.example."), name("post.example."), 1, 60, 60, 60, 60);
                answer.add_authority(Record::from_rdata(name("example."), 60, RData::SOA(soa)));
            }
            socket.send_to(&answer.to_vec().unwrap(), client).await.unwrap();
        }
    });
    address
}

fn client(servers: Vec<SocketAddr>, milliseconds: u64) -> Dns {
    Dns::new(&DnsSettings { servers, timeout: Duration::from_millis(milliseconds), ..DnsSettings::default() }, None).unwrap()
}

async fn dns() -> (Dns, Arc<AtomicUsize>) {
    let queries = Arc::new(AtomicUsize::new(0));
    (client(vec![server(queries.clone()).await], 2_000), queries)
}

fn site(mail: &str) -> Arc<dyn Facts> {
    struct One(Arc<Site>);
    impl Facts for One {
        fn site(&self) -> Arc<Site> {
            self.0.clone()
        }
    }
    let mut site = Site::default();
    site.apply(&SiteRow { section: Section::Mail, key: String::new(), version: 1, body: mail.to_owned() }).unwrap();
    Arc::new(One(Arc::new(site)))
}

#[tokio::test]
async fn m_t3_mx_records_come_sorted_and_are_cached() {
    let (dns, queries) = dns().await;
    for _ in 0..3 {
        let found = dns.mx("Many.Example").await.unwrap().found;
        let found: Vec<_> = found.into_iter().map(|mx| format!("{} {}", mx.preference, mx.host)).collect();
        assert_eq!(found, ["10 a.example", "20 b.example"]);
    }
    assert_eq!(queries.load(Ordering::SeqCst), 1);
    assert_eq!(dns.mx("null.example").await.unwrap().found, [MailExchanger { preference: 0, host: ".".into() }]);
}

#[tokio::test]
async fn m_t3_the_three_kinds_of_no_are_told_apart_and_two_are_kept() {
    let (dns, queries) = dns().await;
    for _ in 0..2 {
        assert_eq!(dns.mx("real.example").await.unwrap().found, []);
        assert_eq!(dns.mx("gone.example").await, Err(DnsError::NoSuchName));
    }
    assert_eq!(queries.load(Ordering::SeqCst), 2, "a no is kept as its SOA says");
    for _ in 0..2 {
        assert!(matches!(dns.mx("broken.example").await, Err(DnsError::Temporary(_))));
    }
    assert_eq!(queries.load(Ordering::SeqCst), 4, "a failure is not kept");
    assert_eq!(dns.addresses("many.example").await.unwrap().found, Vec::<IpAddr>::new());
    assert_eq!(dns.addresses("gone.example").await, Err(DnsError::NoSuchName));
    assert!(matches!(dns.addresses("broken.example").await, Err(DnsError::Temporary(_))));
    for bad in ["a..b", "", &"x".repeat(300), "bad\0name.example"] {
        assert!(dns.mx(bad).await.is_err(), "{bad:?}");
    }
}

#[tokio::test]
async fn m_t3_both_families_are_asked_and_one_is_enough() {
    let (dns, _) = dns().await;
    let both: Vec<IpAddr> = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
    assert_eq!(dns.addresses("a.example").await.unwrap().found, both);
    let alias = dns.addresses("alias.example").await.unwrap();
    assert_eq!((alias.found, alias.name.as_str()), (vec!["192.0.2.1".parse().unwrap()], "real.example"));
    assert_eq!(dns.addresses("half.example").await.unwrap().found, ["192.0.2.7".parse::<IpAddr>().unwrap()]);
    let stray = dns.addresses("stray.example").await.unwrap().found;
    assert_eq!(stray, Vec::<IpAddr>::new(), "a record of another name counts for nothing");
}

#[tokio::test]
async fn m_t10_questions_about_others_have_the_same_three_noes() {
    let (dns, _) = dns().await;
    assert_eq!(dns.txt("long.example").await.unwrap().found, [b"v=spf1 -all".to_vec()]);
    assert_eq!(dns.txt("real.example").await.unwrap().found, Vec::<Vec<u8>>::new());
    assert_eq!(dns.txt("gone.example").await, Err(DnsError::NoSuchName));
    assert!(matches!(dns.txt("broken.example").await, Err(DnsError::Temporary(_))));
    assert_eq!(dns.ptr("192.0.2.1".parse().unwrap()).await.unwrap().found, ["real.example"]);
    assert_eq!(dns.ptr("192.0.2.9".parse().unwrap()).await, Err(DnsError::NoSuchName));
    assert_eq!(dns.ipv4("real.example").await.unwrap().found, ["192.0.2.1".parse::<Ipv4Addr>().unwrap()]);
    assert_eq!(dns.ipv6("real.example").await.unwrap().found, Vec::<Ipv6Addr>::new());
}

#[tokio::test]
async fn m_t10_a_silent_server_is_passed_over() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let working = server(Arc::new(AtomicUsize::new(0))).await;
    let silent = silent.local_addr().unwrap();
    let both = client(vec![silent, working], 200);
    assert_eq!(both.mx("many.example").await.map(|answer| answer.found.len()), Ok(2));
    let again = Instant::now();
    assert_eq!(both.addresses("half.example").await.map(|answer| answer.found.len()), Ok(1));
    assert!(both.shared.upstream.rests(0) && !both.shared.upstream.rests(1));
    assert!(again.elapsed() < Duration::from_millis(200), "the silent one rests");
    let none = client(vec![silent], 100);
    assert!(matches!(none.mx("many.example").await, Err(DnsError::Temporary(_))));
    assert!(matches!(none.mx("many.example").await, Err(DnsError::Temporary(_))), "a resting server is asked if there is no other");
}

#[tokio::test]
async fn m_t4_a_server_without_signatures_proves_nothing_and_stops_nothing() {
    let (dns, _) = dns().await;
    let answer = dns.tlsa("real.example", 25).await.unwrap();
    assert!(!answer.secure);
    assert_eq!(answer.found, [Tlsa { usage: 3, selector: 1, matching: 1, data: vec![7; 32] }]);
    assert!(!dns.validating().mx("many.example").await.unwrap().secure);

    let strict = DnsSettings { servers: vec![server(Arc::default()).await], dnssec: DnssecUse::On, ..DnsSettings::default() };
    let strict = Dns::new(&strict, None).unwrap();
    assert!(strict.validating().mx("many.example").await.is_err(), "with `on` an unproven answer is none");
    assert_eq!(strict.mx("many.example").await.unwrap().found.len(), 2, "who does not ask for proof gets it as it is");
}

#[tokio::test]
async fn m_t10_local_zones_and_hosts_are_asked_before_dns() {
    let queries = Arc::new(AtomicUsize::new(0));
    let settings = DnsSettings { servers: vec![server(queries.clone()).await], ..DnsSettings::default() };
    let mail = r#"{"hosts":[{"ip":"192.0.2.50","name":"Real.example"}],
        "zones":[{"domain":"inside","host":"b.inside","mx":20,"ip":"192.0.2.52"},{"domain":"inside","host":"a.inside","ip":"192.0.2.51"}]}"#;
    let dns = Dns::new(&settings, Some(site(mail))).unwrap();
    let hosts: Vec<String> = dns.mx("INSIDE").await.unwrap().found.into_iter().map(|mx| mx.host).collect();
    assert_eq!(hosts, ["a.inside", "b.inside"]);
    assert_eq!(dns.addresses("a.inside").await.unwrap().found, ["192.0.2.51".parse::<IpAddr>().unwrap()]);
    assert_eq!(dns.addresses("real.example").await.unwrap().found, ["192.0.2.50".parse::<IpAddr>().unwrap()]);
    assert_eq!(dns.ptr("192.0.2.50".parse().unwrap()).await.unwrap().found, ["real.example"]);
    assert_eq!(queries.load(Ordering::SeqCst), 0);
    assert_eq!(dns.mx("many.example").await.unwrap().found.len(), 2, "what is not local goes on to DNS");
}

#[tokio::test]
async fn m_t10_a_question_goes_on_when_nobody_waits_and_is_asked_once() {
    let (held, queries) = (Arc::new(tokio::sync::Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (socket, gate, count) = (UdpSocket::bind("127.0.0.1:0").await.unwrap(), held.clone(), queries.clone());
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
            count.fetch_add(1, Ordering::SeqCst);
            gate.acquire().await.unwrap().forget();
            let request = Message::from_vec(&buffer[..length]).unwrap();
            let mut answer = Message::response(request.id, request.op_code);
            answer.add_query(request.queries.first().unwrap().clone());
            let text = RData::TXT(TXT::new(vec!["late".into()]));
            answer.add_answer(Record::from_rdata(request.queries.first().unwrap().name().clone(), 60, text));
            socket.send_to(&answer.to_vec().unwrap(), client).await.unwrap();
        }
    });
    let dns = client(vec![address], 30_000);
    let (short, later) = (Duration::from_millis(50), dns.clone());
    assert!(tokio::time::timeout(short, dns.txt("late.example")).await.is_err(), "the mail's time is up");
    let retry = tokio::spawn(async move { later.txt("late.example").await });
    held.add_permits(10);
    assert_eq!(retry.await.unwrap().unwrap().found, [b"late".to_vec()]);
    assert_eq!(dns.txt("late.example").await.unwrap().found, [b"late".to_vec()], "kept");
    assert_eq!(queries.load(Ordering::SeqCst), 1);
}
