//! The names of file types, their groups, and the MIME types that stand for them.
//!
//! The vocabulary of the rule command `partoftype` and of `message parts` (ruleset-language.md "File types"). Rules are
//! checked against it when they are loaded; the room `files` says which of these a content is. Nothing is detected
//! here. A name that is both a type and a group (EXE) means the group.

mod select;

pub use select::{Selection, SelectionError};

/// How a type is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// By what is in the file, whatever it is called.
    Content,
    /// By the file's name: there is nothing in the content that only this type has.
    Name,
    /// By content where it has a beginning of its own, else by name.
    Both,
}

macro_rules! file_types {
    ($($variant:ident $name:literal $description:literal $told:ident [$($mime:literal),*];)*) => {
        /// One type of file.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FileType {
            $(#[doc = $description] $variant,)*
        }

        impl FileType {
            /// All types, in the order of the specification.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name, as rules write it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it is, in English.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)* }
            }

            /// How it is told.
            #[must_use]
            pub const fn told(self) -> Told {
                match self { $(Self::$variant => Told::$told,)* }
            }

            /// MIME types that stand for it, lower case; the first is the usual one.
            #[must_use]
            pub const fn mime(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($mime),*],)* }
            }
        }
    };
}

file_types! {
    Bmp "BMP" "PC bitmap" Content ["image/bmp", "image/x-ms-bmp", "image/x-bmp"];
    Bzip "BZIP" "bzip2 compressed file" Content ["application/x-bzip2", "application/x-bzip"];
    Cab "CAB" "Microsoft cabinet" Content ["application/vnd.ms-cab-compressed"];
    Com "COM" "MS-DOS program without a header" Name ["application/x-dosexec"];
    Emf "EMF" "Enhanced Windows metafile" Content ["image/emf", "image/x-emf"];
    Exe "EXE" "MS-DOS or Windows program" Content ["application/x-msdownload", "application/x-dosexec", "application/x-msdos-program"];
    Fax "FAX" "Group 3 fax" Name ["image/g3fax"];
    Gif "GIF" "GIF image" Content ["image/gif"];
    Gzip "GZIP" "gzip compressed file" Content ["application/gzip", "application/x-gzip"];
    Ico "ICO" "Windows icon or cursor" Content ["image/vnd.microsoft.icon", "image/x-icon"];
    Iso9660 "ISO9660" "ISO 9660 disc image" Content ["application/x-iso9660-image"];
    Jpeg "JPEG" "JPEG image" Content ["image/jpeg", "image/pjpeg", "image/jpg"];
    Jpg2000 "JPG2000" "JPEG 2000 image" Content ["image/jp2", "image/jpx", "image/j2c"];
    Lha "LHA" "LHA archive" Content ["application/x-lzh-compressed", "application/x-lha"];
    Lharc "LHARC" "LHarc 1 archive" Content ["application/x-lharc"];
    Lwf "LWF" "LuraWave image" Name ["image/x-lwf"];
    MpegL3 "MPEG.L3" "MPEG layer 3 audio" Content ["audio/mpeg", "audio/mp3"];
    MpegSys "MPEG.SYS" "MPEG system stream" Content ["video/mp2p", "video/mpeg"];
    MpegVid "MPEG.VID" "MPEG video stream" Content ["video/mpeg"];
    MsAsf "MS.ASF" "Microsoft ASF (WMA, WMV)" Content ["video/x-ms-asf", "video/x-ms-wmv", "audio/x-ms-wma"];
    MsOff "MS.OFF" "Microsoft Office document (OLE)" Content ["application/msword", "application/vnd.ms-powerpoint", "application/vnd.ms-outlook", "application/x-ole-storage"];
    MsXls "MS.XLS" "Microsoft Excel worksheet (OLE)" Content ["application/vnd.ms-excel"];
    Niff "NIFF" "NIFF image" Content ["image/x-niff"];
    PbmPlus "PBMPLUS" "Portable bitmap (PBM, PGM, PPM, PAM)" Content ["image/x-portable-anymap", "image/x-portable-bitmap", "image/x-portable-graymap", "image/x-portable-pixmap"];
    Pcx "PCX" "Z-Soft image" Content ["image/x-pcx", "image/vnd.zbrush.pcx"];
    Pdf "PDF" "PDF document" Content ["application/pdf", "application/x-pdf"];
    Png "PNG" "PNG image" Content ["image/png", "image/x-png"];
    Rar "RAR" "RAR archive" Content ["application/vnd.rar", "application/x-rar-compressed", "application/x-rar"];
    RiffAni "RIFF.ANI" "RIFF animated cursor" Content ["application/x-navi-animation"];
    RiffAvi "RIFF.AVI" "RIFF audio video interleave" Content ["video/x-msvideo", "video/avi", "video/vnd.avi"];
    RiffDib "RIFF.DIB" "RIFF bitmap" Content [];
    RiffMid "RIFF.MID" "RIFF MIDI file" Content ["audio/mid"];
    RiffMmf "RIFF.MMF" "RIFF multimedia movie" Content [];
    RiffWav "RIFF.WAV" "RIFF wave audio" Content ["audio/x-wav", "audio/wav", "audio/vnd.wave", "audio/wave"];
    Rtf "RTF" "Rich text document" Content ["application/rtf", "text/rtf", "text/richtext"];
    Tar "TAR" "tar archive" Content ["application/x-tar"];
    Targa "TARGA" "Targa bitmap" Content ["image/x-targa", "image/x-tga"];
    Tiff "TIFF" "TIFF image" Content ["image/tiff"];
    Zip "ZIP" "ZIP archive" Content ["application/zip", "application/x-zip-compressed"];
    Zoo "ZOO" "ZOO archive" Content ["application/x-zoo"];
    HiSierra "HISIERRA" "High Sierra disc image" Content [];
    Squish "SQUISH" "SQUISH archive" Content [];
    Uc2 "UC2" "UltraCompressor II archive" Content [];
    ZipSfx "ZIP.SFX" "ZIP archive that unpacks itself" Content [];
    ExePe "EXE.PE" "Windows program (PE): EXE, DLL, SCR" Content ["application/vnd.microsoft.portable-executable"];
    ExeCom "EXE.COM" "MS-DOS program without a header" Name [];
    RiffRifx "RIFF.RIFX" "RIFF file in big-endian order" Content [];
    SevenZ "7Z" "7-Zip archive" Content ["application/x-7z-compressed"];
    Xz "XZ" "xz compressed file" Content ["application/x-xz"];
    Zstd "ZSTD" "Zstandard compressed file" Content ["application/zstd"];
    Ace "ACE" "ACE archive" Content ["application/x-ace-compressed"];
    Arj "ARJ" "ARJ archive" Content ["application/x-arj"];
    Jar "JAR" "Java archive" Content ["application/java-archive", "application/x-java-archive"];
    Deb "DEB" "Debian package" Content ["application/vnd.debian.binary-package", "application/x-debian-package"];
    Elf "ELF" "Unix program (ELF)" Content ["application/x-executable", "application/x-elf", "application/x-sharedlib"];
    Msi "MSI" "Windows Installer package" Content ["application/x-msi"];
    Lnk "LNK" "Windows shortcut" Content ["application/x-ms-shortcut"];
    Chm "CHM" "Windows help with script" Content ["application/vnd.ms-htmlhelp"];
    Swf "SWF" "Flash" Content ["application/x-shockwave-flash", "application/vnd.adobe.flash.movie"];
    Ps "PS" "PostScript" Content ["application/postscript"];
    Iso "ISO" "Disc image of any kind" Both ["application/x-cd-image"];
    Ooxml "OOXML" "Office Open XML document" Content [
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    ];
    OoxmlMacro "OOXML-MACRO" "Office Open XML document with macros" Content [
        "application/vnd.ms-word.document.macroenabled.12",
        "application/vnd.ms-excel.sheet.macroenabled.12",
        "application/vnd.ms-powerpoint.presentation.macroenabled.12"
    ];
    Odf "ODF" "OpenDocument" Content [
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.presentation"
    ];
    Html "HTML" "HTML page" Content ["text/html", "application/xhtml+xml"];
    Svg "SVG" "SVG image" Content ["image/svg+xml"];
    Webp "WEBP" "WebP image" Content ["image/webp"];
    Heic "HEIC" "HEIF or AVIF image" Content ["image/heic", "image/heif", "image/avif"];
    Mp4 "MP4" "MP4 or QuickTime film or sound" Content ["video/mp4", "audio/mp4", "video/quicktime"];
    Encrypted "ENCRYPTED" "Closed archive, document or mail part" Content [];
    Tnef "TNEF" "Outlook's winmail.dat" Content ["application/ms-tnef", "application/vnd.ms-tnef"];
    Macro "MACRO" "Document with active content" Content [];
    Script "SCRIPT" "Script" Both ["application/javascript", "text/javascript", "application/x-sh", "application/hta"];
}

/// A group of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// The name, as rules write it.
    pub name: &'static str,
    /// What it is, in English.
    pub description: &'static str,
    /// The types in it.
    pub types: &'static [FileType],
}

use FileType as T;

/// All groups: the manual's six, then the new ones.
pub const GROUPS: &[Group] = &[
    Group {
        name: "ARCHIVES",
        description: "Archives and compressed files",
        types: &[
            T::Zip,
            T::ZipSfx,
            T::Rar,
            T::Lharc,
            T::Lha,
            T::Squish,
            T::Uc2,
            T::Zoo,
            T::Tar,
            T::Cab,
            T::Bzip,
            T::Gzip,
            T::SevenZ,
            T::Xz,
            T::Zstd,
            T::Ace,
            T::Arj,
            T::Jar,
            T::Deb,
        ],
    },
    Group {
        name: "EXE",
        description: "What runs when it is opened",
        types: &[T::Exe, T::ExePe, T::ExeCom, T::Com, T::Elf, T::Msi, T::Lnk, T::Chm, T::Jar],
    },
    Group { name: "FS", description: "File systems", types: &[T::Iso9660, T::HiSierra, T::Iso] },
    Group {
        name: "IMAGES",
        description: "Images",
        types: &[
            T::Jpeg,
            T::Bmp,
            T::Tiff,
            T::Png,
            T::Gif,
            T::Targa,
            T::PbmPlus,
            T::Niff,
            T::Fax,
            T::Pcx,
            T::Lwf,
            T::Ico,
            T::Jpg2000,
            T::Emf,
            T::Svg,
            T::Webp,
            T::Heic,
        ],
    },
    Group {
        name: "MEDIA",
        description: "Sound and films",
        types: &[
            T::RiffWav,
            T::RiffAvi,
            T::RiffAni,
            T::RiffMid,
            T::RiffMmf,
            T::RiffDib,
            T::RiffRifx,
            T::MpegVid,
            T::MpegSys,
            T::MpegL3,
            T::MsAsf,
            T::Mp4,
            T::Swf,
        ],
    },
    Group {
        name: "OFFICE",
        description: "Office documents",
        types: &[T::Rtf, T::Pdf, T::MsOff, T::MsXls, T::Ooxml, T::OoxmlMacro, T::Odf, T::Ps],
    },
    Group { name: "MACRO", description: "Documents with active content", types: &[T::OoxmlMacro, T::Macro] },
    Group { name: "SCRIPT", description: "Scripts", types: &[T::Script] },
];

impl FileType {
    /// The type of this name, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.name().eq_ignore_ascii_case(name))
    }

    /// True for what people read as text: such content is a type only where it is an attachment.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Html | Self::Svg | Self::Script | Self::Macro | Self::Ps | Self::Rtf)
    }

    const fn bit(self) -> u128 {
        1 << self as u32
    }
}

impl Group {
    /// The group of this name, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        GROUPS.iter().find(|known| known.name.eq_ignore_ascii_case(name))
    }
}

/// A set of types; one content can be several (a Windows program that unpacks itself).
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Types(u128);

impl Types {
    /// No type.
    pub const NONE: Self = Self(0);

    /// These types.
    #[must_use]
    pub fn of(types: &[FileType]) -> Self {
        types.iter().copied().collect()
    }

    /// The same and this one.
    #[must_use]
    pub const fn with(self, added: FileType) -> Self {
        Self(self.0 | added.bit())
    }

    /// The same without this one.
    #[must_use]
    pub const fn without(self, removed: FileType) -> Self {
        Self(self.0 & !removed.bit())
    }

    /// All of both.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Is it one of them?
    #[must_use]
    pub const fn has(self, wanted: FileType) -> bool {
        self.0 & wanted.bit() != 0
    }

    /// Have both something in common?
    #[must_use]
    pub const fn meets(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// True for no type.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The types, in the order of the specification.
    pub fn iter(self) -> impl Iterator<Item = FileType> {
        FileType::ALL.iter().copied().filter(move |known| self.has(*known))
    }

    /// Their names.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(FileType::name).collect()
    }
}

impl FromIterator<FileType> for Types {
    fn from_iter<I: IntoIterator<Item = FileType>>(types: I) -> Self {
        types.into_iter().fold(Self::NONE, Self::with)
    }
}

impl std::fmt::Debug for Types {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.names().join("+"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_p6_names_are_those_of_the_manual_and_unique() {
        let manual = "BMP BZIP CAB COM EMF EXE FAX GIF GZIP ICO ISO9660 JPEG JPG2000 LHA LHARC LWF MPEG.L3 MPEG.SYS MPEG.VID MS.ASF MS.OFF \
                      MS.XLS NIFF PBMPLUS PCX PDF PNG RAR RIFF.ANI RIFF.AVI RIFF.DIB RIFF.MID RIFF.MMF RIFF.WAV RTF TAR TARGA TIFF ZIP ZOO \
                      HISIERRA SQUISH UC2 ZIP.SFX EXE.PE EXE.COM RIFF.RIFX";
        let modern = "7Z XZ ZSTD ACE ARJ JAR DEB ELF MSI LNK CHM SWF PS ISO OOXML OOXML-MACRO ODF HTML SVG WEBP HEIC MP4 ENCRYPTED";
        for name in manual.split_whitespace().chain(modern.split_whitespace()) {
            assert_eq!(FileType::named(&name.to_lowercase()).map(FileType::name), Some(name));
        }
        let groups = "ARCHIVES EXE FS IMAGES MEDIA OFFICE MACRO SCRIPT";
        assert_eq!(GROUPS.iter().map(|group| group.name).collect::<Vec<_>>().join(" "), groups);
        let names: std::collections::BTreeSet<_> = FileType::ALL.iter().map(|known| known.name()).collect();
        assert_eq!(names.len(), FileType::ALL.len());
        assert!(FileType::ALL.len() <= 128, "a set has a bit for each");
    }

    #[test]
    fn m_p6_groups_hold_what_the_manual_lists() {
        for (group, types) in [
            ("ARCHIVES", "ZIP ZIP.SFX RAR LHARC LHA SQUISH UC2 ZOO TAR CAB BZIP GZIP"),
            ("EXE", "EXE.PE EXE.COM"),
            ("FS", "ISO9660 HISIERRA"),
            ("IMAGES", "JPEG BMP TIFF PNG GIF TARGA PBMPLUS NIFF FAX PCX LWF ICO JPG2000 EMF"),
            ("MEDIA", "RIFF.WAV RIFF.AVI RIFF.ANI RIFF.MID RIFF.MMF RIFF.DIB RIFF.RIFX MPEG.VID MPEG.SYS MPEG.L3 MS.ASF"),
            ("OFFICE", "RTF PDF MS.OFF MS.XLS"),
        ] {
            let types: Types = types.split_whitespace().map(|name| FileType::named(name).unwrap()).collect();
            let held = Types::of(Group::named(group).unwrap().types);
            assert_eq!(held.and(types), held, "{group}");
        }
    }

    #[test]
    fn sets_of_types() {
        let both = Types::of(&[T::Exe, T::ExePe]);
        assert_eq!(both.names(), ["EXE", "EXE.PE"]);
        assert!(both.has(T::Exe) && !both.has(T::Zip) && both.meets(Types::NONE.with(T::ExePe)) && !both.meets(Types::NONE));
        assert_eq!(both.without(T::Exe).names(), ["EXE.PE"]);
    }
}
