# SMTP AUTH und die Rechte derer, die sich angemeldet haben.
fault-sender-not-allowed = Als { $sender } dürfen Sie nicht senden. Schreiben Sie eine eigene Adresse als Absender, oder bitten Sie den Administrator, Ihnen das Senden für diese zu erlauben.
fault-directory-away = Die Anmeldung ist gerade nicht möglich, weil das Verzeichnis nicht antwortet. Versuchen Sie es später noch einmal.
fault-too-many-connections-of-peer = Sie verbinden sich zu oft. Warten Sie eine Minute und versuchen Sie es noch einmal.
