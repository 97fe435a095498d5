# Sur les téléphones : ce qui remplace une pièce jointe ou un message qu'une règle retient.
phone-attachment-blocked = Cette pièce jointe a été retirée selon les règles de votre organisation. Adressez-vous à votre administrateur si vous en avez besoin sur cet appareil.
phone-attachment-unjudged = Cette pièce jointe n'a pas pu être contrôlée et a donc été retirée. Ouvrez le message sur un ordinateur, ou adressez-vous à votre administrateur.
phone-mail-blocked = Ce message ne peut pas être affiché sur cet appareil en raison de sa classification. Ouvrez-le sur un ordinateur, ou adressez-vous à votre administrateur.
phone-mail-unreadable = La passerelle n'a pas pu lire ce message, son contenu n'est donc pas affiché ici. Ouvrez-le sur un ordinateur.
fault-attachment-key-kept = La clé de ce fichier n'est jamais remise, car personne ne gère l'appareil { $device }. Ouvrez le message sur un appareil géré ou un ordinateur.
fault-body-memory = Trop de messages sont contrôlés en ce moment. Réessayez dans une minute.
fault-body-too-big = Ceci est plus grand que ce que les règles examinent. Utilisez un ordinateur ou adressez-vous à l'administrateur.
fault-content-coding = La compression de cette requête ou réponse est illisible. Réessayez sans elle.
fault-mail-server-body = La réponse du serveur de messagerie est illisible. Réessayez plus tard ; si cela persiste, adressez-vous à son administrateur.
fault-phone-body = La requête du téléphone est illisible. Mettez à jour son programme de messagerie ou réessayez.
fault-request-ended = La requête s'est terminée avant d'être traitée. Réessayez.
