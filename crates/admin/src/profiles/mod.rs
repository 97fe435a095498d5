//! E-mail profiles for devices (console.md A-9b): files that set up a device's mail by way of the gateway.
//!
//! One for each platform and mail client of a configuration. The server is always the gateway; address, user and domain are a user's,
//! or stay as `{address}`, `{user}`, `{domain}` for a management of devices to fill in. A password is never in one: the device asks its
//! owner. What is for Apple's own client is signed with the key of the gateway's certificate.

mod android;
mod apple;
mod filled;

use std::collections::BTreeSet;
use std::io::Write as _;

use crypto::pool::Priority;
use model::site::{DeviceProfile, MobileGateway, PROFILE_PAIRS, User};
use model::{Access, Actor, Address, Fault, Guilty, Right};
use serde_json::json;
use zip::write::SimpleFileOptions;

use crate::Admin;
use crate::authorise::need;
use crate::error::{bad_field, internal, not_found};
use crate::gateway_test::no_gate;
use crate::record::line;
use crate::records::PAGE_MAX;

pub use filled::Filled;

/// Users whose profiles go into one file at most.
pub const USERS_MAX: usize = 10_000;
/// Longest name of an account.
const LONGEST: usize = 100;

/// Whom a profile is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// The user with this address.
    One(String),
    /// Every user: a zip.
    All,
    /// Nobody: variables are left in.
    Nobody,
}

/// A file to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Letters, digits, `.`, `_`, `-`, `@` and `+` only.
    pub name: String,
    /// Its media type.
    pub content_type: &'static str,
    /// Its octets.
    pub content: Vec<u8>,
}

/// Profiles of a configuration: known pairs, each once, with names that can be filled in.
pub(crate) fn check(profiles: &[DeviceProfile]) -> Result<(), Fault> {
    const FIELD: &str = "mobile.gateway.profiles";
    let mut seen = BTreeSet::new();
    for one in profiles {
        if !PROFILE_PAIRS.contains(&(one.platform.as_str(), one.client.as_str())) {
            let known: Vec<String> = PROFILE_PAIRS.iter().map(|(platform, client)| format!("{platform}/{client}")).collect();
            return Err(bad_field(FIELD, format!("platform and client: expected one of {}", known.join(", "))));
        }
        if !seen.insert((&one.platform, &one.client)) {
            return Err(bad_field(FIELD, "expected one for each platform and client"));
        }
        line(FIELD, &one.profile)?;
        if one.profile.trim().is_empty() || one.profile.chars().count() > LONGEST {
            return Err(bad_field(FIELD, format!("profile: expected a name of 1 to {LONGEST} characters")));
        }
        if !filled::knows(&one.profile) {
            return Err(bad_field(FIELD, "profile: expected no braces but {address}, {user}, {domain}"));
        }
    }
    Ok(())
}

impl Admin {
    /// A profile of a configuration as a file: for one user, for all of them, or with its variables left in.
    ///
    /// # Errors
    /// `not-found` for a profile that is not there, `bad-field` for an address that is no user's, `profile-no-address`,
    /// `profile-unsigned`, `gate-not-here`, `too-many-users`; without the rights to gateways and, for users, to users; when the store is
    /// away.
    pub async fn profile(&self, actor: &Actor, id: &str, (platform, client): (&str, &str), whom: &Whom) -> Result<File, Fault> {
        let gateway = self.show::<MobileGateway>(actor, id).await?.record;
        let known = gateway.profiles.iter().find(|one| one.platform == platform && one.client == client);
        let profile = known.cloned().ok_or_else(|| not_found(&format!("profile/{id}/{platform}/{client}")))?;
        if gateway.external_host().is_none() {
            return Err(Fault::permanent(Guilty::Configuration, "profile-no-address", format!("{id} has no external_url")));
        }
        let maker = Maker { gateway, profile };
        match whom {
            Whom::Nobody => self.one_file(&maker, Filled::nobody()).await,
            Whom::One(address) => {
                need(actor, Right::Users, Access::Read)?;
                let address = Address::parse(address.trim()).map_err(|_| bad_field("address", "expected a user's address"))?;
                let found = self.show::<User>(actor, address.key().as_str()).await;
                let user = found
                    .map_err(|fault| if fault.code == "not-found" { bad_field("address", "expected a user's address") } else { fault })?;
                self.one_file(&maker, Filled::of(&user.record)).await
            }
            Whom::All => {
                need(actor, Right::Users, Access::Read)?;
                self.all_files(actor, &maker).await
            }
        }
    }

    async fn one_file(&self, maker: &Maker, filled: Filled) -> Result<File, Fault> {
        let name = format!("{}.{}", filled::file_name(&filled.address), maker.ending());
        Ok(File { name, content_type: maker.content_type(), content: self.made(maker, &filled).await? })
    }

    async fn all_files(&self, actor: &Actor, maker: &Maker) -> Result<File, Fault> {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        let (mut after, mut index, mut names) = (String::new(), Vec::new(), BTreeSet::new());
        loop {
            let page = self.list::<User>(actor, "", &after, PAGE_MAX).await?;
            let Some(last) = page.last() else { break };
            after = last.key.clone();
            if index.len() + page.len() > USERS_MAX {
                let cause = format!("more than {USERS_MAX} users");
                return Err(Fault::permanent(Guilty::Sender, "too-many-users", cause).with("most", USERS_MAX));
            }
            for user in page {
                let filled = Filled::of(&user.record);
                let name = filled::unlike(&filled::file_name(&filled.address), maker.ending(), &mut names);
                let content = self.made(maker, &filled).await?;
                zip.start_file(&*name, options).map_err(internal)?;
                zip.write_all(&content).map_err(internal)?;
                index.push(json!({ "address": filled.address, "file": name }));
            }
        }
        // What a management of devices needs to know of them.
        let profile = &maker.profile;
        let told = json!({
            "gateway": maker.gateway.id, "platform": profile.platform, "client": profile.client,
            "assignment": profile.assignment.word(), "files": index,
        });
        zip.start_file("index.json", options).map_err(internal)?;
        zip.write_all(told.to_string().as_bytes()).map_err(internal)?;
        let content = zip.finish().map_err(internal)?.into_inner();
        let name = filled::file_name(&format!("{}-{}-{}", maker.gateway.id, profile.platform, profile.client));
        Ok(File { name: format!("{name}.zip"), content_type: "application/zip", content })
    }

    /// The file's octets, signed where the client checks that.
    async fn made(&self, maker: &Maker, filled: &Filled) -> Result<Vec<u8>, Fault> {
        let plain = maker.make(filled)?;
        if !maker.is_signed() {
            return Ok(plain);
        }
        let gate = self.0.phones.clone().ok_or_else(no_gate)?;
        self.0.pool.run(Priority::Interactive, move || gate.sign_profile(&plain)).await
    }
}

/// One profile of one configuration.
struct Maker {
    gateway: MobileGateway,
    profile: DeviceProfile,
}

impl Maker {
    /// Apple's own client takes configuration profiles; every other one the settings of its app.
    fn is_signed(&self) -> bool {
        (self.profile.platform.as_str(), self.profile.client.as_str()) == ("ios", "mail")
    }

    fn ending(&self) -> &'static str {
        match self.profile.platform.as_str() {
            "ios" if self.is_signed() => "mobileconfig",
            "ios" => "plist",
            _ => "json",
        }
    }

    fn content_type(&self) -> &'static str {
        match self.ending() {
            "mobileconfig" => "application/x-apple-aspen-config",
            "plist" => "application/x-plist",
            _ => "application/json",
        }
    }

    fn make(&self, filled: &Filled) -> Result<Vec<u8>, Fault> {
        let (gateway, profile) = (&self.gateway, &self.profile);
        match self.ending() {
            "mobileconfig" => Ok(apple::configuration(gateway, profile, filled).into_bytes()),
            "plist" => Ok(apple::dictionary(&android::outlook(gateway, profile, filled)).into_bytes()),
            _ => android::managed(gateway, profile, filled),
        }
    }
}
