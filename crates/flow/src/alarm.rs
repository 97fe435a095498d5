//! Mails to the postmaster about the gateway itself: what fails, fills up, runs out or is away (mail-gateway.md M-T10).
//!
//! Before: the node's watch has found something and made sure that it is not told twice (at most once a day for each kind and
//! subject). After: the queue, as with any mail. Never about a mail: its fate stands in the log, and a double bounce in `queue::dsn`.

use bytes::Bytes;
use message::build::Builder;
use model::{Address, Fault, Guilty, Language, Output, Plan, Recipient, Site, Timestamp, TraceId};

use crate::notice;

/// What an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A job of the store is not tried any more.
    Job,
    /// Certificates of listeners or of our users end soon.
    Certificate,
    /// The disk is nearly full.
    Disk,
    /// A scanner has been away for too long.
    Scanner,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Job, Self::Certificate, Self::Disk, Self::Scanner];

    /// The word in the log and in the ids of texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Certificate => "certificate",
            Self::Disk => "disk",
            Self::Scanner => "scanner",
        }
    }
}

/// One alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// What it is about.
    pub kind: Kind,
    /// What of that kind: a path, an engine, a job. With the kind it says whether this was told before.
    pub subject: String,
    /// What its texts need beside `host` and `subject`.
    pub args: Vec<(&'static str, String)>,
}

/// The mail to the postmaster, from us, with the null sender; nobody answers it (RFC 3834 §5).
///
/// # Errors
/// `bad-field` if the postmaster's address can't be read.
pub fn plan(site: &Site, hostname: &str, now: Timestamp, alarm: &Alarm) -> Result<Plan, Fault> {
    let postmaster = notice::postmaster(site);
    let unread = |error| Fault::permanent(Guilty::Configuration, "bad-field", format!("[mail] postmaster {postmaster:?}: {error}"));
    let to = Address::parse(&postmaster).map_err(unread)?;
    let known = site.language_of(&to);
    let languages = known.map_or_else(|| Language::ALL.to_vec(), |language| vec![language]);
    let trace = TraceId::new();
    let content: Bytes = Builder::new()
        .header("From", &format!("<{postmaster}>"))
        .mailbox("To", None, &to)
        .header("Subject", &text(known.unwrap_or_default(), "subject", hostname, alarm))
        .date(now)
        .message_id(&format!("{trace}@{hostname}"))
        .header("Auto-Submitted", "auto-generated")
        .text(&languages.into_iter().map(|language| text(language, "text", hostname, alarm)).collect::<Vec<_>>().join("\n\n-- \n\n"))
        .finish();
    let output = Output::own(Recipient::plain(to), content);
    Ok(Plan { trace, received: now, outputs: vec![output], effects: Vec::new(), digest: String::new() })
}

fn text(language: Language, part: &str, hostname: &str, alarm: &Alarm) -> String {
    let mut args = vec![("host", hostname.to_owned()), ("subject", alarm.subject.clone())];
    args.extend(alarm.args.iter().cloned());
    texts::text(language, &format!("alarm-{part}-{}", alarm.kind.word()), &args)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit_tests::{NOW, world};

    fn alarm(kind: Kind) -> Alarm {
        let args = ["list", "free", "least", "engine", "place", "minutes", "cause", "kind"].map(|name| (name, format!("«{name}»")));
        Alarm { kind, subject: "the subject".to_owned(), args: args.into() }
    }

    #[test]
    fn m_t10_the_postmaster_hears_of_it_in_its_language_or_in_all_four() {
        let mut site = world().site.clone();
        for kind in Kind::ALL {
            let plan = plan(&site, "gate.company.example", NOW, &alarm(kind)).unwrap();
            let output = &plan.outputs[0];
            assert_eq!((output.sender.as_ref(), output.recipients[0].address.as_str()), (None, "postmaster@company.example"));
            let text = String::from_utf8(output.content.to_vec()).unwrap();
            assert!(text.contains("Auto-Submitted: auto-generated") && !text.contains("alarm-"), "every text is there: {text}");
            assert!(text.contains("gate.company.example"), "{text}");
        }
        let one = plan(&site, "h", NOW, &alarm(Kind::Disk)).unwrap().outputs[0].content.len();
        site.domains.clear();
        site.mail = std::sync::Arc::new(model::site::MailSettings { postmaster: "p@elsewhere.example".into(), ..(*site.mail).clone() });
        assert!(plan(&site, "h", NOW, &alarm(Kind::Disk)).unwrap().outputs[0].content.len() > one * 2);
        site.mail = std::sync::Arc::new(model::site::MailSettings { postmaster: "nobody".into(), ..(*site.mail).clone() });
        assert_eq!(plan(&site, "h", NOW, &alarm(Kind::Disk)).unwrap_err().code, "bad-field");
    }
}
