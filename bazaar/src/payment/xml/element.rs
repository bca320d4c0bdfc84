//! Elements of a document that was read.

/// An element with its name resolved: either texts or elements stand in it, never both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// Its namespace, if it has one.
    pub(crate) namespace: Option<String>,
    /// Its name without a prefix.
    pub(crate) name: String,
    /// Its attributes but those that declare namespaces.
    pub(crate) attributes: Vec<Attribute>,
    /// What stands in it.
    pub(crate) children: Vec<Element>,
    /// The text in it; blanks between elements are dropped.
    pub(crate) text: String,
}

/// An attribute with its name resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// Its namespace, if it has one.
    pub(crate) namespace: Option<String>,
    /// Its name without a prefix.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: String,
}

impl Element {
    /// Is it this one?
    pub(crate) fn is(&self, namespace: &str, name: &str) -> bool {
        self.of(namespace) && self.name == name
    }

    /// Is it of this namespace?
    pub(crate) fn of(&self, namespace: &str) -> bool {
        self.namespace.as_deref() == Some(namespace)
    }

    /// The value of an attribute.
    pub(crate) fn attribute(&self, namespace: &str, name: &str) -> Option<&str> {
        let is_it = |it: &&Attribute| it.namespace.as_deref() == Some(namespace) && it.name == name;
        self.attributes.iter().find(is_it).map(|it| it.value.as_str())
    }

    /// The child of a name, if there is one of it and no second.
    pub(crate) fn child(&self, namespace: &str, name: &str) -> Option<&Element> {
        let mut found = self.children.iter().filter(|child| child.is(namespace, name));
        found.next().filter(|_| found.next().is_none())
    }

    /// Does an element of this namespace stand anywhere in it, or is it one itself? (Its depth is bounded.)
    pub(crate) fn holds(&self, namespace: &str) -> bool {
        self.of(namespace) || self.children.iter().any(|child| child.holds(namespace))
    }
}
