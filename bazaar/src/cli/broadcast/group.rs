//! The members as the client reaches them: requests out, replies back, over the same links as gateways have.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use node::message::{CustomerReply, CustomerRequest, Message};
use node::service::{ServiceId, ServiceKind};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::config::Config;
use crate::links::{Answer, InspectError, Inspector, Links, LinksConfig, Sink, StartError};
use crate::service::VISITOR;

/// How long one member is waited for: longer than the group takes to go on without one of its members.
const ANSWER: Duration = Duration::from_secs(3);

/// The links of a client.
pub(super) struct Group {
    links: Links,
    waiting: Arc<Waiting>,
    next: AtomicU64,
}

/// Who waits for which member's answer.
#[derive(Default)]
struct Waiting(Mutex<HashMap<u64, (ServiceId, oneshot::Sender<CustomerReply>)>>);

impl Sink for Waiting {
    fn deliver(&self, from: ServiceId, messages: Vec<Message>) -> bool {
        let mut waiting = self.0.lock();
        for message in messages {
            let Message::CustomersAnswer(answers) = message else { continue };
            for (id, reply) in answers {
                if waiting.get(&id).is_some_and(|(asked, _)| *asked == from)
                    && let Some((_, answer)) = waiting.remove(&id)
                {
                    // Whoever waited may have lost patience in this very moment.
                    let _ = answer.send(reply);
                }
            }
        }
        true
    }

    fn link_up(&self, _: ServiceId) {}

    /// What was asked there is not answered any more.
    fn link_down(&self, peer: ServiceId) {
        self.0.lock().retain(|_, (asked, _)| *asked != peer);
    }
}

impl Group {
    /// Links with all members of the deployment.
    pub(super) async fn link(config: &Config) -> Result<Group, StartError> {
        let members = config.services().into_iter().filter(|it| it.kind == ServiceKind::Customers);
        let address = |it| config.grpc_address(it).map(ToString::to_string).unwrap_or_default();
        let config = LinksConfig {
            us: VISITOR,
            cluster: config.cluster.clone(),
            listen: ([127, 0, 0, 1], 0).into(),
            peers: members.map(|member| (member, address(member))).collect(),
        };
        let waiting = Arc::new(Waiting::default());
        let links = Links::start(config, waiting.clone(), Arc::new(Nothing)).await?;
        Ok(Group { links, waiting, next: AtomicU64::new(1) })
    }

    /// Members to which a link stands.
    pub(super) fn linked(&self) -> Vec<ServiceId> {
        self.links.states().into_iter().filter(|(_, up)| *up).map(|(member, _)| member).collect()
    }

    /// Asks a member. `None`: it did not answer, and may have done it all the same.
    pub(super) async fn ask(
        &self,
        member: ServiceId,
        request: CustomerRequest,
    ) -> Option<CustomerReply> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.waiting.0.lock().insert(id, (member, answer));
        self.links.send(member, vec![Message::AskCustomers(vec![(id, request)])]);
        let reply = timeout(ANSWER, answered).await;
        self.waiting.0.lock().remove(&id);
        reply.ok()?.ok()
    }

    pub(super) async fn leave(&self) {
        self.links.shutdown().await;
    }
}

/// A client has nothing to be looked at.
struct Nothing;

impl Inspector for Nothing {
    fn status(&self) -> Answer<wire::inspect::Status> {
        Box::pin(async { Err(InspectError::NotKept("status")) })
    }

    fn catalog(&self) -> Answer<wire::inspect::CatalogState> {
        Box::pin(async { Err(InspectError::NotKept("listings")) })
    }

    fn orders(&self, _: u64, _: usize) -> Answer<wire::inspect::OrderPage> {
        Box::pin(async { Err(InspectError::NotKept("orders")) })
    }
}
