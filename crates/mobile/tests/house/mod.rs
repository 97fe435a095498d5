//! The fixture of the dialogue tests: a gate on loopback, a phone that writes raw HTTP, a mail server that is scripted by
//! the test. Written from the standards; nothing of the gate's own protocol code is used on either side.

#![allow(dead_code, reason = "each dialogue uses a part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a fixture fails by panicking")]

pub mod wbxml;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use mobile::{Arrival, MobileGate, Ports, Settings, serve_connection};
use model::device::{Device, DeviceId, Override, Sighting};
use model::ports::{DeviceFacts, Facts, Issuers, Recorder, Secrets};
use model::site::{MobileGateway, PolicyRule};
use model::{SecretText, Site, SystemClock, Timestamp, Transaction};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// A step of a dialogue must come within this time; none is ever waited for in full.
pub async fn soon<T>(what: &str, step: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), step).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

#[derive(Default)]
pub struct Known {
    pub site: Mutex<Arc<Site>>,
    pub devices: Mutex<HashMap<(String, DeviceId), Override>>,
    pub seen: Mutex<Vec<Sighting>>,
    /// Devices whose diagnostics are on, and what was told of them.
    pub diagnosed: Mutex<Vec<String>>,
    pub transactions: Mutex<Vec<Transaction>>,
    /// What was reported of each device that is known.
    pub reported: Mutex<Option<Arc<model::device::Reported>>>,
    /// What was ordered for each device that is known.
    pub orders: Mutex<model::device::Orders>,
}

impl Facts for Known {
    fn site(&self) -> Arc<Site> {
        self.site.lock().clone()
    }
}

impl DeviceFacts for Known {
    fn device(&self, user: &str, id: &DeviceId) -> Option<Device> {
        let override_ = *self.devices.lock().get(&(user.to_owned(), id.clone()))?;
        let (device_type, agent) = (String::new(), String::new());
        Some(Device {
            id: id.clone(),
            user: user.into(),
            override_,
            device_type,
            agent,
            last_seen: Timestamp(0),
            reported: self.reported.lock().clone(),
            orders: *self.orders.lock(),
        })
    }
}

impl Secrets for Known {
    fn open(&self, _name: &str, sealed: &str) -> Option<SecretText> {
        Some(SecretText::new(sealed.to_owned()))
    }
}

impl Recorder for Known {
    fn record(&self, sighting: Sighting) {
        self.seen.lock().push(sighting);
    }

    fn is_diagnosed(&self, user: &str, device: &DeviceId) -> bool {
        user == "carol" && self.diagnosed.lock().iter().any(|id| id == device.as_str())
    }

    fn diagnosed(&self, transaction: Transaction) {
        self.transactions.lock().push(transaction);
    }
}

/// The gate, its facts, and the listener that plays the mail server.
pub struct House {
    pub gate: Arc<MobileGate>,
    pub known: Arc<Known>,
    pub listener: TcpListener,
    pub stop: CancellationToken,
}

impl House {
    pub async fn new() -> Self {
        Self::with(Settings { pool_rest: Duration::ZERO, ..Settings::default() }, "http").await
    }

    pub async fn with(settings: Settings, scheme: &str) -> Self {
        Self::asking(settings, scheme, None).await
    }

    /// With somebody who knows what issuers took back.
    pub async fn asking(settings: Settings, scheme: &str, issuers: Option<Arc<dyn Issuers>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let known = Arc::new(Known::default());
        let ports = Ports {
            facts: known.clone(),
            devices: known.clone(),
            recorder: known.clone(),
            keys: Arc::new(content::testing::Keys::new(1)),
            secrets: known.clone(),
            issuers,
            clock: Arc::new(SystemClock),
        };
        let house = Self { gate: MobileGate::new(ports, settings), known, stop: CancellationToken::new(), listener };
        house.configure(|gateway| gateway.mail_server = format!("{scheme}://127.0.0.1:{}", house.port()));
        house
    }

    pub fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// Changes the gateway's configuration.
    pub fn configure(&self, change: impl FnOnce(&mut MobileGateway)) {
        let mut site = Site::clone(&self.known.site());
        let mut gateway = site
            .gateways
            .get("one")
            .map_or_else(|| MobileGateway { id: "one".into(), ..MobileGateway::default() }, |gateway| MobileGateway::clone(gateway));
        change(&mut gateway);
        site.gateways.insert("one".into(), Arc::new(gateway));
        *self.known.site.lock() = Arc::new(site);
    }

    /// Changes the site.
    pub fn change(&self, change: impl FnOnce(&mut Site)) {
        let mut site = Site::clone(&self.known.site());
        change(&mut site);
        *self.known.site.lock() = Arc::new(site);
    }

    /// Puts policies, each as in the API, in place of all.
    pub fn policies(&self, policies: &[&str]) {
        self.change(|site| {
            site.policies.clear();
            for text in policies {
                let rule = PolicyRule::new(serde_json::from_str(text).unwrap()).unwrap();
                site.policies.insert((rule.kind, rule.policy.key()), Arc::new(rule));
            }
        });
    }

    pub fn set(&self, user: &str, device: &str, override_: Override) {
        self.known.devices.lock().insert((user.into(), DeviceId::parse(device).unwrap()), override_);
    }

    /// A phone's new connection.
    pub async fn phone(&self) -> Talk {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let phone = TcpStream::connect(door.local_addr().unwrap()).await.unwrap();
        let (stream, peer) = door.accept().await.unwrap();
        let arrival = Arrival { peer, local: door.local_addr().unwrap(), server_name: None, plain: false };
        tokio::spawn(serve_connection(stream, arrival, self.gate.clone(), self.stop.clone()));
        Talk::new(phone)
    }

    /// The gate's next new connection to the mail server.
    pub async fn server(&self) -> Talk {
        Talk::new(soon("a connection to the mail server", self.listener.accept()).await.unwrap().0)
    }

    /// True if no connection to the mail server is waiting.
    pub async fn is_quiet(&self) -> bool {
        // Whatever the gate sent before, this one comes after it in the listener's queue.
        let own = TcpStream::connect(self.listener.local_addr().unwrap()).await.unwrap();
        let (_, peer) = self.listener.accept().await.unwrap();
        peer == own.local_addr().unwrap()
    }
}

/// One end of a connection, as lines and octets.
pub struct Talk {
    pub stream: TcpStream,
    inbox: Vec<u8>,
}

impl Talk {
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, inbox: Vec::new() }
    }

    /// The same connection, which stays open to the end of the test.
    pub fn keep_open(self) -> &'static mut Self {
        Box::leak(Box::new(self))
    }

    pub async fn say(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).await.unwrap();
    }

    /// Everything up to the empty line, in lower case but for values.
    pub async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.inbox.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.inbox.drain(..end + 4).collect::<Vec<u8>>();
                return String::from_utf8(head).unwrap();
            }
            assert!(self.more().await > 0, "the connection ended inside a head: {:?}", String::from_utf8_lossy(&self.inbox));
        }
    }

    pub async fn octets(&mut self, count: usize) -> Vec<u8> {
        while self.inbox.len() < count {
            assert!(self.more().await > 0, "the connection ended inside a body: {:?}", String::from_utf8_lossy(&self.inbox));
        }
        self.inbox.drain(..count).collect()
    }

    /// Head and the body of its Content-Length.
    pub async fn message(&mut self) -> (String, Vec<u8>) {
        let head = self.head().await;
        let length = field(&head, "content-length").map_or(0, |text| text.parse().unwrap());
        let body = self.octets(length).await;
        (head, body)
    }

    /// Everything to the end of the connection.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.more().await > 0 {}
        std::mem::take(&mut self.inbox)
    }

    async fn more(&mut self) -> usize {
        soon("more octets", async { self.stream.read_buf(&mut self.inbox).await.unwrap_or(0) }).await
    }
}

/// A field's value.
pub fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().filter_map(|line| line.split_once(':')).find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// carol:carolpw
pub const CAROL: &str = "Authorization: Basic Y2Fyb2w6Y2Fyb2xwdw==\r\n";

/// A command of carol's device PHONE1 with protocol 14.1.
pub fn command(name: &str, body: &str) -> String {
    command_in(name, "14.1", body)
}

pub fn command_in(name: &str, version: &str, body: &str) -> String {
    format!(
        "POST /Microsoft-Server-ActiveSync?Cmd={name}&User=carol&DeviceId=PHONE1&DeviceType=Test HTTP/1.1\r\nHost: gate.example\r\n{CAROL}\
         MS-ASProtocolVersion: {version}\r\nUser-Agent: Test/1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// WBXML of a Ping that says `status`, byte by byte from MS-ASWBXML.
pub fn ping(status: &str) -> Vec<u8> {
    [b"\x03\x01\x6a\x00\x00\x0d\x45\x47\x03", status.as_bytes(), b"\x00\x01\x01"].concat()
}
