//! The service's description, with the address by which it was asked for.

use hyper::http::uri::Authority;
use quick_xml::escape::escape;

/// The description; what is missing is where the service is.
const WSDL: &str = include_str!("payments.wsdl");

/// The description for somebody who reached the service as `host` (the header of that name); whoever does not say gets `usual`.
pub(crate) fn wsdl(host: Option<&str>, usual: &str) -> String {
    let host = host.filter(|host| is_host(host)).unwrap_or(usual);
    WSDL.replace("{address}", &escape(format!("http://{host}/")))
}

/// A name and perhaps a port, nothing else: what comes from a header must not become markup or another address.
fn is_host(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    host.bytes().all(plain) && host.parse::<Authority>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::soap::{Operation, PAYMENTS};
    use crate::payment::xml::read;

    #[test]
    fn it_says_where_the_service_was_reached() {
        for (host, expected) in [
            (Some("bank.example:8090"), "http://bank.example:8090/"),
            (Some("[::1]:8090"), "http://[::1]:8090/"),
            (None, "http://127.0.0.1:1/"),
            (Some("a\"><evil"), "http://127.0.0.1:1/"),
            (Some("user@evil.example"), "http://127.0.0.1:1/"),
            (Some("evil.example/x"), "http://127.0.0.1:1/"),
            (Some(""), "http://127.0.0.1:1/"),
        ] {
            let text = wsdl(host, "127.0.0.1:1");
            assert!(text.contains(&format!("location=\"{expected}\"")), "{host:?}");
        }
    }

    #[test]
    fn it_is_xml_of_the_services_namespace_and_knows_every_operation() {
        let text = wsdl(None, "127.0.0.1:1");
        let root = read(text.as_bytes()).unwrap();
        assert_eq!(root.name, "definitions");
        assert!(text.contains(&format!("targetNamespace=\"{PAYMENTS}\"")));
        for operation in Operation::ALL {
            let action = format!("soapAction=\"{}\"", operation.action());
            assert!(text.contains(&action), "{action}");
            assert!(text.contains(&format!("<xs:element name=\"{}\">", operation.name())));
            assert!(text.contains(&format!("<xs:element name=\"{}\">", operation.answer_name())));
        }
    }
}
