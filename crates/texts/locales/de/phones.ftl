# Auf Telefonen: was an der Stelle eines Anhangs oder einer Nachricht steht, die eine Richtlinie zurückhält.
phone-attachment-blocked = Dieser Anhang wurde nach den Regeln Ihrer Organisation entfernt. Fragen Sie Ihren Administrator, wenn Sie ihn auf diesem Gerät brauchen.
phone-attachment-unjudged = Dieser Anhang konnte nicht geprüft werden und wurde deshalb entfernt. Öffnen Sie die Nachricht an einem Computer, oder fragen Sie Ihren Administrator.
phone-mail-blocked = Diese Nachricht darf wegen ihrer Einstufung auf diesem Gerät nicht gezeigt werden. Öffnen Sie sie an einem Computer, oder fragen Sie Ihren Administrator.
phone-mail-unreadable = Diese Nachricht konnte vom Gateway nicht gelesen werden, deshalb wird ihr Inhalt hier nicht gezeigt. Öffnen Sie sie an einem Computer.
fault-attachment-key-kept = Der Schlüssel dieser Datei wird nie herausgegeben, weil niemand das Gerät { $device } verwaltet. Öffnen Sie die Nachricht auf einem verwalteten Gerät oder einem Computer.
fault-body-memory = Im Augenblick wird zu viel Post geprüft. Versuchen Sie es in einer Minute noch einmal.
fault-body-too-big = Das ist größer als das, was Richtlinien prüfen. Nehmen Sie einen Computer, oder fragen Sie den Administrator.
fault-content-coding = Die Komprimierung dieser Anfrage oder Antwort lässt sich nicht lesen. Versuchen Sie es ohne sie noch einmal.
fault-mail-server-body = Die Antwort des Mailservers lässt sich nicht lesen. Versuchen Sie es später noch einmal; bleibt es so, fragen Sie seinen Administrator.
fault-phone-body = Die Anfrage des Telefons lässt sich nicht lesen. Aktualisieren Sie sein Mailprogramm, oder versuchen Sie es noch einmal.
fault-request-ended = Die Anfrage endete, bevor sie erledigt war. Versuchen Sie es noch einmal.
