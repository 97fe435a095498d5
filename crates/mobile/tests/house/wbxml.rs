//! WBXML of the tests' own, by page and number from MS-ASWBXML §2.1.2.1: elements in, octets out, and back as a text.

#![allow(clippy::indexing_slicing, reason = "a fixture fails by panicking")]

/// One element: its place and what stands in it.
#[derive(Debug, Clone)]
pub enum El {
    Text(u8, u8, String),
    In(u8, u8, Vec<El>),
}

pub fn text(page: u8, token: u8, value: &str) -> El {
    El::Text(page, token, value.to_owned())
}

pub fn el(page: u8, token: u8, inner: Vec<El>) -> El {
    El::In(page, token, inner)
}

/// A whole body.
pub fn body(root: &El) -> Vec<u8> {
    let mut out = vec![3, 1, 0x6a, 0];
    write(root, &mut 0, &mut out);
    out
}

fn write(element: &El, page: &mut u8, out: &mut Vec<u8>) {
    let (own, token) = match element {
        El::Text(own, token, _) | El::In(own, token, _) => (*own, *token),
    };
    if *page != own {
        out.extend([0, own]);
        *page = own;
    }
    match element {
        El::In(_, _, inner) if inner.is_empty() => out.push(token),
        El::In(_, _, inner) => {
            out.push(token | 0x40);
            inner.iter().for_each(|element| write(element, page, out));
            out.push(1);
        }
        El::Text(_, _, value) => {
            out.extend([token | 0x40, 3]);
            out.extend(value.as_bytes());
            out.extend([0, 1]);
        }
    }
}

/// A body as `page:token(…)` with texts in it, for comparing.
pub fn shown(octets: &[u8]) -> String {
    let (mut page, mut at, mut out) = (0, 4, String::new());
    while at < octets.len() {
        match octets[at] {
            0 => {
                page = octets[at + 1];
                at += 1;
            }
            1 => out.push(')'),
            3 => {
                let end = octets[at..].iter().position(|octet| *octet == 0).unwrap();
                out.push_str(std::str::from_utf8(&octets[at + 1..at + end]).unwrap());
                at += end;
            }
            tag => {
                out.push_str(&format!(" {page}:{:02X}", tag & 0x3F));
                if tag & 0x40 != 0 {
                    out.push('(');
                }
            }
        }
        at += 1;
    }
    out.trim().to_owned()
}
