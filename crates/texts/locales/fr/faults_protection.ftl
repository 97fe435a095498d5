# De qui le courrier est accepté
fault-access-rejected = Le courrier de votre réseau n'est pas accepté ici. Demandez à l'administration du destinataire.
fault-block-listed = Votre serveur { $address } figure sur la liste de blocage { $zone }. Faites-l'en retirer, puis envoyez de nouveau.
fault-helo-not-qualified = Votre serveur se nomme « { $name } », ce qui n'est pas un nom d'hôte complet. Donnez-lui-en un, comme mail.societe.example.
fault-helo-unknown = Votre serveur se nomme « { $name } », nom qui n'a pas d'adresse dans le DNS. Corrigez le nom ou le DNS.
fault-client-without-name = Votre serveur { $address } n'a pas de nom dans le DNS. Faites créer un enregistrement PTR.
fault-client-name-unconfirmed = Le nom de votre serveur { $address } ne ramène pas à cette adresse. Corrigez son enregistrement PTR ou d'adresse.
fault-sender-domain-unknown = Le domaine { $domain } de l'expéditeur n'existe pas. Vérifiez l'adresse de l'expéditeur.
fault-sender-domain-takes-no-mail = Le domaine { $domain } de l'expéditeur n'accepte pas de courrier et ne peut donc pas en envoyer. Utilisez une autre adresse d'expéditeur.
fault-sender-unsure = Le DNS ne donne pas de réponse à votre sujet pour le moment. Réessayez plus tard.
fault-greylisted = Votre courrier n'est pas encore connu ici. Votre serveur doit réessayer dans { $seconds } secondes ; il sera alors accepté.

# Scanners
fault-scanner-down = Le scanner antivirus ou antispam ne répond pas. Réessayez plus tard ; l'administration doit s'en occuper.
fault-scanner-missing = Les messages doivent être analysés ici, mais aucun scanner n'est réglé. Réessayez plus tard ; l'administration doit en régler un sous [protection].
notice-virus-removed = Un virus a été trouvé dans ce message ({ $virus }). Son contenu a été supprimé. Demandez à l'expéditeur de vérifier son ordinateur et d'envoyer de nouveau le message.
notice-virus-removed-file = Un virus ({ $virus }) a été trouvé dans la pièce jointe « { $name } ». Elle a été supprimée. Demandez à l'expéditeur de vérifier son ordinateur et de l'envoyer de nouveau.
fault-no-such-recipient = Ce destinataire n’existe pas ici : { $recipient }. Vérifiez l’adresse.
fault-recipient-unsure = Le serveur de ce destinataire ne répond pas pour le moment. Réessayez plus tard.
fault-author-unclear = Le champ From ne nomme aucun auteur, ou plus de { $most } domaines : personne ne peut dire si le message est authentique.
