# Mailprotokoll
log-intro = Was aus jeder Nachricht geworden ist, die neuesten zuerst. Das Protokoll liegt auf der Platte dieses Knotens.
log-caption = Nachrichten
log-empty = Nichts passt.
log-words = Kennung, Adresse, Domain, Client oder Wörter
log-words-hint = Etwa bob@partner.example, partner.example, 192.0.2.1 oder die Kennung aus X-Sealgate-Trace.
log-submit = Suchen
log-any = beliebig
log-time = Zeit (UTC)
log-from = Von
log-to = An
log-outcome = Ergebnis
log-peer = Client
log-size = Größe
log-waiting = wartet
log-delivered = zugestellt
log-deferred = aufgeschoben
log-bounced = unzustellbar
log-refused = abgewiesen
log-greylisted = durch Greylisting verzögert
log-discarded = verworfen
log-removed = entfernt
log-not-in-time = Die Zeit reichte nicht, um alles durchzusehen. Die nächste Seite macht von hier aus weiter.
log-damaged = Diese Datei konnte nicht gelesen werden:
log-story-title = Verlauf einer Nachricht
log-back = Zurück zum Mailprotokoll
log-trace = Kennung
log-message-id = Message-ID
log-subject = Betreff
log-reason = Grund
log-recipients = Empfänger
log-no-recipients = Es ist kein Empfänger bekannt.
log-address = Adresse
log-last = Letzter Stand (UTC)
log-reply = Letzte Antwort
log-events = Alle Zeilen
log-event = Ereignis
log-details = Einzelheiten
log-left-out = { $count ->
    [one] Eine Zeile ist ausgelassen.
   *[other] { $count } Zeilen sind ausgelassen.
}
