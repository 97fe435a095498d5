//! All listening sockets of a node, bound before anything else runs, so that a port in use is the first thing said.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Mutex;

use model::Fault;

use crate::config::{NodeConfig, Role, Smtp};
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
        let local: Vec<SocketAddr> = config.mobile.admin_listen.into_iter().collect();
        let doors = smtp_doors(&config.smtp);
        let wanted = [
            ("smtp", &doors.plain, config.has(Role::Mail)),
            ("implicit_tls", &doors.implicit_tls, config.has(Role::Mail)),
            ("submission", &doors.submission, config.has(Role::Mail)),
            ("submissions", &doors.submissions, config.has(Role::Mail)),
            ("mobile", &config.mobile.listen, config.has(Role::Mobile)),
            ("mobile_admin", &local, config.has(Role::Mobile)),
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

/// SMTP addresses by what is particular to them.
struct SmtpDoors {
    plain: Vec<SocketAddr>,
    implicit_tls: Vec<SocketAddr>,
    submission: Vec<SocketAddr>,
    submissions: Vec<SocketAddr>,
}

/// An address that stands in `implicit_tls` and in another list is one listener with both properties.
fn smtp_doors(config: &Smtp) -> SmtpDoors {
    let both = |address: &SocketAddr, other: &[SocketAddr]| address.port() != 0 && other.contains(address);
    let only = |list: &[SocketAddr], others: &[&[SocketAddr]]| {
        list.iter().filter(|address| !others.iter().any(|other| both(address, other))).copied().collect()
    };
    let (plain, tls, submission) = (&config.listen[..], &config.implicit_tls[..], &config.submission[..]);
    SmtpDoors {
        plain: only(plain, &[tls, submission]),
        implicit_tls: only(tls, &[submission]),
        submission: only(submission, &[tls]),
        submissions: submission.iter().filter(|address| both(address, tls)).copied().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_t1_an_address_in_two_lists_has_both_properties() {
        let list = |ports: &[u16]| ports.iter().map(|port| SocketAddr::from(([127, 0, 0, 1], *port))).collect::<Vec<_>>();
        let config =
            Smtp { listen: list(&[25, 0]), implicit_tls: list(&[465, 466, 0]), submission: list(&[587, 465, 0]), ..Smtp::default() };
        let doors = smtp_doors(&config);
        assert_eq!((doors.plain, doors.implicit_tls), (list(&[25, 0]), list(&[466, 0])));
        assert_eq!((doors.submission, doors.submissions), (list(&[587, 0]), list(&[465])));
    }
}
