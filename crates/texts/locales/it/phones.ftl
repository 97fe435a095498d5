# Sui telefoni: ciò che sta al posto di un allegato o di un messaggio che una regola trattiene.
phone-attachment-blocked = Questo allegato è stato rimosso secondo le regole della Sua organizzazione. Si rivolga al Suo amministratore se ne ha bisogno su questo dispositivo.
phone-attachment-unjudged = Questo allegato non ha potuto essere controllato ed è stato quindi rimosso. Apra il messaggio su un computer, o si rivolga al Suo amministratore.
phone-mail-blocked = Questo messaggio non può essere mostrato su questo dispositivo a causa della sua classificazione. Lo apra su un computer, o si rivolga al Suo amministratore.
phone-mail-unreadable = Il gateway non ha potuto leggere questo messaggio, quindi il suo contenuto non è mostrato qui. Lo apra su un computer.
fault-attachment-key-kept = La chiave di questo file non viene mai consegnata, perché nessuno gestisce il dispositivo { $device }. Apra il messaggio su un dispositivo gestito o un computer.
fault-body-memory = In questo momento vengono controllati troppi messaggi. Riprovi tra un minuto.
fault-body-too-big = Questo è più grande di quanto le regole esaminano. Usi un computer o si rivolga all'amministratore.
fault-content-coding = La compressione di questa richiesta o risposta non può essere letta. Riprovi senza.
fault-mail-server-body = La risposta del server di posta non può essere letta. Riprovi più tardi; se resta così, si rivolga al suo amministratore.
fault-phone-body = La richiesta del telefono non può essere letta. Aggiorni il suo programma di posta o riprovi.
fault-request-ended = La richiesta è terminata prima di essere eseguita. Riprovi.
