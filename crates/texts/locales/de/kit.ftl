kit-skip = Zum Inhalt
kit-menu = Menü
kit-own-password = Passwort
kit-sign-out = Abmelden
kit-language = Sprache
kit-pages = Seiten
kit-first-page = Erste Seite
kit-next-page = Nächste Seite
kit-never = nie
kit-no-data = Es gibt noch nichts zu zeigen.
kit-as-table = Die Zahlen als Tabelle
kit-cancel = Abbrechen
kit-error-title = Das hat nicht geklappt
kit-error-temporary = In einigen Minuten gelingt es vielleicht.
kit-error-code = Code für den Administrator: { $status } { $code }
kit-to-home = Zur Startseite
duration-seconds = { $count ->
    [one] { $count } Sekunde
   *[other] { $count } Sekunden
}
duration-minutes = { $count ->
    [one] { $count } Minute
   *[other] { $count } Minuten
}
duration-hours = { $count ->
    [one] { $count } Stunde
   *[other] { $count } Stunden
}
duration-days = { $count ->
    [one] { $count } Tag
   *[other] { $count } Tage
}
