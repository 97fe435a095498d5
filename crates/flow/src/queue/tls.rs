//! What a next hop's TLS has to meet: what settings demand (`route`), whom the site trusts, and what others know of a server.
//!
//! Before: `route`. After: `deliver`, server by server. Nothing here lowers what is set (security.md X-23).

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use crypto::pki::Certificate;
use model::site::{Root, Trust};
use model::{Outcome, Site};
use parking_lot::Mutex;
use smtp::outbound::{Anchors, Endpoint, OpenFault, Revocation, RevocationSource, Target, TlsDemand, TlsPolicy};

use crate::transport::Policy;

/// A demand, raised by what is known of a server.
#[derive(Debug, Clone)]
pub struct Raised {
    /// What the server has to meet.
    pub demand: TlsDemand,
    /// More than that, to be tried first: a policy that is being tested. A failure is noted and changes nothing.
    pub trial: Option<TlsDemand>,
    /// The policy that the session counts for in reports (RFC 8460); none: it is not counted.
    pub policy: Option<Policy>,
}

impl Raised {
    /// Nothing is known: the demand as it is.
    #[must_use]
    pub const fn by(demand: TlsDemand) -> Self {
        Self { demand, trial: None, policy: None }
    }

    /// True if both demand the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let trial = match (&self.trial, &other.trial) {
            (Some(own), Some(other)) => own.is_same(other),
            (own, other) => own.is_none() && other.is_none(),
        };
        trial && self.demand.is_same(&other.demand)
    }
}

/// How opening a session ended.
#[derive(Debug, Clone, Copy)]
pub enum Ended<'a> {
    /// With TLS, as the policy wants it.
    Encrypted,
    /// In clear.
    Clear,
    /// Not at all.
    Fault(&'a OpenFault),
}

/// What DNS and published policies say of a server: TLSA records (RFC 7672), MTA-STS (RFC 8461).
#[async_trait]
pub trait Evidence: Send + Sync {
    /// The demand, raised by what is known of `server`, which is one of those behind `target`.
    ///
    /// # Errors
    /// The server must not be used now, or not at all; the next one is asked.
    async fn raise(&self, target: &Target, server: &Endpoint, demand: TlsDemand) -> Result<Raised, Outcome>;

    /// The same for a server that a connection is open to: nothing is counted.
    ///
    /// # Errors
    /// As [`Evidence::raise`].
    async fn look(&self, target: &Target, server: &Endpoint, demand: TlsDemand) -> Result<Raised, Outcome> {
        self.raise(target, server, demand).await
    }

    /// Returns when what was learned is on the disk: at a stop, when no more is asked.
    async fn settled(&self) {}

    /// Takes note of how a session under a policy ended.
    fn ended(&self, server: &Endpoint, policy: &Policy, ended: Ended<'_>);
}

/// Nothing is known of any server.
pub struct NoEvidence;

#[async_trait]
impl Evidence for NoEvidence {
    async fn raise(&self, _target: &Target, _server: &Endpoint, demand: TlsDemand) -> Result<Raised, Outcome> {
        Ok(Raised::by(demand))
    }

    fn ended(&self, _server: &Endpoint, _policy: &Policy, _ended: Ended<'_>) {}
}

type Roots = BTreeMap<String, Arc<Root>>;

/// The site's anchors, made anew when its roots have changed, and who knows what was revoked.
pub(crate) struct Trusted {
    anchors: Mutex<Option<(Roots, Arc<Anchors>)>>,
    lists: Option<Arc<dyn RevocationSource>>,
}

impl Trusted {
    pub(crate) fn new(lists: Option<Arc<dyn RevocationSource>>) -> Self {
        Self { anchors: Mutex::default(), lists }
    }

    /// What a policy demands of any server.
    pub(crate) fn demand(&self, site: &Site, policy: &TlsPolicy, revocation: Revocation) -> TlsDemand {
        TlsDemand { lists: self.lists.clone(), ..TlsDemand::by(policy, self.anchors(site), revocation) }
    }

    fn anchors(&self, site: &Site) -> Arc<Anchors> {
        let mut kept = self.anchors.lock();
        // Rows that did not change are the same pointers.
        if let Some((_, anchors)) = kept.as_ref().filter(|(roots, _)| *roots == site.roots) {
            return Arc::clone(anchors);
        }
        let ders = |trust: Trust| site.roots.values().filter(|root| root.trust == trust).flat_map(|root| der(root)).collect::<Vec<_>>();
        let anchors = Arc::new(Anchors::new(&ders(Trust::Trusted), &ders(Trust::Untrusted)));
        *kept = Some((site.roots.clone(), Arc::clone(&anchors)));
        anchors
    }
}

/// What the row holds; one that can't be read vouches for nobody.
fn der(root: &Root) -> Option<Vec<u8>> {
    let certificates = Certificate::from_pem_many(&root.certificate).ok()?;
    certificates.first().map(|certificate| certificate.der().to_vec())
}
