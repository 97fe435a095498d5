//! A next hop over loopback that does as it is told: takes mail, refuses, or dies in a chosen phase.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Where something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Greeting,
    Hello,
    Mail,
    Rcpt,
    Data,
    /// After the final dot, before the reply. The mail was taken.
    Dot,
}

/// A mail as it was taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Taken {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    /// The lines MAIL and RCPT, as they came.
    pub(super) envelope: Vec<String>,
    pub(super) data: Vec<u8>,
}

#[derive(Default)]
struct Script {
    /// Closes the connection there, so many times.
    dies: Mutex<Option<(Phase, usize)>>,
    /// Replies by recipient; to MAIL by `MAIL sender`; to the dot of mail with a sender by `.`.
    refuses: Mutex<BTreeMap<String, String>>,
    taken: Mutex<Vec<Taken>>,
    /// DSN is offered.
    dsn: AtomicBool,
    /// The reply to the dot comes when this is off again.
    hangs: AtomicBool,
    connections: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

pub(super) struct Hop {
    port: u16,
    script: Arc<Script>,
}

impl Hop {
    pub(super) async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await
    }

    pub(super) async fn start_at(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(Script::default());
        let shared = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let script = Arc::clone(&shared);
                script.connections.fetch_add(1, Ordering::SeqCst);
                let open = script.open.fetch_add(1, Ordering::SeqCst) + 1;
                script.most_open.fetch_max(open, Ordering::SeqCst);
                tokio::spawn(async move {
                    // A client that goes away ends the session.
                    let _ = serve(stream, &script).await;
                    script.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, script }
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn die(&self, phase: Phase, times: usize) {
        *self.script.dies.lock() = Some((phase, times));
    }

    pub(super) fn refuse(&self, address: &str, reply: &str) {
        self.script.refuses.lock().insert(address.to_owned(), reply.to_owned());
    }

    pub(super) fn offer_dsn(&self) {
        self.script.dsn.store(true, Ordering::SeqCst);
    }

    pub(super) fn hang(&self, hangs: bool) {
        self.script.hangs.store(hangs, Ordering::SeqCst);
    }

    pub(super) fn take_all(&self) {
        self.script.refuses.lock().clear();
        *self.script.dies.lock() = None;
    }

    pub(super) fn taken(&self) -> Vec<Taken> {
        self.script.taken.lock().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.script.connections.load(Ordering::SeqCst)
    }

    pub(super) fn most_open(&self) -> usize {
        self.script.most_open.load(Ordering::SeqCst)
    }
}

impl Script {
    /// `Err` if the session is to end here.
    fn pass(&self, phase: Phase) -> std::io::Result<()> {
        let mut dies = self.dies.lock();
        if let Some((at, times)) = dies.as_mut()
            && *at == phase
            && *times > 0
        {
            *times -= 1;
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

async fn serve(mut stream: TcpStream, script: &Script) -> std::io::Result<()> {
    let (read, mut write) = stream.split();
    let mut read = BufReader::new(read);
    script.pass(Phase::Greeting)?;
    write.write_all(b"220 hop.example ready\r\n").await?;
    let mut mail = Taken::default();
    let mut begun = false;
    loop {
        let mut line = String::new();
        if read.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end();
        let path = || line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(path, _)| path).to_owned();
        let word = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let reply = match word.as_str() {
            "EHLO" => {
                script.pass(Phase::Hello)?;
                let dsn = if script.dsn.load(Ordering::SeqCst) { "250-DSN\r\n" } else { "" };
                format!("250-hop.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n{dsn}250 SIZE 0")
            }
            "MAIL" => {
                script.pass(Phase::Mail)?;
                mail = Taken { from: path(), envelope: vec![line.to_owned()], ..Taken::default() };
                let refusal = script.refuses.lock().get(&format!("MAIL {}", path())).cloned();
                begun = refusal.is_none();
                refusal.unwrap_or_else(|| "250 2.1.0 ok".to_owned())
            }
            "RCPT" if !begun => "503 5.5.1 no mail was begun".to_owned(),
            "RCPT" => {
                script.pass(Phase::Rcpt)?;
                let refusal = script.refuses.lock().get(&path()).cloned();
                if refusal.is_none() {
                    mail.to.push(path());
                    mail.envelope.push(line.to_owned());
                }
                refusal.unwrap_or_else(|| "250 2.1.5 ok".to_owned())
            }
            "DATA" if mail.to.is_empty() => "554 5.5.1 no valid recipients".to_owned(),
            "DATA" => {
                script.pass(Phase::Data)?;
                write.write_all(b"354 go on\r\n").await?;
                mail.data = content(&mut read).await?;
                script.taken.lock().push(mail.clone());
                while script.hangs.load(Ordering::SeqCst) {
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
                script.pass(Phase::Dot)?;
                let refusal = script.refuses.lock().get(".").filter(|_| !mail.from.is_empty()).cloned();
                refusal.unwrap_or_else(|| "250 2.0.0 taken".to_owned())
            }
            "QUIT" => {
                write.write_all(b"221 2.0.0 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 2.0.0 ok".to_owned(),
        };
        write.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
}

async fn content(read: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut data = Vec::new();
    loop {
        let mut line = Vec::new();
        if read.read_until(b'\n', &mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(data);
        }
        data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
