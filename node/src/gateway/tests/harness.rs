//! A gateway on a bench: virtual time, order replicas that answer pings as told, a catalog that tells its configuration.

use std::collections::BTreeMap;

use market::listing::{Kind, Listing};
use market::money::Price;
use market::name::Name;
use market::trade::{Key, Side, Trade, WallTime};
use replication::register::{Configuration, RegisterCommand};
use replication::time::{Span, Time};

use crate::gateway::{ClientRequest, ClientResponse, GatewayConfig, GatewayProcess};
use crate::message::{Fill, Filled, Invalidate, Lease, Message, Pong};
use crate::process::{Effect, Input, Now, Process, RequestId};
use crate::service::ServiceId;

pub(super) const CATALOG: ServiceId = ServiceId::catalog(1);

pub(super) struct Bench {
    pub(super) gateway: GatewayProcess,
    pub(super) time: Time,
    /// What the catalog says when asked; `None`: it does not answer.
    pub(super) configuration: Option<Configuration>,
    /// What replicas answer to pings; those not listed do not.
    pub(super) replicas: BTreeMap<u8, Pong>,
    /// Catalogs asked for the configuration.
    pub(super) asked: Vec<ServiceId>,
    /// Everything sent that was not answered by the bench itself.
    pub(super) sent: Vec<(ServiceId, Message)>,
    pub(super) replies: Vec<(RequestId, ClientResponse)>,
    /// All effects that are neither.
    pub(super) others: Vec<Effect>,
}

pub(super) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(super) fn listing(text: &str, quantity: u64, version: u64) -> Listing {
    Listing {
        name: name(text),
        kind: Kind::Stock,
        price: Price::from_minor(100).unwrap(),
        quantity,
        volume: 0,
        initial: quantity,
        restocked: 0,
        sold: 0,
        bought: 0,
        restock: false,
        version,
    }
}

pub(super) fn trade(key: u128) -> Trade {
    Trade { key: Key(key), born: None, name: name("Tux"), side: Side::Buy, quantity: 1 }
}

/// Replica `id` has disk `id * 11`.
pub(super) fn configuration(
    version: u64,
    epoch: u64,
    leader: Option<u8>,
    in_sync: &[u8],
) -> Configuration {
    Configuration {
        version,
        epoch,
        leader,
        in_sync: in_sync.iter().copied().collect(),
        incarnations: (1..=3).map(|id| (id, u64::from(id) * 11)).collect(),
    }
}

pub(super) fn pong(id: u8, epoch: u64, leads: bool, end: u64) -> Pong {
    let incarnation = u64::from(id) * 11;
    Pong { nonce: 0, incarnation, epoch, end, leads, draining: false, version: 0 }
}

pub(super) fn config() -> GatewayConfig {
    let mut config = GatewayConfig::new(1, vec![1, 2, 3], vec![1]);
    config.request_deadline = Span::millis(2_000);
    config
}

impl Bench {
    /// A gateway without any link.
    pub(super) fn new(config: GatewayConfig) -> Self {
        let time = Time(1_000_000);
        let now = Now { time, wall: WallTime(1_700_000_000_000) };
        Bench {
            gateway: GatewayProcess::new(config, now),
            time,
            configuration: None,
            replicas: BTreeMap::new(),
            asked: Vec::new(),
            sent: Vec::new(),
            replies: Vec::new(),
            others: Vec::new(),
        }
    }

    /// A gateway in a healthy deployment: replica 3 leads epoch 1, all are in sync.
    pub(super) fn healthy(config: GatewayConfig) -> Self {
        let mut bench = Bench::new(config);
        bench.configuration = Some(configuration(4, 1, Some(3), &[1, 2, 3]));
        bench.replicas = (1..=3).map(|id| (id, pong(id, 1, id == 3, 7))).collect();
        for id in 1..=3 {
            bench.input(Input::LinkUp(ServiceId::orders(id)));
        }
        bench.input(Input::LinkUp(CATALOG));
        bench.run(10);
        assert!(bench.gateway.status(bench.now()).leader_live, "healthy from the start");
        bench.sent.clear();
        bench.others.clear();
        bench
    }

    pub(super) fn now(&self) -> Now {
        Now { time: self.time, wall: WallTime(1_700_000_000_000 + self.time.0 / 1_000) }
    }

    /// One input, a flush, and whatever the bench answers.
    pub(super) fn input(&mut self, input: Input) {
        let mut inputs = vec![input];
        while !inputs.is_empty() {
            let mut effects = Vec::new();
            for input in inputs.drain(..) {
                self.gateway.handle(self.now(), input, &mut effects);
            }
            self.gateway.flush(self.now(), &mut effects);
            inputs = effects.into_iter().filter_map(|effect| self.perform(effect)).collect();
        }
    }

    fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Send { to, message: Message::Ping { nonce } } => {
                let pong = self.replicas.get(&to.id)?.clone();
                let message = Message::Pong(Pong { nonce, ..pong });
                Some(Input::Received { from: to, message })
            }
            Effect::Send { to, message: Message::Heartbeat(_) } => {
                self.asked.push(to);
                let message = Message::Configuration(self.configuration.clone()?);
                Some(Input::Received { from: to, message })
            }
            Effect::Send { to, message } => {
                self.sent.push((to, message));
                None
            }
            Effect::Reply { id, response } => {
                self.replies.push((id, response));
                None
            }
            other => {
                self.others.push(other);
                None
            }
        }
    }

    /// Lets time pass, tick by tick.
    pub(super) fn run(&mut self, ms: u64) {
        for _ in 0..ms / 10 {
            self.time = self.time + Span::millis(10);
            self.input(Input::Tick);
        }
    }

    pub(super) fn receive(&mut self, from: ServiceId, message: Message) {
        self.input(Input::Received { from, message });
    }

    pub(super) fn ask(&mut self, id: RequestId, request: ClientRequest) {
        self.input(Input::Client { id, request });
    }

    pub(super) fn read(&mut self, id: RequestId, text: &str) {
        self.ask(id, ClientRequest::Listing { name: name(text), kind: Kind::Stock });
    }

    /// Takes the response to a request, if there is one.
    pub(super) fn reply(&mut self, id: RequestId) -> Option<ClientResponse> {
        let at = self.replies.iter().position(|(other, _)| *other == id)?;
        Some(self.replies.remove(at).1)
    }

    /// Takes everything sent so far that fits.
    pub(super) fn take<T>(&mut self, fits: impl Fn(&ServiceId, &Message) -> Option<T>) -> Vec<T> {
        let mut taken = Vec::new();
        self.sent.retain(|(to, message)| match fits(to, message) {
            Some(found) => {
                taken.push(found);
                false
            }
            None => true,
        });
        taken
    }

    pub(super) fn fills(&mut self) -> Vec<Fill> {
        self.take(|_, message| match message {
            Message::Fill(fill) => Some(fill.clone()),
            _ => None,
        })
    }

    /// Trades sent: to whom, in which epoch, under which name, with which key.
    pub(super) fn trades(&mut self) -> Vec<(u8, u64, u64, u128)> {
        self.take(|to, message| match message {
            Message::Trades { epoch, trades } => {
                Some(trades.iter().map(|(id, trade)| (to.id, *epoch, *id, trade.key.0)).collect())
            }
            _ => None,
        })
        .into_iter()
        .flat_map(|trades: Vec<_>| trades)
        .collect()
    }

    pub(super) fn proposals(&mut self) -> Vec<RegisterCommand> {
        self.take(|to, message| match message {
            Message::Configure(command) if *to == CATALOG => Some(command.clone()),
            _ => None,
        })
    }

    pub(super) fn confirmed(&mut self) -> Vec<(u64, Vec<u64>)> {
        self.take(|_, message| match message {
            Message::Invalidated(it) => Some((it.session, it.numbers.clone())),
            _ => None,
        })
    }

    /// Grants the lease on the newest renewal.
    pub(super) fn grant(&mut self, session: u64, ttl: Span) {
        self.run(60);
        let renewals = self.take(|_, message| match message {
            Message::Renew(renew) => Some(renew.clone()),
            _ => None,
        });
        let sent_at = renewals.last().unwrap().sent_at;
        self.receive(CATALOG, Message::Lease(Lease { session, sent_at, ttl }));
    }

    /// Answers a question.
    pub(super) fn fill(&mut self, fill: &Fill, session: u64, found: Option<Listing>, keep: bool) {
        let (token, name) = (fill.token, fill.name.clone());
        let filled = Filled { session, token, name, listing: found, cacheable: keep };
        self.receive(CATALOG, Message::Filled(filled));
    }

    /// Reads a listing through a fill, so that it is cached.
    pub(super) fn warm(&mut self, session: u64, found: Listing) {
        self.read(9_000, found.name.clone().as_str());
        let fill = self.fills().pop().expect("a miss asks the catalog");
        self.fill(&fill, session, Some(found), true);
        assert!(matches!(self.reply(9_000), Some(ClientResponse::Listing(_))));
    }

    pub(super) fn invalidate(&mut self, session: u64, number: u64, text: &str) {
        let names = vec![name(text)];
        self.receive(CATALOG, Message::Invalidate(Invalidate { session, number, names }));
    }

    /// Whether the fast path answers, and with what quantity.
    pub(super) fn hit(&mut self, text: &str) -> Option<u64> {
        let now = self.now();
        let mut effects = Vec::new();
        self.gateway
            .try_hit(now, &name(text), Kind::Stock, &mut effects)
            .map(|listing| listing.quantity)
    }
}
