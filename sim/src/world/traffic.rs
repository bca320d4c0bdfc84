//! Clients at work: turns, requests, answers, impatience.

use node::gateway::{ClientRequest, ClientResponse};
use node::process::{Input, RequestId};
use node::service::ServiceId;

use super::{Event, World};
use crate::invariants::Violation;

impl World<'_> {
    pub(super) fn turn(&mut self, client: usize) {
        // Clients have honest clocks: a key from the future cannot be told from one without a time.
        let wall = super::clock::honest_wall(self.now);
        let asked = self.clients.turn(&mut self.rng, self.now, client, wall, &mut self.marks);
        let Some(ask) = asked else { return };
        let Some(host) = self.layout.place(ServiceId::gateway(ask.gateway)) else { return };
        self.trace.line(self.now, || {
            format!("client {client} asks gateway-{} #{} {:?}", ask.gateway, ask.id, ask.request)
        });
        let at = self.now + self.rng.between(30, 400);
        self.queue.push(at, Event::Request { host, id: ask.id, request: ask.request });
    }

    pub(super) fn request(&mut self, host: usize, id: RequestId, request: ClientRequest) {
        if self.hosts[host].is_up() {
            self.push_input(host, Input::Client { id, request });
            return;
        }
        let response = ClientResponse::Unavailable { reason: "nobody listens" };
        let at = self.now + self.rng.between(50, 500);
        self.queue.push(at, Event::Response { id, response });
    }

    pub(super) fn response(
        &mut self,
        id: RequestId,
        response: ClientResponse,
    ) -> Result<(), Violation> {
        let heard = self.clients.answered(&mut self.rng, self.now, id, response, &mut self.marks);
        let heard = heard.map_err(|detail| self.violation("answers_fit_questions", detail))?;
        let Some((client, content)) = heard else { return Ok(()) };
        let wait = match content {
            true => self.rng.exponential(self.clients.think()),
            false => self.rng.between(5_000, 60_000),
        };
        self.queue.push(self.now + 10 + wait, Event::Turn { client });
        Ok(())
    }

    /// Clients that waited too long go away, not knowing.
    pub(super) fn patience(&mut self) {
        for (id, gateway) in self.clients.impatient(self.now) {
            self.marks.hit("clients that lost patience");
            if let Some(host) = self.layout.place(ServiceId::gateway(gateway)) {
                self.push_input(host, Input::ClientGone(id));
            }
            self.queue.push(self.now, Event::Response { id, response: ClientResponse::Unknown });
        }
        self.queue.push(self.now + 250_000, Event::Patience);
    }
}
