//! Writing messages.

use quick_xml::escape::escape;

use super::{PAYMENTS, SOAP};

/// A message that grows: the elements of the service in the prefix `p`, those of SOAP in `s`.
pub(super) struct Message {
    out: String,
    open: Vec<String>,
}

impl Message {
    /// An envelope with its body open.
    pub(super) fn new() -> Message {
        let out = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
             <s:Envelope xmlns:s=\"{SOAP}\" xmlns:p=\"{PAYMENTS}\"><s:Body>"
        );
        Message { out, open: Vec::new() }
    }

    /// Opens an element.
    pub(super) fn open(&mut self, name: &str) {
        self.out.push_str(&format!("<{name}>"));
        self.open.push(name.to_owned());
    }

    /// Closes the element that was opened last.
    pub(super) fn close(&mut self) {
        let name = self.open.pop().expect("what is closed was opened");
        self.out.push_str(&format!("</{name}>"));
    }

    /// An element with a text.
    pub(super) fn field(&mut self, name: &str, text: &str) {
        self.out.push_str(&format!("<{name}>{}</{name}>", escape(text)));
    }

    /// The whole, with everything closed.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out.push_str("</s:Body></s:Envelope>\n");
        self.out
    }
}
