//! Whom mail is taken from: the checks of strangers at MAIL and RCPT (mail-gateway.md M-P1 to M-P3, M-P8).
//!
//! Before: the session's order of commands. After: [`crate::accept`] has said that the recipient is ours. The order of the
//! checks stands in [`Welcome::standing`] and [`Welcome::recipient`] and nowhere else. What is found out at MAIL is told at
//! RCPT: a client may still sign in between HELO and MAIL, the log then names the recipient, and mail to the postmaster
//! passes (RFC 5321 §4.5.1). Must never: refuse because the DNS is silent, but for the checks that demand a proof, and these
//! for now only (4xx); ask anything of a relay network or of somebody who signed in.

pub mod access;
pub mod block_list;
pub mod greylist;
pub mod helo;
pub mod lookups;
pub mod ptr;
pub mod sender_domain;
pub mod share;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::site::{AccessAction, Greylisting};
use model::{Address, Fault, Guilty, Peer, Site, Timestamp};

use greylist::{Greylist, Spans, Triplet, Verdict};
use lookups::{Bounded, Lookups};

use crate::limits::{Buckets, NoticeSettings};

/// Durations and bounds of the checks.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Longest that all look-ups for one MAIL may take together.
    pub longest: Duration,
    /// Triplets held in memory; beyond, the oldest go.
    pub triplets: usize,
    /// New triplets that one network (/24, /64) may bring within an hour. What is beyond waits without being noted.
    pub newcomers: u32,
    /// Triplets of all nodes in the store; beyond, those that have not passed go first.
    pub stored: u64,
    /// How often triplets are written to the store and read from it.
    pub share: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { longest: Duration::from_secs(10), triplets: 500_000, newcomers: 1_000, stored: 1_000_000, share: Duration::from_secs(2) }
    }
}

/// The checks of one node. Cheap to clone.
#[derive(Clone)]
pub struct Welcome {
    lookups: Arc<dyn Lookups>,
    greylist: Arc<Greylist>,
    newcomers: Arc<Buckets<IpAddr>>,
    settings: Settings,
}

/// How a client stands for one mail, found out at MAIL.
#[derive(Debug, Clone, Default)]
pub enum Standing {
    /// A relay network, somebody who signed in, or an entry of the list by hand: not checked.
    Exempt,
    /// A stranger against whom nothing speaks.
    #[default]
    Stranger,
    /// Refused at each RCPT but the postmaster's.
    Unwelcome(Fault),
}

impl Welcome {
    /// The checks with what they ask.
    #[must_use]
    pub fn new(lookups: Arc<dyn Lookups>, settings: Settings) -> Self {
        let newcomers = NoticeSettings { most: settings.newcomers, per: Duration::from_secs(3_600), receivers: 10_000 };
        Self { lookups, greylist: Arc::new(Greylist::new(settings.triplets)), newcomers: Arc::new(Buckets::new(newcomers)), settings }
    }

    /// The triplets of this node, for [`share`].
    #[must_use]
    pub fn greylist(&self) -> &Arc<Greylist> {
        &self.greylist
    }

    /// The settings it was made with.
    #[must_use]
    pub const fn settings(&self) -> Settings {
        self.settings
    }

    /// At MAIL. The checks that ask the DNS run side by side; of several that speak against the client the first counts.
    pub async fn standing(&self, site: &Site, peer: &Peer, sender: Option<&Address>) -> Standing {
        let rules = &site.protection;
        if is_known(site, peer) {
            return Standing::Exempt;
        }
        match access::ruling(&rules.access, peer.address) {
            Some((AccessAction::Accept, _)) => return Standing::Exempt,
            Some((AccessAction::Reject, entry)) => return Standing::Unwelcome(access::rejected(peer.address, entry)),
            None => {}
        }
        if rules.helo_fqdn
            && let Err(fault) = helo::qualified(&peer.helo)
        {
            return Standing::Unwelcome(fault);
        }
        let ask = &Bounded::new(self.lookups.as_ref(), self.settings.longest);
        let (helo, ptr, sender, listed) = tokio::join!(
            async { if rules.helo_valid { helo::known(ask, &peer.helo, peer.address).await } else { Ok(()) } },
            async { if rules.ptr || rules.ptr_strict { ptr::check(ask, peer.address, rules.ptr_strict).await } else { Ok(()) } },
            async { if rules.sender_domain { sender_domain::check(ask, sender).await } else { Ok(()) } },
            block_list::check(ask, &rules.rbl, peer.address),
        );
        // What speaks against the client for good counts more than what could not be found out.
        let checks = [helo, ptr, sender, listed];
        let first = |temporary: bool| checks.iter().find_map(|check| check.as_ref().err().filter(|fault| fault.temporary == temporary));
        first(false).or(first(true)).map_or(Standing::Stranger, |fault| Standing::Unwelcome(fault.clone()))
    }

    /// Must this client name itself before MAIL? Only strangers, where the site demands it (M-P2, M-P8).
    #[must_use]
    pub fn wants_hello(site: &Site, peer: &Peer) -> bool {
        let accepted = matches!(access::ruling(&site.protection.access, peer.address), Some((AccessAction::Accept, _)));
        site.protection.helo_required && !is_known(site, peer) && !accepted
    }

    /// At RCPT, for a recipient whom we take mail for.
    ///
    /// # Errors
    /// Why this mail is not taken, or not yet.
    pub fn recipient(&self, site: &Site, met: Met<'_>, recipient: &Address, now: Timestamp) -> Result<(), Fault> {
        match met.standing {
            Standing::Exempt => return Ok(()),
            Standing::Unwelcome(fault) if !is_postmaster(recipient) => return Err(fault.clone()),
            Standing::Stranger | Standing::Unwelcome(_) => {}
        }
        let rules = &site.protection;
        if rules.greylist == Greylisting::Off || is_postmaster(recipient) {
            return Ok(());
        }
        let triplet = Triplet::of(met.peer.address, met.sender, recipient);
        let spans = Spans { delay: rules.greylist_delay.0, window: rules.greylist_window.0, memory: rules.greylist_memory.0 };
        let from = met.sender.map_or("", Address::as_str);
        let may_note = !self.greylist.is_new(&triplet, now, spans) || self.newcomers.take(&greylist::network(met.peer.address), now);
        if rules.greylist == Greylisting::Learn {
            if may_note && self.greylist.learn(triplet, now, spans) {
                tracing::info!(event = "mail.greylist_learned", peer = %met.peer.address, from, to = %recipient);
            }
            return Ok(());
        }
        let verdict = match may_note {
            true => self.greylist.judge(triplet, now, spans),
            false => Verdict::Wait { left: spans.delay, why: "too many of this network" },
        };
        match verdict {
            Verdict::Known => Ok(()),
            Verdict::Passed { waited } => {
                let waited_seconds = waited.as_secs();
                tracing::info!(event = "mail.greylist_passed", peer = %met.peer.address, from, to = %recipient, waited_seconds);
                Ok(())
            }
            Verdict::Wait { left, why } => {
                let wait_seconds = left.as_secs().max(1);
                tracing::info!(event = "mail.greylisted", peer = %met.peer.address, from, to = %recipient, why, wait_seconds);
                let cause = format!("{why}, {wait_seconds} s to wait");
                Err(Fault::temporary(Guilty::Sender, "greylisted", cause).with("seconds", wait_seconds))
            }
        }
    }
}

/// Who brings a mail, as it is known at RCPT.
#[derive(Debug, Clone, Copy)]
pub struct Met<'a> {
    /// The client.
    pub peer: &'a Peer,
    /// MAIL FROM.
    pub sender: Option<&'a Address>,
    /// What MAIL found out.
    pub standing: &'a Standing,
}

/// A check that demands a proof could not be made now.
pub(crate) fn unsure(cause: String) -> Fault {
    Fault::temporary(Guilty::Sender, "sender-unsure", cause)
}

/// Whom the checks do not concern: a relay network, or somebody who signed in (M-P8).
fn is_known(site: &Site, peer: &Peer) -> bool {
    peer.account.is_some() || site.may_relay(peer.address)
}

fn is_postmaster(recipient: &Address) -> bool {
    recipient.local().eq_ignore_ascii_case("postmaster")
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
