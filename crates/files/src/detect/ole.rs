//! What a compound file is: Word, Excel, PowerPoint, an installer, or a closed package (MS-CFB, MS-DOC, MS-XLS, MS-PPT).
//!
//! By the names of its streams and a few octets in them. A compound file that can't be read is an Office document: that
//! is what somebody may still open.

use std::io::{Cursor, Read};

use bytes::Bytes;
use message::file_type::{FileType as T, Types};
use model::{Budget, Exhausted};

use crate::octets::{byte, size_16, u16_le, u32_le};

/// First parts of the class ids of installer packages, patches and transforms.
const INSTALLER: [u128; 3] =
    [0x000c_1084_0000_0000_c000_0000_0000_0046, 0x000c_1086_0000_0000_c000_0000_0000_0046, 0x000c_1082_0000_0000_c000_0000_0000_0046];

/// Octets of a stream that are looked at.
const LOOKED_AT: u64 = 64 << 10;

pub(super) fn types(content: &Bytes, budget: &Budget) -> Result<Types, Exhausted> {
    let Ok(mut file) = cfb::CompoundFile::open(Cursor::new(content.clone())) else { return Ok(Types::NONE.with(T::MsOff)) };
    let installer = INSTALLER.contains(&file.root_entry().clsid().as_u128());
    let mut types = if installer { Types::NONE.with(T::Msi) } else { Types::NONE };
    let mut entries = Vec::new();
    for entry in file.walk() {
        budget.part()?;
        entries.push((entry.path().to_owned(), entry.name().to_owned(), entry.is_stream()));
    }
    for (path, name, is_stream) in entries {
        budget.time()?;
        let lower = name.to_lowercase();
        if !is_stream {
            if matches!(lower.as_str(), "vba" | "_vba_project_cur" | "macros") {
                types = types.with(T::Macro);
            }
            continue;
        }
        if !matches!(lower.as_str(), "encryptedpackage" | "workbook" | "book" | "worddocument" | "powerpoint document" | "current user") {
            continue;
        }
        let mut start = Vec::new();
        if let Ok(stream) = file.open_stream(&path) {
            let _ = stream.take(LOOKED_AT).read_to_end(&mut start);
        }
        types = types.and(match lower.as_str() {
            "encryptedpackage" => Types::of(&[T::Ooxml, T::Encrypted]),
            "workbook" | "book" => workbook(&start),
            // FibBase: fEncrypted (MS-DOC §2.5.2).
            "worddocument" => closed_if(u16_le(&start, 10).is_some_and(|flags| flags & 0x0100 != 0)),
            // CurrentUserAtom: headerToken of an encrypted document (MS-PPT §2.3.2).
            "current user" => closed_if(u32_le(&start, 12) == Some(0xf3d1_c4df)),
            _ => Types::NONE.with(T::MsOff),
        });
    }
    Ok(if types.without(T::Macro).without(T::Encrypted).is_empty() { types.with(T::MsOff) } else { types })
}

fn closed_if(closed: bool) -> Types {
    if closed { Types::of(&[T::MsOff, T::Encrypted]) } else { Types::NONE.with(T::MsOff) }
}

/// Records of the workbook's globals: FilePass, and sheets of macros (MS-XLS §2.4.117, §2.4.28).
fn workbook(stream: &[u8]) -> Types {
    let mut types = Types::NONE.with(T::MsXls);
    let mut at = 0;
    while let (Some(kind), Some(length)) = (u16_le(stream, at), size_16(stream, at + 2)) {
        match kind {
            0x002f => types = types.with(T::Encrypted),
            0x0085 if byte(stream, at + 4 + 5) == Some(1) => types = types.with(T::Macro),
            0x000a => break,
            _ => {}
        }
        at += 4 + length;
    }
    types
}
