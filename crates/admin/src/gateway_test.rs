//! The connection test of a configuration of the mobile gate (console.md A-9): console and gateway, gateway and store, gateway and
//! mail server, each step with its cause.
//!
//! Console and gateway of one node share its memory and the store, so the way between them is: does the gate work by the configuration
//! as it is stored, and do the other nodes that share the store still say that they are there. The mail servers are asked by this
//! node's gate; a node without one says so.

use std::time::Duration;

use model::site::{MobileGateway, Section};
use model::{Access, Actor, Facts, Fault, Guilty, Right};

use crate::authorise::need;
use crate::{Admin, Kept, Record};

/// What a step looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the gateway to the store.
    Store,
    /// From the console to the gateway at this node.
    Gateway,
    /// From the console to another node.
    Node,
    /// From the gateway to a mail server.
    MailServer,
}

impl Way {
    /// The word in answers and in the ids of texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Gateway => "gateway",
            Self::Node => "node",
            Self::MailServer => "mail-server",
        }
    }
}

/// One step of a test.
#[derive(Debug)]
pub struct Step {
    /// What it looked at.
    pub way: Way,
    /// Which: a URL, a node's name; may be empty.
    pub target: String,
    /// How long it took.
    pub took: Duration,
    /// What was found, in the protocol's words; or what is wrong.
    pub outcome: Result<String, Fault>,
}

impl Admin {
    /// Tests a configuration that is stored.
    ///
    /// # Errors
    /// `not-found`; without the right; when the store is away. What a step finds is no error.
    pub async fn gateway_test(&self, actor: &Actor, id: &str) -> Result<Vec<Step>, Fault> {
        need(actor, Right::MobileGateways, Access::Write)?;
        let begun = std::time::Instant::now();
        let kept = self.show::<MobileGateway>(actor, id).await?;
        let number = store::feed::newest(self.store()).await?.number;
        let mut steps = vec![step(Way::Store, "", begun.elapsed(), Ok(number.to_string()))];
        steps.push(self.here(&kept));
        steps.extend(self.others().await?);
        steps.extend(self.servers(&kept.record).await);
        Ok(steps)
    }

    /// Tests the mail servers of a configuration that is not stored yet.
    ///
    /// # Errors
    /// `bad-field`; without the right.
    pub async fn gateway_try(&self, actor: &Actor, gateway: &MobileGateway) -> Result<Vec<Step>, Fault> {
        need(actor, Right::MobileGateways, Access::Write)?;
        gateway.check()?;
        Ok(self.servers(gateway).await)
    }

    /// The settings of one configuration as a section of a site file, secrets by name.
    ///
    /// # Errors
    /// `not-found`; without the right; when the store is away.
    pub async fn gateway_export(&self, actor: &Actor, id: &str) -> Result<String, Fault> {
        let kept = self.show::<MobileGateway>(actor, id).await?;
        let mut out = String::from("# Settings of one mobile gateway, for `sealgate config apply`. Secrets are names only.\n");
        crate::site_file::export::write_gateway(&mut out, &kept.record)?;
        Ok(out)
    }

    /// When the certificate ends that phones see at this node; `None` without a gate here.
    #[must_use]
    pub fn gateway_certificate_ends(&self) -> Option<model::Timestamp> {
        self.0.phones.as_ref()?.certificate_ends()
    }

    /// True if this node's gate would pass requests on; `None` without a gate here.
    #[must_use]
    pub fn gateway_is_ready(&self) -> Option<bool> {
        self.0.phones.as_ref().map(|phones| phones.is_ready())
    }

    fn here(&self, kept: &Kept<MobileGateway>) -> Step {
        let begun = std::time::Instant::now();
        let (Some(phones), Some(live)) = (&self.0.phones, &self.0.live) else {
            return step(Way::Gateway, self.store().node(), begun.elapsed(), Err(no_gate()));
        };
        let site = live.site();
        let version = site.versions.get(&(Section::Gateway, kept.key.clone())).copied();
        let fault = |code, cause: String| Err(Fault::temporary(Guilty::Configuration, code, cause));
        let outcome = if version != Some(kept.version) {
            fault("gate-behind", format!("stored is version {}, in force is {version:?}", kept.version))
        } else if !kept.record.enabled {
            fault("gate-off", "enabled = false".to_owned())
        } else if !site.policies_missing.is_empty() && !kept.record.allow_without_policies {
            fault("gate-without-policies", format!("{:?}", site.policies_missing))
        } else if phones.is_ready() {
            Ok(site.number.to_string())
        } else {
            fault("gate-not-ready", "the gate says that it is not ready".to_owned())
        };
        step(Way::Gateway, self.store().node(), begun.elapsed(), outcome)
    }

    /// The other nodes that share the store.
    async fn others(&self) -> Result<Vec<Step>, Fault> {
        let (now, settings) = (self.0.clock.now(), &self.0.settings);
        let nodes = store::nodes::all(self.store()).await?;
        let others = nodes.into_iter().filter(|node| node.id != self.store().node());
        let steps = others.filter_map(|node| {
            let silent = now.since(node.last_seen);
            let name = if node.name.is_empty() { node.id } else { node.name };
            let lost = || {
                let cause = format!("last heard of at {}", node.last_seen.rfc3339());
                Fault::temporary(Guilty::NextHop, "node-lost", cause).with("name", &name).with("since", node.last_seen.rfc3339())
            };
            let outcome = if silent < settings.node_lost { Ok(node.version.clone()) } else { Err(lost()) };
            (silent < settings.node_gone).then(|| step(Way::Node, &name, Duration::ZERO, outcome))
        });
        Ok(steps.collect())
    }

    async fn servers(&self, gateway: &MobileGateway) -> Vec<Step> {
        let Some(phones) = &self.0.phones else {
            let servers = gateway.mail_servers();
            return servers.map(|server| step(Way::MailServer, server, Duration::ZERO, Err(no_gate()))).collect();
        };
        let probed = phones.probe(gateway).await;
        probed.into_iter().map(|one| step(Way::MailServer, &one.server, one.took, one.answer.map(|schemes| schemes.join(", ")))).collect()
    }
}

fn step(way: Way, target: &str, took: Duration, outcome: Result<String, Fault>) -> Step {
    Step { way, target: target.to_owned(), took, outcome }
}

pub(crate) fn no_gate() -> Fault {
    Fault::permanent(Guilty::Configuration, "gate-not-here", "this node has no role mobile, or does not run")
}
