# Che cosa non ha funzionato e che cosa fare, un testo per codice di errore.

fault-unknown-sender = La richiesta è stata rifiutata. Controlli quanto ha inserito o inviato e riprovi.
fault-unknown-next-hop = Un altro server non ha fatto ciò che gli è stato chiesto. Riprovi più tardi; se il problema rimane, si rivolga al suo amministratore.
fault-unknown-configuration = Un'impostazione di questo sistema lo impedisce. Chieda all'amministratore di guardare il registro.
fault-unknown-ourselves = Qui qualcosa è andato storto. Riprovi più tardi; se il problema rimane, chieda all'amministratore di guardare il registro.

fault-sign-in-failed = Il nome utente o la password non è corretto, oppure ci sono stati troppi tentativi. Controlli entrambi, attenda un po' e riprovi.
fault-not-signed-in = Non ha effettuato l'accesso, oppure la sessione è scaduta. Acceda e riprovi.
fault-not-permitted = Il Suo account non può farlo. Chieda a un amministratore il diritto «{ $right }».
fault-above-own-rights = Nessuno può concedere diritti che non ha. Si rivolga a un amministratore che ha il diritto «{ $right }».
fault-token-unknown = Questo token non è noto, è scaduto o è stato rimosso. Indichi un token valido nel campo Authorization.
fault-form-not-ours = Questo modulo è troppo vecchio o non proviene da questa console. Riapra la pagina e ripeta l'operazione.
fault-password-must-change = Prima va sostituita la password monouso. Scelga una password propria.
fault-password-too-short = La password è troppo corta. Scelga almeno { $least } caratteri.
fault-password-differs = Le due password sono diverse. Inserisca due volte la stessa.
fault-password-wrong = La password attuale non è corretta. Inserisca quella con cui ha effettuato l'accesso.
fault-password-not-new = La nuova password è quella vecchia. Ne scelga un'altra.

fault-not-found = Qui non c'è nulla. Forse è stato rimosso, oppure l'indirizzo è scritto male.
fault-method-not-allowed = Questo indirizzo non accetta quel metodo. La descrizione dell'API indica quelli che accetta.
fault-bad-request = La richiesta non è leggibile. Ne confronti la forma con la descrizione dell'API.
fault-bad-field = Il valore di «{ $field }» non è utilizzabile. { $expected }
fault-changed-meanwhile = Nel frattempo qualcun altro ha modificato questi dati. Guardi lo stato attuale e ripeta la modifica.
fault-precondition-needed = Questa modifica richiede il campo If-Match con l'ETag dello stato che ha visto. Prima lo richieda, poi riprovi.
fault-exists-already = «{ $name }» esiste già. Scelga un altro nome o modifichi quello esistente.
fault-still-used = «{ $name }» è ancora usato da { $by }. Prima modifichi quello.
fault-too-large = La richiesta è troppo grande. Il limite è { $limit }.
fault-not-available-yet = «{ $name }» non è ancora disponibile in questa versione. Lo ometta.
fault-bad-cursor = Questo punto dell'elenco non esiste più. Ricominci dalla prima pagina.
fault-internal = Qui qualcosa è andato storto. Riprovi; se il problema rimane, chieda all'amministratore di guardare il registro.

fault-site-row-unreadable = Un'impostazione salvata non è leggibile; resta in vigore quella precedente. Chieda all'amministratore di guardare il registro e di salvare di nuovo quell'impostazione.
fault-configuration-invalid = La configurazione non è utilizzabile: { $detail }. La corregga e riavvii.
fault-data-in-use = Sulla directory { $path } è già in esecuzione un sealgate. Prima lo fermi, oppure scelga un'altra directory con --data.
fault-data-foreign = La directory { $path } appartiene all'utente { $owner }, ma sealgate è in esecuzione come { $own }. Lo avvii come quell'utente, oppure assegni la directory a { $own }.
fault-data-unusable = La directory { $path } non è utilizzabile: { $detail }. Controlli che esista, che sia scrivibile e che abbia spazio.
fault-certificate-unusable = Il certificato o la chiave in { $path } non è utilizzabile: { $detail }. Vi metta un file PEM la cui chiave corrisponda al certificato.
