# Whom mail is taken from
fault-access-rejected = Mail from your network is not taken here. Ask the administrator of the receiving side.
fault-block-listed = Your server { $address } is on the block list { $zone }. Have it removed there, then send again.
fault-helo-not-qualified = Your server names itself "{ $name }", which is no full host name. Give it one, as in mail.company.example.
fault-helo-unknown = Your server names itself "{ $name }", which has no address in the DNS. Correct the name or the DNS.
fault-client-without-name = Your server { $address } has no name in the DNS. Have a PTR record made for it.
fault-client-name-unconfirmed = The name of your server { $address } does not lead back to this address. Correct its PTR or address record.
fault-sender-domain-unknown = The sender's domain { $domain } does not exist. Check the sender's address.
fault-sender-domain-takes-no-mail = The sender's domain { $domain } takes no mail, so it can't send any. Use another sender's address.
fault-sender-unsure = The DNS gives no answer about you at the moment. Try again later.
fault-greylisted = Mail from you is not known here yet. Your server should try again in { $seconds } seconds; then it is taken.

# Scanners
fault-scanner-down = The scanner for viruses or spam does not answer. Try again later; the administrator must look after it.
fault-scanner-missing = Messages are to be scanned here, and no scanner is set. Try again later; the administrator must set one under [protection].
notice-virus-removed = A virus was found in this message ({ $virus }). Its content was removed. Ask the sender to check their computer and to send the message again.
notice-virus-removed-file = A virus ({ $virus }) was found in the attachment "{ $name }". The attachment was removed. Ask the sender to check their computer and to send it again.
fault-no-such-recipient = There is no such recipient here: { $recipient }. Check the address.
fault-recipient-unsure = The server of this recipient does not answer at the moment. Try again later.
fault-author-unclear = The From field names no author, or more than { $most } domains: nobody can tell whether the mail is genuine.
