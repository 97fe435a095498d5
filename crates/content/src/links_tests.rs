//! Which links change, in which writing, and that the way back gives what was there.

use model::site::MobilePolicy;
use proptest::prelude::*;

use super::*;

fn links(more: &str) -> Links {
    let toml = format!("type = 'hyperlinks'\n{more}");
    let rule = Arc::new(PolicyRule::new(toml::from_str::<MobilePolicy>(&toml).unwrap()).unwrap());
    Links::new(&rule, ("x", "xs"))
}

fn text(links: &Links, from: &str) -> String {
    links.in_text(from.as_bytes()).map_or_else(|| "=".to_owned(), |to| String::from_utf8(to).unwrap())
}

fn html(links: &Links, from: &str) -> String {
    links.in_html(from.as_bytes()).map_or_else(|| "=".to_owned(), |to| String::from_utf8(to).unwrap())
}

#[test]
fn g_22_schemes_change_in_text_and_nothing_else_does() {
    let all = links("");
    assert_eq!(
        text(&all, "see http://a.test/b?c=http://d.test, and HTTPS://E.test."),
        "see x://a.test/b?c=http://d.test, and xs://E.test."
    );
    for same in ["no link", "ftp://a.test", "xhttp://a.test", "mailto:a@b.test", "http:/a", "://", "awb://a.test", ""] {
        assert_eq!(text(&all, same), "=", "{same}");
    }
}

#[test]
fn g_22_lists_of_domains_include_or_exclude() {
    let include = links("mode = 'include'\ndomains = ['intra.test', 'bücher.test']");
    let exclude = links("mode = 'exclude'\ndomains = ['intra.test']");
    for (link, listed) in [
        ("http://intra.test", true),
        ("http://www.INTRA.test:8080/x", true),
        ("http://user:pw@intra.test/", true),
        ("http://intra.test@evil.test/", false),
        ("http://evil.test/intra.test", false),
        ("http://evil.test?intra.test", false),
        ("http://notintra.test", false),
        ("http://intra.test\\@evil.test", true),
        ("http://intra.test.", true),
    ] {
        assert_eq!(text(&include, link) != "=", listed, "{link}");
        assert_eq!(text(&exclude, link) == "=", listed, "{link}");
    }
    assert_ne!(text(&include, "http://xn--bcher-kva.test/"), "=");
    assert_ne!(text(&include, "http://BÜCHER.test/"), "=");
}

#[test]
fn g_22_html_links_change_and_what_a_mail_loads_does_not() {
    let all = links("");
    let from = r#"<p>x http://t.test y</p><a class=k href="https://a.test/?a=1&amp;b=2">see http://shown.test</a><img src="http://i.test/i.png">
<style>a{background:url(http://s.test)}</style><!-- http://c.test --><AREA HREF='http://b.test'><a href=http://u.test>u</a>"#;
    let to = r#"<p>x x://t.test y</p><a class=k href="xs://a.test/?a=1&amp;b=2">see http://shown.test</a><img src="http://i.test/i.png">
<style>a{background:url(http://s.test)}</style><!-- http://c.test --><AREA HREF='x://b.test'><a href=x://u.test>u</a>"#;
    assert_eq!(html(&all, from), to);
    assert_eq!(html(&all, "<img src=http://i.test><p title='http://x.test'>1 < 2 > 1"), "=");
}

#[test]
fn g_22_addresses_that_hide_are_read_as_a_browser_reads_them() {
    let all = links("");
    for (from, to) in [
        (r#"<a href="&#104;ttp&#58;//a.test">"#, r#"<a href="x://a.test">"#),
        (r#"<a href="&#x68;ttps&colon;&sol;/a.test">"#, r#"<a href="xs://a.test">"#),
        ("<a href=\" ht\ntp:\\\\a.test\">", "<a href=\"x://a.test\">"),
        ("<a href='http:a.test'>", "<a href='x://a.test'>"),
        ("<a/href='http://a.test'>", "<a/href='x://a.test'>"),
        ("<a\nhref = 'http://a.test' title='http://b.test'>", "<a\nhref = 'x://a.test' title='http://b.test'>"),
        ("<a title='>' href='http://a.test'>", "<a title='>' href='x://a.test'>"),
    ] {
        assert_eq!(html(&all, from), to);
    }
    let include = links("mode = 'include'\ndomains = ['a.test']");
    assert_eq!(html(&include, r#"<a href="http://&#97;.test/b">"#), r#"<a href="x://&#97;.test/b">"#);
    assert_eq!(html(&include, r#"<a href="http://b.test/http://a.test">"#), "=");
}

#[test]
fn g_22_the_way_back_gives_what_was_there() {
    let all = links("");
    let back = |from: &str| all.back(from.as_bytes()).map_or_else(|| "=".to_owned(), |to| String::from_utf8(to).unwrap());
    assert_eq!(back("> see x://a.test and XS://b.test and ax://c.test"), "> see http://a.test and https://b.test and ax://c.test");
    assert_eq!(back("xs:// x: http://a.test"), "https:// x: http://a.test");
    assert_eq!(back("http://a.test"), "=");
}

proptest! {
    #[test]
    fn x_11_any_octets_are_read_to_their_end(octets in proptest::collection::vec(prop_oneof![
        Just(b'<'), Just(b'>'), Just(b'"'), Just(b'\''), Just(b'&'), Just(b'#'), Just(b':'), Just(b'/'), Just(b'h'), Just(b't'), Just(b'p'),
        Just(b'a'), Just(b'='), Just(b' '), Just(b'!'), Just(b'-'), any::<u8>()], 0..200)) {
        let all = links("");
        let _ = (all.in_text(&octets), all.in_html(&octets), all.back(&octets));
        let none = links("mode = 'include'\ndomains = ['nowhere.test']");
        prop_assert_eq!((none.in_text(&octets), none.in_html(&octets)), (None, None));
    }

    #[test]
    fn g_22_there_and_back_is_the_same(words in proptest::collection::vec("[a-z]{1,6}", 1..6)) {
        let text: String = words.iter().map(|word| format!("{word} http://{word}.test/{word} <https://{word}.test> ")).collect();
        let all = links("");
        let there = all.in_text(text.as_bytes()).unwrap();
        prop_assert!(!String::from_utf8_lossy(&there).contains("http"));
        prop_assert_eq!(all.back(&there).unwrap(), text.into_bytes());
    }
}
