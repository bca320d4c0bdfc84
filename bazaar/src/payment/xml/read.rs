//! From bytes to a tree.

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::attributes::AttrError;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};
use quick_xml::reader::NsReader;

use super::element::{Attribute, Element};
use crate::payment::limits::{
    MAX_ATTRIBUTES, MAX_BINDINGS, MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_ELEMENTS,
};

/// Why bytes are no document that is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum XmlError {
    /// Longer than anything honest.
    #[error("the document is longer than {MAX_DOCUMENT_BYTES} bytes")]
    TooLong,
    /// Not UTF-8, or it says that it is something else.
    #[error("the document is not UTF-8")]
    Encoding,
    /// Control characters and their like.
    #[error("the document has a character that XML does not know")]
    Character,
    /// A document type or a part of one.
    #[error("a document type is not allowed")]
    DocumentType,
    /// A processing instruction.
    #[error("a processing instruction is not allowed")]
    Instruction,
    /// An entity that XML itself does not have.
    #[error("an entity that nobody declared")]
    Entity,
    /// Elements too deep in each other.
    #[error("more than {MAX_DEPTH} elements stand in each other")]
    TooDeep,
    /// Too many elements and comments.
    #[error("more than {MAX_ELEMENTS} elements and comments")]
    TooMany,
    /// Too many attributes on one element, or namespaces in force.
    #[error("more than {MAX_ATTRIBUTES} attributes, or {MAX_BINDINGS} namespaces in force")]
    TooManyAttributes,
    /// A prefix that no namespace is declared for.
    #[error("a prefix without a namespace")]
    Prefix,
    /// Text and elements side by side.
    #[error("text stands between elements")]
    Mixed,
    /// No XML.
    #[error("this is no XML document")]
    Malformed,
}

/// Reads a document. Total: any bytes give a tree within the limits, or an error.
pub(crate) fn read(bytes: &[u8]) -> Result<Element, XmlError> {
    if bytes.len() > MAX_DOCUMENT_BYTES {
        return Err(XmlError::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| XmlError::Encoding)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.chars().all(is_xml) {
        return Err(XmlError::Character);
    }
    if declares(text) {
        return Err(XmlError::DocumentType);
    }
    let mut reader = NsReader::from_str(text);
    let config = reader.config_mut();
    config.check_comments = true;
    config.expand_empty_elements = true;
    reader.resolver_mut().set_max_namespace_bindings(MAX_BINDINGS);
    let mut tree = Tree::default();
    let mut first = true;
    while tree.take(&mut reader, first)? {
        first = false;
    }
    match tree {
        Tree { open, root: Some(root), .. } if open.is_empty() => Ok(root),
        _ => Err(XmlError::Malformed),
    }
}

/// Is there a declaration of a document type, an entity or their like? They begin with `<!` and a letter, as nothing else does.
fn declares(text: &str) -> bool {
    let after = |(at, mark): (usize, &str)| text.as_bytes().get(at + mark.len()).copied();
    text.match_indices("<!").filter_map(after).any(|byte| byte.is_ascii_alphabetic())
}

/// The characters of XML 1.0.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// The blanks of XML.
fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

/// A tree that grows.
#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    count: usize,
}

impl Tree {
    /// Takes the next event; false at the end.
    fn take(&mut self, reader: &mut NsReader<&[u8]>, first: bool) -> Result<bool, XmlError> {
        match reader.read_event().map_err(|error| malformed(&error))? {
            Event::Start(start) => self.start(reader, &start)?,
            Event::End(_) => self.end()?,
            Event::Text(text) => self.text(&text.xml10_content())?,
            Event::CData(text) => self.text_inside(&text.xml10_content())?,
            Event::GeneralRef(reference) => self.text_inside(&resolved(&reference)?)?,
            Event::Comment(_) => self.one_more()?,
            Event::Decl(declaration) if first => check_declaration(&declaration)?,
            Event::DocType(_) => return Err(XmlError::DocumentType),
            Event::PI(_) => return Err(XmlError::Instruction),
            // The reader was told to make a start and an end of it.
            Event::Empty(_) | Event::Decl(_) => return Err(XmlError::Malformed),
            Event::Eof => return Ok(false),
        }
        Ok(true)
    }

    fn one_more(&mut self) -> Result<(), XmlError> {
        self.count += 1;
        if self.count > MAX_ELEMENTS { Err(XmlError::TooMany) } else { Ok(()) }
    }

    fn start(&mut self, reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Result<(), XmlError> {
        self.one_more()?;
        if self.open.is_empty() && self.root.is_some() {
            return Err(XmlError::Malformed);
        }
        if self.open.len() == MAX_DEPTH {
            return Err(XmlError::TooDeep);
        }
        let (namespace, name) = reader.resolver().resolve_element(start.name());
        self.open.push(Element {
            namespace: bound(namespace)?,
            name: name.into_inner().to_owned(),
            attributes: attributes(reader, start)?,
            children: Vec::new(),
            text: String::new(),
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), XmlError> {
        let mut element = self.open.pop().ok_or(XmlError::Malformed)?;
        if !element.children.is_empty() {
            if !is_blank(&element.text) {
                return Err(XmlError::Mixed);
            }
            element.text.clear();
        }
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        if self.open.is_empty() && is_blank(text) { Ok(()) } else { self.text_inside(text) }
    }

    fn text_inside(&mut self, text: &str) -> Result<(), XmlError> {
        self.open.last_mut().ok_or(XmlError::Malformed)?.text.push_str(text);
        Ok(())
    }
}

fn attributes(
    reader: &NsReader<&[u8]>,
    start: &BytesStart<'_>,
) -> Result<Vec<Attribute>, XmlError> {
    let mut found = Vec::new();
    for (index, attribute) in start.attributes().enumerate() {
        if index == MAX_ATTRIBUTES {
            return Err(XmlError::TooManyAttributes);
        }
        let attribute = attribute.map_err(|_: AttrError| XmlError::Malformed)?;
        let value = attribute.normalized_value(XmlVersion::Explicit1_0);
        let value = value.map_err(|_| XmlError::Entity)?;
        if !value.chars().all(is_xml) || attribute.value.contains('<') {
            return Err(XmlError::Character);
        }
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        found.push(named(reader, attribute.key, value.into_owned())?);
    }
    let twice = |(index, one): (usize, &Attribute)| {
        found[..index].iter().any(|it| it.name == one.name && it.namespace == one.namespace)
    };
    // Two prefixes may stand for one namespace.
    if found.iter().enumerate().any(twice) { Err(XmlError::Malformed) } else { Ok(found) }
}

fn named(reader: &NsReader<&[u8]>, key: QName<'_>, value: String) -> Result<Attribute, XmlError> {
    let (namespace, name) = reader.resolver().resolve_attribute(key);
    Ok(Attribute { namespace: bound(namespace)?, name: name.into_inner().to_owned(), value })
}

fn bound(namespace: ResolveResult<'_>) -> Result<Option<String>, XmlError> {
    match namespace {
        ResolveResult::Bound(namespace) => Ok(Some(namespace.into_inner().to_owned())),
        ResolveResult::Unbound => Ok(None),
        ResolveResult::Unknown(_) => Err(XmlError::Prefix),
    }
}

/// What a reference stands for: a character, or one of XML's own five entities.
fn resolved(reference: &BytesRef<'_>) -> Result<String, XmlError> {
    if reference.is_char_ref() {
        let c = reference.resolve_char_ref().ok().flatten().ok_or(XmlError::Character)?;
        return if is_xml(c) { Ok(c.to_string()) } else { Err(XmlError::Character) };
    }
    resolve_predefined_entity(reference).map(str::to_owned).ok_or(XmlError::Entity)
}

fn check_declaration(declaration: &BytesDecl<'_>) -> Result<(), XmlError> {
    let version = declaration.version().map_err(|_| XmlError::Malformed)?;
    if version != "1.0" {
        return Err(XmlError::Malformed);
    }
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(encoding)) if encoding.eq_ignore_ascii_case("utf-8") => Ok(()),
        Some(Ok(_)) => Err(XmlError::Encoding),
        Some(Err(_)) => Err(XmlError::Malformed),
    }
}

fn malformed(error: &quick_xml::Error) -> XmlError {
    use quick_xml::name::NamespaceError::{TooDeeplyNested, TooManyBindings};
    match error {
        quick_xml::Error::Namespace(TooManyBindings(_)) => XmlError::TooManyAttributes,
        quick_xml::Error::Namespace(TooDeeplyNested(_)) => XmlError::TooDeep,
        _ => XmlError::Malformed,
    }
}
