//! What a ZIP is: a document, a Java archive, or just an archive.
//!
//! By its members' names, and by what the packages' own lists say. A document with members that no document has is a ZIP
//! too: whoever asks for archives shall find the one that only poses as a document.

use bytes::Bytes;
use message::file_type::{FileType as T, Types};
use model::{Budget, Exhausted};

use crate::archive::zip::Directory;
use crate::octets::{holds, holds_any_case};
use crate::read;

/// Octets of a list inside a package that are looked at.
const LIST: usize = 1 << 20;

/// Folders that an Office Open XML package is made of (ECMA-376 part 2, and what programs write).
const OOXML: &[&str] = &[
    "[content_types].xml",
    "_rels",
    "word",
    "xl",
    "ppt",
    "visio",
    "docprops",
    "customxml",
    "customui",
    "docmetadata",
    "[trash]",
    "_xmlsignatures",
    "usercustomization",
    "package",
    "theme",
    "media",
];
/// Folders of an OpenDocument package (OpenDocument 1.2 part 3, and what programs write).
const ODF: &[&str] = &[
    "mimetype",
    "content.xml",
    "styles.xml",
    "meta.xml",
    "settings.xml",
    "meta-inf",
    "thumbnails",
    "pictures",
    "configurations2",
    "media",
    "basic",
    "scripts",
    "dialogs",
    "manifest.rdf",
    "layout-cache",
    "object",
    "objectreplacements",
    "database",
    "forms",
    "reports",
    "versions",
];

pub(super) fn types(content: &Bytes, directory: &Directory, budget: &Budget) -> Result<Types, Exhausted> {
    let names: Vec<String> = directory.entries.iter().filter_map(|entry| entry.name.as_ref()).map(|name| name.to_lowercase()).collect();
    let list = |wanted: &str| -> Result<Bytes, Exhausted> {
        let entry = directory.entries.iter().find(|entry| entry.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(wanted)));
        entry.map_or_else(|| Ok(Bytes::new()), |entry| read::at_most(&mut entry.reader(content), LIST, budget))
    };
    let has = |fits: &dyn Fn(&str) -> bool| names.iter().any(|name| fits(name));
    if has(&|name| name == "[content_types].xml") {
        let kinds = list("[Content_Types].xml")?;
        let macros = has(&|name| name.ends_with("vbaproject.bin") || name.contains("/macrosheets/"))
            || holds_any_case(&kinds, b"vbaproject")
            || holds_any_case(&kinds, b"macroenabled");
        let types = if macros { Types::of(&[T::Ooxml, T::OoxmlMacro]) } else { Types::NONE.with(T::Ooxml) };
        return Ok(if only(&names, OOXML) { types } else { types.with(T::Zip) });
    }
    if holds(&list("mimetype")?, b"application/vnd.oasis.opendocument") {
        let mut types = Types::NONE.with(T::Odf);
        if has(&|name| (name.starts_with("basic/") || name.starts_with("scripts/")) && !name.ends_with('/')) {
            types = types.with(T::Macro);
        }
        if holds(&list("META-INF/manifest.xml")?, b"encryption-data") {
            types = types.with(T::Encrypted);
        }
        return Ok(if only(&names, ODF) { types } else { types.with(T::Zip) });
    }
    if has(&|name| name == "meta-inf/manifest.mf" || name == "androidmanifest.xml") {
        // Without anything that runs it may be just an archive.
        let runs = has(&|name| name.ends_with(".class") || name == "classes.dex");
        return Ok(if runs { Types::NONE.with(T::Jar) } else { Types::of(&[T::Jar, T::Zip]) });
    }
    Ok(Types::NONE.with(T::Zip))
}

/// True if every member lies where a document of this kind has its parts, and none is called like a program.
fn only(names: &[String], folders: &[&str]) -> bool {
    names.iter().all(|name| {
        let top = name.split('/').next().unwrap_or_default();
        // "Object 1" and the like are numbered.
        folders.iter().any(|folder| top == *folder || top.strip_prefix("object ").is_some_and(|_| *folder == "object"))
    })
}
