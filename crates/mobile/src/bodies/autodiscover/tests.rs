//! Answers of Autodiscover before and after, written from MS-ASCMD §2.2.1.1 and MS-OXDISCO.

use super::*;

fn names() -> Names {
    let gateway = MobileGateway {
        external_url: "https://phones.company.example/".into(),
        mail_server: "https://cas.internal".into(),
        webmail_paths: vec!["/owa".into()],
        ..MobileGateway::default()
    };
    Names::new(&gateway, None)
}

fn said(text: &str) -> Result<String, String> {
    let form = Form::of(text.as_bytes()).ok_or("no form")?;
    rewrite(form, text.as_bytes(), &|text| names().text(text)).map(|octets| String::from_utf8(octets).unwrap())
}

const MOBILE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns:autodiscover="http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006">
  <autodiscover:Response><autodiscover:User><autodiscover:EMailAddress>c&amp;d@company.example</autodiscover:EMailAddress></autodiscover:User>
    <autodiscover:Action><autodiscover:Settings><autodiscover:Server>
      <autodiscover:Type>MobileSync</autodiscover:Type>
      <autodiscover:Url> https://cas.internal/Microsoft-Server-ActiveSync </autodiscover:Url>
      <autodiscover:Name><![CDATA[HTTPS://CAS.internal/microsoft-server-activesync]]></autodiscover:Name>
    </autodiscover:Server></autodiscover:Settings></autodiscover:Action>
  </autodiscover:Response>
</Autodiscover>"#;

#[test]
fn g_5_the_gateway_stands_in_place_of_the_mail_server() {
    let own = "https://phones.company.example/Microsoft-Server-ActiveSync";
    let expected = MOBILE
        .replace(" https://cas.internal/Microsoft-Server-ActiveSync ", own)
        .replace("<![CDATA[HTTPS://CAS.internal/microsoft-server-activesync]]>", own);
    assert_eq!(said(MOBILE).unwrap(), expected, "and every other octet stays");
}

#[test]
fn g_5_what_leads_round_the_gateway_is_taken_out() {
    let outlook = "<A><Protocol><Type>EXCH</Type><Server>cas.internal</Server><EwsUrl>https://cas.internal/EWS/Exchange.asmx</EwsUrl>\
                   <OWAUrl>https://cas.internal/owa/?x=1&amp;y=2</OWAUrl><OABUrl>https://cas.internal/OAB/1/</OABUrl>\
                   <Dots>https://cas.internal/owa/../EWS/</Dots><RedirectUrl>https://other.example/autodiscover/autodiscover.xml</RedirectUrl>\
                   <Root>https://cas.internal</Root><Text>see https://cas.internal for more</Text></Protocol></A>";
    let expected = "<A><Protocol><Type>EXCH</Type><Server>phones.company.example</Server><EwsUrl></EwsUrl>\
                    <OWAUrl>https://phones.company.example/owa/?x=1&amp;y=2</OWAUrl><OABUrl></OABUrl>\
                    <Dots></Dots><RedirectUrl>https://phones.company.example/autodiscover/autodiscover.xml</RedirectUrl>\
                    <Root>https://phones.company.example/Microsoft-Server-ActiveSync</Root><Text>see https://cas.internal for more</Text></Protocol></A>";
    assert_eq!(said(outlook).unwrap(), expected);
}

#[test]
fn x_9_a_url_that_is_cut_into_pieces_is_one() {
    let cut = "<a><Url>http<![CDATA[s://cas.internal/E]]><!-- here -->WS/x</Url><b>http<![CDATA[https://q]]>s://evil.example/EWS</b></a>";
    assert_eq!(
        said(cut).unwrap(),
        "<a><Url></Url><b>httphttps://qs://evil.example/EWS</b></a>"
            .replace("httphttps://qs://evil.example/EWS", "http<![CDATA[https://q]]>s://evil.example/EWS")
    );
}

#[test]
fn g_5_json_is_rewritten_too() {
    let text =
        r#"{"Protocol":"ActiveSync","Url":"https://cas.internal/Microsoft-Server-ActiveSync","n":1,"more":["https://cas.internal/EWS/x"]}"#;
    let expected = r#"{"Protocol":"ActiveSync","Url":"https://phones.company.example/Microsoft-Server-ActiveSync","n":1,"more":[""]}"#;
    assert_eq!(said(text).unwrap(), expected);
}

#[test]
fn x_11_x_23_what_can_not_be_read_is_not_passed_on() {
    let deep = "<a>".repeat(40) + &"</a>".repeat(40);
    let many = format!("<a>{}</a>", "<b/>".repeat(60_000));
    let nested = "[".repeat(200) + &"]".repeat(200);
    let long = format!("[{}1]", "1,".repeat(20_000));
    for text in [
        "<a><b></a>",
        "<a>",
        "</a>",
        "<a/><b>",
        "text",
        "<!DOCTYPE a [<!ENTITY x \"https://evil\">]><a>&x;</a>",
        "<a>&unknown;</a>",
        &deep,
        &many,
        "{\"a\":",
        &nested,
        &long,
        "",
    ] {
        assert!(said(text).is_err(), "{}", text.chars().take(60).collect::<String>());
    }
    let by_head = |kind: &str, body: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        answer(&names(), &headers, &Bytes::from(body)).map_err(|fault| fault.code)
    };
    assert_eq!(by_head("text/html", "<html><body>https://cas.internal/EWS</body></html>"), Err("mail-server-autodiscover"));
    assert_eq!(by_head("text/plain", "https://cas.internal/EWS"), Err("mail-server-autodiscover"));
    assert_eq!(by_head("text/xml", "<a/>").unwrap(), "<a/>");
    assert_eq!(by_head("text/xml", "").unwrap(), "");
}
