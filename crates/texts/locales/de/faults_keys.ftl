# Schlüssel, Zertifikate, geschützte Mail.

fault-crypto-malformed = Der geschützte Teil dieser Nachricht ist beschädigt oder von einer Art, die nicht unterstützt wird.
fault-crypto-cannot-open = Diese Nachricht konnte nicht geöffnet werden.
fault-crypto-certificate-unsuitable = Ein Zertifikat ist für diese Mail nicht brauchbar: Prüfen Sie seine Gültigkeit und wofür es gemacht ist.
fault-crypto-too-costly = Diese Nachricht zu öffnen oder zu prüfen kostet mehr, als erlaubt ist.
fault-crypto-failed = Ein kryptografischer Schritt ist fehlgeschlagen. Versuchen Sie es später noch einmal; bleibt es dabei, bitten Sie den Administrator, das Protokoll anzusehen.
fault-key-vault-unavailable = Die Schlüssel sind gerade nicht erreichbar. Versuchen Sie es später noch einmal.
fault-key-unusable = Der private Schlüssel fehlt oder ist dafür nicht brauchbar. Importieren Sie ihn noch einmal.
fault-seal-broken = Etwas versiegelt Gespeichertes lässt sich hier nicht öffnen. Prüfen Sie den Hauptschlüssel; sonst stellen Sie eine Sicherung wieder her.
fault-import-wrong-pass-phrase = Das Passwort öffnet die Datei nicht. Prüfen Sie es und versuchen Sie es noch einmal.
fault-import-pass-phrase-needed = Die Datei ist geschützt. Geben Sie ihr Passwort an.
fault-import-no-key = Die Datei enthält keinen privaten Schlüssel. Exportieren Sie sie noch einmal mit Schlüssel, oder importieren Sie sie als Zertifikat.
fault-import-no-certificate = Die Datei enthält kein Zertifikat. Exportieren Sie Schlüssel und Zertifikat zusammen.
fault-import-key-does-not-fit = Kein Zertifikat in der Datei gehört zum privaten Schlüssel. Exportieren Sie die beiden, die zusammengehören.
fault-import-several-keys = Die Datei enthält { $count } private Schlüssel. Importieren Sie sie einzeln.
fault-import-unsupported-key = Diese Art von privatem Schlüssel wird nicht unterstützt. RSA, P-256, P-384, P-521, Ed25519 und X25519 werden es.
fault-import-unreadable = Das ist keine PKCS#12-, PEM- oder DER-Datei, oder sie ist beschädigt.
fault-key-of-another = Dieser Schlüssel gehört schon { $owner }. Ein Schlüssel hat einen Besitzer.
fault-user-has-keys = „{ $name }“ hat { $count } Schlüssel. Ohne sie lässt sich Post an diesen Benutzer nicht mehr öffnen. Deaktivieren Sie den Benutzer (--users disable), exportieren Sie zuerst die Schlüssel, oder löschen Sie sie mit --allow-delete mit.
fault-import-too-costly = Die Datei zu öffnen wäre zu viel Arbeit. Exportieren Sie sie noch einmal mit weniger Runden für ihr Kennwort.
fault-keys-being-made = Die Schlüssel des Absenders werden gerade erzeugt. Senden Sie die Nachricht gleich noch einmal.
