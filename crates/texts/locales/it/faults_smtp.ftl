# SMTP AUTH e i diritti di chi si è autenticato.
fault-sender-not-allowed = Non può inviare come { $sender }. Indichi uno dei Suoi indirizzi come mittente, oppure chieda all'amministratore di autorizzarLa a inviare per questo.
fault-directory-away = L'accesso non è possibile ora perché la directory non risponde. Riprovi più tardi.
fault-too-many-connections-of-peer = Si collega troppo spesso. Attenda un minuto e riprovi.
