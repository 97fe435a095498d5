# Mail log
log-intro = What became of each message, newest first. The log lies on this node's own disk.
log-caption = Messages
log-empty = Nothing fits.
log-words = Trace, address, domain, client or words
log-words-hint = As in bob@partner.example, partner.example, 192.0.2.1, or the id from X-Sealgate-Trace.
log-submit = Search
log-any = any
log-time = Time (UTC)
log-from = From
log-to = To
log-outcome = Outcome
log-peer = Client
log-size = Size
log-waiting = waiting
log-delivered = delivered
log-deferred = deferred
log-bounced = bounced
log-refused = refused
log-greylisted = greylisted
log-discarded = discarded
log-removed = removed
log-not-in-time = There was no time to look through everything. Go to the next page to go on from here.
log-damaged = This file could not be read:
log-story-title = Story of a message
log-back = Back to the mail log
log-trace = Trace
log-message-id = Message-ID
log-subject = Subject
log-reason = Reason
log-recipients = Recipients
log-no-recipients = No recipient is known.
log-address = Address
log-last = Last news (UTC)
log-reply = Last answer
log-events = All lines
log-event = Event
log-details = Details
log-left-out = { $count ->
    [one] One line is left out.
   *[other] { $count } lines are left out.
}
