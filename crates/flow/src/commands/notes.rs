//! Commands that leave something beside the mail: a log line, a notice, an archive copy, an account. All of it is kept in
//! the state and becomes part of the plan; nothing is done while the rules run.

use model::{Address, Fault, Guilty, Output, Recipient};
use rules::Receiver;

use super::Answered;
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
pub(super) fn archive(work: &Work, state: &MailState, address: &str) -> Result<Answered, Fault> {
    let address = Address::parse(address)
        .map_err(|e| Fault::temporary(Guilty::Configuration, "rules-bad-address", format!("archive({address:?}): {e}")))?;
    // In clear, and neither an archive's key nor a TLS level for it can be set yet: it stays in the house.
    if !work.site.is_managed(&address) {
        let cause = format!("archive({address}): not in a managed domain");
        return Err(Fault::temporary(Guilty::Configuration, "archive-unprotected", cause));
    }
    let mut edit = state.message.edit();
    edit.prepend("X-Sealgate-Envelope", &notice::envelope_line(&work.envelope));
    let mut next = state.clone();
    next.extra.push(Extra::Archive(Output { opened: true, inside: true, ..Output::own(Recipient::plain(address), edit.finish()) }));
    Ok(Answered::changed(next))
}

/// Only an authenticated sender gets an account; an existing one stays as it is.
pub(super) fn create_account(state: &MailState, name: Option<&str>) -> Answered {
    let Some(address) = state.user.address.clone().filter(|_| state.user.authenticated) else {
        return Answered::plain(false);
    };
    let name = name
        .map_or_else(|| state.message.mailboxes("from").into_iter().find_map(|mailbox| mailbox.name).unwrap_or_default(), str::to_owned);
    Answered::changed(MailState { account: Some((address, name)), ..state.clone() })
}

pub(super) fn notify(work: &Work, state: &MailState, asked: &Notice<'_>) -> Result<Answered, Fault> {
    let receiver = match asked.to {
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
