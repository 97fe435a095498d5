//! Redirects of the mail server on their way to the phone: they lead to the gateway's own name (mobile-gateway.md G-5).
//!
//! Comes when an answer's head is there, before anything of it is passed on. A redirect to a server that the configuration
//! allows is remembered (`redirects`); one to any other is refused, because the phone would follow it with its password.
//! Web mail may send a browser anywhere (single sign-on); only the mail server's own name is replaced there.

use http::Uri;
use http::header::{HeaderName, HeaderValue, LOCATION};
use model::{Fault, Guilty};

use crate::bodies::autodiscover::Names;
use crate::gate::MobileGate;
use crate::identify::{Asked, Door};
use crate::redirects::{allowed, own};
use crate::upstream::Head;

/// Where phones are sent by 451 (MS-ASHTTP §2.2.1.1.2.4, §3.1.5.2.2).
const MS_LOCATION: HeaderName = HeaderName::from_static("x-ms-location");

/// Gives a redirect the gateway's own name; a fault if it leads where nobody may be sent.
pub(crate) fn rewrite(gate: &MobileGate, asked: &Asked, head: &mut Head) -> Option<Fault> {
    let status = head.status.as_u16();
    let field = match status {
        451 => MS_LOCATION,
        201 | 301 | 302 | 303 | 307 | 308 => LOCATION,
        _ => return None,
    };
    let value = head.headers.get(&field)?;
    let Some(url) = value.to_str().ok().map(str::trim).map(str::to_owned) else { return Some(refused("a place that is no text")) };
    // A relative one stays with us by itself.
    let Some(server) = server(&url) else { return url.contains("//").then(|| refused(&url)) };
    let is_own = own(&server, &asked.gateway);
    if !is_own {
        if asked.door == Door::Web {
            return None;
        }
        match allowed(&url, &asked.gateway) {
            Some(server) if status != 201 => {
                tracing::info!(event = "mobile.redirected", trace = %asked.trace, user = &*asked.user, device = asked.device_name(), to = server);
                gate.redirects.remember(asked, &server);
            }
            _ => return Some(refused(&url)),
        }
    } else if status == 451 {
        // Back home.
        gate.redirects.forget(asked);
    }
    let names = Names::new(&asked.gateway, None);
    let path = url.get(server.len()..).unwrap_or_default();
    let path = if status == 451 || (asked.door == Door::ActiveSync && !is_own) { "/Microsoft-Server-ActiveSync" } else { path };
    let to = if asked.gateway.external_url.is_empty() { path.to_owned() } else { format!("{}{path}", names.own()) };
    match HeaderValue::try_from(to) {
        Ok(value) => {
            head.headers.insert(field, value);
            None
        }
        Err(_) => Some(refused(&url)),
    }
}

/// `scheme://host[:port]` of an absolute URL, as it is written but in small letters.
fn server(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    Some(format!("{scheme}://{authority}").to_ascii_lowercase())
}

fn refused(url: &str) -> Fault {
    let shown: String = url.chars().take(200).collect();
    let cause = format!("it redirects to {shown:?}, which is none of redirect_hosts");
    Fault::temporary(Guilty::NextHop, "mail-server-redirect", cause)
}
