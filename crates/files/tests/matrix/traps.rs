//! Disguises, closed archives, polyglots, paths that climb, archives cut off: a clear answer for each.

use files::State;
use message::file_type::FileType as T;

use super::{look, read, tree};

fn shown(name: &str) -> Option<String> {
    let content = read(name)?;
    let looked = look(&content, Some(name));
    assert!(looked.stopped.is_none(), "{name}: {:?}", looked.stopped);
    let tree = tree(&looked.found);
    println!("{tree}");
    Some(tree)
}

#[test]
fn m_p6_a_program_by_any_other_name() {
    for name in ["disguise-exe-as-jpg.jpg.exe.jpg", "disguise-exe-as-pdf.pdf"] {
        let Some(seen) = shown(name) else { return };
        assert!(seen.contains("EXE+EXE.PE"), "{seen}");
    }
    for name in ["zip-with-exe.zip", "docx-with-exe.docx", "polyglot-pdf-zip.pdf"] {
        let found = look(&read(name).unwrap(), Some(name)).found;
        assert!(found.members.iter().any(|member| member.types.has(T::ExePe)), "{name}: {}", tree(&found));
    }
}

#[test]
fn m_p6_closed_archives_and_documents_are_encrypted() {
    for (name, types) in [
        ("encrypted-aes256.zip", "ZIP+ENCRYPTED"),
        ("encrypted-zipcrypto.zip", "ZIP+ENCRYPTED"),
        ("encrypted-headers.7z", "7Z+ENCRYPTED"),
        ("encrypted.xls", "OOXML+ENCRYPTED"), // whatever its name: a package that a password closes
    ] {
        let Some(content) = read(name) else { return };
        let found = look(&content, Some(name)).found;
        println!("{}", tree(&found));
        assert_eq!(format!("{:?}", found.types), types, "{name}");
        // Without looking into archives too.
        let budget = model::Budget::default();
        assert!(files::look(&content, Some(name), false, &budget).found.is_closed(), "{name}");
        if name.ends_with(".zip") {
            let member = &found.members[0];
            assert!(member.name.is_some() && member.state == State::Closed && member.types.has(T::Encrypted), "{member:?}");
        }
    }
}

#[test]
fn x_9_polyglots_are_all_that_they_are() {
    let Some(gif) = read("polyglot-gif-html.gif") else { return };
    let types = look(&gif, None).found.types;
    assert!(types.has(T::Gif) && types.has(T::Html), "{types:?}");
    let types = look(&read("polyglot-pdf-zip.pdf").unwrap(), None).found.types;
    assert!(types.has(T::Pdf) && types.has(T::Zip), "{types:?}");
}

#[test]
fn x_11_entities_are_not_expanded() {
    for name in ["bomb-billion-laughs.docx", "xxe.docx"] {
        let Some(seen) = shown(name) else { return };
        assert!(seen.contains("OOXML") || seen.contains("ZIP"), "{seen}");
    }
}

#[test]
fn m_p6_names_that_climb_are_names_only() {
    let Some(seen) = shown("zip-slip.zip") else { return };
    assert!(seen.contains("../"), "shown as written: {seen}");
}

#[test]
fn m_p6_an_archive_cut_off_shows_what_is_left() {
    let Some(content) = read("zip-truncated.zip") else { return };
    let found = look(&content, None).found;
    println!("{}", tree(&found));
    assert_eq!(found.types.names(), ["ZIP"]);
    assert!(found.state == State::Damaged && found.members.len() == 1, "{}", tree(&found));
}

/// Every file of the matrix, cut at many places and with octets turned over: never a panic, never more than the bounds.
#[test]
fn x_11_damaged_files_are_read_without_a_crash() {
    let Some(folder) = super::material("attachments/matrix") else { return };
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let mut looked_at = 0;
    for name in names.iter().filter(|name| !name.starts_with("bomb-") && !name.contains("10000")) {
        let content = read(name).unwrap();
        for part in 1..8 {
            let cut = content.slice(..content.len() * part / 8);
            let mut turned = content.to_vec();
            let step = (content.len() / 40).max(1);
            turned.iter_mut().skip(part).step_by(step * part).for_each(|byte| *byte = !*byte);
            for damaged in [cut, turned.into()] {
                let _ = look(&damaged, Some("x.bin"));
                looked_at += 1;
            }
        }
    }
    println!("{looked_at} damaged files looked at");
}
