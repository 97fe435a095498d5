part-removed-text = L'allegato "{ $name }" è stato rimosso perché le regole di questo sistema di posta non lasciano passare i file di questo tipo. Se Le serve, si rivolga al Suo amministratore.
