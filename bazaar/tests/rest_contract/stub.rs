//! A market of its own behind the surface: ten lines of law, and switches for everything that can go wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use bazaar::rest::Market;
use market::listing::{Kind, Listing};
use market::name::Name;
use market::order::Order;
use market::trade::{Key, Side, Trade, TradeRefusal, WallTime};
use node::gateway::{ClientRequest, ClientResponse};
use parking_lot::Mutex;
use replication::register::Configuration;

/// How the stub behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Fine,
    Unavailable,
    Unknown,
    Busy,
    Silent,
    Leaderless,
    /// Trades, and says that it does not know, the first time a key is seen.
    Forgetful,
    Refuses(TradeRefusal),
}

/// Damage to a shelf.
pub(crate) type Spoil = fn(&mut Shelf);

#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) listings: BTreeMap<Name, Listing>,
    pub(crate) cached: bool,
    pub(crate) orders: Vec<Order>,
    pub(crate) keys: BTreeMap<Key, (Trade, ClientResponse)>,
    pub(crate) trades: Vec<Trade>,
    pub(crate) mood: Mood,
    /// Requests that came so far.
    pub(crate) asked: usize,
    /// Damage to do after so many orders.
    pub(crate) spoil: Option<(usize, Spoil)>,
}

#[derive(Default)]
pub(crate) struct Stub {
    pub(crate) shelf: Mutex<Shelf>,
}

/// What the stub's clock shows.
pub(crate) const NOW: WallTime = WallTime(1_760_000_000_000);

pub(crate) fn listing(name: &str, kind: Kind, price: &str) -> Listing {
    Listing {
        name: Name::new(name).expect("name"),
        kind,
        price: price.parse().expect("price"),
        quantity: 100,
        volume: 0,
        initial: 100,
        restocked: 0,
        sold: 0,
        bought: 0,
        restock: false,
        version: 1,
    }
}

impl Stub {
    pub(crate) fn new(cached: bool) -> Self {
        let listings = [
            listing("GameStart", Kind::Stock, "15.99"),
            listing("RottenFishCo", Kind::Stock, "2.50"),
            listing("Fish & \"Chips\" €/%", Kind::Stock, "0.07"),
            listing("Tux", Kind::Toy, "10000000000"),
        ];
        let stub = Stub::default();
        {
            let mut shelf = stub.shelf.lock();
            shelf.listings = listings.map(|listing| (listing.name.clone(), listing)).into();
            shelf.cached = cached;
        }
        stub
    }

    fn trade(shelf: &mut Shelf, trade: &Trade) -> ClientResponse {
        let Some(listing) = shelf.listings.get_mut(&trade.name) else {
            return ClientResponse::Refused(TradeRefusal::UnknownListing);
        };
        let available = listing.quantity;
        listing.quantity = match trade.side {
            Side::Sell => available + trade.quantity,
            Side::Buy if available < trade.quantity => {
                let refusal = TradeRefusal::InsufficientQuantity { available };
                return ClientResponse::Refused(refusal);
            }
            Side::Buy => available - trade.quantity,
        };
        let number = shelf.orders.len() as u64;
        shelf.orders.push(Order {
            number,
            key: trade.key,
            name: trade.name.clone(),
            side: trade.side,
            quantity: trade.quantity,
            unit_price: listing.price,
            decided_at: NOW,
        });
        if let Some((_, spoil)) = shelf.spoil.take_if(|(after, _)| *after == shelf.orders.len()) {
            spoil(shelf);
        }
        ClientResponse::Traded(number)
    }

    fn answer(&self, request: &ClientRequest) -> ClientResponse {
        let shelf = &mut *self.shelf.lock();
        match request {
            ClientRequest::Listing { name, kind } => shelf
                .listings
                .get(name)
                .filter(|listing| listing.kind == *kind)
                .map_or(ClientResponse::NoListing, |l| ClientResponse::Listing(l.clone())),
            ClientRequest::Trade(trade) => {
                shelf.trades.push(trade.clone());
                if let Some((before, response)) = shelf.keys.get(&trade.key) {
                    let same = (&before.name, before.side, before.quantity)
                        == (&trade.name, trade.side, trade.quantity);
                    let reused = ClientResponse::Refused(TradeRefusal::KeyReused);
                    return if same { response.clone() } else { reused };
                }
                let response = Stub::trade(shelf, trade);
                shelf.keys.insert(trade.key, (trade.clone(), response.clone()));
                response
            }
            ClientRequest::Order(number) => usize::try_from(*number)
                .ok()
                .and_then(|number| shelf.orders.get(number))
                .map_or(ClientResponse::NoOrder, |order| ClientResponse::Order(order.clone())),
            ClientRequest::Leader => ClientResponse::Leader(Configuration {
                version: 9,
                epoch: 7,
                leader: (shelf.mood != Mood::Leaderless).then_some(3),
                in_sync: [1, 2, 3].into(),
                incarnations: BTreeMap::new(),
            }),
            ClientRequest::Ready => ClientResponse::Ready,
            ClientRequest::Invalidate(name) => {
                ClientResponse::Invalidated { existed: name.as_str() == "GameStart" }
            }
        }
    }
}

impl Market for Stub {
    fn hit(&self, name: &Name, kind: Kind) -> Option<Listing> {
        let shelf = self.shelf.lock();
        if !shelf.cached {
            return None;
        }
        shelf.listings.get(name).filter(|listing| listing.kind == kind).cloned()
    }

    async fn ask(&self, request: ClientRequest) -> ClientResponse {
        let mood = {
            let mut shelf = self.shelf.lock();
            shelf.asked += 1;
            shelf.mood.clone()
        };
        match mood {
            Mood::Forgetful => {
                let known = self.shelf.lock().keys.len();
                let response = self.answer(&request);
                let new = self.shelf.lock().keys.len() > known;
                if new { ClientResponse::Unknown } else { response }
            }
            Mood::Fine | Mood::Leaderless => self.answer(&request),
            Mood::Unavailable => ClientResponse::Unavailable { reason: "nobody leads the orders" },
            Mood::Unknown => ClientResponse::Unknown,
            Mood::Busy => ClientResponse::Busy,
            Mood::Refuses(refusal) => ClientResponse::Refused(refusal),
            Mood::Silent => {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                ClientResponse::Unknown
            }
        }
    }

    fn wall(&self) -> WallTime {
        NOW
    }
}
