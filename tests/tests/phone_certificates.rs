//! Story: a phone's mail client asks for the certificates of whom it writes to, and whether to believe one; a company's directory
//! (OpenLDAP) answers, beside a real ActiveSync server.

use std::sync::Arc;

use serde_json::{Value, json};
use testkit::net::isolated;
use testkit::slapd::{BASE, READER, READER_PASSWORD, Slapd};
use testkit::sogo::Sogo;
use testkit::tools::{Ca, must, run};
use testkit::{Gateway, Room};

const GATE: &str = "https://127.0.0.1:9443/Microsoft-Server-ActiveSync";
const NODE: &str = "[smtp]\nlisten = []\n";

/// Asks for certificates of all that are named, then whether each that came is to be believed.
const PHONE: &str = r#"
import sys, json; sys.path.insert(0, sys.argv[1])
from eas import *
e = EAS(sys.argv[2], "alice", "alicepw", dev="CERT1", ver="14.1", timeout=60); e.provision()
names = sys.argv[3:-1]; R = "ResolveRecipients:"; V = "ValidateCert:"
st, h, x = e.post("ResolveRecipients", [R + "ResolveRecipients"] + [[R + "To", n] for n in names] + [[R + "Options", [R + "CertificateRetrieval", "2"]]])
out = {"status": st, "found": {}}
for one in find(x, R + "Response") if isinstance(x, list) else []:
    out["found"][text(one, R + "To")] = [c[1] for c in find(one, R + "Certificate")]
certs = [c for all in out["found"].values() for c in all] + ([sys.argv[-1]] if sys.argv[-1] else [])
if certs:
    out["believed"] = []
    for cert in certs:  # One by one: this server says something of the first only.
        st, h, x = e.post("ValidateCert", [V + "ValidateCert", [V + "Certificates", [V + "Certificate", cert]]])
        out["believed"] += [text(c, V + "Status") for c in find(x, V + "Certificate")] if isinstance(x, list) else [st]
print(json.dumps(out))
"#;

fn phone(sogo: &Sogo, room: &Room, names: &[&str], more: &str) -> Value {
    let script = room.write("phone.py", PHONE);
    let client = sogo.client();
    let args = [&[script.as_str(), client.to_str().unwrap(), GATE][..], names, &[more]].concat();
    let answer = run("python3", &args, b"");
    assert!(answer.ok, "{}{}", answer.text(), answer.err);
    serde_json::from_str(answer.text().lines().last().unwrap_or_default()).unwrap()
}

/// DER in base64, on one line.
fn der(path: &str) -> String {
    let octets = must("openssl", &["x509", "-in", path, "-outform", "DER"], b"");
    String::from_utf8(must("base64", &["-w0"], &octets)).unwrap()
}

fn site(sogo: &Sogo, url: &str, account: &str) -> String {
    format!(
        "[[mobile.gateway]]\nid = 'sogo'\nmail_server = '{}'\nverify_tls_mail = false\nsmime_lookup = {{ url = '{url}/{BASE}'{account} }}\n",
        sogo.url()
    )
}

#[test]
fn g_24_sogo_a_directory_gives_certificates_and_vouches_for_them() {
    isolated(|| {
        let Some(sogo) = Sogo::start() else { return };
        let files = Room::new("certificates");
        let ca = Ca::new(&files, "ca");
        let (carol, dave, eve) = (ca.person("carol@company.example"), ca.person("dave@company.example"), ca.person("eve@company.example"));
        let (carols, daves, eves) = (der(&carol.cert), der(&dave.cert), der(&eve.cert));
        let people = [
            ("carol", "carol@company.example", carols.as_str()),
            ("dave", "dave@company.example", daves.as_str()),
            // Somebody who put another's certificate beside the own address.
            ("mallory", "mallory@company.example", carols.as_str()),
        ];
        let mut slapd = Slapd::with_certificates("people", "127.0.0.30:3890", &people, None, false);
        let gateway = Gateway::start("certificates", NODE);
        let room = gateway.room();
        let account = format!(", auth = 'basic', user = '{READER}', password = '{READER_PASSWORD}'");
        gateway.apply(&site(&sogo, &slapd.uri(), &account));
        assert!(!gateway.run(&["config", "export"]).contains(READER_PASSWORD), "its password is no part of the site's text");

        let told = phone(&sogo, &room, &["carol@company.example", "dave@company.example"], &eves);
        assert_eq!(told["found"], json!({ "carol@company.example": [carols], "dave@company.example": [daves] }), "{told}");
        assert_eq!(told["believed"].as_array().map(Vec::len), Some(3), "{told}");
        assert_eq!((&told["believed"][0], &told["believed"][1]), (&json!("1"), &json!("1")), "{told}");
        assert_ne!(told["believed"][2], "1", "nobody vouches for it: {told}");

        let asked = slapd.log().matches("SRCH base=").count();
        let again = phone(&sogo, &room, &["carol@company.example"], "");
        assert_eq!(
            (&again["found"]["carol@company.example"], slapd.log().matches("SRCH base=").count()),
            (&json!([carols]), asked),
            "kept for a while"
        );
        let odd = [
            "*@company.example",
            "carol@company.example)(uid=*",
            "mallory@company.example",
            "nobody@company.example",
            "carol@company.example",
        ];
        let told = phone(&sogo, &room, &odd, "");
        assert_eq!(told["found"]["carol@company.example"], json!([carols]), "{told}");
        for name in &odd[..4] {
            assert!(told["found"].get(name).is_none_or(|found| *found == json!([])), "{name}: {told}");
        }
        assert!(slapd.log().contains("(mail=\\2A@company.example)") || slapd.log().contains("(mail=\\2a@company.example)"), "escaped");

        slapd.down();
        let told = phone(&sogo, &room, &["carol@company.example", "late@company.example"], "");
        assert_eq!(told["found"]["carol@company.example"], json!([carols]), "what is known stays known: {told}");
        let _ = gateway.event("directory.away", |event| event["gateway"] == "sogo");
    });
}

#[test]
fn g_24_x_23_sogo_a_directory_under_tls_is_checked_and_may_be_asked_by_anybody() {
    isolated(|| {
        let Some(sogo) = Sogo::start() else { return };
        let files = Room::new("certificates-tls");
        let ca = Ca::new(&files, "ca");
        let carols = der(&ca.person("carol@company.example").cert);
        let (cert, key) = ca.server("ldap", "IP:127.0.0.30", "5");
        let people = [("carol", "carol@company.example", carols.as_str())];
        let slapd = Slapd::with_certificates("people", "127.0.0.30:6360", &people, Some((&cert, &key)), true);
        let found = |gateway: &Gateway| {
            gateway.apply(&site(&sogo, &slapd.uri(), ""));
            phone(&sogo, &gateway.room(), &["carol@company.example"], "")["found"]["carol@company.example"].clone()
        };
        let trusting = Gateway::start_in(Arc::new(Room::new("trusting")), NODE, &["env", &format!("SSL_CERT_FILE={}", ca.cert())]);
        assert_eq!(found(&trusting), json!([carols]), "{}", trusting.log_text());
        drop(trusting);
        let doubting = Gateway::start("doubting", NODE);
        assert_ne!(found(&doubting), json!([carols]));
        let _ = doubting.event("directory.away", |_| true);
    });
}
