//! Text that is more than text: HTML, SVG, scripts.
//!
//! Known by how it begins, as browsers and shells do (WHATWG MIME Sniffing §7.1 for HTML). Content with NUL octets is no
//! text, but for UTF-16 with a byte order mark.

use message::file_type::{FileType as T, Types};

use crate::octets::{head, holds_any_case};

/// Octets in which the kind of a text is looked for.
const LOOKED_AT: usize = 16 << 10;
/// Octets in which active content is looked for.
const SEARCHED: usize = 1 << 20;

/// Tags that make a text HTML where it begins with them.
const TAGS: [&str; 20] = [
    "<!doctype html",
    "<html",
    "<head",
    "<script",
    "<iframe",
    "<h1",
    "<div",
    "<font",
    "<table",
    "<a ",
    "<style",
    "<title",
    "<b>",
    "<body",
    "<br",
    "<p>",
    "<meta",
    "<img",
    "<form",
    "<base",
];

/// What runs when a page or picture is shown.
const ACTIVE: [&str; 6] = ["<script", "javascript:", "vbscript:", "onload=", "onerror=", "<foreignobject"];

/// Types of a text.
pub(super) fn types(content: &[u8]) -> Types {
    let Some(text) = readable(head(content, SEARCHED)) else { return Types::NONE };
    let text = text.trim_start().to_ascii_lowercase();
    if is_script(&text) {
        return Types::NONE.with(T::Script);
    }
    let start = skip_comments(&text);
    let xml = start.starts_with("<?xml") || start.starts_with("<!doctype svg") || start.starts_with("<svg");
    let beginning = text.get(..text.floor_char_boundary(LOOKED_AT)).unwrap_or_default();
    let mut types = Types::NONE;
    if xml && beginning.contains("<svg") {
        types = types.with(T::Svg);
    } else if TAGS.iter().any(|tag| start.starts_with(tag)) || (xml && beginning.contains("<html")) {
        types = types.with(T::Html);
    }
    if beginning.contains("<hta:application") || start.starts_with("<job") || start.starts_with("<package") && beginning.contains("<script")
    {
        types = types.with(T::Script);
    }
    if !types.is_empty() && ACTIVE.iter().any(|word| holds_any_case(text.as_bytes(), word.as_bytes())) {
        types = types.with(T::Macro);
    }
    types
}

fn is_script(text: &str) -> bool {
    let encoded = text.starts_with("#@~^"); // Microsoft's script encoder
    let shell = text.starts_with("#!") && text.lines().next().is_some_and(|line| line.contains('/'));
    encoded || shell || text.starts_with("@echo off") || text.starts_with("<?php")
}

/// Past `<!-- … -->` and white space.
fn skip_comments(text: &str) -> &str {
    let mut rest = text;
    while let Some(inside) = rest.strip_prefix("<!--") {
        let Some((_, after)) = inside.split_once("-->") else { break };
        rest = after.trim_start();
    }
    rest
}

/// The content as text; `None` for what no editor would show.
fn readable(content: &[u8]) -> Option<String> {
    let wide = |units: &[u8], order: fn([u8; 2]) -> u16| {
        let units = units.as_chunks::<2>().0.iter().map(|pair| order(*pair));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match content {
        [0xff, 0xfe, rest @ ..] => Some(wide(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Some(wide(rest, u16::from_be_bytes)),
        [0xef, 0xbb, 0xbf, rest @ ..] if !rest.contains(&0) => Some(String::from_utf8_lossy(rest).into_owned()),
        _ if memchr::memchr(0, content).is_none() => Some(String::from_utf8_lossy(content).into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m_p6_pages_pictures_and_scripts_are_told_by_how_they_begin() {
        let seen = |text: &str| types(text.as_bytes()).names().join("+");
        assert_eq!(seen("\n <!DOCTYPE html><title>x"), "HTML");
        assert_eq!(seen("<!-- a --> <!-- b -->\n<HTML><SCRIPT>1</SCRIPT>"), "HTML+MACRO");
        assert_eq!(seen("<?xml version='1.0'?><svg xmlns='x'><g/></svg>"), "SVG");
        assert_eq!(seen("<svg onload=alert(1)>"), "SVG+MACRO");
        assert_eq!(seen("#!/bin/sh\nrm -r x"), "SCRIPT");
        assert_eq!(seen("@ECHO OFF\r\n"), "SCRIPT");
        assert_eq!(seen("Dear <b>all</b>, # and @echo off"), "");
        assert_eq!(seen("<?xml version='1.0'?><note/>"), "");
        let wide: Vec<u8> = "\u{feff}<html>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(types(&wide).names(), ["HTML"], "UTF-16");
    }
}
