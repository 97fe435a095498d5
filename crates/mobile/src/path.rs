//! Which paths the gate knows (mobile-gateway.md G-1), matched after exactly one decoding.
//!
//! Whole paths are compared, without case. The mail server never sees the phone's path: the path upstream is the
//! configuration's, or, for web mail, written anew from the decoded one, which must be readable in one way only. So nothing that
//! hides in a spelling can get through. What no configuration names is not passed on (G-6).

use model::site::MobileGateway;

use crate::open::Part;

/// Where phones may come in: each kind of server's own path.
const ACTIVE_SYNC: [&str; 5] =
    ["/microsoft-server-activesync", "/traveler", "/servlet/traveler", "/eas", "/sogo/microsoft-server-activesync"];

/// First parts of paths through which mail could be had round the policies: never web mail.
const RESERVED: [&str; 9] = [
    "/microsoft-server-activesync",
    "/traveler",
    "/servlet",
    "/eas",
    "/sogo/microsoft-server-activesync",
    "/ews",
    "/autodiscover",
    "/mapi",
    "/rpc",
];

/// What a path stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// ActiveSync, by any of its names.
    ActiveSync,
    /// Autodiscover, XML or JSON; the path as it goes up.
    Autodiscover(String),
    /// "Is the process alive?"
    Live,
    /// "May requests be sent here?"
    Ready,
    /// The page that opens encrypted attachments, or what it is made of.
    Open(Part),
    /// Something that a configuration may pass on, decoded, readable in one way only.
    Else(String),
    /// Never passed on: not readable, or readable in two ways.
    Other,
}

/// Decodes once and looks the path up.
pub(crate) fn place(path: &str) -> Place {
    let Some(decoded) = decode_once(path) else { return Place::Other };
    match decoded.as_str() {
        "/health/live" => return Place::Live,
        "/health/ready" => return Place::Ready,
        "/open" | "/open/" => return Place::Open(Part::Form),
        "/open/app.webmanifest" => return Place::Open(Part::Manifest),
        // Exact names only: web mail may have assets of its own.
        asset if asset.strip_prefix("/assets/").is_some_and(|name| web::assets::find(name).is_some()) => return Place::Open(Part::Asset),
        _ => {}
    }
    let lower = decoded.to_ascii_lowercase();
    let name = lower.strip_suffix('/').unwrap_or(&lower);
    if ACTIVE_SYNC.contains(&name) {
        return Place::ActiveSync;
    }
    if !is_plain(path, &decoded) {
        return Place::Other;
    }
    match name {
        "/autodiscover/autodiscover.xml" => Place::Autodiscover("/autodiscover/autodiscover.xml".to_owned()),
        "/autodiscover/autodiscover.json" => Place::Autodiscover("/autodiscover/autodiscover.json".to_owned()),
        _ if is_json_of_a_user(name) => Place::Autodiscover(encoded(&decoded)),
        _ => Place::Else(decoded),
    }
}

/// `/autodiscover/autodiscover.json/v1.0/user@domain`
fn is_json_of_a_user(path: &str) -> bool {
    let user = path.strip_prefix("/autodiscover/autodiscover.json/v1.0/");
    user.is_some_and(|user| !user.contains('/') && user.contains('@'))
}

/// Readable in one way only: no segment that a server could take out, cut off or split, no separator that was encoded, nothing
/// that is still encoded.
fn is_plain(written: &str, decoded: &str) -> bool {
    let lower = written.to_ascii_lowercase();
    let encoded_separator = ["%2f", "%5c", "%00"].iter().any(|code| lower.contains(code));
    let odd = |c: char| c.is_control() || "\\%;:?#*|<>\"".contains(c);
    let mut segments = decoded.strip_prefix('/').unwrap_or("//").split('/').peekable();
    let mut plain = true;
    while let Some(segment) = segments.next() {
        // Windows leaves dots and blanks at the end of a name out. Only the last segment may be empty.
        let last = segments.peek().is_none();
        plain &= (last || !segment.is_empty()) && !segment.ends_with(['.', ' ']);
    }
    plain && !encoded_separator && !decoded.contains(odd)
}

/// What a configuration lets pass besides ActiveSync, and the path as it goes up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Passed {
    /// Exchange Web Services.
    Ews(String),
    /// Web mail.
    Web(String),
}

/// Looks a plain path ([`Place::Else`]) up in a configuration (mobile-gateway.md G-6); `None`: it is not passed on.
pub(crate) fn web(plain: &str, gateway: &MobileGateway) -> Option<Passed> {
    let lower = plain.to_ascii_lowercase();
    let below = |root: &str| {
        let root = root.trim_end_matches('/').to_ascii_lowercase();
        lower.strip_prefix(root.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if gateway.ews && below("/ews") {
        return Some(Passed::Ews(encoded(plain)));
    }
    if RESERVED.iter().any(|root| below(root)) {
        return None;
    }
    gateway.webmail_paths.iter().any(|path| below(path)).then(|| Passed::Web(encoded(plain)))
}

/// A decoded path as we write it: everything but what RFC 3986 §3.3 lets stand is encoded.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for octet in path.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,=@/".contains(&octet) {
            out.push(char::from(octet));
        } else {
            out.push_str(&format!("%{octet:02X}"));
        }
    }
    out
}

/// The path that each kind of mail server answers on (mobile-gateway.md G-1). Traveler's changed with version 9.
pub(crate) fn upstream_path(kind: &str, version: &str) -> &'static str {
    let major = model::site::version_numbers(version).and_then(|numbers| numbers.first().copied());
    match (kind, major) {
        ("traveler", Some(..9)) => "/servlet/traveler",
        ("traveler", _) => "/traveler",
        _ => "/Microsoft-Server-ActiveSync",
    }
}

fn decode_once(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_1_any_known_path_in_any_case() {
        for path in [
            "/Microsoft-Server-ActiveSync",
            "/microsoft-server-activesync",
            "/MICROSOFT-SERVER-ACTIVESYNC/",
            "/Microsoft%2DServer-ActiveSync",
            "/traveler",
            "/servlet/Traveler",
            "/EAS",
            "/SOGo/Microsoft-Server-ActiveSync",
        ] {
            assert_eq!(place(path), Place::ActiveSync, "{path}");
        }
        assert_eq!(place("/health/live"), Place::Live);
    }

    #[test]
    fn g_1_each_kind_of_server_has_its_path() {
        for (kind, version, path) in [
            ("exchange", "", "/Microsoft-Server-ActiveSync"),
            ("online", "", "/Microsoft-Server-ActiveSync"),
            ("groupwise", "18", "/Microsoft-Server-ActiveSync"),
            ("traveler", "", "/traveler"),
            ("traveler", "9.0.1", "/traveler"),
            ("traveler", "8.5.3", "/servlet/traveler"),
        ] {
            assert_eq!(upstream_path(kind, version), path, "{kind} {version}");
        }
    }

    #[test]
    fn x_18_paths_are_decoded_once_and_compared_whole() {
        for path in [
            "/Microsoft%252DServer-ActiveSync",
            "/Microsoft-Server-ActiveSync/../owa",
            "/owa/../Microsoft-Server-ActiveSync",
            "/Microsoft-Server-ActiveSync/%2e%2e/owa",
            "//Microsoft-Server-ActiveSync",
            "/./Microsoft-Server-ActiveSync",
            "/Microsoft-Server-ActiveSync;a=b",
            "/Microsoft-Server-ActiveSync%00",
            "/Microsoft-Server-ActiveSync%0",
            "/Microsoft-Server-ActiveSync%20",
            "\\Microsoft-Server-ActiveSync",
            "",
            "*",
            "owa",
            "/owa//x",
            "/owa/./x",
            "/owa/x/..",
            "/owa/%2e%2e/ews",
            "/owa%2fx",
            "/owa%5Cx",
            "/owa\\..\\ews",
            "/owa/%252e%252e/ews",
            "/owa/x.",
            "/owa /x",
            "/owa;x/../ews",
            "/owa/x::$DATA",
            "/owa/%0d%0ax",
            "/owa/%ff",
            "/health/live/..",
        ] {
            assert_eq!(place(path), Place::Other, "{path}");
        }
        for path in ["/Microsoft-Server-ActiveSync/default.eas", "/Microsoft%2DServer-ActiveSync/x", "/owa", "/", "/owa/"] {
            assert!(matches!(place(path), Place::Else(_)), "{path}");
        }
    }

    #[test]
    fn g_6_only_named_paths_are_passed_on() {
        let passed = |path: &str, paths: &[&str], ews: bool| {
            let webmail_paths = paths.iter().map(|path| (*path).to_owned()).collect();
            let gateway = MobileGateway { webmail_paths, ews, ..MobileGateway::default() };
            match place(path) {
                Place::Else(plain) => web(&plain, &gateway),
                _ => None,
            }
        };
        let web = |path: &str| Some(Passed::Web(path.to_owned()));
        assert_eq!(passed("/owa", &[], false), None);
        assert_eq!(passed("/owa", &["/owa"], false), web("/owa"));
        assert_eq!(passed("/OWA/auth/logon.aspx", &["/owa/"], false), web("/OWA/auth/logon.aspx"));
        assert_eq!(passed("/owa/%7Ea%20b/%C3%BC", &["/owa"], false), web("/owa/~a%20b/%C3%BC"), "written anew");
        assert_eq!(passed("/owax", &["/owa"], false), None);
        assert_eq!(passed("/x/owa", &["/owa"], false), None);
        assert_eq!(passed("/anything/at/all", &["/"], false), web("/anything/at/all"));
        for path in
            ["/ews/exchange.asmx", "/EWS", "/Microsoft-Server-ActiveSync/x", "/autodiscover/x.svc", "/mapi/emsmdb", "/rpc/rpcproxy.dll"]
        {
            assert_eq!(passed(path, &["/"], false), None, "{path}");
        }
        assert_eq!(passed("/ews/Exchange.asmx", &[], true), Some(Passed::Ews("/ews/Exchange.asmx".to_owned())));
        assert_eq!(passed("/ewsx", &[], true), None);
    }

    #[test]
    fn g_5_autodiscover_is_known_in_all_its_forms() {
        for (path, up) in [
            ("/AutoDiscover/AutoDiscover.xml", "/autodiscover/autodiscover.xml"),
            ("/autodiscover/autodiscover.json", "/autodiscover/autodiscover.json"),
            ("/autodiscover/autodiscover.json/v1.0/c%40x.example", "/autodiscover/autodiscover.json/v1.0/c@x.example"),
        ] {
            assert_eq!(place(path), Place::Autodiscover(up.to_owned()), "{path}");
        }
        for path in ["/autodiscover/autodiscover.svc", "/autodiscover/autodiscover.json/v1.0/a@b/c", "/autodiscover/../ews"] {
            assert!(!matches!(place(path), Place::Autodiscover(_)), "{path}");
        }
    }
}
