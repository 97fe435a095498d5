//! Every type under its own name, as `x.bin`, and inside a ZIP.

use message::file_type::{FileType, Told, Types};

use super::{look, material, read, zipped};

/// File, types by content, types that only the name tells.
const TABLE: &[(&str, &str, &str)] = &[
    ("7Z.7z", "7Z", ""),
    ("ACE.ace", "ACE", ""),
    ("ARJ.arj", "ARJ", ""),
    ("BMP.bmp", "BMP", ""),
    ("BZIP.bz2", "BZIP", ""),
    ("CAB.cab", "CAB", ""),
    ("CHM.chm", "CHM", ""),
    ("COM.com", "", "COM EXE.COM"),
    ("DEB.deb", "DEB", ""),
    ("ELF.elf", "ELF", ""),
    ("EMF.emf", "EMF", ""),
    ("EXE.exe", "EXE EXE.PE", ""),
    ("FAX.g3", "", "FAX"),
    ("GIF.gif", "GIF", ""),
    ("GZIP.gz", "GZIP", ""),
    ("ICO.ico", "ICO", ""),
    ("ISO9660.iso", "ISO9660 ISO", ""),
    ("JAR.jar", "ZIP JAR", ""),
    ("JPEG.jpg", "JPEG", ""),
    ("JPG2000.jp2", "JPG2000", ""),
    ("LHA.lzh", "LHA", ""),
    ("LHARC.lzh", "LHARC", ""),
    ("LNK.lnk", "LNK", ""),
    ("LWF-synthetic.lwf", "", "LWF"),
    ("MIDI.mid", "", ""), // plain MIDI has no name in the list: RIFF.MID is its RIFF form
    ("MPEG.mpg", "MPEG.VID", ""),
    ("MS-ASF.asf", "MS.ASF", ""),
    ("MS-OFFICE.doc", "MS.OFF", ""),
    ("MSI.msi", "MSI", ""),
    ("NIFF.niff", "NIFF", ""),
    ("OOXML-macro.docm", "OOXML OOXML-MACRO", ""),
    ("OOXML.docx", "OOXML", ""),
    ("PBM.pbm", "PBMPLUS", ""),
    ("PCX.pcx", "PCX", ""),
    ("PDF.pdf", "PDF", ""),
    ("PNG.png", "PNG", ""),
    ("PS.ps", "PS", ""),
    ("RAR.rar", "RAR", ""),
    ("RIFF.ACON.ani", "RIFF.ANI", ""),
    ("RIFF.AVI.avi", "RIFF.AVI", ""),
    ("RIFF.PAL.pal", "", ""), // palettes have no name in the list
    ("RIFF.RDIB.rdi", "RIFF.DIB", ""),
    ("RIFF.RMID.rmi", "RIFF.MID", ""),
    ("RIFF.WAVE.wav", "RIFF.WAV", ""),
    ("RIFF.WEBP.webp", "WEBP", ""),
    ("RTF.rtf", "RTF", ""),
    ("SWF.swf", "SWF", ""),
    ("TAR.tar", "TAR", ""),
    ("TARGA.tga", "TARGA", ""),
    ("TIFF-netpbm.tif", "TIFF", ""),
    ("TIFF.tif", "TIFF", ""),
    ("XLS.xls", "MS.XLS", ""),
    ("ZIP.zip", "ZIP", ""),
    ("ZOO.zoo", "ZOO", ""),
];

#[test]
fn m_p6_every_type_by_its_name_as_x_bin_and_in_a_zip() {
    let Some(folder) = material("attachments") else { return };
    let second = std::fs::read_to_string(folder.join("matrix_libmagic.csv")).unwrap();
    let second = |file: &str| second.lines().find_map(|line| line.strip_prefix(&format!("{file},"))).unwrap_or("-").to_owned();
    let mut wrong = Vec::new();
    for (file, content, name) in TABLE {
        let bytes = read(file).unwrap();
        let split = |names: &str| names.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let told = if content.is_empty() { split(name) } else { split(content) };
        let inside = look(&zipped(file, &bytes), None).found;
        let hidden = look(&zipped("x.bin", &bytes), None).found;
        let seen = [
            ("own name", look(&bytes, Some(file)).found, &told),
            ("x.bin", look(&bytes, Some("x.bin")).found, &split(content)),
            ("in a zip", inside.members[0].clone(), &told),
            ("x.bin in a zip", hidden.members[0].clone(), &split(content)),
        ];
        for (how, found, expected) in &seen {
            if found.types.names() != **expected {
                wrong.push(format!("{file} ({how}): {:?}, expected {expected:?}", found.types));
            }
        }
        println!("{file:<20} {:<20} | {}", format!("{:?}", seen[0].1.types), second(file));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the table says of names is what the list of types says.
#[test]
fn m_p6_only_what_content_cannot_tell_goes_by_name() {
    for (file, content, name) in TABLE {
        for known in name.split_whitespace().map(|name| FileType::named(name).unwrap()) {
            assert_eq!(known.told(), Told::Name, "{file}");
        }
        for known in content.split_whitespace().map(|name| FileType::named(name).unwrap()) {
            assert_ne!(known.told(), Told::Name, "{file}");
        }
    }
}

/// Types without a file in the matrix, by octets made here.
#[test]
fn m_p6_types_without_a_sample() {
    let pe = {
        let mut bytes = vec![0u8; 0x80];
        bytes[..2].copy_from_slice(b"MZ");
        bytes[0x3c] = 0x40;
        bytes[0x40..0x44].copy_from_slice(b"PE\0\0");
        bytes
    };
    let frame = [&[0xff, 0xfb, 0x90, 0x00][..], &[0; 413]].concat();
    let mut sierra = vec![0u8; 0x8800];
    sierra[0x8009..0x800e].copy_from_slice(b"CDROM");
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("RIFF.MMF", b"RIFF\x10\0\0\0RMMPxxxx".to_vec()),
        ("RIFF.RIFX", b"RIFX\0\0\0\x10WAVEfmt ".to_vec()),
        ("MPEG.L3", b"ID3\x03\0\0\0\0\0\0".to_vec()),
        ("MPEG.L3", frame.repeat(4)),
        ("MPEG.SYS", b"\0\0\x01\xba\x44\0".to_vec()),
        ("EXE EXE.PE ZIP.SFX", [&pe[..], &zipped("x", b"y")].concat()),
        ("EXE EXE.PE", pe),
        ("SQUISH", b"SQSH\x01".to_vec()),
        ("UC2", b"UC2\x1a\0".to_vec()),
        ("HISIERRA ISO", sierra),
        ("XZ", b"\xfd7zXZ\0\0\x04".to_vec()),
        ("ZSTD", b"\x28\xb5\x2f\xfd\x24\0\x01\0\0\x99\xe9\xd8\x51".to_vec()),
        ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec()),
        ("MP4", b"\0\0\0\x18ftypisom\0\0\0\0isomavc1".to_vec()),
        ("SVG", b"<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec()),
        ("HTML", b"<!DOCTYPE html><p>x".to_vec()),
        ("SCRIPT", b"#!/bin/sh\n".to_vec()),
        ("PBMPLUS", b"P6\n# made\n2 2\n255\n".to_vec()),
        ("ENCRYPTED", b"-----BEGIN PGP MESSAGE-----\n\nwcBMA".to_vec()),
        ("", b"MZ is a nice beginning of a text, P1 2 3, BM.".to_vec()),
        ("", b"BM and GIF".to_vec()),
    ];
    for (expected, bytes) in cases {
        let found = look(&bytes.into(), Some("x.bin")).found;
        let expected: Types = expected.split_whitespace().map(|name| FileType::named(name).unwrap()).collect();
        assert_eq!(found.types, expected);
    }
}
