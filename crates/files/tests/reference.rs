//! docs/reference/file-types.md is what the code says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;

use files::detect::endings;
use message::file_type::{FileType, GROUPS, Told};

fn page() -> String {
    let mut page = "# File types\n\nWritten from the code (`cargo nextest run -p sealgate-files --test reference` with `SEALGATE_WRITE_DOCS=1`).\n\n\
         `partoftype('TYPE,GROUP,mime/type,!EXCLUDED', 'info'|'delete', archives)` and `sealgate message parts` know these names; case does not matter. \
         A name that is both a type and a group (EXE) means the group.\n\n## Types\n\n| type | what | told by | MIME types |\n| --- | --- | --- | --- |\n"
        .to_owned();
    for known in FileType::ALL {
        let told = match known.told() {
            Told::Content => "content",
            Told::Name => "name",
            Told::Both => "content, else name",
        };
        let mime = known.mime().iter().map(|mime| format!("`{mime}`")).collect::<Vec<_>>().join(" ");
        writeln!(page, "| {} | {} | {told} | {mime} |", known.name(), known.description()).unwrap();
    }
    page.push_str("\n## Groups\n\n| group | what | types |\n| --- | --- | --- |\n");
    for group in GROUPS {
        let types = group.types.iter().map(|known| known.name()).collect::<Vec<_>>().join(" ");
        writeln!(page, "| {} | {} | {types} |", group.name, group.description).unwrap();
    }
    for (title, unread) in [
        ("What goes by name\n\nWhere the content was read and says nothing:", false),
        (
            "What can't be read goes by name\n\nMembers that are closed, or whose archive is only listed (RAR, ARJ, LHA, ZOO, ACE, CAB):",
            true,
        ),
    ] {
        write!(page, "\n## {title}\n\n| endings | types |\n| --- | --- |\n").unwrap();
        for (endings, types) in endings(unread) {
            writeln!(page, "| {} | {} |", endings.join(" "), types.names().join(" ")).unwrap();
        }
    }
    page
}

#[test]
fn m_p6_the_list_of_file_types_is_up_to_date() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/file-types.md");
    if std::env::var_os("SEALGATE_WRITE_DOCS").is_some() {
        std::fs::create_dir_all(std::path::Path::new(file).parent().unwrap()).unwrap();
        std::fs::write(file, page()).unwrap();
    }
    let checked_in = std::fs::read_to_string(file).unwrap_or_default();
    assert!(checked_in == page(), "docs/reference/file-types.md is old: run this test with SEALGATE_WRITE_DOCS=1");
}
