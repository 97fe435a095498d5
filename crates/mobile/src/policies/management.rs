//! Policies on what the management of devices reports: managed, enrolled, compliant, compromised, encrypted, seen, set up by
//! a profile of ours (mobile-gateway.md, the policy table).

use std::time::Duration;

use model::device::Reason;

use super::Case;

const DAY: Duration = Duration::from_secs(86_400);

/// Not managed at all, or not enrolled there. What was not reported as managed is not.
pub(super) fn managed(case: &Case<'_>) -> Option<Reason> {
    match (case.reported.managed, case.reported.enrolled) {
        (false, _) => Some(Reason::NotManaged),
        (true, false) => Some(Reason::NotEnrolled),
        (true, true) => None,
    }
}

pub(super) fn mdm_compliance(case: &Case<'_>, strict: bool) -> Option<Reason> {
    (!case.reported.mdm_compliant.unwrap_or(!strict)).then_some(Reason::NotMdmCompliant)
}

pub(super) fn compromised(case: &Case<'_>, strict: bool) -> Option<Reason> {
    case.reported.compromised.unwrap_or(strict).then_some(Reason::Compromised)
}

pub(super) fn encryption(case: &Case<'_>, strict: bool) -> Option<Reason> {
    (!case.reported.encrypted.unwrap_or(!strict)).then_some(Reason::NotEncrypted)
}

/// More than so many days ago; one that was never seen counts from its enrolment.
pub(super) fn inactivity(case: &Case<'_>, strict: bool, days: Option<u16>) -> Option<Reason> {
    let days = u32::from(days?);
    let inactive = match case.reported.last_seen.or(case.reported.enrolled_at) {
        Some(seen) => case.now.since(seen) > DAY * days,
        None => strict,
    };
    inactive.then_some(Reason::Inactive)
}

/// Asks managed devices only: no profile of ours is for others.
pub(super) fn eas_profile(case: &Case<'_>, strict: bool) -> Option<Reason> {
    (case.reported.managed && !case.reported.eas_profile.unwrap_or(!strict)).then_some(Reason::NoEasProfile)
}
