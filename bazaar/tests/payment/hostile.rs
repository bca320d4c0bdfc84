//! Documents that were written to hurt: each is refused with 400, at once, and nobody goes and fetches anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use crate::bank::{Bank, VISA, message, of_key, process};

/// Longest that a refusal may take. It takes less than a millisecond on a machine of its own; the rest is for a debug build on a
/// machine with others on it.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Somebody whom hostile documents name; counts who comes.
struct Lure {
    address: String,
    visits: Arc<AtomicUsize>,
}

impl Lure {
    async fn lay() -> Lure {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let visits = Arc::new(AtomicUsize::new(0));
        let count = visits.clone();
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Lure { address, visits }
    }
}

fn utf16(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().flat_map(u16::to_be_bytes);
    [0xfe, 0xff].into_iter().chain(units).collect()
}

/// A billion laughs: each entity is ten of the one before.
fn laughs() -> String {
    let mut types = "<!DOCTYPE lolz [<!ENTITY lol0 \"lol\">".to_owned();
    for n in 1..10 {
        let ten = format!("&lol{};", n - 1).repeat(10);
        types.push_str(&format!("<!ENTITY lol{n} \"{ten}\">"));
    }
    format!("<?xml version=\"1.0\"?>{types}]>{}", message(&of_key("Lookup", "&lol9;")))
}

/// One long entity, many times over.
fn quadratic() -> String {
    let long = "a".repeat(20 << 10);
    let many = "&a;".repeat(10 << 10);
    format!("<!DOCTYPE a [<!ENTITY a \"{long}\">]>{}", message(&of_key("Lookup", &many)))
}

fn corpus(lure: &str) -> Vec<(&'static str, Vec<u8>)> {
    let lookup = of_key("Lookup", "k");
    let plain = message(&lookup);
    let external = |system: &str| {
        let types = format!("<!DOCTYPE a [<!ENTITY x SYSTEM \"{system}\">]>");
        format!("{types}{}", message(&of_key("Lookup", "&x;")))
    };
    let include = |href: &str| {
        let include = format!(
            "<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"{href}\" parse=\"text\"/>"
        );
        message(&of_key("Lookup", &include))
    };
    let body = format!("<s:Body>{lookup}</s:Body>");
    let attributes: String = (0..6_000).map(|n| format!(" a{n}=''")).collect();
    let namespaces: String = (0..2_800).map(|n| format!(" xmlns:a{n}='u{n}'")).collect();
    let with = |more: &str| plain.replacen("<p:Lookup", &format!("<p:Lookup{more}"), 1);
    let texts = vec![
        ("a billion laughs", laughs()),
        ("quadratic blow-up", quadratic()),
        ("an external entity: a file", external("file:///etc/passwd")),
        ("an external entity: the network", external(&format!("http://{lure}/x"))),
        (
            "an external entity: a cloud's secrets",
            external("http://169.254.169.254/latest/meta-data/"),
        ),
        (
            "a parameter entity",
            format!("<!DOCTYPE a [<!ENTITY % p SYSTEM \"http://{lure}/p.dtd\"> %p;]>{plain}"),
        ),
        (
            "an external document type",
            format!("<!DOCTYPE a SYSTEM \"http://{lure}/a.dtd\">{plain}"),
        ),
        ("a document type in small letters", format!("<!doctype a>{plain}")),
        ("an entity inside", message("<!ENTITY x 'y'>")),
        ("an undeclared entity", message(&of_key("Lookup", "&x;"))),
        ("XInclude of a file", include("file:///etc/passwd")),
        ("XInclude of the network", include(&format!("http://{lure}/i"))),
        ("a style sheet", format!("<?xml-stylesheet href=\"http://{lure}/s.xsl\"?>{plain}")),
        (
            "a schema to fetch",
            with(&format!(" xmlns:x=\"u\"><x:y href=\"http://{lure}/y\"/></p:Lookup><p:Lookup")),
        ),
        ("two bodies", plain.replacen(&body, &body.repeat(2), 1)),
        ("a body around a body", message(&plain)),
        (
            "a body wrapped in something else",
            plain.replacen(&body, &format!("<w xmlns=\"u\">{body}</w>"), 1),
        ),
        (
            "a body in a header",
            plain.replacen(
                &body,
                &format!("<s:Header><w xmlns=\"u\">{body}</w></s:Header>{body}"),
                1,
            ),
        ),
        ("two things in a body", message(&lookup.repeat(2))),
        (
            "a field given twice",
            message(&process("k", VISA, "1").replacen(
                "<p:amount>1</p:amount>",
                &"<p:amount>1</p:amount>".repeat(2),
                1,
            )),
        ),
        (
            "a field in another namespace",
            plain.replacen("<p:idempotency_key>", "<p:idempotency_key xmlns:p=\"u\">", 1),
        ),
        ("deep nesting", message(&format!("{}{}", "<p:a>".repeat(3_000), "</p:a>".repeat(3_000)))),
        ("deep nesting that is never closed", "<a>".repeat(20_000)),
        ("very many elements", message(&"<p:a/>".repeat(9_000))),
        ("very many comments", message(&"<!---->".repeat(9_000))),
        ("very many attributes", with(&attributes)),
        ("the same attribute again and again", with(&" a=''".repeat(8_000))),
        ("very many namespaces", with(&namespaces)),
        ("a huge attribute", with(&format!(" a='{}'", "x".repeat(60_000)))),
        ("a huge attribute of references", with(&format!(" a='{}'", "&#120;".repeat(10_000)))),
        ("a huge name", message(&format!("<{}/>", "x".repeat(60_000)))),
        ("a huge value", message(&of_key("Lookup", &"k".repeat(60_000)))),
        ("a null", message(&of_key("Lookup", "\0"))),
        ("a null by reference", message(&of_key("Lookup", "&#0;"))),
        ("something that says UTF-7", format!("<?xml version=\"1.0\" encoding=\"UTF-7\"?>{plain}")),
        (
            "UTF-7",
            "+ADw-s:Envelope xmlns:s=+ACI-http://schemas.xmlsoap.org/soap/envelope/+ACI-+AD4-"
                .to_owned(),
        ),
        (
            "something that says UTF-16",
            format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{plain}"),
        ),
        ("XML 1.1", format!("<?xml version=\"1.1\"?>{plain}")),
        ("nothing", String::new()),
        ("JSON", "{\"key\":\"k\"}".to_owned()),
        ("half a message", plain[..plain.len() / 2].to_owned()),
        ("two messages", plain.repeat(2)),
    ];
    let mut all: Vec<_> = texts.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
    all.push(("UTF-16", utf16(&plain)));
    all.push(("UTF-16 with a document type", utf16(&laughs())));
    all.push(("an overlong slash", [plain.as_bytes(), &[0xc0, 0xaf]].concat()));
    all.push(("half a character", [plain.as_bytes(), &[0xe2, 0x82]].concat()));
    all
}

#[tokio::test]
async fn hostile_documents_are_refused_at_once_and_nothing_is_fetched() {
    let bank = Bank::generous().await;
    let lure = Lure::lay().await;
    for (name, document) in corpus(&lure.address) {
        assert!(
            document.len() <= 64 << 10,
            "{name}: {} bytes are refused for that alone",
            document.len()
        );
        let began = Instant::now();
        let answer = bank.post(&document).await;
        let took = began.elapsed();
        // A huge attribute is legal XML: it is read within the limits, and means nothing.
        let harmless = name == "a huge attribute" || name == "a huge attribute of references";
        let expected = if harmless { 200 } else { 400 };
        assert_eq!(answer.status, expected, "{name}: {answer:?}");
        assert!(took < AT_ONCE, "{name} took {took:?}");
        let told = answer.body.contains("<p:code>bad_message</p:code>");
        assert_eq!(told, !harmless, "{name}: {answer:?}");
        assert!(!answer.body.contains("root:"), "{name}: {answer:?}");
    }
    assert_eq!(lure.visits.load(Ordering::Relaxed), 0, "somebody went where a document said");
    let answer = bank.post(message(&of_key("Lookup", "k")).as_bytes()).await;
    assert_eq!(answer.status, 200, "and it serves as before");
    assert!(memory_of(bank.id()) < 300 << 20, "{} bytes", memory_of(bank.id()));
}

/// What it has in memory, in bytes.
fn memory_of(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/statm")).unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}
