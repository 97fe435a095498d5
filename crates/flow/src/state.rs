//! One group's mail on its way through the rules, and the work that it belongs to.
//!
//! A [`MailState`] is a value: a command gets one and gives back a changed copy. Copies share the message's
//! bytes, so a group costs little until something in it changes.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use crypto::pki::Certificate;
use crypto::pool::CpuPool;
use crypto::smime::SigningIdentity;
use mailauth::Verdict;
use message::Message;
use message::shape::{self, Shape};
use model::plan::Issuer;
use model::{
    Address, AddressKey, Budget, Effect, Envelope, Fault, Judgement, KeyUse, Limits, MemoryLease, MemoryPool, Origin, Output, Secrets,
    Site, Timestamp, TraceId,
};

use crate::authenticate::{self, Identity};
use crate::client_protection;
use crate::inner_fields::OnSubject;
use crate::issuers::Issuers;
use crate::new_keys::KeyMaker;
use crate::origin_checks::{self, Checks};
use crate::reinject::Marks;
use crate::reprocess::Returned;
use crate::scan::Scans;
use crate::wrapped::{self, Around, Sealed};

/// What stays the same for one mail, whatever group is looked at.
#[derive(Clone)]
pub struct Work {
    /// The mail's id.
    pub trace: TraceId,
    /// The site as it was at the final dot; one mail sees one site.
    pub site: Arc<Site>,
    /// Where it came from.
    pub origin: Origin,
    /// Its envelope.
    pub envelope: Envelope,
    /// When the final dot came.
    pub now: Timestamp,
    /// What it may cost.
    pub budget: Budget,
    /// Private keys, by handle.
    pub keys: Arc<dyn KeyUse>,
    /// Where cryptography runs.
    pub pool: CpuPool,
    /// Memory of the node, for copies beyond those that the mail's own lease was reckoned with.
    pub memory: MemoryPool,
    /// Scans that run or have run on this node.
    pub scans: Scans,
    /// What SPF, DKIM, DMARC and ARC say, if it came from outside.
    pub checks: origin_checks::Shared,
    /// Marks of mail that goes back to its server (M-T8).
    pub marks: Marks,
    /// What signers' issuers have revoked.
    pub issuers: Issuers,
    /// Who makes keys for new users.
    pub new_keys: Arc<dyn KeyMaker>,
    /// Opens passwords that rules name.
    pub secrets: Arc<dyn Secrets>,
    /// A simulation: no private key is used, signing is taken as done.
    pub rehearsal: bool,
}

/// Something that the rules send beside the mail.
#[derive(Debug, Clone)]
pub enum Extra {
    /// A notice by template; limited per receiver.
    Notice(Output),
    /// The copy for the archive; not sent about a mail that bounces.
    Archive(Output),
}

/// An account that is to be made unless it is there.
#[derive(Debug, Clone)]
pub struct Account {
    /// Whose.
    pub address: Address,
    /// Shown name.
    pub name: String,
    /// User id; empty: the address.
    pub user_id: String,
}

/// What was found out about OpenPGP signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PgpSeen {
    /// The worst word of all that were seen.
    pub verdict: model::SignatureVerdict,
    /// Those of the message as it now is are among them.
    pub current: bool,
}

/// One group's copy of the mail.
#[derive(Debug, Clone)]
pub struct MailState {
    /// The mail as the commands before left it.
    pub message: Message,
    /// What was found out about its protection.
    pub judgement: Judgement,
    /// The current user: the authenticated sender.
    pub user: Identity,
    /// Header section of the mail as it came: what reports, bounces and notices may show of it.
    pub came: Bytes,
    /// True once a layer was opened.
    pub opened: bool,
    /// The mail as it was before its first layer was opened.
    pub closed: Option<Message>,
    /// What the last virus scan said: `clean`, a virus's name, `unscanned`; `None`: there was none.
    pub scanned: Option<String>,
    /// True once a private key was used on it or tried: nothing that follows may show on the wire, and reports about it
    /// carry the header only.
    pub key_used: bool,
    /// We encrypted it.
    pub encrypted: bool,
    /// We signed it.
    pub signed: bool,
    /// What we signed, with its signer: for a copy that is to be signed anew with its fields hidden.
    pub(crate) unsigned: Option<Arc<(Message, SigningIdentity)>>,
    /// What rules did to the subject, in order: a protected subject goes through the same.
    pub(crate) on_subject: Vec<OnSubject>,
    /// OpenPGP signatures that were judged, also inside what was opened.
    pub pgp: Option<PgpSeen>,
    /// A verified signer's certificate, to be kept if the mail is accepted (M-C3).
    pub learned: Option<(Address, Certificate)>,
    /// Who signed, and the roots and intermediates above: to be kept if the mail is accepted (M-C3).
    pub met: Option<(Address, Vec<Issuer>)>,
    /// Account to be made for the current user.
    pub account: Option<Account>,
    /// The site with the keys that were made for this mail's sender while it waited.
    pub site: Option<Arc<Site>>,
    /// Attributes to be set on the current user's account, in order.
    pub attributes: Vec<Effect>,
    /// It is a reply that we write (RFC 3834), not the mail.
    pub reply: bool,
    /// What comes back to the sender of attached messages (M-R7a).
    pub returned: Vec<Returned>,
    /// The envelope with this group's recipients, where a rule gave them new ones.
    pub envelope: Option<Arc<Envelope>>,
    /// Notices and archive copies that belong to the plan.
    pub extra: Vec<Extra>,
    /// The author of the mail as it came, if there is exactly one.
    pub author: Option<Address>,
    /// DKIM-Signature fields for those outside, made at the very end.
    pub signatures: Vec<Vec<u8>>,
    /// Our ARC set for our own people, made at the very end.
    pub seal: Option<Vec<u8>>,
    /// Memory for copies of their own, kept as long as they are.
    pub room: Vec<Arc<MemoryLease>>,
    /// How the message is protected, once somebody has asked.
    pub(crate) shape: OnceLock<Shape>,
    /// What is encrypted in it as a whole, once somebody has asked.
    pub(crate) sealed: OnceLock<Option<Sealed>>,
    /// What was said of signatures around what was opened.
    pub(crate) around: Option<Around>,
    /// What its parts are, once somebody has asked.
    pub(crate) parts: OnceLock<Arc<files::mail::Parts>>,
    /// The same with what is in archives.
    pub(crate) parts_within: OnceLock<Arc<files::mail::Parts>>,
}

impl MailState {
    /// The mail as it came.
    #[must_use]
    pub fn new(message: Message, user: Identity) -> Self {
        Self {
            author: message.author().ok(),
            // A copy: it outlives the mail in the queue.
            came: Bytes::copy_from_slice(message.header()),
            signatures: Vec::new(),
            seal: None,
            message,
            judgement: Judgement::default(),
            user,
            opened: false,
            closed: None,
            scanned: None,
            key_used: false,
            encrypted: false,
            signed: false,
            unsigned: None,
            on_subject: Vec::new(),
            pgp: None,
            learned: None,
            met: None,
            account: None,
            site: None,
            attributes: Vec::new(),
            reply: false,
            returned: Vec::new(),
            envelope: None,
            extra: Vec::new(),
            room: Vec::new(),
            shape: OnceLock::new(),
            sealed: OnceLock::new(),
            around: None,
            parts: OnceLock::new(),
            parts_within: OnceLock::new(),
        }
    }

    /// The same with other bytes for the message.
    ///
    /// # Errors
    /// When the new message can't be read within the budget.
    pub fn with_bytes(&self, bytes: Bytes, budget: &Budget) -> Result<Self, Fault> {
        let message = Message::parse(bytes, budget).map_err(Fault::from)?;
        let fresh = (OnceLock::new(), OnceLock::new());
        Ok(Self { message, shape: OnceLock::new(), sealed: OnceLock::new(), parts: fresh.0, parts_within: fresh.1, ..self.clone() })
    }

    /// The work as this group sees it: with its own recipients, and the keys that it waited for.
    #[must_use]
    pub fn work<'w>(&self, work: &'w Work) -> Cow<'w, Work> {
        if self.envelope.is_none() && self.site.is_none() {
            return Cow::Borrowed(work);
        }
        let mut own = work.clone();
        if let Some(envelope) = &self.envelope {
            own.envelope = Envelope::clone(envelope);
            if self.reply {
                own.origin = Origin::Notice { about: Some(work.trace) };
            }
        }
        if let Some(site) = &self.site {
            own.site = Arc::clone(site);
        }
        Cow::Owned(own)
    }

    /// How the message as it now is is protected; looked at once.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        self.shape.get_or_init(|| {
            let shape = shape::of(&self.message);
            // A demand for encryption is not met by what nobody could open (M-C14). What we made ourselves is not read again: the
            // certificates in it cost as much as a quarter of the signature.
            let ours = self.encrypted || self.unsigned.is_some();
            if self.user.authenticated && !ours && client_protection::only_seems(&shape) { Shape::Plain } else { shape }
        })
    }

    /// What is encrypted in the message as it now is, as a whole; looked at once.
    pub(crate) fn sealed(&self, budget: &Budget) -> Option<&Sealed> {
        self.sealed.get_or_init(|| wrapped::sealed(&self.message, self.shape(), budget)).as_ref()
    }

    /// Key of the current user's account, if the sender is authenticated.
    #[must_use]
    pub fn account_key(&self) -> Option<AddressKey> {
        self.user.address.as_ref().filter(|_| self.user.authenticated).map(Address::key)
    }
}

impl Work {
    /// Look-up key of a recipient, by its number in the envelope.
    #[must_use]
    pub fn recipient(&self, number: usize) -> Option<&Address> {
        self.envelope.recipients.get(number).map(|recipient| &recipient.address)
    }

    /// Addresses of a group's recipients.
    #[must_use]
    pub fn addresses(&self, group: &[usize]) -> Vec<Address> {
        group.iter().filter_map(|number| self.recipient(*number).cloned()).collect()
    }

    /// May the client speak for the envelope sender? To others nothing on the wire shows what a key did.
    #[must_use]
    pub fn sender_known(&self) -> bool {
        authenticate::identity(&self.site, &self.origin, self.envelope.sender.as_ref()).authenticated
    }

    /// Is it proved that the sender is who it says: by a right of the client, or by its domain's SPF?
    #[must_use]
    pub fn sender_proven(&self) -> bool {
        let passes = |checks: &Checks| checks.findings.spf.verdict == Verdict::Pass;
        origin_checks::from_outside(&self.site, &self.origin).is_none() || self.checks.as_deref().is_some_and(passes)
    }

    /// The same work with new time: for bringing a mail to its end whose time is up.
    #[must_use]
    pub fn with_time(&self, time: Duration) -> Self {
        Self { budget: Budget::new(Limits { time, ..self.budget.limits() }), ..self.clone() }
    }

    /// Checks the deadline.
    ///
    /// # Errors
    /// `mail-took-too-long`, temporary: the look-ups go on being cached, so the retry is quick.
    pub fn in_time(&self) -> Result<(), Fault> {
        self.budget.time().map_err(|e| Fault::temporary(model::Guilty::Ourselves, "mail-took-too-long", e.to_string()))
    }
}
