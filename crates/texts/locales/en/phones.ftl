# On phones: what stands in place of an attachment or a mail that a policy keeps away.
phone-attachment-blocked = This attachment was removed by the rules of your organisation. Ask your administrator if you need it on this device.
phone-attachment-unjudged = This attachment could not be checked, so it was removed. Open the mail on a computer, or ask your administrator.
phone-mail-blocked = This mail may not be shown on this device because of its classification. Open it on a computer, or ask your administrator.
phone-mail-unreadable = This mail could not be read by the gateway, so its content is not shown here. Open it on a computer.
fault-attachment-key-kept = The key of this file is never given away, because nobody manages the device { $device }. Ask for the mail on a managed device or a computer.
fault-body-memory = Too much mail is being checked at this moment. Try again in a minute.
fault-body-too-big = This is larger than what policies look at. Use a computer, or ask the administrator.
fault-content-coding = The compression of this request or answer can't be read. Try again without it.
fault-mail-server-body = The mail server's answer can't be read. Try again later; if it stays so, ask its administrator.
fault-phone-body = The phone's request can't be read. Update its mail program, or try again.
fault-request-ended = The request ended before it was done. Try again.
