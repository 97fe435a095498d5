# Texts of the console's pages.

# Menus
nav-group-overview = Overview
nav-group-mail = Mail
nav-group-mobile = Mobile
nav-group-system = System
nav-home = Home
nav-queue = Queue
nav-log = Mail log
nav-rules = Rules
nav-domains = Domains
nav-users = Users
nav-devices = Devices
nav-audit = Audit log

# Sign-in and password
sign-in-title = Sign in
sign-in-name = User name
sign-in-password = Password
sign-in-submit = Sign in
password-title = Your password
password-present = Present password
password-new = New password
password-again = New password again
password-hint = At least { $least } characters; several words are easy to remember.
password-submit = Change the password
password-first = You signed in with a one-time password. Choose your own before you go on.

# Home
state-well = All is well.
trouble-queue-old = The oldest mail in the queue has been waiting for { $age }.
trouble-store-away = The database can't be reached. Mail goes on; changes and counts wait.
trouble-no-domain = No domain is managed yet, so no mail is taken for anybody.
trouble-test-mode = The mobile gate is in test mode: devices are judged, but none is blocked.
home-counts = Mail so far
home-node = This node
home-hostname = Host name
home-node-id = Node id
home-version = Version
home-uptime = Up for
home-queue-length = Messages waiting
home-queue-oldest = Oldest waits for
home-devices-allowed = Allowed
home-devices-blocked = Blocked
count-mail_received = Received
count-mail_sent = Sent
count-smime_decrypted = S/MIME decrypted
count-smime_encrypted = S/MIME encrypted
count-smime_signed = S/MIME signed
count-smime_valid = Signature valid
count-smime_not_valid = Signature not valid
count-bounced = Bounced, no certificate
short-decrypted = decrypted
short-encrypted = encrypted
short-signed = signed
short-valid = valid
short-not-valid = not valid
chart-mail-title = Mail by hour, since this node started
chart-mail-description = { $received } received and { $sent } sent in the hours shown.
chart-hour = Hour (UTC)
chart-smime-title = S/MIME so far
chart-smime-description = How many messages were decrypted, encrypted, signed, and found valid or not.
chart-act = Act
chart-mails = Messages
chart-devices-title = Devices by their latest request
chart-devices-description = How many devices were allowed and how many were blocked.
chart-decision = Decision

# Queue
queue-intro = Messages that were taken and are not yet delivered. They lie on this node's own disk.
queue-caption = Messages in the queue
queue-empty = The queue is empty.
queue-search = Recipient, domain or trace
queue-none-found = Nothing in the queue fits.
queue-from = From
queue-to = To
queue-size = Size
queue-created = Taken (UTC)
queue-next = Next try (UTC)
queue-tries = Tries
queue-state = State
queue-last-error = Last answer
queue-trace = Trace
queue-null-sender = none (notice)
queue-held = held
queue-fresh = waiting
queue-deferred = deferred
queue-item-title = Message in the queue
queue-back = Back to the queue
queue-held-notice = This message is held. It is not tried until somebody retries it.
queue-act-hold = Hold
queue-act-retry = Retry now
queue-act-remove = Remove
queue-hold-question = Hold this message?
queue-hold-consequence = It stays in the queue and is not tried. This can be undone: retry it at any time. It does not expire while it is held.
queue-retry-question = Try this message now?
queue-retry-consequence = It is tried at once, also if it was held. If it fails again, the usual waits go on.
queue-remove-question = Remove this message?
queue-remove-consequence = It is not delivered, its content is lost, and nobody is told. This can't be undone.

# Devices
devices-caption = Devices
devices-empty = No device was found.
devices-search = User, address, id, name, phone or IMEI begins with
devices-search-submit = Search
devices-back = Back to the devices
devices-test-mode = Test mode is on: devices are judged and reported, but none is blocked.
device-user = User
device-kind = Kind
device-id = Device id
device-agent = Mail client
device-last-seen = Last request (UTC)
device-status = Status
device-reason = Reason
device-ruling = Override
device-allowed = allowed
device-blocked = blocked
device-unseen = not seen yet
ruling-default = none
ruling-whitelist = always allowed
ruling-blacklist = always blocked
reason-compliant = keeps to the policies
reason-whitelisted = allowed by an administrator
reason-no-policy-open = no policies yet, mail flows by setting
reason-blacklisted = blocked by an administrator
reason-not-managed = no management manages this device
reason-not-enrolled = its enrolment is pending or has ended
reason-not-mdm-compliant = its management calls it not compliant
reason-compromised = it is rooted or jailbroken
reason-not-encrypted = its storage is not encrypted
reason-inactive = its management has not seen it for too long
reason-loop = too many requests, or one mail client after another
reason-no-eas-profile = its mail was not set up by a profile
reason-model = this model is not allowed
reason-os = this version of its system is not allowed
reason-user = this user may not have mail on devices
reason-eas-device-type = this kind of device is not allowed
reason-mail-client = this mail client is not allowed
reason-no-policy = the policies could not be loaded
reason-path = this address is not passed on
reason-external-global = somebody outside this console has blocked access for all devices
reason-external-individual = somebody outside this console has blocked access for this device
device-act-whitelist = Always allow
device-act-blacklist = Always block
device-act-default = Let the policies decide
device-whitelist-question = Always allow this device?
device-whitelist-consequence = It gets mail whatever the policies say. This can be undone at any time.
device-blacklist-question = Always block this device?
device-blacklist-consequence = It gets no more mail, and its waiting request is ended at once. What it has already stays on it. This can be undone at any time.
device-default-question = Let the policies decide about this device?
device-default-consequence = From its next request on it is judged like all others. This can be undone at any time.

# Domains, users, rules, audit log
domains-intro = Mail for these domains is received and passed to their own servers. They are changed with "config apply" or by the API.
domains-caption = Managed domains
domains-empty = No domain is managed yet.
domain-name = Domain
domain-forward = Passed to
domain-tls = TLS
domain-language = Language
domain-dkim = DKIM selector
users-intro = People for whom mail is signed and opened. They are changed with "config apply" or by the API.
users-caption = Users
users-empty = There are no users yet.
user-address = Address
user-name = Name
user-smime-keys = S/MIME keys
user-state = State
user-active = active
user-inactive = inactive
rules-generated = These rules were written by the generator from the settings under [rules.generator].
rules-own = These rules were uploaded. "sealgate rules check FILE" tries a new set before it runs.
rules-left-out = These switches have no effect in this version:
audit-intro = Every change: who made it, what it was before, and what it is now. Newest first.
audit-caption = Changes
audit-empty = Nothing was changed yet.
audit-when = When (UTC)
audit-who = Who
audit-what = What
audit-before = Before
audit-after = After

state-attention = { $count ->
    [one] One thing needs a look:
   *[other] { $count } things need a look:
}
queue-and-more = { $count ->
    [one] and one more
   *[other] and { $count } more
}

home-scanners = Scanners
scanner-away = does not answer
scanner-answers = answers
scanner-data-age = answers, data { $age } old
trouble-scanner-down = The scanner { $name } does not answer. Mail that it should look at waits, or passes marked, as set under [protection].
trouble-scanner-old = The data of the scanner { $name } are { $age } old. Look after its updates.
