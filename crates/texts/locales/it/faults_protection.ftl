# Da chi si accetta la posta
fault-access-rejected = La posta dalla Sua rete non è accettata qui. Chieda all'amministrazione del destinatario.
fault-block-listed = Il Suo server { $address } è nella lista di blocco { $zone }. Lo faccia togliere da lì, poi invii di nuovo.
fault-helo-not-qualified = Il Suo server si chiama "{ $name }", che non è un nome di host completo. Gliene dia uno, come mail.ditta.example.
fault-helo-unknown = Il Suo server si chiama "{ $name }", nome che non ha indirizzo nel DNS. Corregga il nome o il DNS.
fault-client-without-name = Il Suo server { $address } non ha un nome nel DNS. Faccia creare un record PTR.
fault-client-name-unconfirmed = Il nome del Suo server { $address } non riporta a questo indirizzo. Corregga il record PTR o l'indirizzo.
fault-sender-domain-unknown = Il dominio { $domain } del mittente non esiste. Controlli l'indirizzo del mittente.
fault-sender-domain-takes-no-mail = Il dominio { $domain } del mittente non accetta posta e quindi non può inviarne. Usi un altro indirizzo del mittente.
fault-sender-unsure = Il DNS al momento non risponde su di Lei. Riprovi più tardi.
fault-greylisted = La Sua posta non è ancora conosciuta qui. Il Suo server riprovi tra { $seconds } secondi; allora sarà accettata.

# Scanner
fault-scanner-down = Lo scanner antivirus o antispam non risponde. Riprovi più tardi; l'amministrazione deve occuparsene.
fault-scanner-missing = Qui i messaggi vanno controllati, ma non è impostato alcuno scanner. Riprovi più tardi; l'amministrazione deve impostarne uno sotto [protection].
notice-virus-removed = In questo messaggio è stato trovato un virus ({ $virus }). Il suo contenuto è stato tolto. Chieda al mittente di controllare il suo computer e di inviare di nuovo il messaggio.
notice-virus-removed-file = Nell'allegato "{ $name }" è stato trovato un virus ({ $virus }). L'allegato è stato tolto. Chieda al mittente di controllare il suo computer e di inviarlo di nuovo.
fault-no-such-recipient = Questo destinatario qui non esiste: { $recipient }. Controlli l’indirizzo.
fault-recipient-unsure = Il server di questo destinatario al momento non risponde. Riprovi più tardi.
fault-author-unclear = Il campo From non indica nessun autore, o più di { $most } domini: nessuno può dire se il messaggio è autentico.
