//! One client: rounds of a lookup and maybe an order, then the check.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::sleep;

use super::answers::{ListingAnswer, OrderAnswer, TradeAnswer, is_insufficient, is_pause, payload};
use super::args::{RunType, SideChoice, TradeArgs};
use super::book::{Book, Request};
use super::catalog::Catalog;
use super::link::{Link, Wish};

/// First wait before a request is repeated; doubles up to [`LAST_WAIT`]. Shorter than what `Retry-After` asks of a polite
/// client, so that the pause that is reported is the server's and not ours.
const FIRST_WAIT: Duration = Duration::from_millis(10);

/// Longest wait between two repetitions.
const LAST_WAIT: Duration = Duration::from_millis(200);

/// What all clients of a run share.
pub(super) struct Plan {
    pub(super) args: TradeArgs,
    pub(super) catalog: Catalog,
    pub(super) book: Book,
    pub(super) entropy: [u8; 32],
}

/// A trade that was done, as remembered for the check.
struct Success {
    number: u64,
    listing: usize,
    sold: bool,
}

/// One client.
pub(super) struct Client {
    plan: Arc<Plan>,
    targets: Vec<String>,
    link: Option<Link>,
    /// Choices: the same for the same seed.
    choices: ChaCha8Rng,
    /// Keys and waits: never the same twice.
    chance: ChaCha8Rng,
    successes: Vec<Success>,
}

impl Client {
    pub(super) fn new(plan: Arc<Plan>, number: u32) -> Self {
        let mut choices = ChaCha8Rng::seed_from_u64(plan.args.seed);
        choices.set_stream(u64::from(number));
        let mut chance = ChaCha8Rng::from_seed(plan.entropy);
        chance.set_stream(u64::from(number));
        let targets = plan.args.targets();
        Client { plan, targets, link: None, choices, chance, successes: Vec::new() }
    }

    /// Does all rounds, then the check.
    pub(super) async fn run(mut self) {
        let plan = self.plan.clone();
        let mut left = plan.args.requests;
        let more = |left: u64| match plan.args.duration {
            Some(duration) => plan.book.started.elapsed() < duration,
            None => left > 0,
        };
        while more(left) && !plan.book.stop.load(Relaxed) {
            left = left.saturating_sub(1);
            self.round().await;
            plan.book.rounds.fetch_add(1, Relaxed);
        }
        if plan.args.run_type == RunType::SessionCheck {
            self.check().await;
        }
        plan.book.given(self.successes.iter().map(|success| success.number));
    }

    async fn round(&mut self) {
        let listing = self.choices.random_range(0..self.plan.catalog.0.len());
        let follow_up = self.choices.random_bool(self.plan.args.probability);
        let sell = match self.plan.args.side {
            SideChoice::Buy => false,
            SideChoice::Sell => true,
            SideChoice::Both => self.choices.random_bool(0.5),
        };
        self.look_up(listing).await;
        if follow_up && self.plan.args.run_type != RunType::Query {
            self.order(listing, sell).await;
        }
    }

    async fn look_up(&mut self, listing: usize) {
        let plan = self.plan.clone();
        let known = &plan.catalog.0[listing];
        let asked = self.ask(Request::Lookup, &Wish::Get(known.path.clone())).await;
        let Some((status, body)) = asked else { return };
        match payload::<ListingAnswer<'_>>(status, &body) {
            Ok(told) if told.name == known.name && told.quantity <= market::limits::MAX_STOCK => {}
            Ok(told) => plan.book.mismatch(|| format!("asked for {}, got {told:?}", known.name)),
            Err(text) => plan.book.error(|| format!("lookup of {}: {text}", known.name)),
        }
    }

    async fn order(&mut self, listing: usize, sold: bool) {
        let plan = self.plan.clone();
        let (name, quantity) = (&plan.catalog.0[listing].name, plan.args.quantity);
        let body = serde_json::json!({ "name": name, "quantity": quantity, "type": side(sold) });
        let wish = Wish::Order { body: Bytes::from(body.to_string()), key: self.key() };
        let Some((status, body)) = self.ask(Request::Order, &wish).await else { return };
        if is_insufficient(status, &body) {
            plan.book.refused.fetch_add(1, Relaxed);
            return;
        }
        match payload::<TradeAnswer>(status, &body) {
            Ok(told) => {
                plan.book.traded.fetch_add(1, Relaxed);
                self.successes.push(Success { number: told.order_number, listing, sold });
            }
            Err(text) => plan.book.error(|| format!("order of {name}: {text}")),
        }
    }

    /// Looks every order up and compares it with what was asked for.
    async fn check(&mut self) {
        let plan = self.plan.clone();
        let successes = std::mem::take(&mut self.successes);
        for success in &successes {
            let path = format!("/orders/{}", success.number);
            let uri = path.parse().expect("digits make a path");
            let asked = self.ask(Request::Check, &Wish::Get(uri)).await;
            let Some((status, body)) = asked else { continue };
            match payload::<OrderAnswer<'_>>(status, &body) {
                Ok(told) if self.same(success, &told) => {}
                Ok(told) => plan.book.mismatch(|| {
                    let name = &plan.catalog.0[success.listing].name;
                    format!("{path} should be {} {name}, is {told:?}", side(success.sold))
                }),
                Err(text) => plan.book.mismatch(|| format!("{path}: {text}")),
            }
        }
        self.successes = successes;
    }

    fn same(&self, success: &Success, told: &OrderAnswer<'_>) -> bool {
        told.number == success.number
            && told.name == self.plan.catalog.0[success.listing].name
            && told.side == side(success.sold)
            && told.quantity == self.plan.args.quantity
    }

    /// Asks until there is an answer that is none of "later"; `None` (and an error in the book) when patience ended.
    async fn ask(&mut self, kind: Request, wish: &Wish) -> Option<(StatusCode, Bytes)> {
        let plan = self.plan.clone();
        let begun = Instant::now();
        let mut wait = FIRST_WAIT;
        let mut repeated = false;
        loop {
            let why = match self.attempt(wish).await {
                Ok((status, _)) if is_pause(status) => format!("status {}", status.as_u16()),
                Ok(answer) => {
                    let ended = Instant::now();
                    plan.book.record(kind, begun, ended);
                    if repeated {
                        plan.book.pause(ended - begun);
                    }
                    return Some(answer);
                }
                Err(text) => text,
            };
            if begun.elapsed() + wait >= plan.args.patience {
                plan.book.pause(begun.elapsed());
                plan.book.error(|| format!("{}: out of patience: {why}", kind.label()));
                return None;
            }
            repeated = true;
            plan.book.retries.fetch_add(1, Relaxed);
            let jitter = self.chance.random_range(0.5..1.0);
            sleep(wait.mul_f64(jitter)).await;
            wait = (wait * 2).min(LAST_WAIT);
        }
    }

    /// One attempt, on the connection that stands or a new one.
    async fn attempt(&mut self, wish: &Wish) -> Result<(StatusCode, Bytes), String> {
        let limit = self.plan.args.timeout;
        let mut link = match self.link.take().filter(|link| !link.is_closed()) {
            Some(link) => link,
            None => self.connect().await?,
        };
        let answer = link.ask(wish, limit).await.map_err(|error| error.to_string())?;
        // A server that has no time now may have none for a while: another one may have.
        if !(is_pause(answer.0) && self.targets.len() > 1) {
            self.link = Some(link);
        }
        Ok(answer)
    }

    async fn connect(&mut self) -> Result<Link, String> {
        self.plan.book.connects.fetch_add(1, Relaxed);
        let target = &self.targets[self.chance.random_range(0..self.targets.len())];
        let linked = Link::connect(target, self.plan.args.timeout).await;
        linked.map_err(|error| format!("{target}: {error}"))
    }

    /// A fresh key: a UUIDv7, so that the server knows how old it is.
    fn key(&mut self) -> HeaderValue {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let millis = since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        let mut random = [0; 10];
        self.chance.fill_bytes(&mut random);
        let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let text = uuid.hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(text).expect("a UUID is visible ASCII")
    }
}

fn side(sold: bool) -> &'static str {
    if sold { "sell" } else { "buy" }
}
