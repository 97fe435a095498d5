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
fault-not-permitted = Your account may not do this. Ask an administrator for the right “{ $right }”.
fault-above-own-rights = Nobody can grant rights that they do not have themselves. Ask an administrator who has the right “{ $right }”.
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
fault-bad-field = The value of “{ $field }” can't be used. { $expected }
fault-changed-meanwhile = Somebody else has changed this in the meantime. Look at the present state and repeat your change.
fault-precondition-needed = This change needs the field If-Match with the ETag of the state that you saw. Fetch it first and try again.
fault-exists-already = “{ $name }” exists already. Choose another name, or change the one that exists.
fault-still-used = “{ $name }” is still used by { $by }. Change that first.
fault-too-large = The request is too large. At most { $limit } are taken.
fault-not-available-yet = “{ $name }” is not available yet in this version. Leave it out.
fault-bad-cursor = This place in the list no longer exists. Start again from the first page.
fault-internal = Something went wrong here. Try again; if it stays so, ask the administrator to look at the log.

# The site's data
fault-site-row-unreadable = A stored setting can't be read, so the previous one stays in force. Ask the administrator to look at the log and to save that setting again.
fault-configuration-invalid = The configuration can't be used: { $detail }. Correct it and start again.
fault-data-in-use = Another sealgate already runs on the directory { $path }. Stop it first, or choose another directory with --data.
fault-data-foreign = The directory { $path } belongs to user id { $owner }, but sealgate runs as { $own }. Run it as that user, or give the directory to { $own }.
fault-data-unusable = The directory { $path } can't be used: { $detail }. Check that it exists, can be written, and has room.
fault-certificate-unusable = The certificate or key in { $path } can't be used: { $detail }. Put a PEM file there whose key belongs to the certificate.
