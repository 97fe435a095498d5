dsn-subject-failed = Nicht zugestellt: Ihre Nachricht konnte nicht zugestellt werden
dsn-intro-failed =
    Dies ist das Mailsystem auf { $host }.

    Ihre Nachricht konnte den unten genannten Empfängern nicht zugestellt werden; es gibt keinen weiteren Versuch. Bei jedem Empfänger steht der Grund, der genannt wurde. Bitte prüfen Sie die Adressen; sind sie richtig, senden Sie die Nachricht später noch einmal oder erreichen Sie den Empfänger auf anderem Weg.
dsn-subject-delayed = Verzögert: Ihre Nachricht wartet noch auf die Zustellung
dsn-intro-delayed =
    Dies ist das Mailsystem auf { $host }.

    Ihre Nachricht konnte den unten genannten Empfängern noch nicht zugestellt werden. Sie müssen nichts tun: Die Zustellung wird bis { $expires } weiter versucht. Gelingt sie bis dahin nicht, erhalten Sie eine Mitteilung.
dsn-subject-relayed = Ihre Nachricht wurde weitergeleitet
dsn-intro-relayed =
    Dies ist das Mailsystem auf { $host }.

    Ihre Nachricht wurde für die unten genannten Empfänger an den nächsten Mailserver übergeben. Dieser bestätigt Zustellungen nicht, Sie hören also vielleicht nichts mehr davon.
dsn-subject-delivered = Ihre Nachricht wurde zugestellt
dsn-intro-delivered =
    Dies ist das Mailsystem auf { $host }.

    Ihre Nachricht wurde den unten genannten Empfängern zugestellt.
dsn-subject-removed = Nicht zugestellt: Ihre Nachricht wurde von einem Administrator entfernt
dsn-intro-removed =
    Dies ist das Mailsystem auf { $host }.

    Ein Administrator hat Ihre Nachricht aus der Warteschlange entfernt, bevor sie den unten genannten Empfängern zugestellt werden konnte. Es gibt keinen weiteren Versuch. Den Grund erfahren Sie bei Ihrem Administrator.
dsn-recipient = Empfänger: { $recipient }
dsn-reason = Grund: { $reason }
dsn-reason-withheld = Grund: Der nächste Mailserver hat sie nicht angenommen. Was er sagte, sieht der Administrator dieses Systems.
dsn-headers-only = Angehängt ist nur der Kopf Ihrer Nachricht, weil sie hier geöffnet wurde.

notice-dropped-subject = Nicht gesendet: Ihre Nachricht ging an einige Empfänger nicht weiter
notice-dropped-text =
    Dies ist das Mailsystem auf { $hostname }.

    Die Regeln dieses Systems haben Ihre Nachricht an diese Empfänger nicht durchgelassen: { $recipients }. Es gibt keinen weiteren Versuch. Den Grund erfahren Sie bei Ihrem Administrator.

alarm-subject-job = Alarm auf { $host }: Ein Auftrag ist gescheitert
alarm-text-job =
    Dies ist das Mailsystem auf { $host }.

    Ein Auftrag der Art „{ $kind }“ für { $subject } ist zu oft gescheitert und wird nicht mehr versucht. Der letzte Fehler war: { $cause }
alarm-subject-certificate = Alarm auf { $host }: Zertifikate laufen bald ab
alarm-text-certificate =
    Dies ist das Mailsystem auf { $host }.

    Diese Zertifikate laufen bald ab. Erneuern Sie sie vorher: Danach weisen Clients die Verbindung zurück, und mit dem Zertifikat eines Benutzers wird nichts mehr signiert und nichts mehr für es verschlüsselt.

    { $list }
alarm-subject-disk = Alarm auf { $host }: Ein Datenträger ist fast voll
alarm-text-disk =
    Dies ist das Mailsystem auf { $host }.

    Bei { $subject } sind { $free } frei; die Grenze dieses Alarms ist { $least }. Ist gar kein Platz mehr da, wird Mail abgewiesen, bis wieder welcher da ist.
alarm-subject-scanner = Alarm auf { $host }: { $engine } ist nicht da
alarm-text-scanner =
    Dies ist das Mailsystem auf { $host }.

    Der Scanner { $engine } unter { $place } antwortet seit { $minutes } Minuten nicht: { $cause }. Bis er es tut, wartet Mail oder geht ungeprüft durch, wie scanner_down es sagt.

report-signature = Unterschrift: { $value }
report-signer = Unterzeichner: { $value }
report-encryption = Verschlüsselung: { $value }
report-scan = Virenprüfung: { $value }
report-types = Inhaltstypen: { $value }
report-reasons = Gründe: { $value }
reprocess-closed-subject = Nicht geöffnet: eine Nachricht, die Sie eingesandt haben
reprocess-closed-text = Die angehängte Nachricht liess sich mit Ihren Schlüsseln nicht öffnen. Sie kommt zurück, wie sie war.
