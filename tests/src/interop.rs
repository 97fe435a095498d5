//! A company, a partner, and the gateway between them, each of them any of the mail servers that we know: what all have to do alike.

use testkit::postfix::Setup;
use testkit::tools::{Answer, swaks};
use testkit::{Exim, Gateway, MailServer, OpenSmtpd, Postfix};

use crate::scene::{NODE, SITE};

/// A mail server that we test with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Debian's Postfix.
    Postfix,
    /// Debian's Exim.
    Exim,
    /// Debian's OpenSMTPD.
    OpenSmtpd,
}

impl Kind {
    /// Starts one. `extra`: more lines or words of its own kind.
    #[must_use]
    pub fn start(self, setup: &Setup<'_>) -> Box<dyn MailServer> {
        match self {
            Self::Postfix => Box::new(Postfix::start(setup)),
            Self::Exim => Box::new(Exim::start(setup)),
            Self::OpenSmtpd => Box::new(OpenSmtpd::start(setup)),
        }
    }

    /// Words that make it demand TLS of the gateway, whose certificate is self-signed.
    fn demanding_tls(self) -> &'static str {
        match self {
            Self::Postfix => "smtp_tls_security_level = encrypt",
            Self::Exim => "hosts_require_tls = *\n  tls_verify_hosts =\n  tls_try_verify_hosts =",
            Self::OpenSmtpd => "tls no-verify",
        }
    }
}

/// The three of them.
pub struct Between {
    /// `company.example` on 127.0.0.10.
    pub company: Box<dyn MailServer>,
    /// `partner.example` on 127.0.0.20.
    pub partner: Box<dyn MailServer>,
    /// Between them.
    pub gateway: Gateway,
}

impl Between {
    /// Starts them; both servers send everything that is not theirs to the gateway, over TLS only.
    #[must_use]
    pub fn start(company: Kind, partner: Kind) -> Self {
        let setup = |name, domain, listen, extra| Setup { name, domain, listen, relay: "[127.0.0.1]:2525", extra };
        let bind = |kind: Kind, address: &str| match kind {
            Kind::Postfix => format!("smtp_bind_address = {address}\n{}", kind.demanding_tls()),
            _ => kind.demanding_tls().to_owned(),
        };
        let (ours, theirs) = (bind(company, "127.0.0.10"), bind(partner, "127.0.0.20"));
        let company = company.start(&setup("company", "company.example", "127.0.0.10:25", &ours));
        let partner = partner.start(&setup("partner", "partner.example", "127.0.0.20:25", &theirs));
        let gateway = Gateway::start("gateway", NODE);
        gateway.apply(SITE);
        Self { company, partner, gateway }
    }

    /// Somebody at the company gives the company's server a mail.
    #[must_use]
    pub fn company_sends(&self, from: &str, to: &[&str], message: &str) -> Answer {
        swaks(self.company.address(), from, to, message, &["--local-interface", "127.0.0.10"])
    }

    /// Somebody at the partner's gives the partner's server a mail.
    #[must_use]
    pub fn partner_sends(&self, from: &str, to: &[&str], message: &str) -> Answer {
        swaks(self.partner.address(), from, to, message, &["--local-interface", "127.0.0.20"])
    }
}
