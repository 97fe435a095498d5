# Words around every page.
kit-skip = Skip to the content
kit-menu = Menu
kit-own-password = Password
kit-sign-out = Sign out
kit-language = Language
kit-pages = Pages
kit-first-page = First page
kit-next-page = Next page
kit-never = never
kit-no-data = Nothing to show yet.
kit-as-table = The numbers as a table
kit-cancel = Cancel
kit-error-title = That did not work
kit-error-temporary = It may work in a few minutes.
kit-error-code = Code for the administrator: { $status } { $code }
kit-to-home = To the home page
duration-seconds = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
}
duration-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
duration-hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
}
duration-days = { $count ->
    [one] { $count } day
   *[other] { $count } days
}
