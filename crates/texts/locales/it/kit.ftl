kit-skip = Vai al contenuto
kit-menu = Menu
kit-own-password = Password
kit-sign-out = Esci
kit-language = Lingua
kit-pages = Pagine
kit-first-page = Prima pagina
kit-next-page = Pagina successiva
kit-never = mai
kit-no-data = Non c'è ancora nulla da mostrare.
kit-as-table = I numeri in forma di tabella
kit-cancel = Annulla
kit-error-title = Non ha funzionato
kit-error-temporary = Forse funzionerà tra qualche minuto.
kit-error-code = Codice per l'amministratore: { $status } { $code }
kit-to-home = Alla pagina iniziale
duration-seconds = { $count ->
    [one] { $count } secondo
   *[other] { $count } secondi
}
duration-minutes = { $count ->
    [one] { $count } minuto
   *[other] { $count } minuti
}
duration-hours = { $count ->
    [one] { $count } ora
   *[other] { $count } ore
}
duration-days = { $count ->
    [one] { $count } giorno
   *[other] { $count } giorni
}
