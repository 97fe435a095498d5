//! Clients of the outside world that are no mail servers.
//!
//! [`dns`] asks for names, [`egress`] fetches what strangers' data names, [`clamd`] and [`rspamd`] are the scanners, [`ldap`] asks directories, [`proxy`] is a way out. Key
//! servers and everything else that a gate asks over the network come here, each in a file of its own, each with its time-outs
//! and bounds. Nothing here knows mail or phones; `flow` and `keyring` glue these clients to the ports of the rooms beside.

pub mod clamd;
pub mod dns;
pub mod egress;
pub mod ldap;
pub mod ldap_certificates;
pub mod ldap_values;
pub mod proxy;
pub mod rspamd;

/// Why a scanner gave no answer that can be used. The texts are for logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScannerError {
    /// It can't be reached, or broke off.
    #[error("it can't be reached: {0}")]
    Away(String),
    /// No answer in this time.
    #[error("no answer within {0:?}")]
    Slow(std::time::Duration),
    /// An answer that is none.
    #[error("unexpected answer: {0}")]
    Unexpected(String),
}
