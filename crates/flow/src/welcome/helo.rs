//! The name in HELO or EHLO (mail-gateway.md M-P2). That there is one is asked by
//! the session where [`super::Welcome::wants_hello`] says so; without, an empty name fails these checks.
//!
//! An address literal (`[192.0.2.1]`, RFC 5321 §4.1.3) is a proper name for a client without one; it is "valid" if it is the
//! client's own.

use std::net::IpAddr;

use model::address::normal_domain;
use model::{Fault, Guilty};

use super::lookups::{Lookups, NoAnswer};

/// Is the name fully qualified, or a literal?
pub(super) fn qualified(name: &str) -> Result<(), Fault> {
    if literal(name).is_some() || normal_domain(name).is_some_and(|name| name.contains('.')) {
        return Ok(());
    }
    Err(Fault::permanent(Guilty::Sender, "helo-not-qualified", format!("HELO {name:?}")).with("name", name))
}

/// Is there an entry for it in the DNS? Without an answer nothing speaks against it.
pub(super) async fn known(ask: &dyn Lookups, name: &str, client: IpAddr) -> Result<(), Fault> {
    let unknown = |cause: &str| Err(Fault::permanent(Guilty::Sender, "helo-unknown", format!("HELO {name:?}: {cause}")).with("name", name));
    if let Some(literal) = literal(name) {
        return if literal == client.to_canonical() { Ok(()) } else { unknown("not the client's address") };
    }
    let Some(host) = normal_domain(name) else { return unknown("no host name") };
    match ask.addresses(&host).await {
        Ok(found) if found.is_empty() => unknown("no address"),
        Err(NoAnswer::NoSuchName) => unknown("no such name"),
        Ok(_) | Err(NoAnswer::Temporary(_)) => Ok(()),
    }
}

fn literal(name: &str) -> Option<IpAddr> {
    let inner = name.strip_prefix('[')?.strip_suffix(']')?;
    let tagged = inner.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("ipv6:"));
    let address: IpAddr = if tagged { inner.get(5..)? } else { inner }.parse().ok()?;
    Some(address.to_canonical())
}
