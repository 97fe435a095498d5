//! The console's menus (console.md A-2), as far as their pages are built.

use model::Right;
use web::Entry;

/// All entries, in order. An entry is shown only to whom its page is served.
pub const ENTRIES: &[Entry] = &[
    Entry { path: "/", text: "nav-home", group: "nav-group-overview", right: Right::Home },
    Entry { path: "/queue", text: "nav-queue", group: "nav-group-mail", right: Right::Logs },
    Entry { path: "/log", text: "nav-log", group: "nav-group-mail", right: Right::Logs },
    Entry { path: "/rules", text: "nav-rules", group: "nav-group-mail", right: Right::MailProcessing },
    Entry { path: "/domains", text: "nav-domains", group: "nav-group-mail", right: Right::MailSystem },
    Entry { path: "/users", text: "nav-users", group: "nav-group-mail", right: Right::Users },
    Entry { path: "/keys", text: "nav-keys", group: "nav-group-mail", right: Right::Users },
    Entry { path: "/pgp-keys", text: "nav-pgp-keys", group: "nav-group-mail", right: Right::PgpKeys },
    Entry { path: "/certificates", text: "nav-certificates", group: "nav-group-mail", right: Right::X509Certificates },
    Entry { path: "/roots", text: "nav-roots", group: "nav-group-mail", right: Right::X509Roots },
    Entry { path: "/mobile", text: "nav-mobile", group: "nav-group-mobile", right: Right::MobileDashboard },
    Entry { path: "/devices", text: "nav-devices", group: "nav-group-mobile", right: Right::MobileDashboard },
    Entry { path: "/policies", text: "nav-policies", group: "nav-group-mobile", right: Right::MobilePolicies },
    Entry { path: "/gateways", text: "nav-gateways", group: "nav-group-mobile", right: Right::MobileGateways },
    Entry { path: "/diagnostics", text: "nav-diagnostics", group: "nav-group-mobile", right: Right::MobileDiagnostics },
    Entry { path: "/audit", text: "nav-audit", group: "nav-group-system", right: Right::Administration },
];
