//! Forms with files, as strangers may send them to the console.

use message::form_data;

/// The boundary's line, then the body.
pub fn form_data(data: &[u8]) {
    let end = data.iter().position(|octet| *octet == b'\n').unwrap_or(data.len());
    let (line, body) = (data.get(..end).unwrap_or_default(), data.get(end + 1..).unwrap_or_default());
    let Some(boundary) = form_data::boundary(line) else { return };
    if let Some(parts) = form_data::read(body, boundary) {
        let total: usize = parts.files.iter().map(|(_, content)| content.len()).sum();
        assert!(total <= body.len() && parts.files.len() + parts.texts.len() <= 100);
    }
}
