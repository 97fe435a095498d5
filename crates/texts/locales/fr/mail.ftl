dsn-subject-failed = Non remis : votre message n'a pas pu être remis
dsn-intro-failed =
    Ceci est le système de messagerie de { $host }.

    Votre message n'a pas pu être remis aux destinataires ci-dessous, et aucune nouvelle tentative n'aura lieu. La raison communiquée figure auprès de chaque destinataire. Veuillez vérifier les adresses ; si elles sont exactes, renvoyez le message plus tard ou joignez le destinataire par un autre moyen.
dsn-subject-delayed = Retardé : votre message est toujours en attente
dsn-intro-delayed =
    Ceci est le système de messagerie de { $host }.

    Votre message n'a pas encore pu être remis aux destinataires ci-dessous. Vous n'avez rien à faire : de nouvelles tentatives auront lieu jusqu'au { $expires }. Si elles échouent, vous en serez averti.
dsn-subject-relayed = Votre message a été transmis
dsn-intro-relayed =
    Ceci est le système de messagerie de { $host }.

    Votre message a été transmis au serveur de messagerie suivant pour les destinataires ci-dessous. Ce serveur ne confirme pas les remises ; il se peut donc que vous ne receviez plus d'autre avis.
dsn-subject-delivered = Votre message a été remis
dsn-intro-delivered =
    Ceci est le système de messagerie de { $host }.

    Votre message a été remis aux destinataires ci-dessous.
dsn-subject-removed = Non remis : votre message a été supprimé par un administrateur
dsn-intro-removed =
    Ceci est le système de messagerie de { $host }.

    Un administrateur a supprimé votre message de la file d'attente avant qu'il n'ait pu être remis aux destinataires ci-dessous. Aucune nouvelle tentative n'aura lieu. Pour en connaître la raison, adressez-vous à votre administrateur.
dsn-recipient = Destinataire : { $recipient }
dsn-reason = Raison : { $reason }
dsn-reason-withheld = Raison : le serveur de messagerie suivant ne l'a pas accepté. Sa réponse est connue de l'administrateur de ce système.
dsn-headers-only = Seul l'en-tête de votre message est joint, car celui-ci a été ouvert ici.

notice-dropped-subject = Non envoyé : votre message n'a pas été transmis à certains destinataires
notice-dropped-text =
    Ceci est le système de messagerie de { $hostname }.

    Les règles de ce système n'ont pas laissé passer votre message vers ces destinataires : { $recipients }. Aucune nouvelle tentative n'aura lieu. Pour en connaître la raison, adressez-vous à votre administrateur.

alarm-subject-job = Alarme sur { $host } : une tâche a échoué
alarm-text-job =
    Ceci est le système de messagerie de { $host }.

    Une tâche du type « { $kind } » pour { $subject } a échoué trop souvent et n'est plus tentée. La dernière erreur était : { $cause }
alarm-subject-certificate = Alarme sur { $host } : des certificats expirent bientôt
alarm-text-certificate =
    Ceci est le système de messagerie de { $host }.

    Ces certificats expirent bientôt. Renouvelez-les avant : ensuite, les clients refuseront la connexion, et rien ne sera plus signé avec le certificat d'un utilisateur ni chiffré pour lui.

    { $list }
alarm-subject-disk = Alarme sur { $host } : un disque est presque plein
alarm-text-disk =
    Ceci est le système de messagerie de { $host }.

    Sur { $subject }, il reste { $free } ; le seuil de cette alarme est { $least }. S'il n'y a plus de place du tout, le courrier est refusé jusqu'à ce qu'il y en ait.
alarm-subject-scanner = Alarme sur { $host } : { $engine } est absent
alarm-text-scanner =
    Ceci est le système de messagerie de { $host }.

    L'analyseur { $engine } à { $place } ne répond plus depuis { $minutes } minutes : { $cause }. D'ici là, le courrier attend ou passe sans analyse, selon scanner_down.

report-signature = Signature : { $value }
report-signer = Signataire : { $value }
report-encryption = Chiffrement : { $value }
report-scan = Analyse antivirus : { $value }
report-types = Types de contenu : { $value }
report-reasons = Motifs : { $value }
reprocess-closed-subject = Non ouvert : un message que vous avez envoyé
reprocess-closed-text = Le message joint n'a pas pu être ouvert avec vos clés. Il vous revient tel quel.
