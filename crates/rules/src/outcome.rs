//! From the ends of the groups to the one answer that the client gets (ruleset-language.md "When it runs").
//!
//! A pure function. It is also the place of the rule that a stranger never learns what a private key did
//! (security.md X-3): after a decrypt command has used one, `drop` and `bounce` count as accepted in silence,
//! and a fault ends in delivery.

use std::sync::Arc;

use model::Fault;

use crate::GroupId;

/// How one group ended.
#[derive(Debug, Clone)]
pub struct GroupEnd {
    /// The group.
    pub group: GroupId,
    /// Its recipients, as places in the envelope.
    pub recipients: Arc<[usize]>,
    /// What the rules said.
    pub end: End,
    /// A decrypt command has used a private key for this group.
    pub key_used: bool,
    /// It is a reply that the gateway wrote: it says nothing about the mail.
    pub reply: bool,
}

/// What the rules said at the end of a group.
#[derive(Debug, Clone)]
pub enum End {
    /// Deliver: by the usual route, or to this server (notation of mail-gateway.md M-T2).
    Deliver {
        /// The server, if one was named.
        server: Option<String>,
    },
    /// Delete the mail and send this template to the sender.
    Bounce {
        /// The template.
        template: String,
        /// Attach the original header.
        headers: bool,
    },
    /// Refuse, or discard when the code is 250.
    Drop {
        /// 250, 4xx or 5xx.
        code: u16,
        /// The reply's text; may begin with an enhanced status code.
        text: String,
    },
    /// Open the attached messages for their sender, and send them back (mail-gateway.md M-R7a).
    Reprocess,
    /// Something that the whole mail needs is not there for now.
    Temporary(Fault),
}

/// What becomes of one group of an accepted mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is delivered.
    Deliver,
    /// Its attached messages go back to the sender.
    Reprocess,
    /// The bounce template goes to the sender, whom we know: a stranger gets none (security.md X-12).
    Bounce,
    /// Nothing is sent to these recipients; the sender, whom we know, gets a DSN about them.
    TellSender,
    /// Nothing is sent; the log says it for each recipient.
    Discard,
}

/// The answer to the client.
#[derive(Debug, Clone)]
pub enum WholeMail {
    /// 4xx; nothing of any group is kept.
    TryLater {
        /// 400 to 499.
        code: u16,
        /// The reply's text.
        text: String,
        /// The fault behind it, if no `drop` asked for it.
        cause: Option<Fault>,
    },
    /// 5xx; nothing of any group is kept but the notifications.
    Refused {
        /// 500 to 599.
        code: u16,
        /// The reply's text.
        text: String,
        /// True when no group is delivered and the refusal stands for a bounce.
        instead_of_bounce: bool,
    },
    /// 250; one fate a group, in the order of the ends.
    Accepted(Vec<Fate>),
}

/// The answer for the whole mail. `sender_known`: the client was authenticated, or may speak for the sender.
#[must_use]
pub fn outcome(ends: &[GroupEnd], sender_known: bool) -> WholeMail {
    let hidden = |end: &GroupEnd| !sender_known && end.key_used;
    // A 4xx that a rule says of a reply is the reply's own affair; what is not there for now is the whole mail's.
    let later_of_mail = |end: &&GroupEnd| !end.reply || matches!(end.end, End::Temporary(_));
    if let Some(later) = ends.iter().filter(later_of_mail).find_map(|end| try_later(end, hidden(end))) {
        return later;
    }
    let mail: Vec<&GroupEnd> = ends.iter().filter(|end| !end.reply).collect();
    let dropped = |end: &&GroupEnd| matches!(end.end, End::Drop { .. }) && !hidden(end);
    let bounced = |end: &&GroupEnd| matches!(end.end, End::Bounce { .. }) && !hidden(end);
    if let Some(GroupEnd { end: End::Drop { code, text }, .. }) = mail.first()
        && mail.iter().all(dropped)
        && *code >= 500
    {
        return WholeMail::Refused { code: *code, text: text.clone(), instead_of_bounce: false };
    }
    let refused = |end: &&GroupEnd| bounced(end) || (dropped(end) && matches!(end.end, End::Drop { code, .. } if code >= 500));
    if !mail.is_empty() && !sender_known && mail.iter().all(refused) {
        let text = "5.7.1 This message cannot be accepted as it is".to_owned();
        return WholeMail::Refused { code: 550, text, instead_of_bounce: true };
    }
    let fates = ends.iter().map(|end| match &end.end {
        End::Bounce { .. } | End::Drop { .. } | End::Reprocess if end.reply => Fate::Discard,
        // A fault that is left over here is a hidden one: what was opened is delivered as it was before it.
        End::Deliver { .. } | End::Temporary(_) => Fate::Deliver,
        End::Reprocess => Fate::Reprocess,
        End::Bounce { .. } if sender_known => Fate::Bounce,
        End::Drop { code, .. } if sender_known && *code != 250 => Fate::TellSender,
        End::Drop { .. } | End::Bounce { .. } => Fate::Discard,
    });
    WholeMail::Accepted(fates.collect())
}

fn try_later(end: &GroupEnd, hidden: bool) -> Option<WholeMail> {
    match &end.end {
        End::Temporary(fault) if !hidden => {
            let text = "4.3.0 Try again later".to_owned();
            Some(WholeMail::TryLater { code: 451, text, cause: Some(fault.clone()) })
        }
        End::Drop { code, text } if (400..500).contains(code) && !hidden => {
            Some(WholeMail::TryLater { code: *code, text: text.clone(), cause: None })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use model::Guilty;

    use super::*;

    fn ends(words: &str) -> Vec<GroupEnd> {
        let end = |(number, word): (usize, &str)| {
            let (word, key_used) = word.strip_suffix('*').map_or((word, false), |w| (w, true));
            let end = match word {
                "deliver" => End::Deliver { server: None },
                "bounce" => End::Bounce { template: "bounce_noenc".into(), headers: false },
                "fault" => End::Temporary(Fault::temporary(Guilty::Ourselves, "disk-full", "test")),
                code => End::Drop { code: code.parse().unwrap(), text: format!("group {number}") },
            };
            GroupEnd { group: GroupId(number as u32), recipients: Arc::from([number]), end, key_used, reply: false }
        };
        words.split(' ').filter(|w| !w.is_empty()).enumerate().map(end).collect()
    }

    fn say(words: &str, known: bool) -> String {
        match outcome(&ends(words), known) {
            WholeMail::TryLater { code, text, cause } => {
                format!("{code} {text}{}", cause.map(|f| format!(" ({})", f.code)).unwrap_or_default())
            }
            WholeMail::Refused { code, text, instead_of_bounce } => {
                format!("{code} {text}{}", if instead_of_bounce { " (instead of a bounce)" } else { "" })
            }
            WholeMail::Accepted(fates) => format!("250 {fates:?}"),
        }
    }

    #[test]
    fn the_table_of_combined_answers() {
        let cases = [
            "deliver",
            "bounce",
            "deliver bounce",
            "550",
            "555 550",
            "250",
            "250 550",
            "550 250",
            "451",
            "deliver 451",
            "bounce 451 550",
            "fault",
            "deliver fault",
            "deliver 550",
            "bounce bounce",
            "bounce 550",
            "deliver 250",
            "deliver*",
            "550*",
            "451*",
            "bounce*",
            "bounce* bounce",
            "550* 550",
            "fault*",
        ];
        let table: Vec<String> = cases
            .iter()
            .flat_map(|case| {
                [true, false].map(|known| format!("{case:<16} {:<8} {}", if known { "known" } else { "stranger" }, say(case, known)))
            })
            .collect();
        insta::with_settings!({ snapshot_path => "../cases", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("combined_answers", table.join("\n"));
        });
    }

    #[test]
    fn x_3_a_stranger_never_sees_what_a_key_did() {
        let opened = "deliver*";
        for failed in ["550*", "451*", "bounce*", "250*", "fault*"] {
            for other in ["", " deliver", " 550", " bounce"] {
                let code = |first: &str| say(&format!("{first}{other}"), false).split(' ').next().unwrap().to_owned();
                assert_eq!(code(failed), code(opened), "{failed}{other}");
            }
        }
    }

    #[test]
    fn x_12_strangers_get_no_bounce_that_somebody_else_may_receive() {
        assert_eq!(say("deliver bounce", false), "250 [Deliver, Discard]");
        assert_eq!(say("deliver bounce", true), "250 [Deliver, Bounce]");
        assert!(say("bounce bounce", false).starts_with("550"), "nothing is kept, so the client can be told");
    }

    #[test]
    fn x_12_strangers_get_no_notice_about_dropped_recipients() {
        assert_eq!(say("deliver 550", false), "250 [Deliver, Discard]");
        assert_eq!(say("deliver 550", true), "250 [Deliver, TellSender]");
    }
}
