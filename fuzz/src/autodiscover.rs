//! Answers of Autodiscover, which come from a server that need not be ours.

use activesync::autodiscover::{Form, rewrite};

/// The octets as XML and as JSON. What is read and written once reads the same again, and no text that was to go is left.
pub fn autodiscover(data: &[u8]) {
    let gone = |text: &str| text.trim().starts_with("https://").then(String::new);
    for form in [Form::Xml, Form::Json] {
        let Ok(once) = rewrite(form, data, &gone) else { continue };
        let left = std::cell::Cell::new(0);
        let count = |text: &str| {
            left.set(left.get() + usize::from(text.trim().starts_with("https://")));
            None
        };
        let again = rewrite(form, &once, &count).expect("what was written can be read");
        assert_eq!(left.get(), 0, "a text that was to go is there");
        assert_eq!(again, once, "reading and writing again changed it");
    }
    let _ = Form::of(data);
}
