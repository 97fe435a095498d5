# Von wem Mail genommen wird
fault-access-rejected = Aus Ihrem Netz wird hier keine Mail angenommen. Fragen Sie die Verwaltung der Empfängerseite.
fault-block-listed = Ihr Server { $address } steht auf der Sperrliste { $zone }. Lassen Sie ihn dort austragen und senden Sie dann noch einmal.
fault-helo-not-qualified = Ihr Server nennt sich „{ $name }“; das ist kein vollständiger Rechnername. Geben Sie ihm einen wie mail.firma.example.
fault-helo-unknown = Ihr Server nennt sich „{ $name }“; dieser Name hat keine Adresse im DNS. Berichtigen Sie den Namen oder das DNS.
fault-client-without-name = Ihr Server { $address } hat keinen Namen im DNS. Lassen Sie einen PTR-Eintrag für ihn anlegen.
fault-client-name-unconfirmed = Der Name Ihres Servers { $address } führt nicht zu dieser Adresse zurück. Berichtigen Sie den PTR- oder den Adresseintrag.
fault-sender-domain-unknown = Die Domain { $domain } des Absenders gibt es nicht. Prüfen Sie die Absenderadresse.
fault-sender-domain-takes-no-mail = Die Domain { $domain } des Absenders nimmt keine Mail an und kann daher keine senden. Verwenden Sie eine andere Absenderadresse.
fault-sender-unsure = Das DNS gibt zurzeit keine Auskunft über Sie. Versuchen Sie es später noch einmal.
fault-greylisted = Mail von Ihnen ist hier noch nicht bekannt. Ihr Server soll es in { $seconds } Sekunden noch einmal versuchen; dann wird sie angenommen.

# Scanner
fault-scanner-down = Der Viren- oder Spamscanner antwortet nicht. Versuchen Sie es später noch einmal; die Verwaltung muss nach ihm sehen.
fault-scanner-missing = Nachrichten sollen hier geprüft werden, es ist aber kein Scanner eingestellt. Versuchen Sie es später noch einmal; die Verwaltung muss unter [protection] einen einstellen.
notice-virus-removed = In dieser Nachricht wurde ein Virus gefunden ({ $virus }). Ihr Inhalt wurde entfernt. Bitten Sie den Absender, seinen Rechner zu prüfen und die Nachricht noch einmal zu senden.
notice-virus-removed-file = Im Anhang „{ $name }“ wurde ein Virus gefunden ({ $virus }). Der Anhang wurde entfernt. Bitten Sie den Absender, seinen Rechner zu prüfen und ihn noch einmal zu senden.
fault-no-such-recipient = Diesen Empfänger gibt es hier nicht: { $recipient }. Prüfen Sie die Adresse.
fault-recipient-unsure = Der Server dieses Empfängers antwortet zurzeit nicht. Versuchen Sie es später noch einmal.
fault-author-unclear = Das Feld From nennt keinen Verfasser oder mehr als { $most } Domains: Niemand kann sagen, ob die Mail echt ist.
