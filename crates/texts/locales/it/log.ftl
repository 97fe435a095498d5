# Registro della posta
log-intro = Che cosa è stato di ogni messaggio, prima i più recenti. Il registro si trova sul disco di questo nodo.
log-caption = Messaggi
log-empty = Nessun risultato.
log-words = Traccia, indirizzo, dominio, client o parole
log-words-hint = Per esempio bob@partner.example, partner.example, 192.0.2.1 o l'identificativo di X-Sealgate-Trace.
log-submit = Cerca
log-any = qualsiasi
log-time = Ora (UTC)
log-from = Da
log-to = A
log-outcome = Esito
log-peer = Client
log-size = Dimensione
log-waiting = in attesa
log-delivered = consegnato
log-deferred = rinviato
log-bounced = non consegnato
log-refused = rifiutato
log-greylisted = in lista grigia
log-discarded = scartato
log-removed = rimosso
log-not-in-time = Il tempo non è bastato per esaminare tutto. La pagina successiva continua da qui.
log-damaged = Impossibile leggere questo file:
log-story-title = Storia di un messaggio
log-back = Torna al registro della posta
log-trace = Traccia
log-message-id = Message-ID
log-subject = Oggetto
log-reason = Motivo
log-recipients = Destinatari
log-no-recipients = Nessun destinatario è noto.
log-address = Indirizzo
log-last = Ultime notizie (UTC)
log-reply = Ultima risposta
log-events = Tutte le righe
log-event = Evento
log-details = Dettagli
log-left-out = { $count ->
    [one] Una riga è omessa.
   *[other] { $count } righe sono omesse.
}
