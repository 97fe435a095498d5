# Chiavi, certificati, posta protetta.

fault-crypto-malformed = La parte protetta di questo messaggio è danneggiata o di un tipo che non è supportato.
fault-crypto-cannot-open = Non è stato possibile aprire questo messaggio.
fault-crypto-certificate-unsuitable = Un certificato non è utilizzabile per questa posta: controlli la sua validità e per che cosa è stato rilasciato.
fault-crypto-too-costly = Aprire o verificare questo messaggio costa più di quanto è consentito.
fault-crypto-failed = Un'operazione crittografica non è riuscita. Riprovi più tardi; se il problema rimane, chieda all'amministratore di guardare il registro.
fault-key-vault-unavailable = Al momento le chiavi non sono raggiungibili. Riprovi più tardi.
fault-key-unusable = La chiave privata manca o non può servire a questo. La importi di nuovo.
fault-seal-broken = Qualcosa che era conservato sigillato non si può aprire qui. Controlli la chiave principale; altrimenti ripristini una copia di sicurezza.
fault-import-wrong-pass-phrase = La passphrase non apre il file. La controlli e riprovi.
fault-import-pass-phrase-needed = Il file è protetto. Indichi la sua passphrase.
fault-import-no-key = Il file non contiene alcuna chiave privata. Lo esporti di nuovo con la chiave, oppure lo importi come certificato.
fault-import-no-certificate = Il file non contiene alcun certificato. Esporti insieme chiave e certificato.
fault-import-key-does-not-fit = Nessun certificato del file corrisponde alla chiave privata. Esporti i due che vanno insieme.
fault-import-several-keys = Il file contiene { $count } chiavi private. Le importi una alla volta.
fault-import-unsupported-key = Questo tipo di chiave privata non è supportato. RSA, P-256, P-384, P-521, Ed25519 e X25519 lo sono.
fault-import-unreadable = Questo non è un file PKCS#12, PEM o DER, oppure è danneggiato.
fault-key-of-another = Questa chiave appartiene già a { $owner }. Una chiave ha un solo proprietario.
fault-user-has-keys = «{ $name }» ha { $count } chiavi. Senza di esse la posta per questo utente non si può più aprire. Disattivare invece l’utente (--users disable), esportare prima le chiavi, oppure eliminarle con --allow-delete.
fault-import-too-costly = Aprire il file richiederebbe troppo lavoro. Esportarlo di nuovo con meno giri per la sua frase di accesso.
fault-keys-being-made = Le chiavi del mittente sono in preparazione. Invii di nuovo il messaggio tra poco.
