//! Story: a company hides calendars from its phones, and a real ActiveSync server's folders reach them without.

use std::time::{Duration, Instant};

use testkit::Gateway;
use testkit::net::isolated;
use testkit::sogo::Sogo;
use testkit::tools::run;

const GATE: &str = "https://127.0.0.1:9443/Microsoft-Server-ActiveSync";

/// One command of alice's phone: the octets of the answer.
fn asked(gateway: &Gateway, command: &str, device: &str, body: &[u8]) -> Vec<u8> {
    let room = gateway.room();
    let body = room.write("body.wbxml", body);
    let url = format!("{GATE}?Cmd={command}&User=alice&DeviceId={device}&DeviceType=iPhone");
    let (data, out) = (format!("@{body}"), room.file("answer.wbxml"));
    let args = ["-sk", "-u", "alice:alicepw", "-H", "MS-ASProtocolVersion: 14.1", "-H", "Content-Type: application/vnd.ms-sync.wbxml"];
    let answer = run("curl", &[&args[..], &["--compressed", "--data-binary", &data, "-o", &out, "-w", "%{http_code}", &url]].concat(), b"");
    assert_eq!(answer.text(), "200", "{command}");
    std::fs::read(out).unwrap_or_default()
}

/// FolderSync with a key (MS-ASWBXML §2.1.2.1.8).
fn folder_sync(key: &str) -> Vec<u8> {
    [&b"\x03\x01\x6a\x00\x00\x07\x56\x52\x03"[..], key.as_bytes(), b"\x00\x01\x01"].concat()
}

/// A first Sync of one folder (MS-ASWBXML §2.1.2.1.1).
fn sync(folder: &str) -> Vec<u8> {
    [&b"\x03\x01\x6a\x00\x45\x5c\x4f\x4b\x030\x00\x01\x52\x03"[..], folder.as_bytes(), b"\x00\x01\x01\x01\x01"].concat()
}

fn has(octets: &[u8], text: &str) -> bool {
    octets.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The number in `Count`: how many changes the answer says that it holds.
fn count(octets: &[u8]) -> usize {
    let at = octets.windows(2).position(|two| two == [0x57, 0x03]).unwrap();
    let digits: Vec<u8> = octets[at + 2..].iter().copied().take_while(u8::is_ascii_digit).collect();
    String::from_utf8(digits).unwrap().parse().unwrap()
}

/// `Add` elements of an answer: each begins so and goes on with `ServerId`.
fn adds(octets: &[u8]) -> usize {
    octets.windows(2).filter(|two| *two == [0x4f, 0x48]).count()
}

#[test]
fn g_10_sogo_folders_are_left_out_and_refused_and_a_change_is_told_once() {
    isolated(|| {
        let Some(sogo) = Sogo::start() else { return };
        let gateway = Gateway::start("folders", "[smtp]\nlisten = []\n");
        let server = format!("[[mobile.gateway]]\nid = 'sogo'\nmail_server = '{}'\nverify_tls_mail = false\n", sogo.url());
        gateway.apply(&server);
        let all = asked(&gateway, "FolderSync", "plain", &folder_sync("0"));
        assert!(has(&all, "vevent%2Fpersonal") && has(&all, "vcard%2Fpersonal"));

        gateway.apply("[[mobile.policy]]\ntype = 'sync_settings'\nenabled = true\nfolders = [{ type = 'calendar' }, { name = 'Sent*' }]\n");
        let hidden = until(|| {
            let answer = asked(&gateway, "FolderSync", "hidden", &folder_sync("0"));
            (!has(&answer, "vevent%2Fpersonal")).then_some(answer)
        });
        assert!(has(&hidden, "vcard%2Fpersonal") && has(&hidden, "INBOX") && !has(&hidden, "Sent"));
        assert_eq!(count(&hidden), adds(&hidden), "the count is put right");
        assert!(count(&hidden) + 2 <= count(&all));
        let changed = b"\x03\x01\x6a\x00\x45\x4e\x0312\x00\x01\x01";
        assert_eq!(asked(&gateway, "Sync", "hidden", &sync("vevent%2Fpersonal")), changed);
        assert!(has(&asked(&gateway, "Sync", "hidden", &sync("vcard%2Fpersonal")), "vcard%2Fpersonal"), "what it sees works");
        assert_eq!(asked(&gateway, "FolderSync", "plain", &folder_sync("1")), b"\x03\x01\x6a\x00\x00\x07\x56\x4c\x039\x00\x01\x01");
        let again = asked(&gateway, "FolderSync", "plain", &folder_sync("0"));
        assert!(!has(&again, "vevent%2Fpersonal") && has(&again, "vcard%2Fpersonal"));
    });
}

/// Asks until there is an answer: a change of the site reaches the gate within a moment.
fn until<T>(mut asked: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(answer) = asked() {
            return answer;
        }
        assert!(Instant::now() < end, "it did not come");
    }
}
