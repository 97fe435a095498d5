//! The step of Autodiscover: what the mail server says about itself becomes what the gateway is (mobile-gateway.md G-5).
//!
//! Reads whole answers, XML (MS-OXDISCO, MS-ASCMD §2.2.1.1) and JSON (`autodiscover.json`), and gives every URL in them the
//! gateway's own name. What leads round the gateway is taken out: a URL to a path that the gateway does not serve becomes an
//! empty text. Runs no scripts, follows nothing, expands nothing; an answer that can't be read is not passed on.

use activesync::autodiscover::{Form, rewrite};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use model::site::MobileGateway;
use model::{Fault, Guilty};

use crate::path::{Place, place, web};

/// What URLs are rewritten by.
#[derive(Debug)]
pub(crate) struct Names {
    /// `https://host[:port]` of the gateway, without a slash at its end.
    own: String,
    /// Hosts of the mail server, in small letters.
    servers: Vec<String>,
    gateway: MobileGateway,
}

impl Names {
    /// For this configuration; `host` stands in where it has no `external_url`.
    pub(crate) fn new(gateway: &MobileGateway, host: Option<&str>) -> Self {
        let own = match gateway.external_url.trim_end_matches('/') {
            "" => format!("https://{}", host.unwrap_or("localhost")),
            url => url.to_owned(),
        };
        let host_of =
            |url: &str| url.split_once("://").and_then(|(_, rest)| model::site::host_of(rest.split('/').next().unwrap_or_default()));
        Self { own, servers: gateway.mail_servers().filter_map(host_of).collect(), gateway: gateway.clone() }
    }

    /// `https://host[:port]` of the gateway.
    pub(crate) fn own(&self) -> &str {
        &self.own
    }

    /// A text of an answer as phones may see it; `None` if it stays.
    fn text(&self, text: &str) -> Option<String> {
        let trimmed = text.trim();
        if let Some(path) = path_of(trimmed) {
            return Some(self.url(path));
        }
        let is_server = self.servers.iter().any(|server| server.eq_ignore_ascii_case(trimmed));
        is_server.then(|| self.own.split_once("://").map_or(String::new(), |(_, host)| host.to_owned()))
    }

    /// The gateway's URL for a path of some server; empty for one that it does not serve.
    fn url(&self, path: &str) -> String {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let tail = query.map_or(String::new(), |query| format!("?{query}"));
        match place(path) {
            _ if path.is_empty() || path == "/" => format!("{}/Microsoft-Server-ActiveSync", self.own),
            Place::ActiveSync => format!("{}/Microsoft-Server-ActiveSync", self.own),
            Place::Autodiscover(_) => format!("{}{path}{tail}", self.own),
            Place::Else(plain) if web(&plain, &self.gateway).is_some() => format!("{}{path}{tail}", self.own),
            _ => String::new(),
        }
    }
}

/// The path of an absolute URL of HTTP, with its query; `None` if the text is none.
fn path_of(text: &str) -> Option<&str> {
    let scheme =
        ["http://", "https://"].into_iter().find(|scheme| text.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme)))?;
    let rest = text.get(scheme.len()..).filter(|rest| !rest.contains(char::is_whitespace))?;
    Some(rest.find(['/', '?', '#']).map_or("", |at| rest.get(at..).unwrap_or_default()))
}

/// Rewrites an answer by what its head says it is.
///
/// # Errors
/// The mail server's fault: it can't be read, or is something else.
pub(crate) fn answer(names: &Names, headers: &HeaderMap, body: &Bytes) -> Result<Bytes, Fault> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let wrong = |cause| {
        Fault::permanent(Guilty::NextHop, "mail-server-autodiscover", format!("the Autodiscover answer can't be rewritten: {cause}"))
    };
    if body.trim_ascii().is_empty() {
        return Ok(Bytes::new());
    }
    let fits = |form: &Form| match form {
        Form::Xml => !kind.contains("json") && !kind.contains("html"),
        Form::Json => !kind.contains("xml"),
    };
    let form = Form::of(body).filter(fits).ok_or_else(|| wrong(format!("neither XML nor JSON, but {kind:?}")))?;
    rewrite(form, body, &|text| names.text(text)).map(Bytes::from).map_err(wrong)
}

#[cfg(test)]
mod tests;
