//! One mail's way over an open connection.

use model::Address;

use super::Content;

/// One mail for recipients behind one next hop.
#[derive(Debug, Clone, Copy)]
pub struct Transaction<'a> {
    /// The reverse path; `None` is `<>`.
    pub sender: Option<&'a Address>,
    /// At least one.
    pub recipients: &'a [Address],
    /// What is sent.
    pub content: &'a Content,
}
