//! What the handlers share: the use cases, the kit, this node's facts.

use std::net::IpAddr;
use std::sync::Arc;

use admin::Admin;
use async_trait::async_trait;
use model::ports::{DeviceFacts, Facts};
use model::{Actor, Clock, EngineState, Engines, Fault, KeyUse, SecretText, Timestamp};
use web::caller::AccountState;
use web::kit::KitError;
use web::{GuessSettings, Guesses, Identity, Kit, KitParts, SessionSettings};

use crate::history::History;

/// What the program hands over.
pub struct ConsoleParts {
    /// The use cases.
    pub admin: Admin,
    /// The site in this node's memory.
    pub facts: Arc<dyn Facts>,
    /// Devices in this node's memory, for `mobile decide`.
    pub devices: Arc<dyn DeviceFacts>,
    /// Uses of private keys, for `message verify`.
    pub keys: Arc<dyn KeyUse>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The scanners, as they were last asked.
    pub engines: Arc<dyn Engines>,
    /// This node.
    pub node: NodeFacts,
    /// How long sessions last.
    pub sessions: SessionSettings,
    /// Bursts of guesses that this node lets through; the exact lock-out is the use case's.
    pub guesses: GuessSettings,
}

/// What the home page says of this node.
#[derive(Debug, Clone)]
pub struct NodeFacts {
    /// Its id.
    pub id: String,
    /// The program's version.
    pub version: String,
    /// When it started.
    pub started: Timestamp,
}

/// The console. Cheap to clone.
#[derive(Clone)]
pub struct ConsoleState(Arc<Inner>);

struct Inner {
    admin: Admin,
    kit: Kit,
    facts: Arc<dyn Facts>,
    devices: Arc<dyn DeviceFacts>,
    keys: Arc<dyn KeyUse>,
    engines: Arc<dyn Engines>,
    node: NodeFacts,
    guesses: Guesses,
    history: History,
}

impl ConsoleState {
    /// Reads all templates.
    ///
    /// # Errors
    /// When a template has a fault.
    pub fn new(parts: ConsoleParts) -> Result<Self, KitError> {
        let kit = Kit::new(KitParts {
            templates: crate::pages::templates(),
            navigation: crate::navigation::ENTRIES,
            identity: Arc::new(Accounts(parts.admin.clone())),
            clock: parts.clock,
            sessions: parts.sessions,
        })?;
        Ok(Self(Arc::new(Inner {
            admin: parts.admin,
            kit,
            facts: parts.facts,
            devices: parts.devices,
            keys: parts.keys,
            engines: parts.engines,
            node: parts.node,
            guesses: Guesses::new(parts.guesses),
            history: History::default(),
        })))
    }

    /// The use cases.
    #[must_use]
    pub fn admin(&self) -> &Admin {
        &self.0.admin
    }

    /// The page kit.
    #[must_use]
    pub fn kit(&self) -> &Kit {
        &self.0.kit
    }

    pub(crate) fn facts(&self) -> &dyn Facts {
        self.0.facts.as_ref()
    }

    pub(crate) fn devices(&self) -> &dyn DeviceFacts {
        self.0.devices.as_ref()
    }

    pub(crate) fn keys(&self) -> &Arc<dyn KeyUse> {
        &self.0.keys
    }

    pub(crate) fn engines(&self) -> Vec<EngineState> {
        self.0.engines.engines()
    }

    pub(crate) fn node(&self) -> &NodeFacts {
        &self.0.node
    }

    pub(crate) fn guesses(&self) -> &Guesses {
        &self.0.guesses
    }

    pub(crate) fn history(&self) -> &History {
        &self.0.history
    }
}

/// Accounts and tokens, as the guard asks for them with each request.
struct Accounts(Admin);

#[async_trait]
impl Identity for Accounts {
    async fn account(&self, name: &str) -> Result<Option<AccountState>, Fault> {
        let found = self.0.account(name).await?;
        Ok(found.map(|(rights, must_change_password)| AccountState { rights, must_change_password, language: None }))
    }

    async fn token(&self, token: &SecretText, origin: IpAddr) -> Result<Option<Actor>, Fault> {
        self.0.token_actor(token, origin).await
    }
}
