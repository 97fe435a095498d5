//! The menus, each shown only to whom its page is served (console.md A-3).

use model::{Access, Right};
use serde::Serialize;

use crate::caller::Caller;

/// One menu entry, as the console declares it.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Where it leads; also what marks it as the present one.
    pub path: &'static str,
    /// Id of its text.
    pub text: &'static str,
    /// Id of its group's text.
    pub group: &'static str,
    /// The right that its page needs.
    pub right: Right,
}

/// A group of entries as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Menu {
    /// Id of its text.
    pub group: &'static str,
    /// Its entries, in the declared order.
    pub entries: Vec<MenuEntry>,
}

/// An entry as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MenuEntry {
    /// Where it leads.
    pub path: &'static str,
    /// Id of its text.
    pub text: &'static str,
    /// True if the page lies under it.
    pub current: bool,
}

/// The menus of one caller on one page. Empty while a one-time password waits to be replaced.
#[must_use]
pub fn menus(entries: &[Entry], caller: &Caller, path: &str) -> Vec<Menu> {
    let mut menus: Vec<Menu> = Vec::new();
    if caller.must_change_password {
        return menus;
    }
    for entry in entries.iter().filter(|entry| caller.actor.rights.allow(entry.right, Access::Read)) {
        let current = path == entry.path || (entry.path != "/" && path.strip_prefix(entry.path).is_some_and(|rest| rest.starts_with('/')));
        let shown = MenuEntry { path: entry.path, text: entry.text, current };
        match menus.iter_mut().find(|menu| menu.group == entry.group) {
            Some(menu) => menu.entries.push(shown),
            None => menus.push(Menu { group: entry.group, entries: vec![shown] }),
        }
    }
    menus
}

#[cfg(test)]
mod tests {
    use model::{Language, Rights};

    use super::*;

    const ENTRIES: [Entry; 3] = [
        Entry { path: "/", text: "nav-home", group: "nav-group-overview", right: Right::Home },
        Entry { path: "/queue", text: "nav-queue", group: "nav-group-mail", right: Right::Logs },
        Entry { path: "/users", text: "nav-users", group: "nav-group-mail", right: Right::Users },
    ];

    #[test]
    fn only_what_is_permitted_is_shown() {
        let mut caller = Caller::local(Language::En);
        assert_eq!(menus(&ENTRIES, &caller, "/").len(), 2);
        caller.actor.rights = Rights::from_words(["usersadmin:read"]);
        let menus_now = menus(&ENTRIES, &caller, "/users/bob");
        assert_eq!(menus_now.len(), 1);
        assert!(menus_now[0].entries.len() == 1 && menus_now[0].entries[0].current);
        assert!(!menus(&ENTRIES, &caller, "/usersx")[0].entries[0].current);
        caller.must_change_password = true;
        assert!(menus(&ENTRIES, &caller, "/").is_empty());
    }
}
