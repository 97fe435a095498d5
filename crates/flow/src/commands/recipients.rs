//! `replace_rcpt`: other recipients for a group. The group goes on with an envelope of its own; others keep theirs.

use std::collections::HashSet;
use std::sync::Arc;

use model::{Address, AddressKey, Fault, Guilty, Recipient};
use regex::Regex;
use rules::Answer;

use super::Answered;
use crate::state::{MailState, Work};

/// Most recipients that a group may get.
const MOST: usize = 10_000;

pub(super) fn replace(work: &Work, state: &MailState, group: &[usize], pattern: Option<&Regex>, to: &[String]) -> Result<Answered, Fault> {
    let mut envelope = work.envelope.clone();
    let old: Vec<Recipient> = group.iter().filter_map(|place| envelope.recipients.get(*place).cloned()).collect();
    let mut known: HashSet<AddressKey> = HashSet::new();
    let mut new: Vec<Recipient> = Vec::new();
    let mut changed = false;
    for recipient in &old {
        let texts: Option<Vec<String>> = to.iter().map(|text| rules::replaced(pattern, text, recipient.address.as_str())).collect();
        let next = match texts {
            None => vec![recipient.clone()],
            Some(texts) => texts.iter().map(|text| redirected(recipient, text)).collect::<Result<_, _>>()?,
        };
        changed |= next.len() != 1 || next.iter().any(|next| next.address.key() != recipient.address.key());
        new.extend(next.into_iter().filter(|next| known.insert(next.address.key())));
        if new.len() > MOST {
            return Err(Fault::temporary(
                Guilty::Configuration,
                "rules-bad-address",
                format!("replace_rcpt gives more than {MOST} recipients"),
            ));
        }
    }
    if !changed {
        return Ok(Answered::plain(false));
    }
    let mut places: Vec<usize> = Vec::with_capacity(new.len());
    let mut own = group.iter().copied();
    for recipient in new {
        let place = own.next().unwrap_or(envelope.recipients.len());
        match envelope.recipients.get_mut(place) {
            Some(slot) => *slot = recipient,
            None => envelope.recipients.push(recipient),
        }
        places.push(place);
    }
    let next = MailState { envelope: Some(Arc::new(envelope)), ..state.clone() };
    Ok(Answered { answer: Answer::Yes, recipients: Some(places.into()), ..Answered::changed(next) })
}

/// The same recipient at another address: what it was first is told on (RFC 3461 §4.2).
fn redirected(recipient: &Recipient, text: &str) -> Result<Recipient, Fault> {
    let address = Address::parse(text)
        .map_err(|e| Fault::temporary(Guilty::Configuration, "rules-bad-address", format!("replace_rcpt gives {text:?}: {e}")))?;
    if address.key() == recipient.address.key() {
        return Ok(recipient.clone());
    }
    let original = recipient.original.clone().or_else(|| Some(format!("rfc822;{}", recipient.address)));
    Ok(Recipient { address, original, notify: recipient.notify })
}

#[cfg(test)]
mod tests {
    use crate::decide;
    use crate::kit_tests::{OURS, PLAIN, rule_set, state, work};

    const ALICE: &str = "alice@company.example";

    async fn ways(to: &[&str], rules: &str) -> Vec<String> {
        let work = work(OURS, ALICE, to);
        let decided = decide::decide(&work, rule_set(rules), state(&work, "Subject: x\r\n", PLAIN)).await.unwrap();
        let names = |(end, state): &(rules::GroupEnd, crate::state::MailState)| {
            let seen = state.work(&work);
            format!(
                "{}: {}",
                state.message.decoded("subject").unwrap(),
                seen.addresses(&end.recipients).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            )
        };
        decided.ends.iter().map(names).collect()
    }

    #[tokio::test]
    async fn m_r1_replace_rcpt_gives_a_group_new_recipients() {
        let to = ["bob@company.example", "paul@partner.example"];
        let tag = "tag_subject('$to');";
        assert_eq!(
            ways(&to, &format!(r"if (replace_rcpt('\@company\.example', '\@new\.example')) {{ {tag} }}")).await,
            ["x bob@new.example, paul@partner.example: bob@new.example paul@partner.example"]
        );
        assert_eq!(
            ways(&to, "replace_rcpt('one@new.example;two@new.example;three@new.example');").await,
            ["x: one@new.example two@new.example three@new.example"]
        );
        assert_eq!(ways(&to, "replace_rcpt('one@new.example');").await, ["x: one@new.example"], "each once");
        assert_eq!(
            ways(&to, "if (!replace_rcpt('nobody', 'x@y.example')) { tag_subject('no'); }").await,
            ["x no: bob@company.example paul@partner.example"]
        );
        let split = "if (incoming()) { replace_rcpt('^(.*)@.*$', '$1@inside.example;copy@new.example'); } if (rmatchsplit('copy')) { tag_subject('copy'); }";
        assert_eq!(ways(&to, split).await, ["x copy: copy@new.example", "x: bob@inside.example", "x: paul@partner.example"]);
    }

    #[tokio::test]
    async fn m_r1_a_result_that_is_no_address_is_a_4xx() {
        let work = work(OURS, ALICE, &["bob@company.example"]);
        let mail = state(&work, "Subject: x\r\n", PLAIN);
        let fault = decide::decide(&work, rule_set("replace_rcpt('@.*', '$subject');"), mail).await.unwrap_err();
        assert!(fault.temporary && fault.code == "rules-bad-address", "{fault}");
    }
}
