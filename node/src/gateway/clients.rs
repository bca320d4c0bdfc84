//! The gateway's side towards clients.

use market::listing::{Kind, Listing};
use market::name::Name;
use replication::time::Time;

use super::leader::Verdict;
use super::routing::Work;
use super::{ClientRequest, ClientResponse, Drain, GatewayProcess};
use crate::process::{Effect, RequestId};

impl GatewayProcess {
    pub(super) fn client(
        &mut self,
        now: Time,
        id: RequestId,
        request: ClientRequest,
        effects: &mut Vec<Effect>,
    ) {
        let response = match request {
            ClientRequest::Listing { name, kind } => {
                self.client_listing(now, id, &name, kind, effects)
            }
            ClientRequest::Trade(trade) => self.client_errand(now, id, Work::Trade(trade)),
            ClientRequest::Order(number) => self.client_errand(now, id, Work::Order(number)),
            ClientRequest::Leader => Some(self.client_leader(now)),
            ClientRequest::Ready => Some(self.client_ready(now)),
            ClientRequest::Invalidate(name) => {
                let existed = self.cache.remove(&name, effects);
                Some(ClientResponse::Invalidated { existed })
            }
        };
        if let Some(response) = response {
            effects.push(Effect::Reply { id, response });
        }
    }

    pub(super) fn client_gone(&mut self, id: RequestId) {
        self.errands.forget(id);
        self.cache.forget(id);
    }

    /// Tells the clients that waited for a listing.
    pub(super) fn answer_readers(
        readers: Vec<(RequestId, Kind)>,
        listing: Option<&Listing>,
        effects: &mut Vec<Effect>,
    ) {
        for (id, kind) in readers {
            effects.push(Effect::Reply { id, response: of_kind(listing, kind) });
        }
    }

    fn client_listing(
        &mut self,
        now: Time,
        id: RequestId,
        name: &Name,
        kind: Kind,
        effects: &mut Vec<Effect>,
    ) -> Option<ClientResponse> {
        if let Some(listing) = self.cache.hit(now, name, None, effects) {
            return Some(of_kind(Some(listing), kind));
        }
        let deadline = now + self.config.request_deadline;
        let waits = self.cache.wait(now, id, (name, kind), deadline, effects);
        (!waits).then(|| self.shed())
    }

    fn client_errand(&mut self, now: Time, id: RequestId, work: Work) -> Option<ClientResponse> {
        let taken = self.errands.add(id, work, now + self.config.request_deadline);
        (!taken).then(|| self.shed())
    }

    fn shed(&mut self) -> ClientResponse {
        self.shed += 1;
        ClientResponse::Busy
    }

    fn client_leader(&self, now: Time) -> ClientResponse {
        if self.verdict(now) == Verdict::Live {
            return ClientResponse::Leader(self.belief.configuration().clone());
        }
        ClientResponse::Unavailable { reason: "no leader of the orders answers" }
    }

    fn client_ready(&self, now: Time) -> ClientResponse {
        let unavailable = |reason| ClientResponse::Unavailable { reason };
        if self.drain != Drain::No {
            return unavailable("this gateway is about to stop");
        }
        if self.verdict(now) != Verdict::Live {
            return unavailable("no leader of the orders answers");
        }
        let leased = self.cache.lease_stands(now) == Some(true);
        if !leased && self.links.catalog().is_none() {
            return unavailable("no catalog can be reached");
        }
        ClientResponse::Ready
    }
}

fn of_kind(listing: Option<&Listing>, kind: Kind) -> ClientResponse {
    match listing.filter(|listing| listing.kind == kind) {
        Some(listing) => ClientResponse::Listing(listing.clone()),
        None => ClientResponse::NoListing,
    }
}
