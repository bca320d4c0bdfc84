//! The ways from member to member: the product's own links, and its datagrams for whoever speaks by them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bazaar::datagrams::{Bound, Datagrams, JUMBO_BYTES, Key, Life, Loss, Settings};
use bazaar::driver::{self, Inbox, InputSender};
use bazaar::links::{Links, LinksConfig, Sink};
use bazaar::service::{ByDatagram, FromDatagrams};
use node::message::Message;
use node::service::ServiceId;

use super::engine::{self, Kind};
use super::inspector::Nothing;
use super::member::MemberOptions;

const CLUSTER: &str = "bench";

struct ToMailbox(InputSender);

impl Sink for ToMailbox {
    fn deliver(&self, from: ServiceId, messages: Vec<Message>) -> bool {
        self.0.deliver(from, messages)
    }

    fn link_up(&self, peer: ServiceId) {
        self.0.link_up(peer);
    }

    fn link_down(&self, peer: ServiceId) {
        self.0.link_down(peer);
    }
}

struct ToLinks(Arc<Links>);

impl driver::Links for ToLinks {
    fn send(&self, to: ServiceId, messages: Vec<Message>) {
        self.0.send(to, messages);
    }
}

/// Opens the ways of one member; what comes in goes to its inbox.
pub(super) async fn open(
    options: &MemberOptions,
    inbox: &Inbox,
) -> anyhow::Result<Arc<dyn driver::Links>> {
    let mailbox = Arc::new(ToMailbox(inbox.sender()));
    let links = Arc::new(Links::start(links(options), mailbox, Arc::new(Nothing)).await?);
    links.set_open(true).await;
    if options.engine != Kind::RotatingSequencer {
        return Ok(Arc::new(ToLinks(links)));
    }
    let datagrams = datagrams(options, FromDatagrams::new(inbox.sender()))?;
    Ok(Arc::new(ByDatagram::new(links, datagrams, options.ports.len() - 1)))
}

fn links(options: &MemberOptions) -> LinksConfig {
    let peers = others(options).map(|(id, at)| (ServiceId::customers(id), at.to_string()));
    LinksConfig {
        us: ServiceId::customers(options.id),
        cluster: CLUSTER.to_owned(),
        listen: address(options.ports[usize::from(options.id) - 1]),
        peers: peers.collect::<BTreeMap<_, _>>(),
    }
}

/// Sealed as in a deployment whose members are all on one machine.
fn datagrams(options: &MemberOptions, sink: FromDatagrams) -> anyhow::Result<Arc<Datagrams>> {
    let bound = Bound::bind(address(options.ports[usize::from(options.id) - 1]))?;
    let replication::rotating_sequencer::Life { incarnation, boot } = engine::LIFE;
    let settings = Settings {
        us: options.id,
        life: Life { incarnation, boot },
        key: Key::derive(CLUSTER, b"nobody else listens on loopback"),
        members: (1..=options.ports.len() as u8).collect(),
        bytes: JUMBO_BYTES,
        loss: Loss::default(),
    };
    let datagrams = Datagrams::start(bound, settings, sink)?;
    others(options).for_each(|(id, at)| datagrams.reach(id, at));
    Ok(Arc::new(datagrams))
}

fn others(options: &MemberOptions) -> impl Iterator<Item = (u8, SocketAddr)> + '_ {
    let all = (1..).zip(&options.ports).filter(|(id, _)| *id != options.id);
    all.map(|(id, port)| (id, address(*port)))
}

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}
