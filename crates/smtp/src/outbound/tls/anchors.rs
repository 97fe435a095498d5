//! Whom we trust to vouch for mail servers: the machine's own store and the roots that the site trusts.
//!
//! OpenSSL builds and checks the chain (RFC 5280 §6) for the purpose of a TLS server, at the time that it is told. The
//! machine's store is read as it is needed, so that an update of the system's certificates counts at once
//! (`SSL_CERT_DIR` and `SSL_CERT_FILE` name another). Nothing is fetched.

use std::collections::HashSet;

use openssl::error::ErrorStack;
use openssl::stack::{Stack, StackRef};
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509PurposeId, X509Ref, X509StoreContext};

/// Certificates between server and root, at most.
const DEPTH: i32 = 8;

/// The trusted roots, and certificates that no chain may contain. Shared by all connections; made anew when the site's
/// roots change.
#[derive(Default)]
pub struct Anchors {
    trusted: Vec<X509>,
    distrusted: HashSet<[u8; 32]>,
    system: bool,
}

/// A chain that holds, leaf first.
pub(super) struct Chain {
    pub(super) certificates: Vec<X509>,
    pub(super) store: X509Store,
}

impl Anchors {
    /// The machine's store, and `trusted` besides, but no chain with one of `distrusted`. Certificates in DER; what can't be
    /// read is left out.
    #[must_use]
    pub fn new(trusted: &[Vec<u8>], distrusted: &[Vec<u8>]) -> Self {
        Self { system: true, ..Self::only(trusted, distrusted) }
    }

    /// The same without the machine's store.
    #[must_use]
    pub fn only(trusted: &[Vec<u8>], distrusted: &[Vec<u8>]) -> Self {
        let trusted = trusted.iter().filter_map(|der| X509::from_der(der).ok()).collect();
        let distrusted = distrusted.iter().map(|der| openssl::sha::sha256(der)).collect();
        Self { trusted, distrusted, system: false }
    }

    /// The chain from `leaf` to a root of ours.
    ///
    /// # Errors
    /// Why there is none, in words for an administrator.
    pub(super) fn chain(&self, leaf: &X509, others: &StackRef<X509>, now: i64) -> Result<Chain, String> {
        let store = self.store(now).map_err(|error| error.to_string())?;
        let certificates = build(&store, leaf, others)?;
        let shunned = |certificate: &X509| certificate.to_der().is_ok_and(|der| self.distrusted.contains(&openssl::sha::sha256(&der)));
        if certificates.iter().any(shunned) {
            return Err("its chain holds a certificate that the site does not trust".to_owned());
        }
        Ok(Chain { certificates, store })
    }

    fn store(&self, now: i64) -> Result<X509Store, ErrorStack> {
        let mut builder = X509StoreBuilder::new()?;
        for root in &self.trusted {
            builder.add_cert(root.clone())?;
        }
        if self.system {
            builder.set_default_paths()?;
        }
        let rules = rules(now, X509VerifyFlags::TRUSTED_FIRST)?;
        builder.set_param(&rules)?;
        Ok(builder.build())
    }
}

/// True if `leaf` descends from `anchor`, which may be any CA that the server sent (RFC 7672 §3.1.2).
///
/// # Errors
/// Why it does not.
pub(super) fn descends(leaf: &X509, others: &StackRef<X509>, anchor: &X509Ref, now: i64) -> Result<(), String> {
    let store = || -> Result<X509Store, ErrorStack> {
        let mut builder = X509StoreBuilder::new()?;
        builder.add_cert(anchor.to_owned())?;
        let rules = rules(now, X509VerifyFlags::PARTIAL_CHAIN | X509VerifyFlags::TRUSTED_FIRST)?;
        builder.set_param(&rules)?;
        Ok(builder.build())
    };
    build(&store().map_err(|error| error.to_string())?, leaf, others).map(drop)
}

fn rules(now: i64, flags: X509VerifyFlags) -> Result<X509VerifyParam, ErrorStack> {
    let mut rules = X509VerifyParam::new()?;
    rules.set_purpose(X509PurposeId::SSL_SERVER)?;
    rules.set_depth(DEPTH);
    // Level 1: at least 80 bits; certificates signed with MD5 or SHA-1 count for nothing.
    rules.set_auth_level(1);
    rules.set_flags(flags)?;
    rules.set_time(now);
    Ok(rules)
}

fn build(store: &X509Store, leaf: &X509, others: &StackRef<X509>) -> Result<Vec<X509>, String> {
    let mut context = X509StoreContext::new().map_err(|error| error.to_string())?;
    let built = context.init(store, leaf, others, |context| {
        if !context.verify_cert()? {
            return Ok(Err(context.error().error_string().to_owned()));
        }
        Ok(Ok(context.chain().map(|chain| chain.iter().map(ToOwned::to_owned).collect()).unwrap_or_default()))
    });
    built.map_err(|error| error.to_string())?
}

/// Certificates as OpenSSL wants them.
pub(super) fn stack<'c>(certificates: impl IntoIterator<Item = &'c X509>) -> Result<Stack<X509>, ErrorStack> {
    let mut stack = Stack::new()?;
    certificates.into_iter().try_for_each(|certificate| stack.push(certificate.clone()))?;
    Ok(stack)
}

impl std::fmt::Debug for Anchors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Anchors({} trusted, {} distrusted, system: {})", self.trusted.len(), self.distrusted.len(), self.system)
    }
}
