//! Settings of mail apps by the names that their makers publish for managed configurations (AppConfig community): Gmail and Outlook.
//!
//! Android takes them as the restrictions of an app; a management of devices is given the app's package beside them.

use model::Fault;
use model::site::{DeviceProfile, MobileGateway};
use serde_json::{Map, Value, json};

use super::apple::host;
use super::filled::Filled;
use crate::error::internal;

/// What a management of Android devices takes: the app, its settings, and how they reach the device.
///
/// # Errors
/// When it has no JSON form.
pub(super) fn managed(gateway: &MobileGateway, profile: &DeviceProfile, filled: &Filled) -> Result<Vec<u8>, Fault> {
    let (package, settings) = match profile.client.as_str() {
        "gmail" => ("com.google.android.gm", gmail(gateway, filled)),
        _ => ("com.microsoft.office.outlook", outlook(gateway, profile, filled)),
    };
    let whole = json!({
        "packageName": package,
        "managedConfiguration": settings,
        "assignment": profile.assignment.word(),
        "displayName": filled.fill(&profile.profile),
    });
    serde_json::to_vec_pretty(&whole).map_err(internal)
}

fn gmail(gateway: &MobileGateway, filled: &Filled) -> Map<String, Value> {
    of([
        ("email_address", json!(filled.address)),
        ("exchange_host", json!(host(gateway))),
        ("exchange_username", json!(filled.sign_in(gateway))),
        ("exchange_ssl_required", json!(true)),
        ("exchange_trust_all_certificates", json!(false)),
    ])
}

/// Outlook's, on Android and on iOS alike.
pub(super) fn outlook(gateway: &MobileGateway, profile: &DeviceProfile, filled: &Filled) -> Map<String, Value> {
    let key = |name: &str| format!("com.microsoft.outlook.EmailProfile.{name}");
    let settings = [
        ("EmailAccountName", filled.fill(&profile.profile)),
        ("EmailAddress", filled.address.clone()),
        ("EmailUPN", filled.sign_in(gateway).to_owned()),
        ("ServerHostName", host(gateway)),
        ("AccountDomain", filled.domain.clone()),
        ("AccountType", "BasicAuth".to_owned()),
        ("ServerAuthentication", "Username and Password".to_owned()),
    ];
    settings.into_iter().map(|(name, value)| (key(name), Value::String(value))).collect()
}

fn of<const N: usize>(settings: [(&str, Value); N]) -> Map<String, Value> {
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
