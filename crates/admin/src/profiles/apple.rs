//! Apple's property lists: a configuration profile with one Exchange ActiveSync account (payload `com.apple.eas.account` of Apple's
//! *Device Management* reference), and the dictionary of an app's managed configuration.
//!
//! Identifiers are made of what the profile is about, so that a newer one takes the place of the one before.

use model::site::{DeviceProfile, MobileGateway, host_of};
use openssl::sha::sha256;
use serde_json::{Map, Value};

use super::filled::Filled;

/// Before and after every property list.
const FRAME: (&str, &str) = (
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
     \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n",
    "</plist>\n",
);

/// A configuration profile, not signed yet.
pub(super) fn configuration(gateway: &MobileGateway, profile: &DeviceProfile, filled: &Filled) -> String {
    let name = filled.fill(&profile.profile);
    let identifier = identifier(gateway, profile, filled);
    let account = entries(&[
        ("PayloadType", text("com.apple.eas.account")),
        ("PayloadVersion", "<integer>1</integer>".to_owned()),
        ("PayloadIdentifier", text(&format!("{identifier}.eas"))),
        ("PayloadUUID", text(&uuid(&format!("{identifier}.eas")))),
        ("PayloadDisplayName", text(&name)),
        ("Host", text(&host(gateway))),
        ("SSL", "<true/>".to_owned()),
        ("EmailAddress", text(&filled.address)),
        ("UserName", text(filled.sign_in(gateway))),
    ]);
    let whole = entries(&[
        ("PayloadType", text("Configuration")),
        ("PayloadVersion", "<integer>1</integer>".to_owned()),
        ("PayloadIdentifier", text(&identifier)),
        ("PayloadUUID", text(&uuid(&identifier))),
        ("PayloadDisplayName", text(&name)),
        ("PayloadRemovalDisallowed", "<false/>".to_owned()),
        ("PayloadContent", format!("<array>{account}</array>")),
    ]);
    format!("{}{whole}\n{}", FRAME.0, FRAME.1)
}

/// The settings of an app as a property list.
pub(super) fn dictionary(settings: &Map<String, Value>) -> String {
    let entries: String = settings.iter().map(|(key, value)| format!("<key>{}</key>{}\n", escaped(key), plist(value))).collect();
    format!("{}<dict>\n{entries}</dict>\n{}", FRAME.0, FRAME.1)
}

fn plist(value: &Value) -> String {
    match value {
        Value::Bool(true) => "<true/>".to_owned(),
        Value::Bool(false) => "<false/>".to_owned(),
        Value::Number(number) => format!("<integer>{number}</integer>"),
        Value::String(said) => text(said),
        other => text(&other.to_string()),
    }
}

/// The gateway as devices find it: `host` or `host:port`.
pub(super) fn host(gateway: &MobileGateway) -> String {
    let rest = gateway.external_url.split_once("://").map_or(gateway.external_url.as_str(), |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let port = authority.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.is_empty() && *port != "443");
    let host = host_of(authority).unwrap_or_default();
    port.filter(|port| port.bytes().all(|b| b.is_ascii_digit())).map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
}

/// In reverse, as Apple names things: `example.company.mobile.sealgate.west.mail.…`.
fn identifier(gateway: &MobileGateway, profile: &DeviceProfile, filled: &Filled) -> String {
    let host = gateway.external_host().unwrap_or_default();
    let reversed: Vec<&str> = host.split('.').rev().collect();
    let who = uuid(&filled.address.to_lowercase());
    format!("{}.sealgate.{}.{}.{who}", reversed.join("."), gateway.id, profile.client)
}

/// A UUID of a name, always the same (RFC 9562 §5.8).
fn uuid(name: &str) -> String {
    let digest = sha256(format!("sealgate profile {name}").as_bytes());
    let half: [u8; 16] = std::array::from_fn(|at| digest.get(at).copied().unwrap_or_default());
    uuid::Builder::from_custom_bytes(half).into_uuid().hyphenated().to_string().to_uppercase()
}

fn entries(all: &[(&str, String)]) -> String {
    let lines: String = all.iter().map(|(key, value)| format!("<key>{key}</key>{value}\n")).collect();
    format!("<dict>\n{lines}</dict>")
}

fn text(text: &str) -> String {
    format!("<string>{}</string>", escaped(text))
}

/// XML 1.0 knows no control characters, not even escaped ones.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &str) -> DeviceProfile {
        DeviceProfile { platform: "ios".into(), client: "mail".into(), profile: name.into(), assignment: model::site::Assignment::Auto }
    }

    fn gateway(url: &str, kind: &str) -> MobileGateway {
        MobileGateway { id: "west".into(), external_url: url.into(), kind: kind.into(), ..MobileGateway::default() }
    }

    fn anna() -> Filled {
        Filled { address: "anna@company.example".into(), user: "ameier".into(), domain: "company.example".into() }
    }

    #[test]
    fn a_9b_a_profile_names_the_gateway_and_the_user_and_no_password() {
        let made = configuration(&gateway("https://Mobile.company.example/", "exchange"), &profile("Mail <{user}> & co"), &anna());
        for part in [
            "<key>Host</key><string>mobile.company.example</string>",
            "<key>EmailAddress</key><string>anna@company.example</string>",
            "<key>UserName</key><string>ameier</string>",
            "<string>Mail &lt;ameier&gt; &amp; co</string>",
            "<key>PayloadType</key><string>com.apple.eas.account</string>",
            "<string>example.company.mobile.sealgate.west.mail.",
        ] {
            assert!(made.contains(part), "{part}: {made}");
        }
        assert!(!made.contains("Password"), "{made}");
        assert_eq!(made, configuration(&gateway("https://mobile.company.example", "exchange"), &profile("Mail <{user}> & co"), &anna()));
        let other = Filled { address: "bob@company.example".into(), ..anna() };
        assert_ne!(
            uuid(&identifier(&gateway("https://m", "other"), &profile("x"), &anna())),
            uuid(&identifier(&gateway("https://m", "other"), &profile("x"), &other))
        );
    }

    #[test]
    fn a_9b_host_port_and_sign_in() {
        assert_eq!(host(&gateway("https://m.example:8443/x", "")), "m.example:8443");
        assert_eq!(host(&gateway("https://m.example:443", "")), "m.example");
        assert_eq!((anna().sign_in(&gateway("", "online")), anna().sign_in(&gateway("", "exchange"))), ("anna@company.example", "ameier"));
        assert_eq!(escaped("a\u{0}\"<>&"), "a\u{FFFD}&quot;&lt;&gt;&amp;");
    }
}
