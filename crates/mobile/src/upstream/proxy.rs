//! The proxies of a configuration (mobile-gateway.md G-2): to the mail server, and to what the gate asks for itself.

use model::ports::Secrets;
use model::site::OutboundProxy;
use model::{Fault, Guilty};
use outside::proxy::{Proxy, ProxyError};

/// The proxy that a configuration names, if it names one. `secret`: the name under which its password is kept, `sealed`: as the site
/// keeps it.
///
/// # Errors
/// A fault of the configuration: no URL, or a password that can't be opened.
pub fn proxy_of(proxy: &OutboundProxy, (secret, sealed): (&str, &str), secrets: &dyn Secrets) -> Result<Option<Proxy>, Fault> {
    if proxy.is_none() {
        return Ok(None);
    }
    let wrong = |what: String| Fault::permanent(Guilty::Configuration, "mobile-proxy", format!("{secret}: {what}"));
    let made = match proxy.auth.as_str() {
        "basic" => {
            let password = secrets.open(secret, sealed).ok_or_else(|| wrong("its password can't be opened: set it anew".to_owned()))?;
            Proxy::new(&proxy.url, Some((&proxy.user, &password)))
        }
        _ => Proxy::new(&proxy.url, None),
    };
    made.map(Some).map_err(|error| wrong(error.to_string()))
}

/// What a proxy's refusal means for a request.
pub(super) fn refused(error: &ProxyError) -> Fault {
    match error {
        ProxyError::Lost(..) => Fault::temporary(Guilty::NextHop, "mail-proxy", error.to_string()),
        ProxyError::Url | ProxyError::Credentials(_) => Fault::permanent(Guilty::Configuration, "mail-proxy", error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use model::SecretText;

    use super::*;

    struct Opens;

    impl Secrets for Opens {
        fn open(&self, name: &str, sealed: &str) -> Option<SecretText> {
            (name == "gateway/a/proxy_mail" && sealed == "sealed").then(|| SecretText::new("secret".to_owned()))
        }
    }

    #[test]
    fn g_2_x_23_no_way_round_a_password_that_can_not_be_opened() {
        let proxy = |auth: &str| OutboundProxy {
            url: "http://proxy:8080".into(),
            auth: auth.into(),
            user: "gate".into(),
            password: "@secret(x)".into(),
        };
        let made = |auth: &str, sealed: &str| proxy_of(&proxy(auth), ("gateway/a/proxy_mail", sealed), &Opens);
        let basic = made("basic", "sealed").unwrap().unwrap();
        assert_eq!(basic.credentials().map(SecretText::expose), Some("Basic Z2F0ZTpzZWNyZXQ="));
        assert!(made("none", "").unwrap().unwrap().credentials().is_none());
        assert!(made("basic", "other").is_err());
        assert!(proxy_of(&OutboundProxy::default(), ("x", ""), &Opens).unwrap().is_none());
        assert!(!refused(&ProxyError::Credentials("p".into())).temporary && refused(&ProxyError::Lost("p".into(), "x".into())).temporary);
    }
}
