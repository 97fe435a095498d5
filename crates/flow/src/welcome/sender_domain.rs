//! The sender's domain must exist and take mail (mail-gateway.md M-P2): nobody could ever be told about this mail otherwise.
//!
//! A null MX says that the domain takes none, and so sends none (RFC 7505 §4.2). Without an answer: not now (4xx).

use model::{Address, Fault, Guilty};

use super::lookups::{Lookups, NoAnswer};
use super::unsure;

/// The null sender has no domain, and an address literal needs none.
pub(super) async fn check(ask: &dyn Lookups, sender: Option<&Address>) -> Result<(), Fault> {
    let Some(sender) = sender.filter(|sender| !sender.domain().starts_with('[')) else { return Ok(()) };
    let domain = sender.domain_key();
    let refused =
        |code: &'static str, cause: &str| Err(Fault::permanent(Guilty::Sender, code, format!("{sender}: {cause}")).with("domain", &domain));
    match ask.exchangers(&domain).await {
        Ok(hosts) if hosts.iter().any(|host| host == ".") => return refused("sender-domain-takes-no-mail", "null MX"),
        Ok(hosts) if !hosts.is_empty() => return Ok(()),
        Ok(_) => {}
        Err(NoAnswer::NoSuchName) => return refused("sender-domain-unknown", "no such domain"),
        Err(NoAnswer::Temporary(cause)) => return Err(unsure(format!("MX of {domain}: {cause}"))),
    }
    match ask.addresses(&domain).await {
        Ok(found) if !found.is_empty() => Ok(()),
        Ok(_) | Err(NoAnswer::NoSuchName) => refused("sender-domain-unknown", "neither MX nor address"),
        Err(NoAnswer::Temporary(cause)) => Err(unsure(format!("addresses of {domain}: {cause}"))),
    }
}
