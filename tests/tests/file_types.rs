//! Story: a rule takes programs out of what comes in, wherever they hide; an administrator sees what is in a mail.
//!
//! The archives are made by Python's own library, the TNEF stream by hand: none of it shares code with the product.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sealgate_tests::scene::{GATE, NODE};
use sealgate_tests::smtp::Client;
use testkit::net::isolated;
use testkit::tools::must;
use testkit::{Gateway, Room, Sink};

const SITE: &str = r#"
[mail]
hostname = "gate.company.example"
postmaster = "postmaster@company.example"

[[domain]]
name = "company.example"
forward = "[127.0.0.30]:25"
language = "en"
"#;

const RULES: &str = "
if (partoftype('EXE,SCRIPT', 'delete', 'true')) { setheader('X-Cleaned', 'yes'); }
if (partoftype('ENCRYPTED')) { setheader('X-Closed', 'yes'); }
deliver();
";

/// Runs a Python program that writes octets.
fn python(program: &str) -> Vec<u8> {
    must("python3", &["-c", program], b"")
}

/// A ZIP with a letter, a program in a tar.gz, and a picture, as Python makes it; without the program if so asked.
fn archive(with_program: bool) -> Vec<u8> {
    let program = if with_program { "('tool.bin', b'\\x7fELF\\x01\\x01\\x01' + bytes(60))," } else { "" };
    python(&format!(
        "import io,tarfile,zipfile,sys\n\
         inner = io.BytesIO()\n\
         with tarfile.open(fileobj=inner, mode='w') as t:\n\
         \x20for n, c in [('readme', b'hello'), {program} ('p.gif', b'GIF89a' + bytes(20))]:\n\
         \x20 i = tarfile.TarInfo(n); i.size = len(c); t.addfile(i, io.BytesIO(c))\n\
         out = io.BytesIO()\n\
         with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:\n\
         \x20z.writestr(zipfile.ZipInfo('letter.rtf'), b'{{\\\\rtf1 hello}}')\n\
         \x20z.writestr(zipfile.ZipInfo('files.tar'), inner.getvalue())\n\
         sys.stdout.buffer.write(out.getvalue())\n"
    ))
}

/// A TNEF stream with these files.
fn winmail(files: &[(&str, &[u8])]) -> Vec<u8> {
    let attribute = |id: u32, data: &[u8]| {
        let sum = data.iter().fold(0u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
        [&[2u8][..], &id.to_le_bytes(), &u32::try_from(data.len()).unwrap().to_le_bytes(), data, &sum.to_le_bytes()].concat()
    };
    let mut stream = vec![0x78, 0x9f, 0x3e, 0x22, 1, 0];
    for (name, content) in files {
        stream.extend(attribute(0x0006_9002, &[0; 14]));
        stream.extend(attribute(0x0001_8010, format!("{name}\0").as_bytes()));
        stream.extend(attribute(0x0006_800f, content));
    }
    stream
}

fn mail(attachments: &[(&str, &str, Vec<u8>)]) -> String {
    let mut text =
        "From: <bob@partner.example>\r\nTo: <alice@company.example>\r\nSubject: Files\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <files@partner.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n"
            .to_owned();
    for (name, said, content) in attachments {
        let encoded = BASE64.encode(content);
        let lines: Vec<&str> = encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
        text.push_str(&format!(
            "--b\r\nContent-Type: {said}; name=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            lines.join("\r\n")
        ));
    }
    text + "--b--\r\n"
}

/// The decoded content of the attachment of this name.
fn attachment(mail: &str, name: &str) -> Vec<u8> {
    let (_, rest) = mail.split_once(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no {name} in {mail}"));
    let (_, body) = rest.split_once("\r\n\r\n").unwrap();
    let body = body.split("\r\n--b").next().unwrap().replace("\r\n", "");
    BASE64.decode(body).unwrap()
}

const ELF: &[u8] = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x03\0";

#[test]
fn m_p6_programs_go_and_the_rest_arrives_as_it_was_sent() {
    isolated(|| {
        let sink = Sink::start("127.0.0.30:25");
        let gateway = Gateway::start("gateway", NODE);
        gateway.apply(SITE);
        let room = Room::new("files");
        gateway.run(&["rules", "apply", &room.write("own.rules", RULES)]);
        let text = mail(&[
            ("photo.jpg", "image/jpeg", ELF.to_vec()),
            ("files.zip", "application/zip", archive(true)),
            ("winmail.dat", "application/ms-tnef", winmail(&[("a.pdf", b"%PDF-1.7\n"), ("b.exe", ELF), ("c.pdf", b"%PDF-1.4\n")])),
            ("letter.pdf", "application/pdf", b"%PDF-1.7\n".to_vec()),
        ]);
        let mut client = Client::connect(GATE, "127.0.0.99").unwrap();
        client.say("EHLO sender.example").unwrap();
        let reply = client.mail("bob@partner.example", &["alice@company.example"], text.as_bytes()).unwrap();
        assert!(reply.starts_with("250"), "{reply}");
        let kept = String::from_utf8(sink.wait_for(1).remove(0).content).unwrap();
        let event = gateway.event("mail.part_of_type", |event| event["delete"] == true);
        assert!(event["types"].as_str().unwrap().contains("ELF"), "{event}");
        assert!(kept.contains("X-Cleaned: yes\r\n") && !kept.contains("X-Closed"), "{kept}");
        assert!(kept.contains("photo.jpg") && !kept.contains("name=\"photo.jpg\""), "a notice names what is gone: {kept}");
        assert_eq!(attachment(&kept, "winmail.dat"), winmail(&[("a.pdf", b"%PDF-1.7\n"), ("c.pdf", b"%PDF-1.4\n")]));
        let inner = |zip: &[u8]| {
            must(
                "python3",
                &[
                    "-c",
                    "import io,sys,zipfile\nz = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))\nassert z.testzip() is None\nsys.stdout.buffer.write(z.read('letter.rtf') + z.read('files.tar'))",
                ],
                zip,
            )
        };
        // Python fills its tar files up with zeros to a round size; what was cut is not filled up again.
        let filled = |octets: Vec<u8>| octets.into_iter().rev().skip_while(|byte| *byte == 0).collect::<Vec<u8>>();
        assert!(
            filled(inner(&attachment(&kept, "files.zip"))) == filled(inner(&archive(false))),
            "the inner file is out, the rest is there"
        );
        let untouched = text.split("--b\r\n").last().unwrap();
        assert!(kept.ends_with(untouched), "{kept}");
    });
}

#[test]
fn m_p6_message_parts_shows_what_is_in_a_mail() {
    isolated(|| {
        let room = std::sync::Arc::new(Room::new("parts"));
        let text =
            mail(&[("files.zip", "application/zip", archive(true)), ("winmail.dat", "application/ms-tnef", winmail(&[("b.exe", ELF)]))]);
        let file = room.write("mail.eml", text);
        let gateway = Gateway::start("gateway", NODE);
        let shown: serde_json::Value = serde_json::from_str(&gateway.run(&["message", "parts", &file, "--json"])).unwrap();
        let (zip, winmail) = (&shown["parts"][1], &shown["parts"][2]);
        assert_eq!(
            (zip["id"].as_str(), zip["content_type"].as_str(), zip["name"].as_str()),
            (Some("1.2"), Some("application/zip"), Some("files.zip"))
        );
        assert_eq!(zip["types"], serde_json::json!(["ZIP"]));
        assert_eq!(zip["encrypted"], false);
        assert!(zip["size"].as_u64().is_some() && zip["parts"] == serde_json::json!([]));
        let tar = &zip["members"][1];
        assert_eq!((tar["id"].as_str(), tar["name"].as_str()), (Some("1.2:2"), Some("files.tar")));
        let names: Vec<_> = tar["members"].as_array().unwrap().iter().map(|member| member["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["readme", "tool.bin", "p.gif"]);
        assert_eq!(tar["members"][1]["types"], serde_json::json!(["ELF"]));
        assert_eq!(
            (winmail["types"].clone(), winmail["members"][0]["types"].clone()),
            (serde_json::json!(["TNEF"]), serde_json::json!(["ELF"]))
        );
    });
}

#[test]
fn m_p6_an_unknown_type_keeps_the_rules_from_being_taken() {
    isolated(|| {
        let gateway = Gateway::start("gateway", NODE);
        let room = Room::new("rules");
        let out = gateway.command(&["rules", "check", &room.write("own.rules", "if (partoftype('EXES')) { drop(); }\n")]);
        let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
        assert_eq!(out.status.code(), Some(1), "{said}");
        assert!(said.contains("there is no file type 'EXES'") && said.contains("did you mean 'EXE'?"), "{said}");
    });
}
