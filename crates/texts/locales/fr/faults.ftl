# Ce qui n'a pas marché et ce qu'il faut faire, un texte par code d'erreur.

fault-unknown-sender = La demande a été refusée. Vérifiez ce que vous avez saisi ou envoyé, puis réessayez.
fault-unknown-next-hop = Un autre serveur n'a pas fait ce qui lui était demandé. Réessayez plus tard ; si cela persiste, adressez-vous à son administrateur.
fault-unknown-configuration = Un réglage de ce système l'empêche. Demandez à l'administrateur de consulter le journal.
fault-unknown-ourselves = Une erreur s'est produite ici. Réessayez plus tard ; si cela persiste, demandez à l'administrateur de consulter le journal.

fault-sign-in-failed = Le nom d'utilisateur ou le mot de passe est incorrect, ou il y a eu trop de tentatives. Vérifiez les deux, patientez un peu, puis réessayez.
fault-not-signed-in = Vous n'êtes pas connecté ou votre session a expiré. Connectez-vous, puis réessayez.
fault-not-permitted = Votre compte n'y est pas autorisé. Demandez le droit « { $right } » à un administrateur.
fault-above-own-rights = Personne ne peut accorder un droit qu'il n'a pas lui-même. Adressez-vous à un administrateur qui a le droit « { $right } ».
fault-token-unknown = Ce jeton est inconnu, expiré ou supprimé. Indiquez un jeton valable dans le champ Authorization.
fault-form-not-ours = Ce formulaire est trop ancien ou ne vient pas de cette console. Rouvrez la page et recommencez.
fault-password-must-change = Le mot de passe à usage unique doit d'abord être remplacé. Choisissez votre propre mot de passe.
fault-password-too-short = Le mot de passe est trop court. Choisissez au moins { $least } caractères.
fault-password-differs = Les deux mots de passe sont différents. Saisissez deux fois le même.
fault-password-wrong = Le mot de passe actuel est incorrect. Saisissez celui avec lequel vous vous êtes connecté.
fault-password-not-new = Le nouveau mot de passe est l'ancien. Choisissez-en un autre.

fault-not-found = Il n'y a rien ici. L'élément a peut-être été supprimé, ou l'adresse est mal écrite.
fault-method-not-allowed = Cette adresse n'accepte pas cette méthode. La description de l'API indique celles qu'elle accepte.
fault-bad-request = La requête est illisible. Comparez sa forme avec la description de l'API.
fault-bad-field = La valeur de « { $field } » n'est pas utilisable. { $expected }
fault-changed-meanwhile = Quelqu'un d'autre a modifié cet élément entre-temps. Consultez l'état actuel, puis refaites votre modification.
fault-precondition-needed = Cette modification exige le champ If-Match avec l'ETag de l'état que vous avez vu. Récupérez-le d'abord, puis réessayez.
fault-exists-already = « { $name } » existe déjà. Choisissez un autre nom ou modifiez l'élément existant.
fault-still-used = « { $name } » est encore utilisé par { $by }. Modifiez d'abord ce dernier.
fault-too-large = La requête est trop grande. La limite est de { $limit }.
fault-not-available-yet = « { $name } » n'est pas encore disponible dans cette version. Omettez-le.
fault-bad-cursor = Cet endroit de la liste n'existe plus. Reprenez à la première page.
fault-internal = Une erreur s'est produite ici. Réessayez ; si cela persiste, demandez à l'administrateur de consulter le journal.

fault-site-row-unreadable = Un réglage enregistré est illisible ; le précédent reste en vigueur. Demandez à l'administrateur de consulter le journal et d'enregistrer à nouveau ce réglage.
fault-configuration-invalid = La configuration n'est pas utilisable : { $detail }. Corrigez-la et redémarrez.
fault-data-in-use = Un autre sealgate tourne déjà sur le répertoire { $path }. Arrêtez-le d'abord ou choisissez un autre répertoire avec --data.
fault-data-foreign = Le répertoire { $path } appartient à l'utilisateur { $owner }, mais sealgate s'exécute en tant que { $own }. Lancez-le sous cet utilisateur ou attribuez le répertoire à { $own }.
fault-data-unusable = Le répertoire { $path } n'est pas utilisable : { $detail }. Vérifiez qu'il existe, qu'il est accessible en écriture et qu'il y reste de la place.
fault-certificate-unusable = Le certificat ou la clé dans { $path } n'est pas utilisable : { $detail }. Placez-y un fichier PEM dont la clé correspond au certificat.
