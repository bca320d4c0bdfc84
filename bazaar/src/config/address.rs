//! `host:port`, where the host may be a name that only the network of the deployment can resolve.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a service listens or is reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    host: String,
    port: u16,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not of the form `host:port`.
    #[error("an address is written like 127.0.0.1:8080, [::1]:8080 or catalog:7101")]
    Form,
    /// The port is 0 or over 65535.
    #[error("a port is a number from 1 to 65535")]
    Port,
}

impl Address {
    /// An address on this machine only.
    pub fn loopback(port: u16) -> Self {
        Address { host: "127.0.0.1".to_owned(), port }
    }

    /// The host, without the brackets of IPv6.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The same host at another port.
    pub(crate) fn with_port(&self, port: u16) -> Self {
        Address { host: self.host.clone(), port }
    }

    /// True if it stands for every address of the machine: fit to listen on, not to dial.
    pub fn is_wildcard(&self) -> bool {
        matches!(self.host.as_str(), "0.0.0.0" | "::")
    }

    /// True if nobody outside this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// How a process on this machine reaches it: a wildcard becomes the loopback address.
    pub fn from_here(&self) -> Self {
        if self.is_wildcard() { Address::loopback(self.port) } else { self.clone() }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::Form)?;
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let good = match bare {
            Some(host) => host.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(fits),
        };
        if !good {
            return Err(AddressError::Form);
        }
        let port = port.parse().ok().filter(|port| *port > 0).ok_or(AddressError::Port)?;
        Ok(Address { host: host.to_owned(), port })
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_addresses() {
        for text in ["127.0.0.1:8080", "[::1]:80", "catalog-1:7101"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!(Address::from_str("8080"), Err(AddressError::Form));
        assert_eq!(Address::from_str("::1:80"), Err(AddressError::Form));
        assert_eq!(Address::from_str("a b:80"), Err(AddressError::Form));
        assert_eq!(Address::from_str("host:0"), Err(AddressError::Port));
        assert_eq!(Address::from_str("host:65536"), Err(AddressError::Port));
    }

    #[test]
    fn a_wildcard_is_reached_by_loopback() {
        let address: Address = "0.0.0.0:8080".parse().unwrap();
        assert!(address.is_wildcard() && !address.is_loopback());
        assert_eq!(address.from_here(), Address::loopback(8080));
    }
}
