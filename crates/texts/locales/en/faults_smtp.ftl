# SMTP AUTH and the rights of who has signed in.
fault-sender-not-allowed = You may not send as { $sender }. Write one of your own addresses as sender, or ask the administrator to let you send for this one.
fault-directory-away = Signing in is not possible now because the directory does not answer. Try again later.
fault-too-many-connections-of-peer = You connect too often. Wait a minute and try again.
