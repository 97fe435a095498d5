//! Whole bodies in memory, where a step must see them: bounded in size, in sum, and in what compressed octets become.
//!
//! Everything else streams. All bodies at once share one store of memory ([`crate::Settings::body_memory`]); who finds it
//! empty is asked to come back.

use std::future::poll_fn;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use model::{Fault, Guilty};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::gate::MobileGate;
use crate::upstream::Passing;

/// What is leased at once.
const STEP: usize = 64 << 10;
/// What compressed octets may become, for each of them.
const RATIO: usize = 200;

/// Memory for one body, given back when dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    store: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    room: usize,
    most: usize,
}

impl Lease {
    pub(crate) fn new(gate: &MobileGate) -> Self {
        Self { store: gate.body_memory.clone(), held: None, room: 0, most: gate.settings.inspected_body }
    }

    /// The store of memory for this much, in octets.
    pub(crate) fn store(octets: usize) -> Arc<Semaphore> {
        Arc::new(Semaphore::new((octets / STEP).clamp(1, Semaphore::MAX_PERMITS)))
    }

    /// Makes room for a body that has grown to `octets`.
    fn grow(&mut self, octets: usize, guilty: Guilty) -> Result<(), Fault> {
        if octets > self.most {
            return Err(Fault::permanent(
                guilty,
                "body-too-big",
                format!("over {} octets, which a policy would have to look at", self.most),
            ));
        }
        while self.room < octets {
            let more = self.store.clone().try_acquire_owned();
            let more = more.map_err(|_| Fault::temporary(Guilty::Ourselves, "body-memory", "the memory for bodies is in use"))?;
            match &mut self.held {
                Some(held) => held.merge(more),
                none => *none = Some(more),
            }
            self.room += STEP;
        }
        Ok(())
    }
}

/// Reads a phone's body.
///
/// # Errors
/// It does not come, is too big, or there is no memory for it.
pub(crate) async fn request(mut body: Incoming, idle: Duration, lease: &mut Lease) -> Result<Bytes, Fault> {
    let lost = |cause: String| Fault::temporary(Guilty::Sender, "phone-gone", cause);
    let mut bytes = Vec::new();
    while let Some(frame) = tokio::time::timeout(idle, body.frame()).await.map_err(|_| lost("the body stands still".to_owned()))? {
        let frame = frame.map_err(|cause| lost(cause.to_string()))?;
        let data = frame.data_ref().map_or(&[][..], Bytes::as_ref);
        lease.grow(bytes.len() + data.len(), Guilty::Sender)?;
        bytes.extend_from_slice(data);
    }
    Ok(bytes.into())
}

/// Reads an answer's body.
///
/// # Errors
/// It does not come, is too big, or there is no memory for it.
pub(crate) async fn answer(passing: &mut Passing, idle: Duration, lease: &mut Lease) -> Result<Bytes, Fault> {
    let lost = |cause: String| Fault::temporary(Guilty::NextHop, "mail-server-lost", cause);
    let mut bytes = Vec::new();
    loop {
        let next = tokio::time::timeout(idle, poll_fn(|cx| passing.poll_data(cx))).await;
        match next.map_err(|_| lost("the answer stands still".to_owned()))? {
            None => return Ok(bytes.into()),
            Some(Ok(data)) => {
                lease.grow(bytes.len() + data.len(), Guilty::NextHop)?;
                bytes.extend_from_slice(&data);
            }
            Some(Err(cause)) => return Err(lost(cause.to_string())),
        }
    }
}

/// A body without its content coding, which is taken out of the fields too (RFC 9110 §8.4).
///
/// # Errors
/// The sender's fault: an unknown coding, octets that are none of it, or more of them than a body may have.
pub(crate) fn decoded(headers: &mut HeaderMap, body: Bytes, lease: &mut Lease, guilty: Guilty) -> Result<Bytes, Fault> {
    let wrong = |cause: &str| Fault::permanent(guilty, "content-coding", cause.to_owned());
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    let (coding, second) = (codings.next(), codings.next());
    let Some(coding) = coding else { return Ok(body) };
    let name = coding.to_str().unwrap_or_default().trim().to_ascii_lowercase();
    if second.is_some() {
        return Err(wrong("two content codings"));
    }
    // An empty body has no coding: phones say so all the same.
    let plain = if body.is_empty() {
        Ok(body)
    } else {
        match name.as_str() {
            "identity" | "" => Ok(body),
            "gzip" | "x-gzip" => unpacked(MultiGzDecoder::new(&*body), body.len(), lease, guilty),
            // RFC 9110 §8.4.1.2 means zlib; some send it raw.
            "deflate" if body.first().is_some_and(|first| first & 0x0F == 8) => {
                unpacked(ZlibDecoder::new(&*body), body.len(), lease, guilty)
            }
            "deflate" => unpacked(DeflateDecoder::new(&*body), body.len(), lease, guilty),
            _ => Err(wrong("an unknown content coding")),
        }
    }?;
    headers.remove(header::CONTENT_ENCODING);
    Ok(plain)
}

fn unpacked(mut packed: impl std::io::Read, length: usize, lease: &mut Lease, guilty: Guilty) -> Result<Bytes, Fault> {
    let mut plain = Vec::new();
    loop {
        if plain.len() > STEP + length.saturating_mul(RATIO) {
            return Err(Fault::permanent(guilty, "content-coding", "few octets become too many"));
        }
        lease.grow(plain.len() + STEP, guilty)?;
        let taken = (&mut packed).take(STEP as u64).read_to_end(&mut plain);
        match taken {
            Ok(0) => return Ok(plain.into()),
            Ok(_) => {}
            Err(cause) => return Err(Fault::permanent(guilty, "content-coding", cause.to_string())),
        }
    }
}

/// A body that keeps `with` until it was taken.
pub(crate) fn held<T: Send + 'static>(body: Bytes, with: T) -> Bytes {
    struct Held<T>(Bytes, T);
    impl<T> AsRef<[u8]> for Held<T> {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    Bytes::from_owner(Held(body, with))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn lease(most: usize, memory: usize) -> Lease {
        Lease { store: Lease::store(memory), held: None, room: 0, most }
    }

    fn said(coding: &str, body: Vec<u8>, mut lease: Lease) -> Result<Bytes, &'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, coding.parse().unwrap());
        let plain = decoded(&mut headers, body.into(), &mut lease, Guilty::Sender).map_err(|fault| fault.code)?;
        assert!(headers.is_empty());
        Ok(plain)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(text).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn g_4_every_coding_that_phones_and_servers_use_is_read() {
        let big = || lease(1 << 20, 1 << 20);
        assert_eq!(said("gzip", gzip(b"mail"), big()).unwrap(), "mail");
        assert_eq!(said("gzip", [gzip(b"ma"), gzip(b"il")].concat(), big()).unwrap(), "mail", "several members");
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
        packed.write_all(b"mail").unwrap();
        assert_eq!(said("deflate", packed.finish().unwrap(), big()).unwrap(), "mail");
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        packed.write_all(b"mail").unwrap();
        assert_eq!(said("Deflate", packed.finish().unwrap(), big()).unwrap(), "mail");
        assert_eq!(said("identity", b"mail".to_vec(), big()).unwrap(), "mail");
        assert_eq!(said("gzip", Vec::new(), big()).unwrap(), "");
        assert_eq!(said("br", b"mail".to_vec(), big()), Err("content-coding"));
        assert_eq!(said("gzip", b"mail".to_vec(), big()), Err("content-coding"));
        let cut = gzip(b"mail");
        assert_eq!(said("gzip", cut[..cut.len() - 4].to_vec(), big()), Err("content-coding"));
    }

    #[test]
    fn x_11_a_bomb_ends_at_the_bound_and_memory_is_given_back() {
        let bomb = gzip(&vec![0; 8 << 20]);
        assert_eq!(said("gzip", bomb.clone(), lease(1 << 20, 64 << 20)), Err("body-too-big"));
        assert_eq!(said("gzip", bomb, lease(64 << 20, 64 << 20)), Err("content-coding"));
        let store = Lease::store(256 << 10);
        let mut one = Lease { store: store.clone(), held: None, room: 0, most: 64 << 20 };
        assert_eq!(one.grow(200 << 10, Guilty::Sender).map_err(|fault| fault.code), Ok(()));
        let mut two = Lease { store: store.clone(), held: None, room: 0, most: 64 << 20 };
        assert_eq!(two.grow(1, Guilty::Sender).map_err(|fault| (fault.code, fault.temporary)), Err(("body-memory", true)));
        drop(one);
        assert!(two.grow(1, Guilty::Sender).is_ok());
    }
}
