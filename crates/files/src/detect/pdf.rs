//! What a PDF says about itself in the clear: whether it is closed, whether it holds script.
//!
//! Object streams are not opened: a script in one is not seen. A document that only forbids printing is closed by the
//! same dictionary as one that asks for a password, and counts as closed.

use message::file_type::{FileType as T, Types};

pub(super) fn traits(content: &[u8]) -> Types {
    let key = |name: &[u8]| {
        memchr::memmem::find_iter(content, name).any(|at| content.get(at + name.len()).is_some_and(|next| !next.is_ascii_alphanumeric()))
    };
    let mut types = Types::NONE;
    if key(b"/Encrypt") {
        types = types.with(T::Encrypted);
    }
    if key(b"/JavaScript") || key(b"/JS") || key(b"/Launch") {
        types = types.with(T::Macro);
    }
    types
}
