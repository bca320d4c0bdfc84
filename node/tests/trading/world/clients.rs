//! Clients: what they ask, and what they are told.

use market::listing::Kind;
use market::name::Name;
use market::trade::{Key, Side, Trade};
use node::gateway::{ClientRequest, ClientResponse};
use node::process::Input;
use node::service::ServiceId;
use replication::register::Configuration;

use super::{GATEWAY, World};

impl World {
    /// A client's request begins.
    pub(crate) fn begin(&mut self, gateway: ServiceId, request: ClientRequest) -> u64 {
        let id = self.next_request;
        self.next_request += 1;
        self.tell(gateway, Input::Client { id, request });
        self.settle();
        id
    }

    /// The answer to a request that began.
    pub(crate) fn answer(&mut self, id: u64) -> ClientResponse {
        for _ in 0..2_000 {
            if let Some(response) = self.replies.remove(&id) {
                return response;
            }
            self.run(5);
        }
        panic!("no answer within ten seconds");
    }

    pub(crate) fn ask_at(&mut self, gateway: ServiceId, request: ClientRequest) -> ClientResponse {
        let id = self.begin(gateway, request);
        self.answer(id)
    }

    pub(crate) fn ask(&mut self, request: ClientRequest) -> ClientResponse {
        self.ask_at(GATEWAY, request)
    }

    pub(crate) fn quantity_at(&mut self, gateway: ServiceId, name: &str) -> u64 {
        match self.ask_at(gateway, look(name)) {
            ClientResponse::Listing(listing) => listing.quantity,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn quantity(&mut self, name: &str) -> u64 {
        self.quantity_at(GATEWAY, name)
    }

    /// The register, once a leader is live.
    pub(crate) fn leader(&mut self) -> Configuration {
        for _ in 0..100 {
            if let ClientResponse::Leader(known) = self.ask(ClientRequest::Leader) {
                return known;
            }
            self.run(50);
        }
        panic!("nobody leads within five seconds");
    }

    /// Asks until the answer is definite, as a client with a key does.
    pub(crate) fn insist(&mut self, gateway: ServiceId, key: u128) -> u64 {
        for _ in 0..20 {
            match self.ask_at(gateway, buy(key, "GameStart", 1)) {
                ClientResponse::Traded(number) => return number,
                ClientResponse::Unknown
                | ClientResponse::Unavailable { .. }
                | ClientResponse::Busy => self.run(100),
                other => panic!("{other:?}"),
            }
        }
        panic!("no definite answer in twenty attempts");
    }
}

pub(crate) fn named(name: &str) -> Name {
    Name::new(name).expect("a good name")
}

pub(crate) fn look(name: &str) -> ClientRequest {
    ClientRequest::Listing { name: named(name), kind: Kind::Stock }
}

pub(crate) fn trade(key: u128, name: &str, side: Side, quantity: u64) -> ClientRequest {
    ClientRequest::Trade(Trade { key: Key(key), born: None, name: named(name), side, quantity })
}

pub(crate) fn buy(key: u128, name: &str, quantity: u64) -> ClientRequest {
    trade(key, name, Side::Buy, quantity)
}
