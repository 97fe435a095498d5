//! What a device says of itself, and what Provision says of its policies.
//!
//! `DeviceInformation` comes by Settings, and since protocol 14.1 by Provision (MS-ASCMD §2.2.1.14, §2.2.1.18). These are claims of the
//! device; a fact from its management outranks them.

use std::borrow::Cow;

use crate::tags::{provision, settings};
use crate::wbxml::{Document, Element};

/// What a device says of itself; nothing is checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceInformation<'d> {
    /// Such as `iPhone14C5`.
    pub model: Option<Cow<'d, str>>,
    /// The number of the radio.
    pub imei: Option<Cow<'d, str>>,
    /// As its owner named it.
    pub friendly_name: Option<Cow<'d, str>>,
    /// Such as `iOS 17.2`.
    pub os: Option<Cow<'d, str>>,
    /// Its phone number.
    pub phone: Option<Cow<'d, str>>,
    /// As in the request's own field.
    pub user_agent: Option<Cow<'d, str>>,
    /// Its network.
    pub operator: Option<Cow<'d, str>>,
}

/// What an answer to Provision says.
#[derive(Debug, Clone)]
pub struct Provisioned<'d> {
    /// The key for the next request.
    pub policy_key: Option<Element<'d>>,
    /// The element that orders a wipe, of the device or of its account.
    pub wipe: Option<Element<'d>>,
}

/// What the device says of itself in a request of Settings or Provision; `None` if it says nothing.
#[must_use]
pub fn information(document: &Document) -> Option<DeviceInformation<'_>> {
    let root = document.root().filter(|root| [settings::SETTINGS, provision::PROVISION].contains(&root.tag()))?;
    let set = root.path(&[settings::DEVICE_INFORMATION, settings::SET])?;
    let said = |tag| set.text_of(tag).filter(|text| !text.is_empty());
    Some(DeviceInformation {
        model: said(settings::MODEL),
        imei: said(settings::IMEI),
        friendly_name: said(settings::FRIENDLY_NAME),
        os: said(settings::OS),
        phone: said(settings::PHONE_NUMBER),
        user_agent: said(settings::USER_AGENT),
        operator: said(settings::MOBILE_OPERATOR),
    })
}

/// What Provision says; `None` if the body is something else.
#[must_use]
pub fn provisioned(document: &Document) -> Option<Provisioned<'_>> {
    let root = document.root().filter(|root| root.tag() == provision::PROVISION)?;
    let wipe = root.child(provision::REMOTE_WIPE).or_else(|| root.child(provision::ACCOUNT_ONLY_REMOTE_WIPE));
    let policy = root.path(&[provision::POLICIES, provision::POLICY]);
    Some(Provisioned { policy_key: policy.and_then(|policy| policy.child(provision::POLICY_KEY)), wipe })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::Budget;

    use super::*;
    use crate::wbxml::{LIMITS, UnknownTags, Writer};

    fn read(writer: Writer) -> Document {
        Document::parse(Bytes::from(writer.finish()), UnknownTags::Refuse, &Budget::new(LIMITS)).unwrap()
    }

    #[test]
    fn g_11_a_device_says_who_it_is_by_settings_and_by_provision() {
        for (page, root) in [(18, 0x05), (14, 0x05)] {
            let mut writer = Writer::new();
            writer.start(page, root).start(18, 0x16).start(18, 0x08);
            for (token, text) in [(0x17, "model"), (0x18, "35"), (0x19, "mine"), (0x1A, "iOS 17"), (0x1C, ""), (0x20, "a/1")] {
                writer.start(18, token).text(text).end();
            }
            let document = read(writer);
            let said = information(&document).unwrap();
            assert_eq!((said.model.as_deref(), said.imei.as_deref(), said.os.as_deref()), (Some("model"), Some("35"), Some("iOS 17")));
            assert_eq!((said.phone, said.user_agent.as_deref(), said.operator), (None, Some("a/1"), None));
        }
    }

    #[test]
    fn g_11_provision_names_its_key_and_a_wipe() {
        let mut writer = Writer::new();
        writer.start(14, 0x05).start(14, 0x0B).text("1").end();
        writer.start(14, 0x06).start(14, 0x07).start(14, 0x09).text("42").end().end().end();
        let document = read(writer);
        let told = provisioned(&document).unwrap();
        assert_eq!((told.policy_key.unwrap().number(), told.wipe.is_some()), (Some(42), false));
        assert!(information(&document).is_none());
        let mut writer = Writer::new();
        writer.start(14, 0x05).empty(14, 0x3B);
        assert!(provisioned(&read(writer)).unwrap().wipe.is_some());
    }
}
