//! `autoreply`: a reply in the name of each recipient (RFC 3834). The mail goes on; what stands in the command's block is done to the reply.
//!
//! Never to the null sender, to lists, to automatic mail, or from somebody to whom the mail was not addressed. That one sender gets one reply a
//! day of one recipient is decided where the plan is made: nothing is counted while rules run.

use std::collections::HashSet;

use message::Message;
use model::{Address, AddressKey, Envelope, Fault, Recipient};

use super::Answered;
use crate::authenticate::Identity;
use crate::notice;
use crate::state::{MailState, Work};

pub(super) fn autoreply(
    work: &Work,
    state: &MailState,
    group: &[usize],
    template: &str,
    fields: &[(String, String)],
) -> Result<Answered, Fault> {
    let Some(sender) = work.envelope.sender.as_ref().filter(|sender| !state.reply && may_be_answered(&state.message, sender)) else {
        return Ok(Answered::plain(false));
    };
    let named: HashSet<AddressKey> =
        ["to", "cc"].iter().flat_map(|field| state.message.mailboxes(field)).map(|mailbox| mailbox.address.key()).collect();
    let ours = |address: &&Address| work.site.is_managed(address) && named.contains(&address.key()) && address.key() != sender.key();
    let mut replies = Vec::new();
    for from in group.iter().filter_map(|place| work.recipient(*place)).filter(ours) {
        let content = notice::reply(work, state, template, from, sender)?;
        let content = notice::with_fields(&content, fields, &work.budget)?;
        let message = Message::parse(content, &work.budget).map_err(Fault::from)?;
        let envelope = Envelope {
            sender: None,
            recipients: vec![Recipient::plain(sender.clone())],
            envelope_id: None,
            ret: None,
            ..work.envelope.clone()
        };
        let user = Identity { address: Some(from.clone()), authenticated: true };
        replies.push(MailState { reply: true, envelope: Some(envelope.into()), ..MailState::new(message, user) });
    }
    let made = !replies.is_empty();
    Ok(Answered { replies, ..Answered::plain(made) })
}

/// RFC 3834 §2: not what a machine or a list has sent.
fn may_be_answered(message: &Message, sender: &Address) -> bool {
    let local = sender.local().to_ascii_lowercase();
    let machine = ["mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply"].contains(&local.as_str())
        || local.starts_with("owner-")
        || local.ends_with("-request")
        || local.ends_with("-bounces");
    let automatic = message.fields().any(|field| {
        let (name, value) = (field.name.to_ascii_lowercase(), field.text().trim().to_ascii_lowercase());
        name.starts_with("list-")
            || (name == "auto-submitted" && value != "no")
            || (name == "precedence" && ["bulk", "list", "junk"].contains(&value.as_str()))
            || name == "x-auto-response-suppress"
    });
    !machine && !automatic
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assemble;
    use crate::decide;
    use crate::kit_tests::{PLAIN, STRANGER, rule_set, state, work};
    use crate::limits::Notices;

    const PAUL: &str = "paul@partner.example";
    const ALICE: &str = "alice@company.example";
    const BOB: &str = "bob@company.example";

    async fn sent(work: &Work, rules: &str, header: &str) -> Vec<(String, String)> {
        let header = format!("From: <{PAUL}>\r\nTo: <{ALICE}>, <{BOB}>\r\nMessage-ID: <one@partner>\r\nSubject: x\r\n{header}");
        let decision = decide::decide(work, rule_set(rules), state(work, &header, PLAIN)).await.unwrap();
        let made = assemble::plan(work, decision, "gate.company.example", &Notices::default(), "digest".into()).unwrap();
        let plan = made.plan.unwrap();
        let text = |output: &model::Output| {
            let to: Vec<&str> = output.recipients.iter().map(|to| to.address.as_str()).collect();
            (
                format!("{}>{}", output.sender.as_ref().map_or("", Address::as_str), to.join(" ")),
                String::from_utf8_lossy(&output.content).into_owned(),
            )
        };
        plan.outputs.iter().map(text).collect()
    }

    #[tokio::test]
    async fn m_r1_autoreply_answers_for_each_recipient_and_the_mail_goes_on() {
        let work = work(STRANGER, PAUL, &[ALICE, BOB]);
        let rules = "if (autoreply('bounce_noenc', 'X-Reply: $user_mail')) { tag_subject('[reply]'); if (incoming()) { drop(550); } } else { tag_subject('[none]'); } tag_subject('[mail]'); deliver();";
        let all = sent(&work, rules, "").await;
        let ways: Vec<&str> = all.iter().map(|(way, _)| way.as_str()).collect();
        assert_eq!(ways.iter().filter(|way| **way == format!(">{PAUL}")).count(), 2, "{ways:?}");
        assert!(ways.contains(&format!("{PAUL}>{ALICE} {BOB}").as_str()), "the mail goes on undivided: {ways:?}");
        let (_, mail) = all.iter().find(|(way, _)| way.starts_with(PAUL)).unwrap();
        assert!(mail.contains("Subject: x [mail]"), "{mail}");
        let reply = &all.iter().find(|(way, text)| way.starts_with('>') && text.contains(&format!("From: {BOB}"))).unwrap().1;
        for part in ["Auto-Submitted: auto-replied", "In-Reply-To: <one@partner>", "[reply]", "To: "] {
            assert!(reply.contains(part), "{part}: {reply}");
        }
        assert!(!reply.contains("[mail]") && !reply.contains("X-Sealgate"));
        assert_eq!(sent(&work, rules, "").await.len(), 1, "one a day");
    }

    #[tokio::test]
    async fn x_12_no_reply_to_machines_and_lists() {
        let rules = "if (autoreply('bounce_noenc')) { } else { tag_subject('[none]'); } deliver();";
        for header in ["List-Id: <x>\r\n", "Auto-Submitted: auto-generated\r\n", "Precedence: bulk\r\n"] {
            let all = sent(&work(STRANGER, PAUL, &[ALICE]), rules, header).await;
            assert!(all.len() == 1 && all[0].1.contains("[none]"), "{header}");
        }
        let mut null = work(STRANGER, PAUL, &[ALICE]);
        null.envelope.sender = None;
        assert_eq!(sent(&null, rules, "").await.len(), 1);
        assert_eq!(sent(&work(STRANGER, "owner-x@partner.example", &[ALICE]), rules, "").await.len(), 1);
        assert_eq!(sent(&work(STRANGER, PAUL, &["carol@company.example"]), rules, "").await.len(), 1, "not addressed to her");
        assert_eq!(sent(&work(STRANGER, PAUL, &[ALICE]), "autoreply('bounce_noenc'); deliver();", "").await.len(), 2, "as a statement");
    }

    #[test]
    fn m_r1_autoreply_stands_alone_in_its_condition() {
        for rules in ["if (!autoreply('bounce_noenc')) { }", "if (incoming() && autoreply('bounce_noenc')) { }"] {
            assert!(rules::compile("t", rules, &rules::BuiltIn).unwrap_err()[0].message.contains("stands alone"), "{rules}");
        }
    }
}
