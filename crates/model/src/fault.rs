//! One error for every face.
//!
//! A [`Fault`] says who is at fault, whether trying again can help, a stable code, and a private cause. Each
//! face has one translator: SMTP reply (`smtp`), page (`web`), problem+json (`console`), EAS status
//! (`mobile`), command line (`sealgate`). The public text is looked up by code in `texts`; the cause goes to
//! the log only.

use std::borrow::Cow;

/// Who has to do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guilty {
    /// Who sent the mail or the request.
    Sender,
    /// The server that we talk to: next hop, mail server, directory, scanner.
    NextHop,
    /// Our administrator's settings.
    Configuration,
    /// This program or its machine.
    Ourselves,
}

/// Something that did not work, in terms that each face can translate.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{code}: {cause}")]
pub struct Fault {
    /// Stable name, kebab-case: `mail-too-large`. Also the text's id (`fault-mail-too-large`).
    pub code: &'static str,
    /// Who is at fault.
    pub guilty: Guilty,
    /// True if the same thing may work later.
    pub temporary: bool,
    /// Named values for the public text. Never secrets, never mail content.
    pub args: Vec<(&'static str, String)>,
    /// What happened, for the log. Never shown to a stranger.
    pub cause: Cow<'static, str>,
}

impl Fault {
    /// A fault that trying again does not mend.
    #[must_use]
    pub fn permanent(guilty: Guilty, code: &'static str, cause: impl Into<Cow<'static, str>>) -> Self {
        Self { code, guilty, temporary: false, args: Vec::new(), cause: cause.into() }
    }

    /// A fault that may be gone later.
    #[must_use]
    pub fn temporary(guilty: Guilty, code: &'static str, cause: impl Into<Cow<'static, str>>) -> Self {
        Self { code, guilty, temporary: true, args: Vec::new(), cause: cause.into() }
    }

    /// With a value for the public text.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.args.push((name, value.to_string()));
        self
    }
}
