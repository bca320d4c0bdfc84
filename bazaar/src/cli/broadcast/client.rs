//! One client: opens accounts one after the other, each at whichever member answers, and remembers what was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use market::customers::{Action, Outcome, PasswordHash, Side};
use market::name::Name;
use market::trade::Key;
use node::message::{CustomerReply, CustomerRequest};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::sleep;

use super::group::Group;
use crate::driver::clock;

/// Pause after a member that takes nothing just now.
const PAUSE: Duration = Duration::from_millis(10);

/// What all clients of a run share.
pub(super) struct Run {
    pub(super) group: Group,
    /// Makes the names and keys of this run different from those of every other one.
    pub(super) tag: u64,
    pub(super) seed: u64,
    pub(super) count: u64,
    pub(super) next: AtomicU64,
    pub(super) stop: AtomicBool,
}

/// An account that a member says was opened.
pub(super) struct Opened {
    pub(super) login: Name,
    pub(super) account: u64,
    pub(super) took: Duration,
}

/// What one client saw.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) opened: Vec<Opened>,
    /// Asked for, with an outcome that nobody told.
    pub(super) unknown: u64,
    /// Refused, which no account of a run should be.
    pub(super) refused: Vec<String>,
    /// Asked again, for want of an answer.
    pub(super) again: u64,
}

impl Run {
    /// Opens accounts until it is time to stop.
    pub(super) async fn client(self: Arc<Self>, number: u64) -> Seen {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed.wrapping_mul(1 << 16) ^ number);
        let mut seen = Seen::default();
        while !self.stop.load(Ordering::Relaxed) {
            let next = self.next.fetch_add(1, Ordering::Relaxed);
            if next >= self.count {
                break;
            }
            self.open(next, &mut random, &mut seen).await;
        }
        seen
    }

    /// The login name of the nth account.
    fn login(&self, number: u64) -> Name {
        Name::new(&format!("load-{:x}-{number}", self.tag as u32)).expect("it is short and plain")
    }

    async fn open(&self, number: u64, random: &mut ChaCha8Rng, seen: &mut Seen) {
        let login = self.login(number);
        let request = CustomerRequest::Do {
            key: Key(u128::from(self.tag) << 64 | u128::from(number)),
            born: clock::now().wall,
            action: Action::Open {
                side: Side::Buyer,
                name: login.clone(),
                login: login.clone(),
                password: PasswordHash::new("$none").expect("it has the form of one"),
            },
        };
        let began = Instant::now();
        loop {
            match self.try_once(request.clone(), random).await {
                Some(CustomerReply::Done(Outcome::Opened(account))) => {
                    return seen.opened.push(Opened { login, account, took: began.elapsed() });
                }
                Some(CustomerReply::Done(other)) => {
                    return seen.refused.push(format!("{}: {other:?}", login.as_str()));
                }
                _ if self.stop.load(Ordering::Relaxed) => return seen.unknown += 1,
                Some(CustomerReply::Busy | CustomerReply::NotHere { .. }) => sleep(PAUSE).await,
                Some(CustomerReply::Unknown | CustomerReply::Read(_)) | None => {}
            }
            seen.again += 1;
        }
    }

    async fn try_once(
        &self,
        request: CustomerRequest,
        random: &mut ChaCha8Rng,
    ) -> Option<CustomerReply> {
        let linked = self.group.linked();
        if linked.is_empty() {
            sleep(PAUSE).await;
            return None;
        }
        let member = linked[random.random_range(0..linked.len())];
        self.group.ask(member, request).await
    }
}
