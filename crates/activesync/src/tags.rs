//! The elements that the views and the gate's own answers go by, each by its code page and number (MS-ASWBXML §2.1.2.1).
//!
//! Only those that are used; a test holds each against the whole table in [`crate::code_pages`].

use crate::code_pages::Tag;

/// One module a code page: its elements, and the list that the test goes through.
macro_rules! pages {
    ($($(#[$doc:meta])* $module:ident = $page:literal { $($name:ident = $token:literal $word:literal),* $(,)? })*) => {
        $(
            $(#[$doc])*
            pub mod $module {
                use super::Tag;
                $(
                    #[doc = concat!("`", $word, "`")]
                    pub const $name: Tag = Tag::new($page, $token);
                )*
                #[cfg(test)]
                pub(super) const ALL: &[(Tag, &str)] = &[$(($name, $word)),*];
            }
        )*
        #[cfg(test)]
        const ALL: &[&[(Tag, &str)]] = &[$($module::ALL),*];
    };
}

pages! {
    /// Code page 0.
    air_sync = 0 {
        SYNC = 0x05 "Sync", RESPONSES = 0x06 "Responses", ADD = 0x07 "Add", CHANGE = 0x08 "Change", DELETE = 0x09 "Delete",
        FETCH = 0x0A "Fetch", SYNC_KEY = 0x0B "SyncKey", CLIENT_ID = 0x0C "ClientId", SERVER_ID = 0x0D "ServerId", STATUS = 0x0E "Status",
        COLLECTION = 0x0F "Collection", CLASS = 0x10 "Class", COLLECTION_ID = 0x12 "CollectionId", COMMANDS = 0x16 "Commands",
        COLLECTIONS = 0x1C "Collections", APPLICATION_DATA = 0x1D "ApplicationData", SOFT_DELETE = 0x21 "SoftDelete", PARTIAL = 0x26 "Partial",
        MIME_SUPPORT = 0x22 "MIMESupport",
    }
    /// Code page 1.
    contacts = 1 {
        BODY = 0x09 "Body", BODY_SIZE = 0x0A "BodySize", BODY_TRUNCATED = 0x0B "BodyTruncated", FILE_AS = 0x1E "FileAs",
    }
    /// Code page 2.
    email = 2 {
        ATTACHMENT = 0x05 "Attachment", ATTACHMENTS = 0x06 "Attachments", ATT_NAME = 0x07 "AttName", ATT_SIZE = 0x08 "AttSize",
        ATT_METHOD = 0x0A "AttMethod", BODY = 0x0C "Body", BODY_SIZE = 0x0D "BodySize", BODY_TRUNCATED = 0x0E "BodyTruncated",
        DISPLAY_NAME = 0x10 "DisplayName", MESSAGE_CLASS = 0x13 "MessageClass", SUBJECT = 0x14 "Subject",
        THREAD_TOPIC = 0x35 "ThreadTopic", MIME_DATA = 0x36 "MIMEData", MIME_TRUNCATED = 0x37 "MIMETruncated",
        MIME_SIZE = 0x38 "MIMESize",
    }
    /// Code page 4.
    calendar = 4 {
        BODY = 0x0B "Body", BODY_TRUNCATED = 0x0C "BodyTruncated", SUBJECT = 0x26 "Subject",
    }
    /// Code page 5.
    moves = 5 {
        MOVE_ITEMS = 0x05 "MoveItems", MOVE = 0x06 "Move", SRC_MSG_ID = 0x07 "SrcMsgId", SRC_FLD_ID = 0x08 "SrcFldId",
        DST_FLD_ID = 0x09 "DstFldId", RESPONSE = 0x0A "Response", STATUS = 0x0B "Status",
    }
    /// Code page 6.
    estimate = 6 {
        GET_ITEM_ESTIMATE = 0x05 "GetItemEstimate", COLLECTIONS = 0x07 "Collections", COLLECTION = 0x08 "Collection",
        COLLECTION_ID = 0x0A "CollectionId", RESPONSE = 0x0D "Response", STATUS = 0x0E "Status",
    }
    /// Code page 7.
    folders = 7 {
        FOLDERS = 0x05 "Folders", FOLDER = 0x06 "Folder",
        DISPLAY_NAME = 0x07 "DisplayName", SERVER_ID = 0x08 "ServerId", PARENT_ID = 0x09 "ParentId", TYPE = 0x0A "Type",
        STATUS = 0x0C "Status", CHANGES = 0x0E "Changes", ADD = 0x0F "Add", DELETE = 0x10 "Delete", UPDATE = 0x11 "Update",
        SYNC_KEY = 0x12 "SyncKey", FOLDER_SYNC = 0x16 "FolderSync", COUNT = 0x17 "Count",
    }
    /// Code page 8.
    meeting = 8 {
        COLLECTION_ID = 0x06 "CollectionId", MEETING_RESPONSE = 0x07 "MeetingResponse", REQUEST_ID = 0x08 "RequestId",
        REQUEST = 0x09 "Request", RESULT = 0x0A "Result", STATUS = 0x0B "Status", USER_RESPONSE = 0x0C "UserResponse", SEND_RESPONSE = 0x12 "SendResponse",
    }
    /// Code page 9.
    tasks = 9 {
        BODY = 0x05 "Body", BODY_SIZE = 0x06 "BodySize", BODY_TRUNCATED = 0x07 "BodyTruncated", SUBJECT = 0x20 "Subject",
    }
    /// Code page 10.
    resolve = 10 {
        RESOLVE_RECIPIENTS = 0x05 "ResolveRecipients", RESPONSE = 0x06 "Response", STATUS = 0x07 "Status", TYPE = 0x08 "Type",
        RECIPIENT = 0x09 "Recipient", DISPLAY_NAME = 0x0A "DisplayName", EMAIL_ADDRESS = 0x0B "EmailAddress",
        CERTIFICATES = 0x0C "Certificates", CERTIFICATE = 0x0D "Certificate", MINI_CERTIFICATE = 0x0E "MiniCertificate",
        OPTIONS = 0x0F "Options", TO = 0x10 "To", CERTIFICATE_RETRIEVAL = 0x11 "CertificateRetrieval",
        RECIPIENT_COUNT = 0x12 "RecipientCount", MAX_CERTIFICATES = 0x13 "MaxCertificates",
        MAX_AMBIGUOUS_RECIPIENTS = 0x14 "MaxAmbiguousRecipients", CERTIFICATE_COUNT = 0x15 "CertificateCount",
        PICTURE = 0x1A "Picture",
    }
    /// Code page 11.
    validate = 11 {
        VALIDATE_CERT = 0x05 "ValidateCert", CERTIFICATES = 0x06 "Certificates", CERTIFICATE = 0x07 "Certificate",
        CERTIFICATE_CHAIN = 0x08 "CertificateChain", CHECK_CRL = 0x09 "CheckCRL", STATUS = 0x0A "Status",
    }
    /// Code page 13.
    ping = 13 {
        PING = 0x05 "Ping", STATUS = 0x07 "Status", HEARTBEAT_INTERVAL = 0x08 "HeartbeatInterval", FOLDERS = 0x09 "Folders",
        FOLDER = 0x0A "Folder", ID = 0x0B "Id", CLASS = 0x0C "Class",
    }
    /// Code page 14.
    provision = 14 {
        PROVISION = 0x05 "Provision", POLICIES = 0x06 "Policies", POLICY = 0x07 "Policy", POLICY_TYPE = 0x08 "PolicyType",
        POLICY_KEY = 0x09 "PolicyKey", STATUS = 0x0B "Status", REMOTE_WIPE = 0x0C "RemoteWipe",
        ACCOUNT_ONLY_REMOTE_WIPE = 0x3B "AccountOnlyRemoteWipe",
    }
    /// Code page 15.
    search = 15 {
        SEARCH = 0x05 "Search", STORE = 0x07 "Store", NAME = 0x08 "Name", RANGE = 0x0B "Range", STATUS = 0x0C "Status",
        RESPONSE = 0x0D "Response", RESULT = 0x0E "Result", PROPERTIES = 0x0F "Properties", TOTAL = 0x10 "Total", LONG_ID = 0x18 "LongId",
    }
    /// Code page 17.
    base = 17 {
        BODY_PREFERENCE = 0x05 "BodyPreference", TYPE = 0x06 "Type", TRUNCATION_SIZE = 0x07 "TruncationSize", BODY = 0x0A "Body", DATA = 0x0B "Data", ESTIMATED_DATA_SIZE = 0x0C "EstimatedDataSize",
        TRUNCATED = 0x0D "Truncated", ATTACHMENTS = 0x0E "Attachments", ATTACHMENT = 0x0F "Attachment",
        DISPLAY_NAME = 0x10 "DisplayName", FILE_REFERENCE = 0x11 "FileReference", METHOD = 0x12 "Method",
        IS_INLINE = 0x15 "IsInline", CONTENT_TYPE = 0x17 "ContentType", PREVIEW = 0x18 "Preview", BODY_PART = 0x1A "BodyPart",
        ADD = 0x1C "Add", CONTENT = 0x1F "Content",
    }
    /// Code page 18.
    settings = 18 {
        SETTINGS = 0x05 "Settings", SET = 0x08 "Set", OOF_MESSAGE = 0x0D "OofMessage", REPLY_MESSAGE = 0x12 "ReplyMessage",
        DEVICE_INFORMATION = 0x16 "DeviceInformation", MODEL = 0x17 "Model", IMEI = 0x18 "IMEI",
        FRIENDLY_NAME = 0x19 "FriendlyName", OS = 0x1A "OS", PHONE_NUMBER = 0x1C "PhoneNumber", USER_AGENT = 0x20 "UserAgent",
        MOBILE_OPERATOR = 0x22 "MobileOperator",
    }
    /// Code page 20.
    item_operations = 20 {
        ITEM_OPERATIONS = 0x05 "ItemOperations", FETCH = 0x06 "Fetch", STORE = 0x07 "Store", OPTIONS = 0x08 "Options",
        RANGE = 0x09 "Range",
        TOTAL = 0x0A "Total", PROPERTIES = 0x0B "Properties", DATA = 0x0C "Data", STATUS = 0x0D "Status",
        RESPONSE = 0x0E "Response", SCHEMA = 0x10 "Schema", PART = 0x11 "Part", EMPTY_FOLDER_CONTENTS = 0x12 "EmptyFolderContents", MOVE = 0x16 "Move",
        DST_FLD_ID = 0x17 "DstFldId",
    }
    /// Code page 21.
    compose = 21 {
        SEND_MAIL = 0x05 "SendMail", SMART_FORWARD = 0x06 "SmartForward", SMART_REPLY = 0x07 "SmartReply",
        SAVE_IN_SENT_ITEMS = 0x08 "SaveInSentItems", REPLACE_MIME = 0x09 "ReplaceMime", SOURCE = 0x0B "Source",
        FOLDER_ID = 0x0C "FolderId", ITEM_ID = 0x0D "ItemId", LONG_ID = 0x0E "LongId", INSTANCE_ID = 0x0F "InstanceId",
        MIME = 0x10 "MIME",
    }
    /// Code page 23.
    notes = 23 { SUBJECT = 0x05 "Subject" }
    /// Code page 25.
    find = 25 {
        FIND = 0x05 "Find", RANGE = 0x0D "Range", RESPONSE = 0x11 "Response", TOTAL = 0x16 "Total", RESULT = 0x12 "Result", PROPERTIES = 0x13 "Properties",
        PREVIEW = 0x14 "Preview",
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn g_20_each_element_is_what_its_name_says() {
        for (tag, word) in super::ALL.iter().flat_map(|page| page.iter()) {
            assert_eq!(tag.name(), Some(*word), "{tag}");
        }
    }
}
