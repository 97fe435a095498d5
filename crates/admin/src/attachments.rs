//! Encrypted attachments of phones, opened by administrators (mobile-gateway.md, the table of device classes).
//!
//! The owner of a managed device without a reader asks an administrator. Files of devices that nobody manages are opened by
//! nobody: that is what they are encrypted for.

use bytes::Bytes;
use content::DeviceClass;
use crypto::attachment::{About, about, decrypt};
use crypto::seal::SealKey;
use model::device::DeviceId;
use model::{Access, Actor, Fault, Guilty, Right};

use crate::authorise::need;
use crate::error::{bad_field, internal};
use crate::{Admin, audit};

/// An opened attachment.
#[derive(Debug, Clone)]
pub struct Opened {
    /// What its header says.
    pub about: About,
    /// Its content.
    pub content: Bytes,
}

impl Admin {
    /// Opens a file as `encrypt` of the attachments policy makes it. Each opening is in the audit log, without the file's name.
    ///
    /// # Errors
    /// `bad-field` for another file, or one that was changed; `attachment-key-kept` for a device that nobody manages, when the file
    /// was made or now; without the right; when the store is away.
    pub async fn open_attachment(&self, actor: &Actor, file: Bytes) -> Result<Opened, Fault> {
        need(actor, Right::MobileDevices, Access::Write)?;
        let unreadable =
            |cause: &dyn std::fmt::Display| bad_field("file", format!("this is no encrypted attachment of this site: {cause}"));
        let about = about(&file).map_err(|cause| unreadable(&cause))?;
        let id = DeviceId::parse(&about.device).ok_or_else(|| unreadable(&"it names no device"))?;
        let known = store::devices::get(self.store(), &about.user, &id).await?;
        let managed = known.is_some_and(|row| row.device.reported.is_some_and(|reported| reported.managed));
        if !managed || DeviceClass::from_word(&about.class).is_none_or(|class| class == DeviceClass::Unmanaged) {
            let cause = format!("{} of {} is not managed, or was not when the file was made", about.device, about.user);
            return Err(Fault::permanent(Guilty::Sender, "attachment-key-kept", cause).with("device", about.device));
        }
        let vault = self.0.vault.clone();
        let key = vault.attachment_key(&about.user, &about.device, about.number, Some(about.epoch)).map_err(|cause| unreadable(&cause))?.1;
        let opened = tokio::task::spawn_blocking(move || decrypt(&SealKey::new(key)?, &file)).await.map_err(internal)?;
        let content = opened.map_err(|cause| unreadable(&cause))?;
        let (who, what) = (actor.clone(), format!("device/{}/{}", about.user, about.device));
        let noted = self
            .store()
            .write(move |tx| Box::pin(async move { audit::note(tx, &who, &what, None, Some(r#"{"opened":"attachment"}"#)).await }));
        noted.await?;
        Ok(Opened { about, content: Bytes::copy_from_slice(content.expose()) })
    }
}
