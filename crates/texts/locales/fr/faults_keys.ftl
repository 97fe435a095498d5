# Clés, certificats, courrier protégé.

fault-crypto-malformed = La partie protégée de ce message est endommagée ou d'un type qui n'est pas pris en charge.
fault-crypto-cannot-open = Ce message n'a pas pu être ouvert.
fault-crypto-certificate-unsuitable = Un certificat n'est pas utilisable pour ce courrier : vérifiez sa validité et l'usage pour lequel il a été établi.
fault-crypto-too-costly = Ouvrir ou vérifier ce message coûte plus que ce qui est permis.
fault-crypto-failed = Une opération cryptographique a échoué. Réessayez plus tard ; si cela persiste, demandez à l'administrateur de consulter le journal.
fault-key-vault-unavailable = Les clés ne sont pas accessibles pour l'instant. Réessayez plus tard.
fault-key-unusable = La clé privée manque ou ne peut pas servir à cela. Importez-la à nouveau.
fault-seal-broken = Un élément conservé scellé ne peut pas être ouvert ici. Vérifiez la clé maîtresse ; sinon, restaurez une sauvegarde.
fault-import-wrong-pass-phrase = La phrase secrète n'ouvre pas le fichier. Vérifiez-la et réessayez.
fault-import-pass-phrase-needed = Le fichier est protégé. Indiquez sa phrase secrète.
fault-import-no-key = Le fichier ne contient aucune clé privée. Exportez-le à nouveau avec sa clé, ou importez-le comme certificat.
fault-import-no-certificate = Le fichier ne contient aucun certificat. Exportez la clé et le certificat ensemble.
fault-import-key-does-not-fit = Aucun certificat du fichier ne correspond à la clé privée. Exportez les deux qui vont ensemble.
fault-import-several-keys = Le fichier contient { $count } clés privées. Importez-les une par une.
fault-import-unsupported-key = Ce type de clé privée n'est pas pris en charge. RSA, P-256, P-384, P-521, Ed25519 et X25519 le sont.
fault-import-unreadable = Ce n'est pas un fichier PKCS#12, PEM ou DER, ou il est endommagé.
fault-key-of-another = Cette clé appartient déjà à { $owner }. Une clé a un seul propriétaire.
fault-user-has-keys = « { $name } » a { $count } clés. Sans elles, le courrier pour cet utilisateur ne pourra plus être ouvert. Désactivez plutôt l’utilisateur (--users disable), exportez d’abord les clés, ou supprimez-les aussi avec --allow-delete.
fault-import-too-costly = Ouvrir ce fichier demanderait trop de travail. Exportez-le de nouveau avec moins de tours pour sa phrase de passe.
fault-keys-being-made = Les clés de l'expéditeur sont en cours de création. Renvoyez ce message dans un instant.
