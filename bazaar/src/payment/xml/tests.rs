use std::time::{Duration, Instant};

use super::read::XmlError::*;
use super::*;
use crate::payment::limits::{
    MAX_ATTRIBUTES, MAX_BINDINGS, MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_ELEMENTS,
};

fn refused(text: &str) -> XmlError {
    read(text.as_bytes()).expect_err(text)
}

fn text_of(document: &str) -> String {
    read(document.as_bytes()).unwrap_or_else(|error| panic!("{error}: {document}")).text
}

#[test]
fn names_are_resolved_wherever_their_namespaces_are_declared() {
    let one = read(
        b"<a xmlns='u:1'><b xmlns='u:2' c='1' x:d='2' xmlns:x='u:3'/><x:e xmlns:x='u:4'/></a>",
    );
    let two = read(b"<?xml version='1.0' encoding='UTF-8'?>\n<p:a xmlns:p='u:1' xmlns:q='u:2' xmlns:r='u:3'>\n  \
                     <!-- . --><q:b c='1' r:d='2'></q:b>\n  <e xmlns='u:4'/>\n</p:a>\n");
    let one = one.unwrap();
    assert_eq!(one, two.unwrap());
    let child = one.child("u:2", "b").unwrap();
    assert_eq!((child.attribute("u:3", "d"), child.attribute("u:2", "c")), (Some("2"), None));
    assert!(one.holds("u:4") && !one.holds("u:5"));
}

#[test]
fn only_the_entities_of_xml_itself_mean_something() {
    assert_eq!(text_of("<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x1F600;</a>"), "<&>\"'A\u{1f600}");
    assert_eq!(text_of("<a><![CDATA[<b>&lt;]]></a>"), "<b>&lt;");
    assert_eq!(text_of("<a>1<!-- 2 -->3</a>"), "13", "as every reader of XML has it");
    assert_eq!(text_of("\u{feff}<a>ü</a>"), "ü");
    for entity in ["<a>&lol;</a>", "<a b='&lol;'/>", "<a>&;</a>", "<a>&nbsp;</a>"] {
        assert_eq!(refused(entity), Entity, "{entity}");
    }
    for character in [
        "<a>&#0;</a>",
        "<a>&#x1;</a>",
        "<a>&#xD800;</a>",
        "<a>&#x110000;</a>",
        "<a>\u{1}</a>",
        "<a>\u{ffff}</a>",
    ] {
        assert_eq!(refused(character), Character, "{character}");
    }
}

#[test]
fn document_types_are_refused_wherever_they_stand() {
    for text in [
        "<!DOCTYPE a><a/>",
        "<!doctype a><a/>",
        "<?xml version='1.0'?><!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        "<a><!ENTITY b 'c'></a>",
        "<a><!ELEMENT b></a>",
        "<!-- <!DOCTYPE a> --><a/>",
    ] {
        assert_eq!(refused(text), DocumentType, "{text}");
    }
    assert_eq!(refused("<a><?php ?></a>"), Instruction);
    assert_eq!(refused("<?xml-stylesheet href='http://example.invalid/'?><a/>"), Instruction);
}

#[test]
fn other_encodings_are_refused() {
    let utf16: Vec<u8> = "<a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(matches!(read(&utf16), Err(Encoding | Character)));
    let marked = [&[0xff, 0xfe], &utf16[..]].concat();
    assert_eq!(read(&marked), Err(Encoding));
    for name in ["UTF-16", "UTF-7", "ISO-8859-1", "utf8", ""] {
        let text = format!("<?xml version='1.0' encoding='{name}'?><a/>");
        assert_eq!(refused(&text), Encoding, "{name}");
    }
    assert_eq!(read(b"<a>\xff</a>"), Err(Encoding));
    assert_eq!(refused("<?xml version='1.1'?><a/>"), Malformed);
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for text in [
        "",
        " ",
        "a",
        "<a>",
        "</a>",
        "<a></b>",
        "<a/><b/>",
        "<a/>b",
        "a<a/>",
        "<a b='1' b='2'/>",
        "<a b=1/>",
        "<a b/>",
        "<a><?xml version='1.0'?></a>",
        " <?xml version='1.0'?><a/>",
        "<a><b></a></b>",
        "<a",
        "<a>&lt",
        "<![CDATA[x]]><a/>",
        "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
        "<a><!-- -- --></a>",
        "<a/>&amp;",
    ] {
        let error = read(text.as_bytes()).expect_err(text);
        assert!(matches!(error, Malformed | Entity), "{text}: {error}");
    }
    assert_eq!(refused("<p:a/>"), Prefix);
    assert_eq!(refused("<a p:b='1'/>"), Prefix);
    assert_eq!(refused("<a>x<b/></a>"), Mixed);
    assert_eq!(refused("<a b='<'/>"), Character);
}

#[test]
fn depth_count_and_size_are_limited_to_the_last_one() {
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert!(read(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(refused(&nested(MAX_DEPTH + 1)), TooDeep);
    let many = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count));
    assert!(read(many(MAX_ELEMENTS - 1).as_bytes()).is_ok());
    assert_eq!(refused(&many(MAX_ELEMENTS)), TooMany);
    assert_eq!(refused(&format!("<a>{}</a>", "<!---->".repeat(MAX_ELEMENTS))), TooMany);
    let attributes = |count: usize| {
        let all: String = (0..count).map(|n| format!(" b{n}=''")).collect();
        format!("<a{all}/>")
    };
    assert!(read(attributes(MAX_ATTRIBUTES).as_bytes()).is_ok());
    assert_eq!(refused(&attributes(MAX_ATTRIBUTES + 1)), TooManyAttributes);
    let bindings: String = (0..=MAX_BINDINGS).map(|n| format!(" xmlns:b{n}='u'")).collect();
    assert_eq!(refused(&format!("<a{bindings}/>")), TooManyAttributes);
    let long = |bytes: usize| format!("<a>{}</a>", "x".repeat(bytes - 7));
    assert!(read(long(MAX_DOCUMENT_BYTES).as_bytes()).is_ok());
    assert_eq!(refused(&long(MAX_DOCUMENT_BYTES + 1)), TooLong);
}

/// Whatever fills a document to its limit is read or refused in a moment: nothing in here costs more than in proportion.
#[test]
fn the_costliest_documents_cost_little() {
    let fill = |part: &str| part.repeat((MAX_DOCUMENT_BYTES - 200) / part.len());
    for (what, document) in [
        ("references", format!("<a>{}</a>", fill("&amp;"))),
        ("entities", format!("<a>{}</a>", fill("&x;"))),
        ("comments", format!("<a>{}</a>", fill("<!-- -->"))),
        ("attributes", format!("<a {}/>", fill("b='' "))),
        ("references in an attribute", format!("<a b='{}'/>", fill("&#38;"))),
        ("namespaces", format!("<a {}/>", fill("xmlns:b='u' "))),
        ("openings", fill("<a>")),
        ("brackets", fill("<")),
        ("ampersands", format!("<a>{}</a>", fill("&"))),
        ("declarations", fill("<!")),
        ("instructions", fill("<?a?>")),
        ("one long name", format!("<{}/>", fill("a"))),
        ("one long prefix", format!("<{}:a/>", fill("a"))),
        ("character data", format!("<a>{}</a>", fill("<![CDATA[]]>"))),
    ] {
        assert!(document.len() <= MAX_DOCUMENT_BYTES, "{what}");
        let began = Instant::now();
        for _ in 0..3 {
            let _ = read(document.as_bytes());
        }
        // Milliseconds when it has the machine for itself; the rest is for debug builds and neighbours.
        assert!(began.elapsed() < Duration::from_secs(3), "{what}: {:?}", began.elapsed());
    }
}

mod properties {
    use proptest::prelude::*;

    use super::read;

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
        }

        #[test]
        fn whatever_looks_like_xml_is_read_or_refused(
            parts in prop::collection::vec(prop::sample::select(vec![
                "<a", "<b:c", ">", "/>", "</a>", "</b:c>", " xmlns='u'", " xmlns:b='v'", " d='e'", "f", "&lt;", "&g;",
                "<!--", "-->", "<![CDATA[", "]]>", "<?h", "?>", "<!DOCTYPE", "\"", "'", "=", " ", "\u{feff}", "é",
            ]), 0..40),
        ) {
            let _ = read(parts.concat().as_bytes());
        }
    }
}
