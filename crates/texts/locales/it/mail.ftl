dsn-subject-failed = Non recapitato: non è stato possibile consegnare il Suo messaggio
dsn-intro-failed =
    Questo è il sistema di posta di { $host }.

    Non è stato possibile consegnare il Suo messaggio ai destinatari indicati sotto, e non ci saranno altri tentativi. Accanto a ogni destinatario si trova il motivo comunicato. Controlli gli indirizzi; se sono corretti, invii di nuovo il messaggio più tardi o contatti il destinatario in un altro modo.
dsn-subject-delayed = In ritardo: il Suo messaggio è ancora in attesa
dsn-intro-delayed =
    Questo è il sistema di posta di { $host }.

    Non è stato ancora possibile consegnare il Suo messaggio ai destinatari indicati sotto. Non deve fare nulla: ci saranno altri tentativi fino al { $expires }. Se nemmeno questi riusciranno, ne sarà informato.
dsn-subject-relayed = Il Suo messaggio è stato inoltrato
dsn-intro-relayed =
    Questo è il sistema di posta di { $host }.

    Il Suo messaggio è stato inoltrato al server di posta successivo per i destinatari indicati sotto. Quel server non conferma le consegne; può darsi quindi che non riceva altri avvisi.
dsn-subject-delivered = Il Suo messaggio è stato consegnato
dsn-intro-delivered =
    Questo è il sistema di posta di { $host }.

    Il Suo messaggio è stato consegnato ai destinatari indicati sotto.
dsn-subject-removed = Non recapitato: il Suo messaggio è stato rimosso da un amministratore
dsn-intro-removed =
    Questo è il sistema di posta di { $host }.

    Un amministratore ha rimosso il Suo messaggio dalla coda prima che potesse essere consegnato ai destinatari indicati sotto. Non ci saranno altri tentativi. Per conoscerne il motivo si rivolga al Suo amministratore.
dsn-recipient = Destinatario: { $recipient }
dsn-reason = Motivo: { $reason }
dsn-reason-withheld = Motivo: il server di posta successivo non l'ha accettato. La sua risposta è nota all'amministratore di questo sistema.
dsn-headers-only = È allegata solo l'intestazione del Suo messaggio, perché è stato aperto qui.

notice-dropped-subject = Non inviato: il Suo messaggio non è stato inoltrato ad alcuni destinatari
notice-dropped-text =
    Questo è il sistema di posta di { $hostname }.

    Le regole di questo sistema non hanno lasciato passare il Suo messaggio verso questi destinatari: { $recipients }. Non ci saranno altri tentativi. Per conoscerne il motivo si rivolga al Suo amministratore.

alarm-subject-job = Allarme su { $host }: un'attività non è riuscita
alarm-text-job =
    Questo è il sistema di posta di { $host }.

    Un'attività di tipo «{ $kind }» per { $subject } è fallita troppe volte e non viene più tentata. L'ultimo errore è stato: { $cause }
alarm-subject-certificate = Allarme su { $host }: alcuni certificati scadono presto
alarm-text-certificate =
    Questo è il sistema di posta di { $host }.

    Questi certificati scadono presto. Li rinnovi prima: dopo, i client rifiuteranno la connessione, e con il certificato di un utente non si firmerà né si cifrerà più nulla.

    { $list }
alarm-subject-disk = Allarme su { $host }: un disco è quasi pieno
alarm-text-disk =
    Questo è il sistema di posta di { $host }.

    In { $subject } sono liberi { $free }; la soglia di questo allarme è { $least }. Quando non c'è più spazio, la posta viene rifiutata finché non ce n'è di nuovo.
alarm-subject-scanner = Allarme su { $host }: { $engine } è assente
alarm-text-scanner =
    Questo è il sistema di posta di { $host }.

    Lo scanner { $engine } su { $place } non risponde da { $minutes } minuti: { $cause }. Finché non risponde, la posta attende o passa senza scansione, secondo scanner_down.

report-signature = Firma: { $value }
report-signer = Firmatario: { $value }
report-encryption = Cifratura: { $value }
report-scan = Controllo antivirus: { $value }
report-types = Tipi di contenuto: { $value }
report-reasons = Motivi: { $value }
reprocess-closed-subject = Non aperto: un messaggio che ha inviato
reprocess-closed-text = Il messaggio allegato non si è potuto aprire con le Sue chiavi. Le ritorna così com'era.
