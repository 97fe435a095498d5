//! Redirects that this node's mobile gate remembers (mobile-gateway.md G-5, G-16): visible and clearable.

use model::device::{DeviceId, user_key};
use model::{Access, Actor, Fault, Right};

use crate::authorise::need;
use crate::error::bad_field;
use crate::gateway_test::no_gate;
use crate::{Admin, PhoneGate, Redirect, audit};

/// Redirects of one answer at most.
pub const REDIRECTS_MAX: usize = 1_000;

/// Which redirects are meant; what is not given fits all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedirectAsk {
    /// The configuration's id.
    pub gateway: Option<String>,
    /// The user, in any spelling.
    pub user: Option<String>,
    /// The device's id.
    pub device: Option<String>,
}

impl RedirectAsk {
    fn fits(&self, device: Option<&DeviceId>, redirect: &Redirect) -> bool {
        self.gateway.as_ref().is_none_or(|gateway| *gateway == redirect.gateway)
            && self.user.as_ref().is_none_or(|user| user_key(user) == redirect.user)
            && device.is_none_or(|device| redirect.device.as_ref() == Some(device))
    }

    fn device(&self) -> Result<Option<DeviceId>, Fault> {
        let read =
            |id: &String| DeviceId::parse(id).ok_or_else(|| bad_field("device", "expected the device's id: letters, digits, - _ { }"));
        self.device.as_ref().map(read).transpose()
    }
}

impl Admin {
    /// Redirects of this node that fit, up to [`REDIRECTS_MAX`], and how many there are.
    ///
    /// # Errors
    /// `bad-field`; `gate-not-here`; without the right.
    pub fn redirects(&self, actor: &Actor, ask: &RedirectAsk) -> Result<(Vec<Redirect>, usize), Fault> {
        need(actor, Right::MobileGateways, Access::Read)?;
        let mut fitting = self.fitting(ask)?;
        let count = fitting.len();
        fitting.truncate(REDIRECTS_MAX);
        Ok((fitting, count))
    }

    /// Forgets the redirects of this node that fit; says how many. The next answer of the mail server may bring one again.
    ///
    /// # Errors
    /// As [`Self::redirects`]; when the store is away, which keeps the record of the change.
    pub async fn clear_redirects(&self, actor: &Actor, ask: &RedirectAsk) -> Result<u64, Fault> {
        need(actor, Right::MobileGateways, Access::Write)?;
        let fitting = self.fitting(ask)?;
        let gate = self.gate()?;
        let cleared = fitting.iter().filter(|redirect| gate.clear_redirect(redirect)).count() as u64;
        if cleared > 0 {
            let (actor, what) = (actor.clone(), format!("redirect/{}", self.store().node()));
            let of = |part: &Option<String>| part.clone().unwrap_or_else(|| "*".to_owned());
            let before =
                serde_json::json!({ "gateway": of(&ask.gateway), "user": of(&ask.user), "device": of(&ask.device), "count": cleared });
            let before = before.to_string();
            let write = self.store().write(move |tx| Box::pin(async move { audit::note(tx, &actor, &what, Some(&before), None).await }));
            write.await?;
        }
        Ok(cleared)
    }

    fn fitting(&self, ask: &RedirectAsk) -> Result<Vec<Redirect>, Fault> {
        let device = ask.device()?;
        let all = self.gate()?.redirects();
        Ok(all.into_iter().filter(|redirect| ask.fits(device.as_ref(), redirect)).collect())
    }

    fn gate(&self) -> Result<&dyn PhoneGate, Fault> {
        self.0.phones.as_deref().ok_or_else(no_gate)
    }
}
