//! `flow`'s evaluation without a commit as the simulator of `admin` (`rules run`).

use std::net::{IpAddr, Ipv4Addr};

use admin::Simulation;
use async_trait::async_trait;
use flow::MailGate;
use message::Message;
use model::{BodyType, Budget, Envelope, Fault, Guilty, Origin, Peer, Recipient};

/// Simulates with the parts of the running gate.
pub struct Simulator(pub MailGate);

#[async_trait]
impl admin::Simulator for Simulator {
    async fn simulate(&self, simulation: Simulation) -> Result<serde_json::Value, Fault> {
        let message = Message::parse(simulation.message, &Budget::default()).map_err(Fault::from)?;
        let account = simulation.from.clone().filter(|_| simulation.authenticated);
        let peer = Peer { helo: "simulator".to_owned(), account, ..Peer::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) };
        let envelope = Envelope {
            sender: simulation.from,
            recipients: simulation.to.into_iter().map(Recipient::plain).collect(),
            body: BodyType::EightBitMime,
            envelope_id: None,
            ret: None,
            smtputf8: false,
        };
        let way = self.0.simulate(simulation.rules, Origin::Smtp { peer }, envelope, message).await?;
        serde_json::to_value(way).map_err(|e| Fault::permanent(Guilty::Ourselves, "simulation-unreadable", e.to_string()))
    }
}
