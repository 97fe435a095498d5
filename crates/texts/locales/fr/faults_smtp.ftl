# SMTP AUTH et les droits de qui s'est authentifié.
fault-sender-not-allowed = Vous ne pouvez pas envoyer en tant que { $sender }. Indiquez une de vos propres adresses comme expéditeur, ou demandez à l'administrateur de vous autoriser à envoyer pour celle-ci.
fault-directory-away = L'authentification est impossible en ce moment, car l'annuaire ne répond pas. Réessayez plus tard.
fault-too-many-connections-of-peer = Vous vous connectez trop souvent. Attendez une minute, puis réessayez.
