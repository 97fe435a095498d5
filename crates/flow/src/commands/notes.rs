//! Commands that leave something beside the mail: a log line, a notice, an archive copy. All of it is kept in
//! the state and becomes part of the plan; nothing is done while the rules run.

use model::{Address, Fault, Guilty, Output, Recipient};
use rules::Receiver;

use super::{Answered, encrypt};
use crate::notice;
use crate::state::{Extra, MailState, Work};

/// Arguments of `notify`.
pub(super) struct Notice<'a> {
    pub(super) to: &'a Receiver,
    pub(super) template: &'a str,
    pub(super) headers: bool,
    pub(super) fields: &'a [(String, String)],
}

/// Rule levels are syslog's severities counted from the other end (contract.md).
pub(super) fn log(work: &Work, level: u8, text: &str) -> Answered {
    let trace = work.trace;
    match level {
        0 => tracing::debug!(%trace, event = "rule.log", level, text),
        1 | 2 => tracing::info!(%trace, event = "rule.log", level, text),
        3 => tracing::warn!(%trace, event = "rule.log", level, text),
        _ => tracing::error!(%trace, event = "rule.log", level, text),
    }
    Answered::plain(true)
}

/// One copy of the mail as it now is (M-R7); copies to one address are merged when the plan is made.
pub(super) async fn archive(work: &Work, state: &MailState, address: &str) -> Result<Answered, Fault> {
    let address = Address::parse(address)
        .map_err(|e| Fault::temporary(Guilty::Configuration, "rules-bad-address", format!("archive({address:?}): {e}")))?;
    let inside = work.site.is_managed(&address);
    // Out of the house it goes under a key or under TLS that is sure, never in clear.
    let certificate = if inside { None } else { keyring::choose::encryption(&work.site, &address.key(), work.now) };
    if !inside && certificate.is_none() && !sure_tls(work, &address) {
        let cause =
            format!("archive({address}): neither in a managed domain, nor with a certificate, nor with a TLS level of encrypt or better");
        return Err(Fault::temporary(Guilty::Configuration, "archive-unprotected", cause));
    }
    let mut edit = state.message.edit();
    if let Some(certificate) = certificate {
        edit.replace_entity(encrypt::for_one(work, &state.message, certificate).await?);
    }
    edit.prepend("X-Sealgate-Envelope", &notice::envelope_line(&work.envelope));
    let mut next = state.clone();
    next.extra.push(Extra::Archive(Output { opened: true, inside, ..Output::own(Recipient::plain(address), edit.finish()) }));
    Ok(Answered::changed(next))
}

/// Does mail for this address leave under TLS of level `encrypt` or better only (M-T4)?
fn sure_tls(work: &Work, address: &Address) -> bool {
    let own = work.site.tls.get(&address.domain_key()).map_or(work.site.mail.tls_out.as_str(), |row| row.level.as_str());
    ["encrypt", "verify", "secure", "fingerprint", "dane"].contains(&own)
}

pub(super) fn notify(work: &Work, state: &MailState, asked: &Notice<'_>) -> Result<Answered, Fault> {
    let receiver = match asked.to {
        // What a key did is not for strangers: the log knows it.
        Receiver::Sender if state.key_used && !work.sender_known() => None,
        Receiver::Sender => work.envelope.sender.clone(),
        Receiver::Admin => Address::parse(&notice::postmaster(&work.site)).ok(),
        Receiver::Address(text) => Some(
            Address::parse(text)
                .map_err(|e| Fault::temporary(Guilty::Configuration, "rules-bad-address", format!("notify({text:?}): {e}")))?,
        ),
    };
    // Never to a null sender.
    let Some(receiver) = receiver else {
        return Ok(Answered::plain(true));
    };
    let mut output = notice::from_template(work, state, asked.template, &receiver, asked.headers)?;
    output.content = notice::with_fields(&output.content, asked.fields, &work.budget)?;
    let mut next = state.clone();
    next.extra.push(Extra::Notice(output));
    Ok(Answered::changed(next))
}
