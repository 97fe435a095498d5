# In place of an attachment that a rule took out. $name: the file's name or type.
part-removed-text = The attachment "{ $name }" was removed because the rules of this mail system do not let files of its type pass. If you need it, please ask your administrator.
