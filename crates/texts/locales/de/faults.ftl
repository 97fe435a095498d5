# Was nicht ging und was zu tun ist, ein Text je Fehlercode.

fault-unknown-sender = Das wurde abgelehnt. Prüfen Sie, was Sie eingegeben oder gesendet haben, und versuchen Sie es noch einmal.
fault-unknown-next-hop = Ein anderer Server hat nicht getan, worum er gebeten wurde. Versuchen Sie es später noch einmal; bleibt es dabei, wenden Sie sich an dessen Administrator.
fault-unknown-configuration = Eine Einstellung dieses Systems verhindert das. Bitten Sie den Administrator, das Protokoll anzusehen.
fault-unknown-ourselves = Hier ist etwas fehlgeschlagen. Versuchen Sie es später noch einmal; bleibt es dabei, bitten Sie den Administrator, das Protokoll anzusehen.

fault-sign-in-failed = Benutzername oder Passwort ist falsch, oder es gab zu viele Versuche. Prüfen Sie beides, warten Sie etwas und versuchen Sie es noch einmal.
fault-not-signed-in = Sie sind nicht angemeldet, oder Ihre Sitzung ist abgelaufen. Melden Sie sich an und versuchen Sie es noch einmal.
fault-not-permitted = Ihr Konto darf das nicht. Bitten Sie einen Administrator um das Recht „{ $right }“.
fault-above-own-rights = Niemand kann Rechte vergeben, die er selbst nicht hat. Bitten Sie einen Administrator, der das Recht „{ $right }“ hat.
fault-token-unknown = Dieses Token ist nicht bekannt, abgelaufen oder entfernt. Geben Sie im Feld Authorization ein gültiges an.
fault-form-not-ours = Dieses Formular ist zu alt oder stammt nicht von dieser Konsole. Öffnen Sie die Seite neu und wiederholen Sie Ihre Eingabe.
fault-password-must-change = Zuerst muss das Einmalpasswort ersetzt werden. Wählen Sie ein eigenes Passwort.
fault-password-too-short = Das Passwort ist zu kurz. Wählen Sie mindestens { $least } Zeichen.
fault-password-differs = Die beiden Passwörter sind verschieden. Geben Sie zweimal dasselbe ein.
fault-password-wrong = Das bisherige Passwort ist falsch. Geben Sie das ein, mit dem Sie sich angemeldet haben.
fault-password-not-new = Das neue Passwort ist das alte. Wählen Sie ein anderes.

fault-not-found = Hier ist nichts. Es wurde vielleicht entfernt, oder die Adresse ist falsch geschrieben.
fault-method-not-allowed = Diese Adresse nimmt diese Methode nicht an. Welche sie annimmt, steht in der Beschreibung der API.
fault-bad-request = Die Anfrage ist nicht lesbar. Vergleichen Sie ihre Form mit der Beschreibung der API.
fault-bad-field = Der Wert von „{ $field }“ ist nicht brauchbar. { $expected }
fault-changed-meanwhile = Jemand anderes hat das inzwischen geändert. Sehen Sie sich den jetzigen Stand an und wiederholen Sie Ihre Änderung.
fault-precondition-needed = Diese Änderung braucht das Feld If-Match mit dem ETag des Standes, den Sie gesehen haben. Rufen Sie ihn ab und versuchen Sie es noch einmal.
fault-exists-already = „{ $name }“ gibt es schon. Wählen Sie einen anderen Namen, oder ändern Sie, was es gibt.
fault-still-used = „{ $name }“ wird noch von { $by } gebraucht. Ändern Sie zuerst das.
fault-too-large = Die Anfrage ist zu groß. Höchstens { $limit } werden angenommen.
fault-not-available-yet = „{ $name }“ gibt es in dieser Version noch nicht. Lassen Sie es weg.
fault-bad-cursor = Diese Stelle der Liste gibt es nicht mehr. Beginnen Sie wieder auf der ersten Seite.
fault-internal = Hier ist etwas fehlgeschlagen. Versuchen Sie es noch einmal; bleibt es dabei, bitten Sie den Administrator, das Protokoll anzusehen.

fault-site-row-unreadable = Eine gespeicherte Einstellung ist nicht lesbar; die vorherige gilt weiter. Bitten Sie den Administrator, das Protokoll anzusehen und die Einstellung neu zu speichern.
fault-configuration-invalid = Die Konfiguration ist nicht brauchbar: { $detail }. Berichtigen Sie sie und starten Sie neu.
fault-data-in-use = Auf dem Verzeichnis { $path } läuft schon ein sealgate. Beenden Sie es zuerst, oder wählen Sie mit --data ein anderes Verzeichnis.
fault-data-foreign = Das Verzeichnis { $path } gehört der Benutzerkennung { $owner }, sealgate läuft aber als { $own }. Starten Sie es als jener Benutzer, oder übertragen Sie das Verzeichnis an { $own }.
fault-data-unusable = Das Verzeichnis { $path } ist nicht brauchbar: { $detail }. Prüfen Sie, ob es vorhanden und beschreibbar ist und Platz hat.
fault-certificate-unusable = Das Zertifikat oder der Schlüssel in { $path } ist nicht brauchbar: { $detail }. Legen Sie dort eine PEM-Datei ab, deren Schlüssel zum Zertifikat gehört.
