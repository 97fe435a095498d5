//! Tests of [`super`] against a small server on loopback that answers from a fixed zone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::Record;
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX};
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
            socket.send_to(&answer.to_vec().unwrap(), client).await.unwrap();
        }
    });
    address
}

fn client(servers: Vec<SocketAddr>, milliseconds: u64) -> Dns {
    Dns::new(&DnsSettings { servers, timeout: Duration::from_millis(milliseconds), ..DnsSettings::default() }).unwrap()
}

async fn dns() -> (Dns, Arc<AtomicUsize>) {
    let queries = Arc::new(AtomicUsize::new(0));
    (client(vec![server(queries.clone()).await], 2_000), queries)
}

#[tokio::test]
async fn m_t3_mx_records_come_sorted_and_are_cached() {
    let (dns, queries) = dns().await;
    for _ in 0..3 {
        let found: Vec<_> = dns.mx("Many.Example").await.unwrap().into_iter().map(|mx| format!("{} {}", mx.preference, mx.host)).collect();
        assert_eq!(found, ["10 a.example", "20 b.example"]);
    }
    assert_eq!(queries.load(Ordering::SeqCst), 1);
    assert_eq!(dns.mx("null.example").await.unwrap(), [MailExchanger { preference: 0, host: ".".into() }]);
}

#[tokio::test]
async fn m_t3_the_three_kinds_of_no_are_told_apart() {
    let (dns, _) = dns().await;
    assert_eq!(dns.mx("real.example").await, Ok(vec![]));
    assert_eq!(dns.mx("gone.example").await, Err(DnsError::NoSuchName));
    assert!(matches!(dns.mx("broken.example").await, Err(DnsError::Temporary(_))));
    assert_eq!(dns.addresses("many.example").await, Ok(vec![]));
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
    assert_eq!(dns.addresses("a.example").await, Ok(both));
    assert_eq!(dns.addresses("alias.example").await, Ok(vec!["192.0.2.1".parse().unwrap()]));
    assert_eq!(dns.addresses("half.example").await, Ok(vec!["192.0.2.7".parse().unwrap()]));
}

#[tokio::test]
async fn m_t10_a_silent_server_is_passed_over() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let working = server(Arc::new(AtomicUsize::new(0))).await;
    let silent = silent.local_addr().unwrap();
    let both = client(vec![silent, working], 200);
    assert_eq!(both.mx("many.example").await.map(|found| found.len()), Ok(2));
    let again = Instant::now();
    assert_eq!(both.addresses("half.example").await.map(|found| found.len()), Ok(1));
    assert!(both.0[0].rests() && !both.0[1].rests());
    assert!(again.elapsed() < Duration::from_millis(200), "the silent one rests");
    let none = client(vec![silent], 100);
    assert!(matches!(none.mx("many.example").await, Err(DnsError::Temporary(_))));
    assert!(matches!(none.mx("many.example").await, Err(DnsError::Temporary(_))), "a resting server is asked if there is no other");
}
