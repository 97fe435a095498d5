# Keys, certificates, protected mail: faults of crypto and keyring.

fault-crypto-malformed = The protected part of this message is damaged or of a kind that is not supported.
fault-crypto-cannot-open = This message could not be opened.
fault-crypto-certificate-unsuitable = A certificate can't be used for this mail: check its validity and what it was made for.
fault-crypto-too-costly = Opening or checking this message takes more than is allowed.
fault-crypto-failed = A cryptographic operation failed. Try again later; if it stays so, ask the administrator to look at the log.
fault-key-vault-unavailable = The keys can't be reached right now. Try again later.
fault-key-unusable = The private key is missing or can't be used for this. Import it again.
fault-seal-broken = Something that was stored sealed can't be opened here. Check the master key; else restore a backup.
fault-import-wrong-pass-phrase = The pass phrase does not open the file. Check it and try again.
fault-import-pass-phrase-needed = The file is protected. Give its pass phrase.
fault-import-no-key = The file contains no private key. Export it again with its key, or import it as a certificate.
fault-import-no-certificate = The file contains no certificate. Export key and certificate together.
fault-import-key-does-not-fit = No certificate in the file belongs to the private key. Export the two that belong together.
fault-import-several-keys = The file contains { $count } private keys. Import them one by one.
fault-import-unsupported-key = This kind of private key is not supported. RSA, P-256, P-384, P-521, Ed25519 and X25519 are.
fault-import-unreadable = This is no PKCS#12, PEM or DER file, or it is damaged.
fault-key-of-another = This key belongs to { $owner } already. A key has one owner.
fault-user-has-keys = "{ $name }" has { $count } keys. Without them mail to this user can't be opened any more. Deactivate the user instead (--users disable), export the keys first, or delete them too with --allow-delete.
fault-import-too-costly = Opening the file would take too much work. Export it again with fewer rounds of its pass phrase.
fault-keys-being-made = The sender's keys are being made. Send this message again in a moment.
