//! Which paths the gate knows (mobile-gateway.md G-1), matched after exactly one decoding.
//!
//! Whole paths are compared, without case. The mail server never sees the phone's path: the path upstream is the
//! configuration's, so nothing that hides in a spelling can get through.

/// Where phones may come in: each kind of server's own path.
const ACTIVE_SYNC: [&str; 5] =
    ["/microsoft-server-activesync", "/traveler", "/servlet/traveler", "/eas", "/sogo/microsoft-server-activesync"];

/// What a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// ActiveSync, by any of its names.
    ActiveSync,
    /// "Is the process alive?"
    Live,
    /// "May requests be sent here?"
    Ready,
    /// Everything else: not passed on.
    Other,
}

/// Decodes once and looks the path up. A path that is not decodable is [`Place::Other`].
pub(crate) fn place(path: &str) -> Place {
    let Some(decoded) = decode_once(path) else { return Place::Other };
    match decoded.as_str() {
        "/health/live" => return Place::Live,
        "/health/ready" => return Place::Ready,
        _ => {}
    }
    let lower = decoded.to_ascii_lowercase();
    let name = lower.strip_suffix('/').unwrap_or(&lower);
    if ACTIVE_SYNC.contains(&name) { Place::ActiveSync } else { Place::Other }
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
            "/Microsoft-Server-ActiveSync//",
            "/owa",
            "/",
            "",
            "*",
        ] {
            assert_eq!(place(path), Place::Other, "{path}");
        }
    }
}
