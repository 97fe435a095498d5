# Texts of the mails that the gateway writes itself. Variables of all `dsn-…` texts:
# $host, the name of this gateway; $expires, a date in UTC.

dsn-subject-failed = Undelivered mail: your message could not be delivered
dsn-intro-failed =
    This is the mail system at { $host }.

    Your message could not be delivered to the recipients below, and it will not be tried again. The reason that was given stands with each recipient. Please check the addresses; if they are right, send the message again later or reach the recipient in another way.
dsn-subject-delayed = Delayed mail: your message is still waiting
dsn-intro-delayed =
    This is the mail system at { $host }.

    Your message could not yet be delivered to the recipients below. You need not do anything: delivery will be tried again until { $expires }. If it has not worked by then, you will be told.
dsn-subject-relayed = Your message was passed on
dsn-intro-relayed =
    This is the mail system at { $host }.

    Your message was passed on to the next mail server for the recipients below. That server does not report deliveries, so you may hear nothing more.
dsn-subject-delivered = Your message was delivered
dsn-intro-delivered =
    This is the mail system at { $host }.

    Your message was delivered to the recipients below.
dsn-subject-removed = Undelivered mail: your message was removed by an administrator
dsn-intro-removed =
    This is the mail system at { $host }.

    An administrator has removed your message from the queue before it could be delivered to the recipients below. It will not be tried again. If you need to know why, ask your administrator.
dsn-recipient = Recipient: { $recipient }
dsn-reason = Reason: { $reason }
dsn-reason-withheld = Reason: the next mail server did not take it. What it said is known to the administrator of this system.
dsn-headers-only = Only the header of your message is attached, because it was opened here.

# Told to a signed-in sender when the rules dropped the message for some recipients.
notice-dropped-subject = Not sent: your message was not passed on to some recipients
notice-dropped-text =
    This is the mail system at { $hostname }.

    The rules of this system did not let your message pass to these recipients: { $recipients }. It will not be tried again. If you need to know why, ask your administrator.

# To the postmaster, about the gateway itself.
alarm-subject-job = Alarm at { $host }: a job has failed
alarm-text-job =
    This is the mail system at { $host }.

    A job of the kind "{ $kind }" for { $subject } has failed too often and is not tried any more. The last error was: { $cause }
alarm-subject-certificate = Alarm at { $host }: certificates end soon
alarm-text-certificate =
    This is the mail system at { $host }.

    These certificates end soon. Renew them before that: afterwards clients turn away from a listener, and nothing is signed with a user's certificate or encrypted to it.

    { $list }
alarm-subject-disk = Alarm at { $host }: a disk is nearly full
alarm-text-disk =
    This is the mail system at { $host }.

    At { $subject } { $free } are free; the limit of this alarm is { $least }. When there is no room at all, mail is refused until there is.
alarm-subject-scanner = Alarm at { $host }: { $engine } is away
alarm-text-scanner =
    This is the mail system at { $host }.

    The scanner { $engine } at { $place } has not answered for { $minutes } minutes: { $cause }. Until it does, mail waits or passes unscanned, as scanner_down says.

# What add_report writes, and what comes back of attached messages that stay closed.
report-signature = Signature: { $value }
report-signer = Signer: { $value }
report-encryption = Encryption: { $value }
report-scan = Virus scan: { $value }
report-types = Content types: { $value }
report-reasons = Reasons: { $value }
reprocess-closed-subject = Not opened: a message that you sent in
reprocess-closed-text = The attached message could not be opened with your keys. It comes back as it was.
