//! A member of the customers' group as a service: links as everybody has them, and datagrams among the members.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use node::customers::{CustomersConfig, CustomersProcess};
use node::service::{ServiceId, ServiceKind};
use replication::contract::Role;
use tokio::time::MissedTickBehavior;

use super::by_datagram::{ByDatagram, FromDatagrams};
use super::figures::Figures;
use super::inspect::CustomersInspector;
use super::stop::Stop;
use super::watch::Watch;
use super::wiring::{Later, Running};
use super::{DRAIN, ServiceError, draw_seed, links_config, open_data, resolve, tell};
use crate::config::{Address, Config, Replica, ServiceArgs, read_secret};
use crate::datagrams::{Bound, Datagrams, Key, Life, Loss, Settings};
use crate::driver::{Disk, Handle, InputSender, clock};
use crate::links::Links;
use crate::storage::Opened;
use crate::storage::store::WriterOptions;
use crate::telemetry::{EventSink, Metrics};

/// Time between two looks at where the others are: a container that was started anew may have another address.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

pub(super) async fn serve(
    config: &Config,
    service: ServiceId,
    args: &ServiceArgs,
    mut stop: Stop,
) -> Result<(), ServiceError> {
    let metrics = Metrics::install(service)?;
    tokio::spawn(metrics.clone().keep_up());
    let secret = read_secret(&config.customers)?;
    let Some(opened) = open_data(config, service, args.fresh, &mut stop).await? else {
        return Ok(());
    };
    let watch = Watch::bind(config, service).await?;
    let sink = EventSink::new(service, None);
    tell(&sink, &opened.notes);
    let settings = datagram_settings(config, service, &secret, &opened, args)?;
    let (running, datagrams) = start(config, service, opened, settings, sink).await?;
    let (handle, links) = (running.handle.clone(), running.links.clone());
    let figures = Figures { handle: handle.clone(), links: links.clone(), metrics };
    let tally = datagrams.tally().clone();
    let _server = watch.serve(move || figures.customers(&tally), move || ready(&handle, &links))?;
    let looking = tokio::spawn(find_others(config.clone(), service, datagrams));
    let ended = running.until_stopped(stop, DRAIN, async {}).await;
    looking.abort();
    ended
}

/// Takes the ports, and starts the process with both ways to the others.
async fn start(
    config: &Config,
    service: ServiceId,
    opened: Opened,
    settings: Settings,
    sink: EventSink,
) -> Result<(Running<CustomersProcess>, Arc<Datagrams>), ServiceError> {
    let us = config.replica(service).expect("the service was looked up in this configuration");
    let bound = bind(&us.binds_datagrams_at())?;
    let process = CustomersProcess::start(
        process_settings(config, service, draw_seed()?),
        clock::now(),
        opened.boot,
        opened.incarnation,
        opened.recovered,
        opened.rows,
    )?;
    let (seat, group) = (Later::default(), Later::default());
    let inspector =
        Arc::new(CustomersInspector::new(config, service, opened.incarnation, &seat, &group));
    let disk = Disk { log: opened.log, store: opened.store, writer: WriterOptions::default() };
    let others = config.customers.replicas.len() - 1;
    let way = |links: Arc<Links>, inputs: InputSender| {
        let datagrams = Arc::new(Datagrams::start(bound, settings, FromDatagrams::new(inputs))?);
        group.get_or_init(|| datagrams.clone());
        Ok(Arc::new(ByDatagram::new(links, datagrams, others)) as _)
    };
    let links = links_config(config, service)?;
    let running = Running::start_with(links, sink, inspector, process, Some(disk), way).await?;
    seat.get_or_init(|| (running.handle.clone(), running.links.clone()));
    let datagrams = group.get().expect("the way through it was made").clone();
    Ok((running, datagrams))
}

/// It takes requests: whoever restarts members one by one waits for this.
fn ready(handle: &Handle<CustomersProcess>, links: &Links) -> Result<(), &'static str> {
    if !links.is_open() {
        return Err("the service is starting or stopping");
    }
    match handle.with(|process| process.role()) {
        Role::Leader | Role::Member => Ok(()),
        _ => Err("the member does not take part in its group"),
    }
}

fn process_settings(config: &Config, service: ServiceId, seed: u64) -> CustomersConfig {
    let members = config.customers.replicas.iter().map(|member| member.id).collect();
    CustomersConfig { seed, ..CustomersConfig::new(service.id, members) }
}

fn datagram_settings(
    config: &Config,
    service: ServiceId,
    secret: &[u8],
    opened: &Opened,
    args: &ServiceArgs,
) -> Result<Settings, ServiceError> {
    let loss = match args.drop {
        Some(share) => {
            tracing::warn!(%service, share, "datagrams are lost on purpose");
            Loss::new(share, args.drop_seed.map_or_else(draw_seed, Ok)?)
        }
        None => Loss::default(),
    };
    Ok(Settings {
        us: service.id,
        life: Life { incarnation: opened.incarnation, boot: opened.boot },
        key: Key::derive(&config.cluster, secret),
        members: config.customers.replicas.iter().map(|member| member.id).collect(),
        bytes: config.customers.largest_datagram(),
        loss,
    })
}

fn bind(address: &Address) -> Result<Bound, ServiceError> {
    let bound = Bound::bind(resolve(address)?);
    bound.map_err(|source| ServiceError::System {
        what: format!("cannot take datagrams on {address}"),
        source,
    })
}

/// Tells the datagrams where the others are, again and again. A name that leads nowhere just now may later.
async fn find_others(config: Config, us: ServiceId, datagrams: Arc<Datagrams>) {
    let mut again = tokio::time::interval(LOOK_AGAIN);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        again.tick().await;
        for member in config.customers.replicas.iter().filter(|member| member.id != us.id) {
            match find(member).await {
                Some(address) => datagrams.reach(member.id, address),
                None => {
                    let name = ServiceId { kind: ServiceKind::Customers, id: member.id };
                    tracing::debug!(member = %name, "its datagrams lead nowhere just now");
                }
            }
        }
    }
}

async fn find(member: &Replica) -> Option<SocketAddr> {
    let at = member.takes_datagrams_at();
    tokio::net::lookup_host((at.host(), at.port())).await.ok()?.next()
}
