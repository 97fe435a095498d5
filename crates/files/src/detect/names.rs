//! Types by name: for what content can't tell, and for members whose content can't be read.
//!
//! A name is what the sender chose, so it counts only where there is nothing better. Blanks and dots at the end are what
//! Windows does not see either.

use message::file_type::{FileType as T, Types};

/// Endings of types that have no beginning of their own.
const UNTELLABLE: &[(&[&str], &[T])] = &[
    (&["com"], &[T::Com, T::ExeCom]),
    (&["g3", "fax"], &[T::Fax]),
    (&["lwf"], &[T::Lwf]),
    (&["img", "nrg", "mdf", "dmg", "vhd"], &[T::Iso]),
    (
        &[
            "js",
            "jse",
            "mjs",
            "vbs",
            "vbe",
            "vb",
            "wsf",
            "wsh",
            "wsc",
            "sct",
            "hta",
            "bat",
            "cmd",
            "ps1",
            "psm1",
            "ps1xml",
            "psd1",
            "sh",
            "bash",
            "csh",
            "zsh",
            "pl",
            "py",
            "pyw",
            "rb",
            "php",
            "reg",
            "applescript",
            "scpt",
            "lua",
            "inf",
        ],
        &[T::Script],
    ),
];

/// Endings of all others: only for content that nobody can read.
const READABLE: &[(&[&str], &[T])] = &[
    (&["exe", "dll", "scr", "cpl", "ocx", "sys", "pif", "drv"], &[T::Exe, T::ExePe]),
    (&["elf", "so"], &[T::Elf]),
    (&["msi", "msp", "mst"], &[T::Msi]),
    (&["lnk"], &[T::Lnk]),
    (&["chm"], &[T::Chm]),
    (&["jar", "apk"], &[T::Jar]),
    (&["deb"], &[T::Deb]),
    (&["zip"], &[T::Zip]),
    (&["rar"], &[T::Rar]),
    (&["7z"], &[T::SevenZ]),
    (&["gz", "tgz"], &[T::Gzip]),
    (&["bz2", "tbz2"], &[T::Bzip]),
    (&["xz", "txz"], &[T::Xz]),
    (&["zst"], &[T::Zstd]),
    (&["tar"], &[T::Tar]),
    (&["cab"], &[T::Cab]),
    (&["arj"], &[T::Arj]),
    (&["ace"], &[T::Ace]),
    (&["lzh", "lha"], &[T::Lha]),
    (&["zoo"], &[T::Zoo]),
    (&["iso", "udf"], &[T::Iso]),
    (&["pdf"], &[T::Pdf]),
    (&["rtf"], &[T::Rtf]),
    (&["doc", "dot", "ppt", "pps", "pot", "msg", "vsd", "mpp", "pub"], &[T::MsOff]),
    (&["xls", "xlt", "xlm"], &[T::MsXls]),
    (&["docx", "dotx", "xlsx", "xltx", "xlsb", "pptx", "potx", "ppsx", "vsdx"], &[T::Ooxml]),
    (&["docm", "dotm", "xlsm", "xltm", "xlam", "pptm", "potm", "ppsm", "ppam"], &[T::Ooxml, T::OoxmlMacro]),
    (&["odt", "ods", "odp", "odg"], &[T::Odf]),
    (&["ps", "eps"], &[T::Ps]),
    (&["htm", "html", "xhtml", "shtml"], &[T::Html]),
    (&["svg"], &[T::Svg]),
    (&["jpg", "jpeg", "jpe"], &[T::Jpeg]),
    (&["png"], &[T::Png]),
    (&["gif"], &[T::Gif]),
    (&["bmp"], &[T::Bmp]),
    (&["tif", "tiff"], &[T::Tiff]),
    (&["webp"], &[T::Webp]),
    (&["heic", "heif", "avif"], &[T::Heic]),
    (&["mp3"], &[T::MpegL3]),
    (&["mpg", "mpeg"], &[T::MpegVid]),
    (&["mp4", "m4v", "m4a", "mov"], &[T::Mp4]),
    (&["avi"], &[T::RiffAvi]),
    (&["wav"], &[T::RiffWav]),
    (&["wmv", "wma", "asf"], &[T::MsAsf]),
    (&["swf"], &[T::Swf]),
];

type Table = &'static [(&'static [&'static str], &'static [T])];

/// The table of endings, for the reference page.
pub(super) const fn table(unread: bool) -> Table {
    if unread { READABLE } else { UNTELLABLE }
}

/// For content that was read and says nothing.
pub(crate) fn of_the_untellable(name: &str) -> Types {
    found(UNTELLABLE, name)
}

/// For content that can't be read: closed, or in a format that is only listed.
pub(crate) fn of_the_unread(name: &str) -> Types {
    found(UNTELLABLE, name).and(found(READABLE, name))
}

fn found(table: &[(&[&str], &[T])], name: &str) -> Types {
    let Some((_, ending)) = name.trim_end_matches(['.', ' ', '\u{a0}']).rsplit_once('.') else { return Types::NONE };
    let entry = table.iter().find(|(endings, _)| endings.iter().any(|known| known.eq_ignore_ascii_case(ending)));
    entry.map_or(Types::NONE, |(_, types)| Types::of(types))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_p6_names_count_only_where_content_does_not() {
        assert_eq!(of_the_untellable("dir/X.COM").names(), ["COM", "EXE.COM"]);
        assert_eq!(of_the_untellable("x.exe"), Types::NONE, "a text called x.exe is none");
        assert_eq!(of_the_unread("x.exe. ").names(), ["EXE", "EXE.PE"], "as Windows reads the name");
        assert_eq!(of_the_unread("exe"), Types::NONE);
    }
}
