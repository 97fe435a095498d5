kit-skip = Aller au contenu
kit-menu = Menu
kit-own-password = Mot de passe
kit-sign-out = Se déconnecter
kit-language = Langue
kit-pages = Pages
kit-first-page = Première page
kit-next-page = Page suivante
kit-never = jamais
kit-no-data = Il n'y a encore rien à afficher.
kit-as-table = Les chiffres sous forme de tableau
kit-cancel = Annuler
kit-error-title = Cela n'a pas fonctionné
kit-error-temporary = Cela fonctionnera peut-être dans quelques minutes.
kit-error-code = Code pour l'administrateur : { $status } { $code }
kit-to-home = Vers l'accueil
duration-seconds = { $count ->
    [one] { $count } seconde
   *[other] { $count } secondes
}
duration-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
duration-hours = { $count ->
    [one] { $count } heure
   *[other] { $count } heures
}
duration-days = { $count ->
    [one] { $count } jour
   *[other] { $count } jours
}
