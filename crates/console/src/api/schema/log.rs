//! Answers of the log.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

bodies! {
    /// A page of mails.
    answer LogFound {
        /// Newest first.
        items: Vec<LogStory>,
        /// What `after` says for the next page; `null` on the last.
        next: Option<String>,
        /// False if the page ended early because its time was up: go on with `next`.
        in_time: bool,
        /// Files that could not be read.
        damaged: Vec<String>,
    }
    /// What became of one mail.
    answer LogStory {
        /// Its trace id; empty for a client that was refused before its mail had one.
        trace: String,
        /// First line.
        time: String,
        /// The client.
        peer: String,
        /// Envelope sender; empty for bounces.
        from: String,
        /// Octets; 0 if unknown.
        size: u64,
        /// Message-ID.
        message_id: String,
        /// Subject, if the site logs subjects.
        subject: Option<String>,
        /// `waiting`, `delivered`, `deferred`, `bounced`, `refused`, `greylisted`, `discarded`, `removed`, or empty: of several recipients the one that needs a look first.
        outcome: String,
        /// Why it was refused.
        reason: String,
        /// Each recipient.
        recipients: Vec<LogRecipient>,
        /// All lines, if they were asked for.
        events: Option<Vec<Value>>,
        /// Lines that were left out because there are too many.
        left_out: u64,
    }
    /// One recipient of a mail.
    answer LogRecipient {
        /// The address.
        address: String,
        /// As the mail's.
        outcome: String,
        /// What the next hop said last.
        reply: String,
        /// When; empty if never.
        time: String,
        /// Tries.
        tries: u64,
    }
}
