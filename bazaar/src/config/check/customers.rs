//! What can be wrong with the customers' group.

use super::Checker;
use crate::config::secret::{LEAST_SECRET, SecretError, read_secret};
use crate::datagrams::{JUMBO_BYTES, LEAST_BYTES};

/// Most members: five survive two failures, seven three, and every one more slows all of them.
const MAX_CUSTOMERS: usize = 7;

impl Checker<'_> {
    pub(super) fn customers(&mut self) {
        let members = self.config.customers.replicas.len();
        if members == 0 {
            return;
        }
        if members > MAX_CUSTOMERS {
            self.error(
                "customers.replicas",
                format!("{members} members, the limit is {MAX_CUSTOMERS}"),
                "five survive two failures",
            );
        } else if members.is_multiple_of(2) {
            self.warning(
                "customers.replicas",
                format!("{members} members survive no more failures than {}", members - 1),
                "choose 1, 3, 5 or 7",
            );
        }
        for (index, replica) in self.config.customers.replicas.iter().enumerate() {
            if replica.join {
                self.error(
                    &format!("customers.replicas.{index}.join"),
                    "the members of this group are fixed, and come back by themselves",
                    "take `join` away",
                );
            }
        }
        if let Some(bytes) = self.config.customers.datagram_bytes {
            self.number("customers.datagram_bytes", bytes, LEAST_BYTES, JUMBO_BYTES);
        }
        if members > 1 {
            self.secret();
        }
    }

    /// A file that is not here is odd, and no more: only the machines of the members need it.
    fn secret(&mut self) {
        let customers = &self.config.customers;
        if customers.secret.is_some() && customers.secret_file.is_some() {
            self.error(
                "customers.secret",
                "there is a secret, and a file with one",
                "take one of the two away",
            );
        }
        match read_secret(customers) {
            Ok(_) => {}
            Err(SecretError::Missing) => self.error(
                "customers",
                "the members have no secret in common, so anybody could speak for them",
                "name a file with random letters under `secret_file`",
            ),
            Err(error @ SecretError::Short(_)) => self.error(
                "customers",
                error.to_string(),
                format!("make one of {LEAST_SECRET} random letters or more"),
            ),
            Err(error @ SecretError::Unreadable { .. }) => self.warning(
                "customers.secret_file",
                error.to_string(),
                "copy it to the machines of all members",
            ),
        }
    }

    /// Two members behind one socket would hear each other's datagrams.
    pub(super) fn datagrams(&mut self) {
        let members = &self.config.customers.replicas;
        for (index, member) in members.iter().enumerate() {
            let at = member.takes_datagrams_at();
            let first = members[..index].iter().find(|other| other.takes_datagrams_at() == at);
            let path = format!("customers.replicas.{index}.datagrams");
            if let Some(first) = first.map(|first| first.id) {
                self.error(
                    &path,
                    format!("the datagrams of member {first} go to {at} as well"),
                    "give each member its own port",
                );
            }
            if at.is_wildcard() {
                self.error(
                    &path,
                    format!("nobody can send to {at}"),
                    "name the address that others reach it by, and put this one under `listen`",
                );
            }
        }
        for group in ["catalog", "orders"] {
            let replicas = match group {
                "catalog" => &self.config.catalog.replicas,
                _ => &self.config.orders.replicas,
            };
            for (index, _) in replicas.iter().enumerate().filter(|(_, one)| one.datagrams.is_some())
            {
                self.error(
                    &format!("{group}.replicas.{index}.datagrams"),
                    "only customers speak by datagrams",
                    "take `datagrams` away",
                );
            }
        }
    }
}
