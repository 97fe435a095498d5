//! Who calls: the account behind a session cookie, the owner of a bearer token, or whoever sits at the node.
//!
//! Made by the guard before any handler runs, read by handlers. Where the accounts and tokens are kept is the affair
//! of [`Identity`], which `console` fills with the use cases of `admin`. The owner of what is
//! looked at comes from here, never from a form field (CVE-2026-29134).

use std::net::{IpAddr, Ipv4Addr};

use async_trait::async_trait;
use axum::extract::FromRequestParts;
use http::request::Parts;
use model::{Actor, Fault, Guilty, Language, Rights, SecretText};

use crate::guard::Failed;
use crate::session::SessionId;

/// How the caller was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Via {
    /// By a session cookie: forms need their token.
    Session(SessionId),
    /// By `Authorization: Bearer`.
    Token,
    /// By being at the node: unix socket, or the command line with no node running.
    Local,
}

/// The recognised caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Name, rights and origin, as use cases and the audit log take them.
    pub actor: Actor,
    /// How they were recognised.
    pub via: Via,
    /// The language of what they are shown.
    pub language: Language,
    /// The token that their forms carry; empty unless by session.
    pub csrf: String,
    /// True until a one-time password is replaced: only that page is served.
    pub must_change_password: bool,
    /// The path they asked for, for the menu and for coming back.
    pub path: String,
}

impl Caller {
    /// Who sits at the node: all rights.
    #[must_use]
    pub fn local(language: Language) -> Self {
        Self { actor: Actor::local(), via: Via::Local, language, csrf: String::new(), must_change_password: false, path: "/".to_owned() }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failed;

    /// Fails on routes that are open to everybody: there is no caller there.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failed> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Fault::permanent(Guilty::Sender, "not-signed-in", "no caller").into())
    }
}

/// What is known of an account at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountState {
    /// Its rights now; a right that was taken away is gone with the next request.
    pub rights: Rights,
    /// True while it has a one-time password.
    pub must_change_password: bool,
    /// The language it chose, if it did.
    pub language: Option<Language>,
}

/// Accounts and tokens, as the guard needs them.
#[async_trait]
pub trait Identity: Send + Sync {
    /// The account's state, or `None` if it was removed or locked by an administrator.
    ///
    /// # Errors
    /// Temporary when it can't be looked up now.
    async fn account(&self, name: &str) -> Result<Option<AccountState>, Fault>;

    /// The actor behind a bearer token, or `None` if the token is unknown or expired.
    ///
    /// # Errors
    /// Temporary when it can't be looked up now.
    async fn token(&self, token: &SecretText, origin: IpAddr) -> Result<Option<Actor>, Fault>;
}

/// The client's address, put into the request's extensions by the listener, which alone knows about trusted
/// proxies (security.md X-20). Nothing here reads a Forwarded header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// Of this request; `0.0.0.0` where no listener said it (the local socket).
    #[must_use]
    pub fn of(extensions: &http::Extensions) -> Self {
        let connect = || extensions.get::<axum::extract::ConnectInfo<std::net::SocketAddr>>().map(|info| Self(info.0.ip()));
        extensions.get::<Self>().copied().or_else(connect).unwrap_or(Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.extensions))
    }
}
