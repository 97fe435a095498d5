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
dsn-headers-only = Seul l'en-tête de votre message est joint, car celui-ci a été ouvert ici.

notice-dropped-subject = Non envoyé : votre message n'a pas été transmis à certains destinataires
notice-dropped-text =
    Ceci est le système de messagerie de { $hostname }.

    Les règles de ce système n'ont pas laissé passer votre message vers ces destinataires : { $recipients }. Aucune nouvelle tentative n'aura lieu. Pour en connaître la raison, adressez-vous à votre administrateur.
