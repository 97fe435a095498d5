//! Story: an administrator looks at what a phone and its server said, changes a text, and has octets again.

use testkit::Gateway;
use testkit::net::isolated;
use testkit::sogo::material;

#[test]
fn g_20_a_body_becomes_xml_and_the_same_octets_again() {
    isolated(|| {
        let Some(material) = material() else { return };
        let gateway = Gateway::start("bodies", "[smtp]\nlisten = []\n");
        let room = gateway.room();
        let (mut good, mut bad) = (0, 0);
        let mut files: Vec<_> =
            std::fs::read_dir(material.join("testdata/eas/vectors")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.push(material.join("testdata/eas/captures-sogo/sogo-14.1-006-Sync.resp"));
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "wbxml" || e == "resp")) {
            let (name, octets) = (file.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(file).unwrap());
            let decoded = gateway.command(&["mobile", "decode", file.to_str().unwrap()]);
            if (name.starts_with("bad-") || name.starts_with("wrong-")) && name != "bad-unknown-tag.wbxml" {
                assert_eq!(decoded.status.code(), Some(1), "{name}");
                bad += 1;
                continue;
            }
            let said = String::from_utf8_lossy(&decoded.stderr);
            assert!(decoded.status.success(), "{name}: {said}");
            let xml = room.write("body.xml", &decoded.stdout);
            let encoded = gateway.command(&["mobile", "encode", &xml]);
            assert!(encoded.status.success() && encoded.stdout == octets, "{name}: {}", String::from_utf8_lossy(&encoded.stderr));
            good += 1;
        }
        assert!(good > 20 && bad == 10, "{good} good, {bad} bad");

        let by_hand = "<FolderSync xmlns='FolderHierarchy'><SyncKey>7</SyncKey></FolderSync>";
        let xml = room.write("hand.xml", by_hand);
        assert_eq!(gateway.command(&["mobile", "encode", &xml]).stdout, b"\x03\x01\x6a\x00\x00\x07\x56\x52\x037\x00\x01\x01");
        let broken = room.write("broken.xml", by_hand.replace("SyncKey", "Nothing"));
        let refused = gateway.command(&["mobile", "encode", &broken]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(1) && said.contains("Nothing"), "{said}");
    });
}
