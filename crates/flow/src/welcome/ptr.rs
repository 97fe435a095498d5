//! The client's name in the DNS (mail-gateway.md M-P2): a PTR record, and in the strict form one whose name has the client's
//! address again. Only the strict form demands a proof: without an answer it says "not now" (4xx), the plain form yes.

use std::net::IpAddr;

use model::{Fault, Guilty};

use super::lookups::{Lookups, NoAnswer};
use super::unsure;

/// Names of one address that are looked up again; whoever has more names is confirmed by these or not at all.
const NAMES_MAX: usize = 5;

pub(super) async fn check(ask: &dyn Lookups, client: IpAddr, strict: bool) -> Result<(), Fault> {
    let names = match ask.names(client).await {
        Ok(names) => names,
        Err(NoAnswer::NoSuchName) => Vec::new(),
        Err(NoAnswer::Temporary(_)) if !strict => return Ok(()),
        Err(NoAnswer::Temporary(cause)) => return Err(unsure(format!("PTR of {client}: {cause}"))),
    };
    if names.is_empty() {
        return Err(Fault::permanent(Guilty::Sender, "client-without-name", format!("{client} has no PTR record")).with("address", client));
    }
    if !strict {
        return Ok(());
    }
    let mut silent = None;
    for name in names.iter().take(NAMES_MAX) {
        match ask.addresses(name).await {
            Ok(found) if found.iter().any(|address| address.to_canonical() == client.to_canonical()) => return Ok(()),
            Ok(_) | Err(NoAnswer::NoSuchName) => {}
            Err(NoAnswer::Temporary(cause)) => silent = Some(format!("addresses of {name}: {cause}")),
        }
    }
    match silent {
        Some(cause) => Err(unsure(cause)),
        None => {
            let cause = format!("none of {} has the address {client}", names.join(", "));
            Err(Fault::permanent(Guilty::Sender, "client-name-unconfirmed", cause).with("address", client))
        }
    }
}
