//! What issuers say of the mail servers' certificates, for the mobile gate: by the site's roots, with the lists and answers that the
//! mail gate keeps too; a configuration with a proxy of its own (`proxy_api`) asks through that and keeps its own.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use crypto::pki::Certificate;
use model::ports::{Issuers, Secrets, Standing};
use model::site::{OutboundProxy, Trust};
use model::{Clock, Facts, Fault, Site};
use parking_lot::Mutex;
use smtp::outbound::{Anchors, RevocationSource, TlsDemand};

use super::transport::Through;

/// See the file.
pub struct AskIssuers {
    /// Whom the site trusts.
    pub facts: Arc<dyn Facts>,
    /// What issuers have revoked; none where no name can be looked up.
    pub lists: Option<Arc<dyn RevocationSource>>,
    /// Makes the same behind a proxy.
    pub through: Option<Through>,
    /// Opens the proxies' passwords.
    pub secrets: Arc<dyn Secrets>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Of configurations with a proxy, by id.
    pub own: Mutex<HashMap<String, Own>>,
}

/// What one configuration asks through its proxy.
pub struct Own {
    proxy: OutboundProxy,
    sealed: String,
    lists: Arc<dyn RevocationSource>,
}

impl AskIssuers {
    /// Who is asked for this configuration. Never anybody else than the proxy where there is one.
    fn lists(&self, gateway: &str, site: &Site) -> Result<Option<Arc<dyn RevocationSource>>, Fault> {
        let mut own = self.own.lock();
        own.retain(|id, _| site.gateways.contains_key(id));
        let Some(gateway) = site.gateways.get(gateway).filter(|gateway| !gateway.proxy_api.is_none()) else {
            return Ok(self.lists.clone());
        };
        let name = gateway.proxy_api_secret();
        let sealed = site.secrets.get(&name).map_or("", |secret| secret.sealed.as_str());
        if let Some(known) = own.get(&gateway.id).filter(|known| known.proxy == gateway.proxy_api && known.sealed == sealed) {
            return Ok(Some(known.lists.clone()));
        }
        let proxy = mobile::proxy_of(&gateway.proxy_api, (&name, sealed), &*self.secrets)?;
        let Some((through, proxy)) = self.through.as_ref().zip(proxy) else { return Ok(None) };
        let lists = through.proxy(proxy);
        let kept = Own { proxy: gateway.proxy_api.clone(), sealed: sealed.to_owned(), lists: lists.clone() };
        own.insert(gateway.id.clone(), kept);
        Ok(Some(lists))
    }
}

#[async_trait]
impl Issuers for AskIssuers {
    async fn standing(&self, gateway: &str, shown: Vec<Vec<u8>>, stapled: Vec<u8>) -> Standing {
        let site = self.facts.site();
        let lists = match self.lists(gateway, &site) {
            Ok(lists) => lists,
            Err(fault) => return Standing::Unknown(fault.cause.into_owned()),
        };
        let ders = |trust| -> Vec<Vec<u8>> {
            let wanted = site.roots.values().filter(|root| root.trust == trust);
            let read = wanted.filter_map(|root| Certificate::from_pem_many(&root.certificate).ok());
            read.flatten().map(|certificate| certificate.der().to_vec()).collect()
        };
        let anchors = Some(Arc::new(Anchors::new(&ders(Trust::Trusted), &ders(Trust::Untrusted))));
        let demand = TlsDemand { anchors, lists, ..TlsDemand::default() };
        smtp::outbound::standing(demand, shown, stapled, self.clock.now().seconds()).await
    }
}
