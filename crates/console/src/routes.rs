//! All routes of the console, in one place, each with what it needs.

use axum::Router;
use http::Method;
use model::Right;
use web::{Public, Routes};

use crate::pages::{account, audit, devices, diagnostics, gateways, home, keys, log, mobile, policies, queue, rules, site, user};
use crate::state::ConsoleState;

/// The router for administrators' browsers and scripts, behind HTTPS.
#[must_use = "a router that is not served does nothing"]
pub fn router(state: ConsoleState) -> Router {
    routes(&state).into_router(state)
}

/// The router for who sits at the node: the local socket, or the command line with no node running. Every request has all
/// rights and the name "local administrator"; never behind a listener that a network reaches.
#[must_use = "a router that is not served does nothing"]
pub fn local_router(state: ConsoleState) -> Router {
    routes(&state).into_local_router(state)
}

/// Every route with what it needs; the routes test takes its list from here.
#[must_use]
pub fn routes(state: &ConsoleState) -> Routes<ConsoleState> {
    pages(Routes::new(state.kit().clone())).merge(crate::api::routes(state))
}

fn pages(routes: Routes<ConsoleState>) -> Routes<ConsoleState> {
    let (get, post) = (Method::GET, Method::POST);
    keys_pages(routes)
        .public(&get, web::assets::PATH, Public::Asset, web::assets::serve)
        .public(&get, "/sign-in", Public::SignIn, account::sign_in)
        .public(&post, "/sign-in", Public::SignIn, account::sign_in_now)
        .public(&post, "/sign-in/language", Public::SignIn, account::language_before)
        .own_at_last(&post, "/sign-out", account::sign_out)
        .own_at_last(&get, "/password", account::password)
        .own_at_last(&post, "/password", account::password_now)
        .own_at_last(&post, "/language", account::language)
        .page("/", Right::Home, home::get)
        .page("/live", Right::Home, home::live)
        .page("/queue", Right::Logs, queue::list)
        .page("/queue/{id}", Right::Logs, queue::show)
        .page("/queue/{id}/{act}", Right::Logs, queue::ask)
        .action("/queue/{id}/{act}", Right::Logs, queue::act)
        .page("/log", Right::Logs, log::list)
        .page("/log/{id}", Right::Logs, log::show)
        .page("/rules", Right::MailProcessing, rules::get)
        .page("/domains", Right::MailSystem, site::domains)
        .page("/users", Right::Users, site::users)
        .page("/mobile", Right::MobileDashboard, mobile::get)
        .page("/compliance/{gateway}", Right::MobileDashboard, mobile::ask)
        .action("/compliance/{gateway}", Right::MobileDashboard, mobile::order)
        .page("/devices", Right::MobileDashboard, devices::list)
        .page("/devices.csv", Right::MobileDashboard, devices::export)
        .page("/device-actions/{act}", Right::MobileDashboard, devices::ask_many)
        .action("/device-actions/{act}", Right::MobileDashboard, devices::act_many)
        .page("/device-orders/{act}", Right::MobileDashboard, devices::ask_all)
        .action("/device-orders/{act}", Right::MobileDashboard, devices::order_all)
        .page("/devices/{user}/{id}", Right::MobileDashboard, devices::show)
        .page("/devices/{user}/{id}/{act}", Right::MobileDashboard, devices::ask)
        .action("/devices/{user}/{id}/{act}", Right::MobileDashboard, devices::act)
        .page("/diagnostics", Right::MobileDiagnostics, diagnostics::list)
        .page("/gateways", Right::MobileGateways, gateways::list)
        .page("/gateways/+", Right::MobileGateways, gateways::begin)
        .action("/gateways/+", Right::MobileGateways, gateways::go_on)
        .page("/gateways/{id}", Right::MobileGateways, gateways::edit)
        .action("/gateways/{id}", Right::MobileGateways, gateways::save)
        .page("/gateways/{id}/advanced", Right::MobileGateways, gateways::advanced)
        .action("/gateways/{id}/advanced", Right::MobileGateways, gateways::save_advanced)
        .page("/gateways/{id}/profiles", Right::MobileGateways, gateways::profiles)
        .action("/gateways/{id}/profiles", Right::MobileGateways, gateways::save_profiles)
        .page("/gateways/{id}/profiles/{platform}/{client}", Right::MobileGateways, gateways::one_profile)
        .page("/gateways/{id}/profiles/{platform}/{client}/all", Right::MobileGateways, gateways::all_profiles)
        .page("/gateways/{id}/test", Right::MobileGateways, gateways::test)
        .action("/gateways/{id}/test", Right::MobileGateways, gateways::run_test)
        .page("/gateways/{id}/export", Right::MobileGateways, gateways::export)
        .page("/gateways/{id}/{act}", Right::MobileGateways, gateways::ask)
        .action("/gateways/{id}/{act}", Right::MobileGateways, gateways::act)
        .page("/policies", Right::MobilePolicies, policies::list)
        .page("/policies/{key}", Right::MobilePolicies, policies::edit)
        .action("/policies/{key}", Right::MobilePolicies, policies::save)
        .page("/policies/{key}/{act}", Right::MobilePolicies, policies::ask)
        .action("/policies/{key}/{act}", Right::MobilePolicies, policies::act)
        .page("/test-mode/{act}", Right::MobilePolicies, policies::ask_test_mode)
        .action("/test-mode/{act}", Right::MobilePolicies, policies::test_mode)
        .page("/audit", Right::Administration, audit::get)
}

/// Keys, certificates, and what asks about a user who has some.
fn keys_pages(routes: Routes<ConsoleState>) -> Routes<ConsoleState> {
    let roots = Right::X509Roots;
    let routes = partners_pages::<keys::Certificates>(routes, "/certificates");
    partners_pages::<keys::PgpKeys>(routes, "/pgp-keys")
        .page("/users/{key}", Right::Users, user::show)
        .page("/users/{key}/{act}", Right::Users, user::ask)
        .action("/users/{key}/{act}", Right::Users, user::act)
        .page("/keys", Right::Users, keys::list)
        .page("/keys/import", Right::Users, keys::import)
        .action("/keys/import", Right::Users, keys::import_now)
        .page("/keys/generate", Right::Users, keys::generate)
        .action("/keys/generate", Right::Users, keys::generate_now)
        .page("/keys/{id}", Right::Users, keys::show)
        .page("/keys/{id}/certificate.pem", Right::Users, keys::certificate)
        .page("/keys/{id}/export", Right::Users, keys::export)
        .action("/keys/{id}/export", Right::Users, keys::export_now)
        .page("/keys/{id}/{act}", Right::Users, keys::ask)
        .action("/keys/{id}/{act}", Right::Users, keys::act)
        .page("/roots", roots, keys::list_roots)
        .page("/roots/import", roots, keys::root_import)
        .action("/roots/import", roots, keys::root_import_now)
        .page("/roots/{id}", roots, keys::show_root)
        .page("/roots/{id}/certificate.pem", roots, keys::root_certificate)
        .page("/roots/{id}/{act}", roots, keys::ask_root)
        .action("/roots/{id}/{act}", roots, keys::act_root)
}

/// One kind of partners' keys.
fn partners_pages<K: keys::OfPartners>(routes: Routes<ConsoleState>, path: &str) -> Routes<ConsoleState> {
    let right = K::KIND.right();
    routes
        .page(path, right, keys::list_partners::<K>)
        .page(&format!("{path}/import"), right, keys::partner_import::<K>)
        .action(&format!("{path}/import"), right, keys::partner_import_now::<K>)
        .page(&format!("{path}/{{key}}/{{id}}"), right, keys::show_partner::<K>)
        .page(&format!("{path}/{{key}}/{{id}}/certificate.pem"), right, keys::partner_certificate::<K>)
        .page(&format!("{path}/{{key}}/{{id}}/remove"), right, keys::ask_partner::<K>)
        .action(&format!("{path}/{{key}}/{{id}}/remove"), right, keys::remove_partner::<K>)
}
