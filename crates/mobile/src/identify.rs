//! The first step: who asks for what, with which device?
//!
//! Reads the request's path, query and header fields; the body is not touched. What is ambiguous (two `Authorization`
//! fields, a query that names something twice) is refused, because the mail server could read it in another way than the
//! judge did. Comes after HTTP is parsed, before anything is judged.

use std::net::IpAddr;
use std::sync::Arc;

use activesync::user::{Credentials, credentials};
use activesync::{Command, QueryError, Version, query};
use http::request::Parts;
use http::{HeaderMap, Method, header};
use model::TraceId;
use model::device::{DeviceId, user_key};
use model::site::MobileGateway;

use crate::judge::{Subject, SubjectPlace};
use crate::path::{Passed, Place, place, web};

/// Longest part of a User-Agent that is kept.
const AGENT: usize = 255;

/// By which door a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// ActiveSync.
    ActiveSync,
    /// Autodiscover.
    Autodiscover,
    /// Exchange Web Services.
    Ews,
    /// Web mail: whoever signs in there does so at the mail server.
    Web,
    /// The page of ours that opens encrypted attachments.
    Open,
}

impl Door {
    /// The word in logs and in the console; ActiveSync's commands have names of their own.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ActiveSync => "-",
            Self::Autodiscover => "Autodiscover",
            Self::Ews => "EWS",
            Self::Web => "Web",
            Self::Open => "Open",
        }
    }
}

/// The facts of one request: all that is kept of it while it hangs.
#[derive(Debug)]
pub(crate) struct Asked {
    /// In every log line about it.
    pub(crate) trace: TraceId,
    /// The client's address.
    pub(crate) client: IpAddr,
    /// The user as compared; empty when a bearer token speaks for somebody and the query names nobody.
    pub(crate) user: Box<str>,
    /// The device.
    pub(crate) device: Option<DeviceId>,
    /// `DeviceType=`.
    pub(crate) device_type: Box<str>,
    /// User-Agent, at most 255 characters.
    pub(crate) agent: Box<str>,
    /// The command; `None` for OPTIONS and GET.
    pub(crate) command: Option<Command>,
    /// Protocol version that the request names.
    pub(crate) version: Option<Version>,
    /// Repeating it harms nobody.
    pub(crate) harmless: bool,
    /// HEAD: the answer has no body.
    pub(crate) head_only: bool,
    /// The configuration that it belongs to.
    pub(crate) gateway: Arc<MobileGateway>,
    /// Its door.
    pub(crate) door: Door,
    /// The address is a trusted proxy's own: it has no limits (G-37).
    pub(crate) from_proxy: bool,
    /// The path that goes up; `None`: the configuration's own for ActiveSync.
    pub(crate) path: Option<Box<str>>,
}

impl Asked {
    /// For the judge.
    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject {
            user: &self.user,
            device: self.device.as_ref(),
            device_type: &self.device_type,
            agent: &self.agent,
            command: self.command,
            version: self.version,
            gateway: Some(&self.gateway.id),
            place: match self.door {
                Door::ActiveSync | Door::Open => SubjectPlace::ActiveSync,
                Door::Ews => SubjectPlace::Ews,
                Door::Autodiscover | Door::Web => SubjectPlace::Web,
            },
        }
    }

    /// The device's id, or a dash.
    pub(crate) fn device_name(&self) -> &str {
        self.device.as_ref().map_or("-", DeviceId::as_str)
    }

    /// What is asked for: the command's name, another door's, or a dash.
    pub(crate) fn command_name(&self) -> &'static str {
        self.command.map_or(self.door.name(), Command::name)
    }
}

/// What a request turned out to be.
#[derive(Debug)]
pub(crate) enum Identified {
    /// Something that is passed on if it is allowed.
    Asks(Box<Asked>),
    /// A path that is not passed on.
    OtherPath,
    /// No credentials that could work: 401 with a Basic realm (G-1).
    NoCredentials,
    /// Not readable in exactly one way: 400.
    Unreadable(&'static str),
    /// Not readable as an ActiveSync query: 400.
    Query(QueryError),
}

/// Reads one request.
pub(crate) fn identify(request: &Parts, client: IpAddr, gateway: &Arc<MobileGateway>) -> Identified {
    let (door, path) = match place(request.uri.path()) {
        Place::ActiveSync => (Door::ActiveSync, None),
        Place::Autodiscover(path) => (Door::Autodiscover, Some(path)),
        Place::Else(plain) => match web(&plain, gateway) {
            Some(Passed::Ews(path)) => (Door::Ews, Some(path)),
            Some(Passed::Web(path)) => (Door::Web, Some(path)),
            None => return Identified::OtherPath,
        },
        Place::Live | Place::Ready | Place::Open(_) | Place::Other => return Identified::OtherPath,
    };
    if let Some(ambiguous) = ambiguous(&request.headers) {
        return Identified::Unreadable(ambiguous);
    }
    if ![Method::POST, Method::OPTIONS, Method::GET, Method::HEAD].contains(&request.method) {
        return Identified::Unreadable("method");
    }
    let written = match request.headers.get(header::AUTHORIZATION).map(|value| credentials(value.as_bytes())) {
        Some(Credentials::Basic(user)) => Some(user),
        Some(Credentials::Bearer) => None,
        None if door == Door::Web || is_lookup(request, door) => None,
        Some(Credentials::Unusable) | None => return Identified::NoCredentials,
    };
    let query = match (door, query::parse(request.uri.query().unwrap_or_default())) {
        (Door::ActiveSync, Ok(query)) => Some(query),
        (Door::ActiveSync, Err(wrong)) if request.method == Method::POST => return Identified::Query(wrong),
        _ => None,
    };
    let way = Way { client, gateway, door, path: path.map(Into::into) };
    Identified::Asks(Box::new(asked(request, way, written, query)))
}

/// `autodiscover.json` says where to sign in, so it is asked before anybody has.
fn is_lookup(request: &Parts, door: Door) -> bool {
    door == Door::Autodiscover && request.method == Method::GET && request.uri.path().to_ascii_lowercase().contains(".json")
}

/// How a request came in.
struct Way<'a> {
    client: IpAddr,
    gateway: &'a Arc<MobileGateway>,
    door: Door,
    path: Option<Box<str>>,
}

fn asked(request: &Parts, way: Way<'_>, written: Option<String>, query: Option<query::Query>) -> Asked {
    let field = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let agent = request.headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let agent: String = agent.unwrap_or_default().chars().filter(|c| !c.is_control()).take(AGENT).collect();
    let is_post = request.method == Method::POST;
    let command = query.as_ref().map(|query| query.command).filter(|_| is_post);
    // Who asks is said by the credentials, as the mail server sees it; the query's word counts only beside a token.
    let user = written.or_else(|| query.as_ref().and_then(|query| query.user.clone())).unwrap_or_default();
    Asked {
        trace: TraceId::new(),
        client: way.client,
        user: user_key(&user).into(),
        device: query.as_ref().and_then(query::Query::device),
        device_type: query.as_ref().map(|query| query.device_type.as_str()).unwrap_or_default().into(),
        agent: agent.into(),
        command,
        version: query.as_ref().and_then(|query| query.version).or_else(|| field("ms-asprotocolversion").and_then(Version::parse)),
        harmless: command.map_or(!is_post || way.door == Door::Autodiscover, Command::is_harmless),
        head_only: request.method == Method::HEAD,
        gateway: way.gateway.clone(),
        door: way.door,
        from_proxy: false,
        path: way.path,
    }
}

/// Fields that may stand once only, because reading the other one would change the meaning. The lengths were
/// looked at before, by `framing`, where they can still be seen.
fn ambiguous(headers: &HeaderMap) -> Option<&'static str> {
    ["authorization", "host", "ms-asprotocolversion", "content-length", "transfer-encoding", "content-type", "x-ms-policykey"]
        .into_iter()
        .find(|name| headers.get_all(*name).iter().count() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, uri: &str, fields: &[(&str, &str)]) -> Parts {
        let request =
            fields.iter().fold(http::Request::builder().method(method).uri(uri), |builder, (name, value)| builder.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    fn of(method: &str, uri: &str, fields: &[(&str, &str)]) -> Identified {
        identify(&parts(method, uri, fields), "192.0.2.1".parse().unwrap(), &Arc::new(MobileGateway::default()))
    }

    const CAROL: (&str, &str) = ("authorization", "Basic RVhcQ2Fyb2w6Y2Fyb2xwdw==");
    const PING: &str = "/Microsoft-Server-ActiveSync?Cmd=Ping&User=mallory&DeviceId=ABC&DeviceType=PyEAS";

    #[test]
    fn g_1_user_device_command_and_version_are_read() {
        let Identified::Asks(asked) = of("POST", PING, &[CAROL, ("ms-asprotocolversion", "14.1"), ("user-agent", "A/1")]) else { panic!() };
        assert_eq!(&*asked.user, "carol", "the credentials speak, not the query");
        assert_eq!(asked.device, DeviceId::parse("abc"));
        assert_eq!((asked.command, asked.version, &*asked.agent), (Some(Command::Ping), Version::parse("14.1"), "A/1"));
        assert!(asked.harmless);
        let Identified::Asks(asked) = of("POST", PING, &[("authorization", "Bearer x")]) else { panic!() };
        assert_eq!(&*asked.user, "mallory");
    }

    #[test]
    fn g_1_without_credentials_the_answer_is_401() {
        for method in ["GET", "OPTIONS", "POST"] {
            assert!(matches!(of(method, PING, &[]), Identified::NoCredentials));
        }
        assert!(matches!(of("OPTIONS", "/microsoft-server-activesync", &[CAROL]), Identified::Asks(_)));
        assert!(matches!(of("OPTIONS", "/owa", &[]), Identified::OtherPath));
        assert!(matches!(of("POST", PING, &[("authorization", "Negotiate YII=")]), Identified::NoCredentials));
    }

    #[test]
    fn g_5_g_6_each_door_asks_for_what_it_needs() {
        let gateway = MobileGateway { webmail_paths: vec!["/owa".into()], ews: true, ..MobileGateway::default() };
        let of = |method: &str, uri: &str, fields: &[(&str, &str)]| match identify(
            &parts(method, uri, fields),
            "192.0.2.1".parse().unwrap(),
            &Arc::new(gateway.clone()),
        ) {
            Identified::Asks(asked) => format!("{:?} {} {}", asked.door, &*asked.user, asked.path.as_deref().unwrap_or("-")),
            Identified::NoCredentials => "401".to_owned(),
            Identified::OtherPath => "path".to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(of("GET", "/owa/x?a=b", &[]), "Web  /owa/x");
        assert_eq!(of("POST", "/ews/exchange.asmx", &[]), "401");
        assert_eq!(of("POST", "/ews/exchange.asmx", &[CAROL]), "Ews carol /ews/exchange.asmx");
        assert_eq!(of("POST", "/autodiscover/autodiscover.xml", &[]), "401");
        assert_eq!(of("POST", "/Autodiscover/Autodiscover.xml", &[CAROL]), "Autodiscover carol /autodiscover/autodiscover.xml");
        assert_eq!(
            of("GET", "/autodiscover/autodiscover.json?Email=c@x&Protocol=ActiveSync", &[]),
            "Autodiscover  /autodiscover/autodiscover.json"
        );
        assert_eq!(of("GET", "/other", &[CAROL]), "path");
        assert_eq!(of("GET", "/owa/../ews/x", &[CAROL]), "path");
    }

    #[test]
    fn x_18_what_may_be_read_in_two_ways_is_refused() {
        let mallory = ("authorization", "Basic bWFsbG9yeTpwdw==");
        assert!(matches!(of("POST", PING, &[CAROL, mallory]), Identified::Unreadable("authorization")));
        assert!(matches!(of("DELETE", PING, &[CAROL]), Identified::Unreadable("method")));
        assert!(matches!(of("POST", &format!("{PING}&DeviceId=D"), &[CAROL]), Identified::Query(QueryError::Repeated)));
        assert!(matches!(of("POST", "/Microsoft-Server-ActiveSync", &[CAROL]), Identified::Query(QueryError::Empty)));
    }
}
