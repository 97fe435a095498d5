//! The code pages of ActiveSync, 2.5 to 16.1: which number is which element (MS-ASWBXML §2.1.2.1).
//!
//! A table of facts and its look-ups. The rooms that judge answers go by number ([`Tag`]); names are for people: for what
//! `mobile decode` prints, for logs, for tests. Names of elements from before protocol 12.0, which the standard no longer
//! lists, are those that its readers agree on. Page 254 is of Windows Live, not of the standard, and seen on the wire.

use std::fmt;
use std::sync::LazyLock;

/// One element's place: its code page and its number in there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag {
    /// Code page.
    pub page: u8,
    /// Number in the page, 0x05 to 0x3F.
    pub token: u8,
}

impl Tag {
    /// The element with this number in this page.
    #[must_use]
    pub const fn new(page: u8, token: u8) -> Self {
        Self { page, token }
    }

    /// By the names of its page and of itself, as [`page_name`] and [`Tag::name`] give them.
    #[must_use]
    pub fn from_names(page: &str, name: &str) -> Option<Self> {
        let page = PAGES.iter().find(|known| known.name == page)?;
        let place = page.tags.split_ascii_whitespace().position(|known| known == name && known != GAP)?;
        u8::try_from(place).ok()?.checked_add(FIRST).map(|token| Self::new(page.number, token))
    }

    /// The element's name; `None` if its page has no such number.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        let place = usize::from(self.token).checked_sub(usize::from(FIRST))?;
        NAMES.get(slot(self.page)?)?.get(place).copied().filter(|name| *name != GAP)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (page_name(self.page), self.name()) {
            (Some(page), Some(name)) => write!(f, "{page}:{name}"),
            (Some(page), None) => write!(f, "{page}:{:#04x}", self.token),
            _ => write!(f, "{}:{:#04x}", self.page, self.token),
        }
    }
}

/// The name of a code page, which is the namespace of its elements; `None` if there is no such page.
#[must_use]
pub fn page_name(page: u8) -> Option<&'static str> {
    slot(page).and_then(|slot| PAGES.get(slot)).map(|page| page.name)
}

/// Every element, by page and number.
pub fn all() -> impl Iterator<Item = Tag> {
    let tags = PAGES.iter().flat_map(|page| (FIRST..=LAST).map(|token| Tag::new(page.number, token)));
    tags.filter(|tag| tag.name().is_some())
}

/// The first number that is an element (WBXML §7.1), and the last.
const FIRST: u8 = 0x05;
const LAST: u8 = 0x3F;
/// Stands in the table for a number that is no element.
const GAP: &str = "-";
/// Highest page of the standard; the numbers up to it have no gap.
const LAST_OF_STANDARD: u8 = 25;
const WINDOWS_LIVE: u8 = 254;

struct Page {
    number: u8,
    name: &'static str,
    /// The elements from number 0x05 on.
    tags: &'static str,
}

static NAMES: LazyLock<Vec<Vec<&'static str>>> =
    LazyLock::new(|| PAGES.iter().map(|page| page.tags.split_ascii_whitespace().collect()).collect());

/// Where a page stands in the table.
fn slot(page: u8) -> Option<usize> {
    match page {
        0..=LAST_OF_STANDARD => Some(usize::from(page)),
        WINDOWS_LIVE => Some(usize::from(LAST_OF_STANDARD) + 1),
        _ => None,
    }
}

#[rustfmt::skip]
const PAGES: [Page; 27] = [
    Page {
        number: 0,
        name: "AirSync",
        tags: "Sync Responses Add Change Delete Fetch SyncKey ClientId ServerId Status Collection Class Version CollectionId GetChanges \
          MoreAvailable WindowSize Commands Options FilterType Truncation RTFTruncation Conflict Collections ApplicationData \
          DeletesAsMoves NotifyGUID Supported SoftDelete MIMESupport MIMETruncation Wait Limit Partial ConversationMode MaxItems \
          HeartbeatInterval",
    },
    Page {
        number: 1,
        name: "Contacts",
        tags: "Anniversary AssistantName AssistantTelephoneNumber Birthday Body BodySize BodyTruncated Business2PhoneNumber BusinessCity \
          BusinessCountry BusinessPostalCode BusinessState BusinessStreet BusinessFaxNumber BusinessPhoneNumber CarPhoneNumber Categories \
          Category Children Child CompanyName Department Email1Address Email2Address Email3Address FileAs FirstName Home2PhoneNumber \
          HomeCity HomeCountry HomePostalCode HomeState HomeStreet HomeFaxNumber HomePhoneNumber JobTitle LastName MiddleName \
          MobilePhoneNumber OfficeLocation OtherCity OtherCountry OtherPostalCode OtherState OtherStreet PagerNumber RadioPhoneNumber \
          Spouse Suffix Title WebPage YomiCompanyName YomiFirstName YomiLastName CompressedRTF Picture Alias WeightedRank",
    },
    Page {
        number: 2,
        name: "Email",
        tags: "Attachment Attachments AttName AttSize AttOId AttMethod AttRemoved Body BodySize BodyTruncated DateReceived DisplayName \
          DisplayTo Importance MessageClass Subject Read To Cc From Reply-To AllDayEvent Categories Category DTStamp EndTime InstanceType \
          BusyStatus Location MeetingRequest Organizer RecurrenceId Reminder ResponseRequested Recurrences Recurrence Recurrence_Type \
          Recurrence_Until Recurrence_Occurrences Recurrence_Interval Recurrence_DayOfWeek Recurrence_DayOfMonth Recurrence_WeekOfMonth \
          Recurrence_MonthOfYear StartTime Sensitivity TimeZone GlobalObjId ThreadTopic MIMEData MIMETruncated MIMESize InternetCPID Flag \
          FlagStatus ContentClass FlagType CompleteTime DisallowNewTimeProposal",
    },
    Page {
        number: 3,
        name: "AirNotify",
        tags: "Notify Notification Version LifeTime DeviceInfo Enable Folder ServerId DeviceAddress ValidCarrierProfiles CarrierProfile Status \
          Responses Devices Device Id Expiry NotifyGUID DeviceFriendlyName",
    },
    Page {
        number: 4,
        name: "Calendar",
        tags: "TimeZone AllDayEvent Attendees Attendee Attendee_Email Attendee_Name Body BodyTruncated BusyStatus Categories Category \
          Compressed_RTF DTStamp EndTime Exception Exceptions Exception_Deleted Exception_StartTime Location MeetingStatus Organizer_Email \
          Organizer_Name Recurrence Recurrence_Type Recurrence_Until Recurrence_Occurrences Recurrence_Interval Recurrence_DayOfWeek \
          Recurrence_DayOfMonth Recurrence_WeekOfMonth Recurrence_MonthOfYear Reminder Sensitivity Subject StartTime UID Attendee_Status \
          Attendee_Type - - - - - - - - DisallowNewTimeProposal ResponseRequested AppointmentReplyTime ResponseType CalendarType \
          IsLeapMonth FirstDayOfWeek OnlineMeetingConfLink OnlineMeetingExternalLink ClientUid",
    },
    Page {
        number: 5,
        name: "Move",
        tags: "MoveItems Move SrcMsgId SrcFldId DstFldId Response Status DstMsgId",
    },
    Page {
        number: 6,
        name: "GetItemEstimate",
        tags: "GetItemEstimate Version Collections Collection Class CollectionId DateTime Estimate Response Status",
    },
    Page {
        number: 7,
        name: "FolderHierarchy",
        tags: "Folders Folder DisplayName ServerId ParentId Type Response Status ContentClass Changes Add Delete Update SyncKey FolderCreate \
          FolderDelete FolderUpdate FolderSync Count Version",
    },
    Page {
        number: 8,
        name: "MeetingResponse",
        tags: "CalendarId CollectionId MeetingResponse RequestId Request Result Status UserResponse Version InstanceId - ProposedStartTime \
          ProposedEndTime SendResponse",
    },
    Page {
        number: 9,
        name: "Tasks",
        tags: "Body BodySize BodyTruncated Categories Category Complete DateCompleted DueDate UTCDueDate Importance Recurrence Recurrence_Type \
          Recurrence_Start Recurrence_Until Recurrence_Occurrences Recurrence_Interval Recurrence_DayOfMonth Recurrence_DayOfWeek \
          Recurrence_WeekOfMonth Recurrence_MonthOfYear Recurrence_Regenerate Recurrence_DeadOccur ReminderSet ReminderTime Sensitivity \
          StartDate UTCStartDate Subject CompressedRTF OrdinalDate SubOrdinalDate CalendarType IsLeapMonth FirstDayOfWeek",
    },
    Page {
        number: 10,
        name: "ResolveRecipients",
        tags: "ResolveRecipients Response Status Type Recipient DisplayName EmailAddress Certificates Certificate MiniCertificate Options To \
          CertificateRetrieval RecipientCount MaxCertificates MaxAmbiguousRecipients CertificateCount Availability StartTime EndTime \
          MergedFreeBusy Picture MaxSize Data MaxPictures",
    },
    Page {
        number: 11,
        name: "ValidateCert",
        tags: "ValidateCert Certificates Certificate CertificateChain CheckCRL Status",
    },
    Page {
        number: 12,
        name: "Contacts2",
        tags: "CustomerId GovernmentId IMAddress IMAddress2 IMAddress3 ManagerName CompanyMainPhone AccountName NickName MMS",
    },
    Page {
        number: 13,
        name: "Ping",
        tags: "Ping AutdState Status HeartbeatInterval Folders Folder Id Class MaxFolders",
    },
    Page {
        number: 14,
        name: "Provision",
        tags: "Provision Policies Policy PolicyType PolicyKey Data Status RemoteWipe EASProvisionDoc DevicePasswordEnabled \
          AlphanumericDevicePasswordRequired RequireStorageCardEncryption PasswordRecoveryEnabled DocumentBrowseEnabled AttachmentsEnabled \
          MinDevicePasswordLength MaxInactivityTimeDeviceLock MaxDevicePasswordFailedAttempts MaxAttachmentSize AllowSimpleDevicePassword \
          DevicePasswordExpiration DevicePasswordHistory AllowStorageCard AllowCamera RequireDeviceEncryption AllowUnsignedApplications \
          AllowUnsignedInstallationPackages MinDevicePasswordComplexCharacters AllowWiFi AllowTextMessaging AllowPOPIMAPEmail \
          AllowBluetooth AllowIrDA RequireManualSyncWhenRoaming AllowDesktopSync MaxCalendarAgeFilter AllowHTMLEmail MaxEmailAgeFilter \
          MaxEmailBodyTruncationSize MaxEmailHTMLBodyTruncationSize RequireSignedSMIMEMessages RequireEncryptedSMIMEMessages \
          RequireSignedSMIMEAlgorithm RequireEncryptionSMIMEAlgorithm AllowSMIMEEncryptionAlgorithmNegotiation AllowSMIMESoftCerts \
          AllowBrowser AllowConsumerEmail AllowRemoteDesktop AllowInternetSharing UnapprovedInROMApplicationList ApplicationName \
          ApprovedApplicationList Hash AccountOnlyRemoteWipe",
    },
    Page {
        number: 15,
        name: "Search",
        tags: "Search - Store Name Query Options Range Status Response Result Properties Total EqualTo Value And Or FreeText - DeepTraversal \
          LongId RebuildResults LessThan GreaterThan Schema Supported UserName Password ConversationId Picture MaxSize MaxPictures",
    },
    Page {
        number: 16,
        name: "GAL",
        tags: "DisplayName Phone Office Title Company Alias FirstName LastName HomePhone MobilePhone EmailAddress Picture Status Data",
    },
    Page {
        number: 17,
        name: "AirSyncBase",
        tags: "BodyPreference Type TruncationSize AllOrNone - Body Data EstimatedDataSize Truncated Attachments Attachment DisplayName \
          FileReference Method ContentId ContentLocation IsInline NativeBodyType ContentType Preview BodyPartPreference BodyPart Status \
          Add Delete ClientId Content Location Annotation Street City State Country PostalCode Latitude Longitude Accuracy Altitude \
          AltitudeAccuracy LocationUri InstanceId",
    },
    Page {
        number: 18,
        name: "Settings",
        tags: "Settings Status Get Set Oof OofState StartTime EndTime OofMessage AppliesToInternal AppliesToExternalKnown \
          AppliesToExternalUnknown Enabled ReplyMessage BodyType DevicePassword Password DeviceInformation Model IMEI FriendlyName OS \
          OSLanguage PhoneNumber UserInformation EmailAddresses SmtpAddress UserAgent EnableOutboundSMS MobileOperator PrimarySmtpAddress \
          Accounts Account AccountId AccountName UserDisplayName SendDisabled - RightsManagementInformation",
    },
    Page {
        number: 19,
        name: "DocumentLibrary",
        tags: "LinkId DisplayName IsFolder CreationDate LastModifiedDate IsHidden ContentLength ContentType",
    },
    Page {
        number: 20,
        name: "ItemOperations",
        tags: "ItemOperations Fetch Store Options Range Total Properties Data Status Response Version Schema Part EmptyFolderContents \
          DeleteSubFolders UserName Password Move DstFldId ConversationId MoveAlways",
    },
    Page {
        number: 21,
        name: "ComposeMail",
        tags: "SendMail SmartForward SmartReply SaveInSentItems ReplaceMime Type Source FolderId ItemId LongId InstanceId MIME ClientId Status \
          AccountId - Forwardees Forwardee ForwardeeName ForwardeeEmail",
    },
    Page {
        number: 22,
        name: "Email2",
        tags: "UmCallerID UmUserNotes UmAttDuration UmAttOrder ConversationId ConversationIndex LastVerbExecuted LastVerbExecutionTime \
          ReceivedAsBcc Sender CalendarType IsLeapMonth AccountId FirstDayOfWeek MeetingMessageType - IsDraft Bcc Send",
    },
    Page {
        number: 23,
        name: "Notes",
        tags: "Subject MessageClass LastModifiedDate Categories Category",
    },
    Page {
        number: 24,
        name: "RightsManagement",
        tags: "RightsManagementSupport RightsManagementTemplates RightsManagementTemplate RightsManagementLicense EditAllowed ReplyAllowed \
          ReplyAllAllowed ForwardAllowed ModifyRecipientsAllowed ExtractAllowed PrintAllowed ExportAllowed ProgrammaticAccessAllowed \
          RMOwner ContentExpiryDate TemplateID TemplateName TemplateDescription ContentOwner RemoveRightsManagementDistribution",
    },
    Page {
        number: 25,
        name: "Find",
        tags: "Find SearchId ExecuteSearch MailBoxSearchCriterion Query Status FreeText Options Range DeepTraversal - - Response Result \
          Properties Preview HasAttachments Total DisplayCc DisplayBcc GalSearchCriterion MaxPictures MaxSize Picture",
    },
    Page {
        number: 254,
        name: "WindowsLive",
        tags: "Annotations Annotation Name Value",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_20_every_page_stands_at_its_number_and_no_name_is_there_twice() {
        for page in &PAGES {
            assert_eq!(page_name(page.number), Some(page.name));
            let mut names: Vec<_> = page.tags.split_ascii_whitespace().filter(|name| *name != GAP).collect();
            assert!(page.tags.split_ascii_whitespace().count() <= usize::from(LAST - FIRST) + 1, "{}", page.name);
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{} has a name twice", page.name);
        }
        for tag in all() {
            assert_eq!(Tag::from_names(page_name(tag.page).unwrap(), tag.name().unwrap()), Some(tag));
        }
        assert_eq!((page_name(26), page_name(253), page_name(255)), (None, None, None));
        assert_eq!((Tag::new(0, 0x3F).name(), Tag::new(0, 0x04).name(), Tag::new(17, 0x09).name()), (None, None, None));
        assert_eq!(Tag::new(7, 0x16).to_string(), "FolderHierarchy:FolderSync");
        assert_eq!((Tag::new(0, 0x3F).to_string(), Tag::new(99, 5).to_string()), ("AirSync:0x3f".into(), "99:0x05".into()));
    }

    /// The table of the test material was put together by others from other sources. It cuts one name short.
    #[test]
    fn g_20_the_table_is_that_of_the_test_material() {
        let Some(root) = testkit::sogo::material() else { return };
        let text = std::fs::read_to_string(root.join("testdata/eas/codepages.csv")).unwrap();
        let mut seen = 0;
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let token = u8::from_str_radix(fields[2].trim_start_matches("0x"), 16).unwrap();
            let tag = Tag::new(fields[0].parse().unwrap(), token);
            let name = if fields[3] == "ihsManagementInformation" { "RightsManagementInformation" } else { fields[3] };
            assert_eq!(tag.name(), Some(name), "{line}");
            assert!(fields[1].is_empty() || page_name(tag.page) == Some(fields[1]), "{line}");
            seen += 1;
        }
        assert!(seen > 600);
        assert_eq!(all().count(), seen, "the table has more than the material");
    }
}
