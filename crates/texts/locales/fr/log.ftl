# Journal du courrier
log-intro = Ce qu'est devenu chaque message, les plus récents d'abord. Le journal se trouve sur le disque de ce nœud.
log-caption = Messages
log-empty = Rien ne correspond.
log-words = Trace, adresse, domaine, client ou mots
log-words-hint = Par exemple bob@partner.example, partner.example, 192.0.2.1 ou l'identifiant de X-Sealgate-Trace.
log-submit = Rechercher
log-any = tous
log-time = Heure (UTC)
log-from = De
log-to = À
log-outcome = Résultat
log-peer = Client
log-size = Taille
log-waiting = en attente
log-delivered = remis
log-deferred = différé
log-bounced = non remis
log-refused = refusé
log-greylisted = mis en liste grise
log-discarded = écarté
log-removed = retiré
log-not-in-time = Le temps n'a pas suffi pour tout parcourir. La page suivante continue à partir d'ici.
log-damaged = Ce fichier n'a pas pu être lu :
log-story-title = Histoire d'un message
log-back = Retour au journal du courrier
log-trace = Trace
log-message-id = Message-ID
log-subject = Objet
log-reason = Raison
log-recipients = Destinataires
log-no-recipients = Aucun destinataire n'est connu.
log-address = Adresse
log-last = Dernières nouvelles (UTC)
log-reply = Dernière réponse
log-events = Toutes les lignes
log-event = Événement
log-details = Détails
log-left-out = { $count ->
    [one] Une ligne est omise.
   *[other] { $count } lignes sont omises.
}
