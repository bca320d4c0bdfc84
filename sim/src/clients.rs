//! Simulated clients: each does one thing at a time, and remembers every answer.
//!
//! A trade has one key for all its attempts; after an answer that leaves it open it is tried again, through any gateway,
//! at once or after healing. So in the end every key has a definite answer that can be checked.

use market::listing::NewListing;
use market::name::Name;
use market::order::OrderNumber;
use market::trade::{Key, Side, Trade, TradeRefusal, WallTime};
use node::gateway::{ClientRequest, ClientResponse};
use node::process::RequestId;

use crate::history::{History, OrderOp, ReadOp, TradeOp, TradeResult};
use crate::marks::Marks;
use crate::rng::Rng;
use crate::scenario::ClientKnobs;

/// How long a client waits for an answer before it goes away, in µs. Longer than any deadline of a gateway.
pub const PATIENCE: u64 = 9_000_000;

/// What a client is doing.
#[derive(Clone, Debug)]
enum Doing {
    /// Waiting for its next turn.
    Nothing,
    /// Waiting for an answer.
    Asked { id: RequestId, gateway: u8, began: u64, what: What },
}

#[derive(Clone, Debug)]
enum What {
    Read,
    Order(OrderNumber),
    Trade(usize),
}

#[derive(Clone, Debug)]
struct Client {
    home: u8,
    doing: Doing,
    /// The trade to try again at its next turn.
    again: Option<usize>,
}

/// What a client's turn leads to.
pub struct Ask {
    /// Through which gateway.
    pub gateway: u8,
    /// Names the request.
    pub id: RequestId,
    /// What is asked.
    pub request: ClientRequest,
}

/// All clients of a world.
pub struct Clients {
    knobs: ClientKnobs,
    listings: Vec<NewListing>,
    hot: f64,
    gateways: u8,
    clients: Vec<Client>,
    next_request: u64,
    next_key: u128,
    history: History,
    /// Trades left open, to be tried again after healing.
    left_open: Vec<usize>,
    /// Healing has begun: leave nothing open.
    insist: bool,
    /// No new work.
    closing: bool,
    newest: OrderNumber,
}

impl Clients {
    /// So many clients at each gateway.
    pub fn new(
        knobs: ClientKnobs,
        listings: Vec<NewListing>,
        hot: f64,
        gateways: u8,
        each: u8,
    ) -> Self {
        let clients = (0..gateways * each)
            .map(|index| Client { home: 1 + index % gateways, doing: Doing::Nothing, again: None })
            .collect();
        Clients {
            knobs,
            listings,
            hot,
            gateways,
            clients,
            next_request: 0,
            next_key: 1 << 64,
            history: History::default(),
            left_open: Vec::new(),
            insist: false,
            closing: false,
            newest: 0,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Mean time between operations, in µs.
    pub fn think(&self) -> u64 {
        self.knobs.think
    }

    /// Which client a request belongs to.
    pub fn client_of(&self, id: RequestId) -> usize {
        (id % self.clients.len().max(1) as u64) as usize
    }

    /// From now on nothing is left open.
    pub fn insist(&mut self) {
        self.insist = true;
    }

    /// From now on only what is open is finished.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Has everything a definite answer?
    pub fn finished(&self) -> bool {
        self.left_open.is_empty()
            && self
                .clients
                .iter()
                .all(|client| matches!(client.doing, Doing::Nothing) && client.again.is_none())
    }

    /// What is still under way, for a person.
    pub fn pending(&self) -> String {
        let busy: Vec<_> = self
            .clients
            .iter()
            .filter(|client| !matches!(client.doing, Doing::Nothing) || client.again.is_some())
            .collect();
        format!("{} left open, clients at work: {busy:?}", self.left_open.len())
    }

    /// What clients saw.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// A client's turn.
    pub fn turn(
        &mut self,
        rng: &mut Rng,
        now: u64,
        index: usize,
        wall: WallTime,
        marks: &mut Marks,
    ) -> Option<Ask> {
        if !matches!(self.clients[index].doing, Doing::Nothing) {
            return None;
        }
        let retried = self.clients[index].again.take().or_else(|| self.reopen());
        let (request, what) = match retried {
            Some(op) => {
                marks.hit("trades tried again");
                (self.trade_request(op), What::Trade(op))
            }
            None if self.closing => return None,
            None => self.something(rng, now, wall),
        };
        let moves_on = retried.is_some() && rng.chance(0.7) || rng.chance(0.1);
        let gateway = match moves_on {
            true => rng.between(1, u64::from(self.gateways)) as u8,
            false => self.clients[index].home,
        };
        self.next_request += 1;
        let id = self.next_request * self.clients.len() as u64 + index as u64;
        self.clients[index].doing = Doing::Asked { id, gateway, began: now, what };
        Some(Ask { gateway, id, request })
    }

    fn reopen(&mut self) -> Option<usize> {
        if self.insist { self.left_open.pop() } else { None }
    }

    fn trade_request(&mut self, op: usize) -> ClientRequest {
        self.history.trades[op].attempts += 1;
        ClientRequest::Trade(self.history.trades[op].trade.clone())
    }

    fn something(&mut self, rng: &mut Rng, now: u64, wall: WallTime) -> (ClientRequest, What) {
        if rng.chance(self.knobs.trades) {
            let op = self.new_trade(rng, now, wall);
            return (self.trade_request(op), What::Trade(op));
        }
        if rng.chance(self.knobs.order_reads) {
            let number = self.some_number(rng);
            return (ClientRequest::Order(number), What::Order(number));
        }
        let listing = &self.listings[self.some_listing(rng)];
        let request = ClientRequest::Listing { name: listing.name.clone(), kind: listing.kind };
        (request, What::Read)
    }

    fn some_listing(&self, rng: &mut Rng) -> usize {
        if rng.chance(self.hot) { 0 } else { rng.below(self.listings.len() as u64) as usize }
    }

    fn some_number(&self, rng: &mut Rng) -> OrderNumber {
        match rng.below(4) {
            0 => rng.below(self.newest + 3),
            _ => self.newest.saturating_sub(rng.below(20)),
        }
    }

    fn new_trade(&mut self, rng: &mut Rng, now: u64, wall: WallTime) -> usize {
        let side = if rng.chance(self.knobs.buys) { Side::Buy } else { Side::Sell };
        self.next_key += 1;
        let mut trade = Trade {
            key: Key(self.next_key.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
            born: self.knobs.born.then_some(wall),
            name: self.listings[self.some_listing(rng)].name.clone(),
            side,
            quantity: rng.between(1, self.knobs.quantity),
        };
        if rng.chance(self.knobs.greedy) {
            (trade.side, trade.quantity) = (Side::Buy, market::limits::MAX_QUANTITY);
        }
        let odd = rng.chance(self.knobs.odd);
        let reuses_key = odd && self.make_odd(rng, &mut trade);
        self.history.trades.push(TradeOp {
            trade,
            began: now,
            ended: u64::MAX,
            attempts: 0,
            result: TradeResult::Open,
            reuses_key,
        });
        self.history.trades.len() - 1
    }

    /// Makes a trade that must be refused; true if it is one with the key of another.
    fn make_odd(&self, rng: &mut Rng, trade: &mut Trade) -> bool {
        match rng.below(4) {
            0 => trade.name = Name::new("no such thing").expect("a short plain text is a name"),
            1 => trade.quantity = 0,
            2 => trade.quantity = market::limits::MAX_QUANTITY + 1 + rng.below(9),
            _ => return self.reuse_key(rng, trade),
        }
        false
    }

    fn reuse_key(&self, rng: &mut Rng, trade: &mut Trade) -> bool {
        let done: Vec<&TradeOp> = self
            .history
            .trades
            .iter()
            .rev()
            .take(30)
            .filter(|op| matches!(op.result, TradeResult::Done(_)) && !op.reuses_key)
            .collect();
        if done.is_empty() {
            return false;
        }
        let other = &rng.pick(&done).trade;
        *trade = other.clone();
        trade.quantity = other.quantity % market::limits::MAX_QUANTITY + 1;
        true
    }

    /// An answer came. Returns the client to give a turn to and whether it is content, or what was wrong with the answer.
    pub fn answered(
        &mut self,
        rng: &mut Rng,
        now: u64,
        id: RequestId,
        response: ClientResponse,
        marks: &mut Marks,
    ) -> Result<Option<(usize, bool)>, String> {
        let index = self.client_of(id);
        let Doing::Asked { id: current, gateway, began, what } = self.clients[index].doing.clone()
        else {
            return Ok(None);
        };
        if current != id {
            return Ok(None);
        }
        self.clients[index].doing = Doing::Nothing;
        let content = !matches!(
            response,
            ClientResponse::Unavailable { .. } | ClientResponse::Unknown | ClientResponse::Busy
        );
        match what {
            What::Read => self.read_answered(began, now, gateway, response, marks)?,
            What::Order(number) => self.order_answered(began, now, number, response, marks)?,
            What::Trade(op) => self.trade_answered(rng, now, index, op, response, marks)?,
        }
        Ok(Some((index, content)))
    }

    fn read_answered(
        &mut self,
        began: u64,
        ended: u64,
        gateway: u8,
        response: ClientResponse,
        marks: &mut Marks,
    ) -> Result<(), String> {
        match response {
            ClientResponse::Listing(listing) => {
                marks.hit("reads");
                self.history.reads.push(ReadOp { began, ended, gateway, listing });
            }
            ClientResponse::Unavailable { .. } | ClientResponse::Unknown | ClientResponse::Busy => {
                marks.hit("reads not served");
            }
            other => return Err(format!("a read of a listing was answered {other:?}")),
        }
        Ok(())
    }

    fn order_answered(
        &mut self,
        began: u64,
        ended: u64,
        number: OrderNumber,
        response: ClientResponse,
        marks: &mut Marks,
    ) -> Result<(), String> {
        let order = match response {
            ClientResponse::Order(order) => Some(order),
            ClientResponse::NoOrder => None,
            ClientResponse::Unavailable { .. } | ClientResponse::Unknown | ClientResponse::Busy => {
                marks.hit("order reads not served");
                return Ok(());
            }
            other => return Err(format!("a read of order {number} was answered {other:?}")),
        };
        marks.hit(if order.is_some() { "orders read" } else { "orders not found" });
        self.history.orders.push(OrderOp { began, ended, number, order });
        Ok(())
    }

    fn trade_answered(
        &mut self,
        rng: &mut Rng,
        now: u64,
        index: usize,
        op: usize,
        response: ClientResponse,
        marks: &mut Marks,
    ) -> Result<(), String> {
        let result = match response {
            ClientResponse::Traded(number) => TradeResult::Done(number),
            ClientResponse::Refused(TradeRefusal::Overloaded)
            | ClientResponse::Unavailable { .. }
            | ClientResponse::Unknown
            | ClientResponse::Busy => {
                marks.hit("trades left open");
                self.leave_open(rng, index, op);
                return Ok(());
            }
            ClientResponse::Refused(refusal) => TradeResult::Refused(refusal),
            other => return Err(format!("a trade was answered {other:?}")),
        };
        let trade = &mut self.history.trades[op];
        if let TradeResult::Done(number) = result {
            marks.hit("acked trades");
            marks.add("replays by key", u64::from(trade.attempts > 1));
            self.newest = self.newest.max(number);
        } else {
            marks.hit("refused trades");
        }
        trade.result = result;
        trade.ended = now;
        Ok(())
    }

    fn leave_open(&mut self, rng: &mut Rng, index: usize, op: usize) {
        if self.insist || rng.chance(self.knobs.retry) {
            self.clients[index].again = Some(op);
        } else {
            self.left_open.push(op);
        }
    }

    /// The gateway died or the client lost patience: whoever waits for it hears "unknown". Returns these requests.
    pub fn waiting_at(&self, gateway: u8) -> Vec<RequestId> {
        self.waiting(|at, _| at == gateway).map(|(id, _)| id).collect()
    }

    /// Requests that have waited too long, with their gateways.
    pub fn impatient(&self, now: u64) -> Vec<(RequestId, u8)> {
        self.waiting(|_, began| began + PATIENCE < now).collect()
    }

    fn waiting<'a>(
        &'a self,
        wanted: impl Fn(u8, u64) -> bool + 'a,
    ) -> impl Iterator<Item = (RequestId, u8)> + 'a {
        self.clients.iter().filter_map(move |client| match &client.doing {
            Doing::Asked { id, gateway, began, .. } if wanted(*gateway, *began) => {
                Some((*id, *gateway))
            }
            _ => None,
        })
    }
}
