//! All listening sockets of a node, bound before anything else runs, so that a port in use is the first thing said.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Mutex;

use model::Fault;

use crate::config::{NodeConfig, Role};
use crate::listeners::bind;
use crate::ready::Listeners;
use crate::secrets;

/// Bound sockets by listener name.
#[derive(Debug, Default)]
pub struct Sockets(Mutex<BTreeMap<&'static str, Vec<TcpListener>>>);

impl Sockets {
    /// Binds every address of the node's roles.
    ///
    /// # Errors
    /// `port-in-use` or `listen-failed` for the first that can't be had.
    pub fn bind(config: &NodeConfig) -> Result<Self, Fault> {
        let mut bound = BTreeMap::new();
        let metrics: Vec<SocketAddr> = config.metrics.listen.into_iter().collect();
        let wanted = [
            ("smtp", &config.smtp.listen, config.has(Role::Mail)),
            ("mobile", &config.mobile.listen, config.has(Role::Mobile)),
            ("console", &config.console.listen, config.has(Role::Console)),
            ("metrics", &metrics, true),
        ];
        for (name, addresses, on) in wanted {
            if on {
                bound.insert(name, addresses.iter().map(|address| bind(name, *address)).collect::<Result<Vec<_>, _>>()?);
            }
        }
        Ok(Self(Mutex::new(bound)))
    }

    /// Hands over one listener's sockets to tokio and notes their addresses.
    ///
    /// # Errors
    /// The system's.
    pub fn take(&self, name: &'static str, listeners: &mut Listeners) -> Result<Vec<tokio::net::TcpListener>, Fault> {
        let sockets = self.0.lock().map(|mut bound| bound.remove(name).unwrap_or_default()).unwrap_or_default();
        let mut taken = Vec::with_capacity(sockets.len());
        for socket in sockets {
            listeners.entry(name).or_default().push(socket.local_addr().map_err(|e| secrets::ourselves("listen-failed", e))?);
            taken.push(tokio::net::TcpListener::from_std(socket).map_err(|e| secrets::ourselves("listen-failed", e))?);
        }
        Ok(taken)
    }
}
