# What went wrong and what to do, one text per fault code (`fault-CODE`). Shown on pages, in problem+json,
# in SMTP replies and on the command line: one or two plain sentences, no private cause.

# For a code that has no text of its own.
fault-unknown-sender = This was refused. Check what you entered or sent and try again.
fault-unknown-next-hop = Another server did not do what was asked of it. Try again later; if it stays so, ask its administrator.
fault-unknown-configuration = A setting of this system prevents this. Ask its administrator to look at the log.
fault-unknown-ourselves = Something went wrong here. Try again later; if it stays so, ask the administrator to look at the log.

# Sign-in and rights
fault-sign-in-failed = User name or password is wrong, or too many attempts were made. Check both, wait a while and try again.
fault-not-signed-in = You are not signed in, or your session has expired. Sign in and try again.
fault-not-permitted = Your account may not do this. Ask an administrator for the right "{ $right }".
fault-above-own-rights = Nobody can grant rights that they do not have themselves. Ask an administrator who has the right "{ $right }".
fault-token-unknown = This token is not known, has expired or was removed. Use a valid token in the field Authorization.
fault-form-not-ours = This form is too old or does not come from this console. Open the page again and repeat what you did.
fault-password-must-change = The one-time password must be replaced first. Choose a password of your own.
fault-password-too-short = The password is too short. Choose at least { $least } characters.
fault-password-differs = The two passwords differ. Type the same password twice.
fault-password-wrong = The present password is wrong. Type the password with which you signed in.
fault-password-not-new = The new password is the old one. Choose another one.

# Pages and the API
fault-not-found = There is nothing here. It may have been removed, or the address is mistyped.
fault-method-not-allowed = This address does not take that method. See the description of the API for those that it takes.
fault-bad-request = The request can't be read. Check its form against the description of the API.
fault-bad-field = The value of "{ $field }" can't be used. { $expected }
fault-changed-meanwhile = Somebody else has changed this in the meantime. Look at the present state and repeat your change.
fault-precondition-needed = This change needs the field If-Match with the ETag of the state that you saw. Fetch it first and try again.
fault-exists-already = "{ $name }" exists already. Choose another name, or change the one that exists.
fault-still-used = "{ $name }" is still used by { $by }. Change that first.
fault-too-large = The request is too large. At most { $limit } are taken.
fault-not-available-yet = "{ $name }" is not available yet in this version. Leave it out.
fault-bad-cursor = This place in the list no longer exists. Start again from the first page.
fault-internal = Something went wrong here. Try again; if it stays so, ask the administrator to look at the log.


fault-site-row-unreadable = A stored setting can't be read, so the previous one stays in force. Ask the administrator to look at the log and to save that setting again.
fault-configuration-invalid = The configuration can't be used: { $detail }. Correct it and start again.
fault-data-in-use = Another sealgate already runs on the directory { $path }. Stop it first, or choose another directory with --data.
fault-data-foreign = The directory { $path } belongs to user id { $owner }, but sealgate runs as { $own }. Run it as that user, or give the directory to { $own }.
fault-data-unusable = The directory { $path } can't be used: { $detail }. Check that it exists, can be written, and has room.
fault-certificate-unusable = The certificate or key in { $path } can't be used: { $detail }. Put a PEM file there whose key belongs to the certificate.
fault-listen-failed = The listener { $listener } can't take the address { $address }: { $detail }. Stop the program that uses it, or set another address.
fault-node-unreachable = The node does not answer on its local socket. Check that it runs, then try again.
fault-mail-ambiguous = The message has header fields or parts that can be read in more than one way. Have the sending program corrected, then send it again.
fault-mail-budget = This message takes too long to process right now. Try again later.
fault-mail-took-too-long = This message takes too long to process right now. Try again later.
fault-mail-field-malformed = A header field could not be written. Ask the administrator to look at the log.
fault-mail-header-too-large = The header of the message is too large: at most { $octets } octets in { $lines } lines are taken. Send it with fewer header lines.
fault-mail-too-large = The message is too large. At most { $limit } are taken. Send it in smaller pieces.
fault-mail-too-complex = The message has too many or too deeply nested parts. Send it in a simpler form.
fault-mail-loop = The message has passed { $hops } mail servers and seems to go in circles. Ask the administrator to check the routing.
fault-dmarc-refused = The domain { $domain } wishes that mail is refused which it did not send, and nothing shows that it sent this one. Send through the servers of { $domain }, or ask its administrator about SPF, DKIM and DMARC.
fault-relay-denied = Mail for { $domain } is not taken from you here. Sign in, send through your own provider's server, or check the address.
fault-memory = The system is busy with other messages. Try again later.
fault-disk-full = There is no room on the disk. Try again later; the administrator must make room.
fault-too-many-sessions = Too many connections are open. Try again later.
fault-too-many-sessions-of-peer = You have too many connections open. Close some and try again later.
fault-too-many-recipients = The message has too many recipients. Send it to the rest in a second message.
fault-encryption-failed = The message could not be encrypted, so it was not sent. Try again later; the administrator finds the cause in the log.
fault-signing-failed = The message could not be signed, so it was not sent. Try again later; the administrator finds the cause in the log.
fault-template-failed = A mail template can't be used. Ask the administrator to check the templates; the log names the line.
fault-rules-invalid = The rule set can't be used. Ask the administrator to check it with "rules check"; until then mail waits.
fault-rules-failed = The rules could not be applied to this message. Try again later; the administrator finds the line in the log.
fault-rules-evaluation = The rules could not be applied to this message. Try again later; the administrator finds the line in the log.
fault-rules-pattern = A pattern in the rules can't be used with this message. Ask the administrator to correct the rules; the log names the line.
fault-rules-too-long = The rules take too many steps for this message. Ask the administrator to shorten the rules.
fault-rules-bad-address = The rules name an address that is none. Ask the administrator to correct the rules; the log names the line.
fault-archive-unprotected = The rules archive mail outside the managed domains, where nothing protects it on its way. Ask the administrator to set an archive within a managed domain.
fault-mail-server-answer = The mail server gave an answer that can't be passed on. Try again later; if it stays so, ask its administrator.
fault-mail-server-late = The mail server did not answer in time. Try again later.
fault-mail-server-lost = The mail server ended the connection before it answered. Try again later.
fault-mail-server-tls = The mail server's certificate is not trusted. Ask the administrator to check the certificate, or the setting verify_tls_mail.
fault-mail-server-unreachable = The mail server can't be reached. Try again later.
fault-mobile-gateway-off = The mobile gateway is switched off or not set up. Ask the administrator to enable it.
fault-mobile-mail-server = The mail server of the mobile gateway is not set right. Write mail_server as https://host or https://host:port.
fault-mobile-roots = The root certificates for the mail server can't be read. Ask the administrator to check the system's certificates.
fault-phone-gone = The phone ended the connection. It will try again by itself.
fault-store-away = The database can't be reached. Mail goes on; changes must wait. Try again in a few minutes.
fault-store-busy = The database is busy. Try again in a moment.
fault-store-newer = The database was changed by a newer version (schema { $found }, this program knows { $known }). Start the newer version.
fault-store-not-writable = { $path } can't be written. Make it writable for the user that runs Sealgate, or choose another directory with --data.
fault-store-foreign-owner = { $path } belongs to user id { $owner }, but Sealgate runs as { $us }. Run it as that user, or give the files to { $us }.
fault-store-url = The setting [store] url is not understood. Write sqlite:, sqlite:PATH, or postgres://user:password@host/database.
fault-store-refused = The database refuses the connection. Check user, password and database name in [store] url; the log says what it answered.
fault-store-damaged = Something stored is damaged. Ask the administrator to look at the log and, if need be, to restore a backup.
fault-store-broken = The database refused a statement of this program. Ask the administrator to look at the log and to report it.
fault-text-has-nul = A text holds the character NUL, which can't be stored. Remove it and try again.
fault-port-in-use = The listener { $listener } can't take the address { $address }, because another program uses it. Stop that program, or set another port.
fault-certificate-unsuitable = The certificate of { $subject } can't be used here: check that it is for signing or encrypting mail, and that it names the address.
fault-configuration-refused = Nothing was changed: { $detail }. Correct it and apply it again.
fault-domain-has-users = "{ $name }" still has { $users } users and { $keys } keys. Say what becomes of them (--users keep, disable or delete). Deleting keys takes --allow-delete as well: what was encrypted to them can then not be opened any more.
fault-would-delete = This would delete rows with keys: { $names }. Allow it with --allow-delete, or leave them in the file.
fault-vault-data-key-missing = A key is missing that sealed data needs. Try again later; if it stays so, ask the administrator to look at the log.
fault-vault-master-key-unusable = The master key can't be used. Check the setting master_key and the file or credential that it names.
fault-vault-master-key-wrong = The master key does not belong to this data. Put the right key at the place that master_key names.
fault-mail-underway = This message was sent already and is still being taken. Try again in a moment.
fault-queue-unwritable = The message can't be kept safely right now. Try again later; the administrator must check the disk.
fault-queue-newer = The queue on this disk was written by a newer version. Start the newer version.
fault-log-unreadable = The log can't be read right now. Check the disk and the log directory.
fault-simulation-unreadable = The result of the simulation can't be shown. Ask the administrator to look at the log and to report it.
fault-file-unreadable = The file { $path } can't be read: { $detail }. Check its name and its rights.
fault-wbxml-unreadable = The body or its XML can't be read: { $detail }. Check that it is WBXML of ActiveSync, or what "mobile decode" wrote.
fault-key-owner-missing = Say whose key it is: --user ADDRESS, --partner ADDRESS or --root.
fault-stopping = The system is just being stopped. Try again in a few minutes.
fault-mail-poison = This message can't be accepted: working on it has twice ended the mail system. Its administrators have been told.
fault-reinject-unmarked = This message can't be sent back to its server because it could not be marked. It needs a Message-ID.
