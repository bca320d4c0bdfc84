//! Turns what a process reports into logs and figures.

use market::trade::WallTime;
use node::gateway::CacheEvent;
use node::process::Event;
use node::service::ServiceId;
use replication::contract::{Changed, Role};
use replication::register::Configuration;

use super::cache_log::CacheLog;

/// Takes the events of one process, after [`super::Metrics::install`].
pub struct EventSink {
    service: ServiceId,
    cache_log: Option<CacheLog>,
}

impl EventSink {
    /// A sink for the events of `service`.
    pub fn new(service: ServiceId, cache_log: Option<CacheLog>) -> Self {
        EventSink { service, cache_log }
    }

    /// Takes one event. Never waits.
    pub fn event(&self, time: WallTime, event: &Event) {
        match event {
            Event::Cache(event) => self.cache(time, event),
            Event::Role(changed) => self.role(changed),
            Event::Configuration(configuration) => self.configuration(configuration),
            Event::Note { slug, detail } => {
                metrics::counter!("bazaar_notes_total", "slug" => *slug).increment(1);
                tracing::info!(service = %self.service, slug, "{detail}");
            }
        }
    }

    /// Only with a cache log: the gateway counts what its cache does itself.
    fn cache(&self, time: WallTime, event: &CacheEvent) {
        if let Some(log) = &self.cache_log {
            log.note(time, event);
        }
    }

    fn role(&self, changed: &Changed) {
        let role = match changed.role {
            Role::Leader => "leader",
            Role::Follower => "follower",
            Role::Joining => "joining",
            Role::Member => "member",
        };
        metrics::counter!("bazaar_role_changes_total", "role" => role).increment(1);
        let (epoch, cause) = (changed.epoch, changed.cause);
        tracing::info!(service = %self.service, role, epoch, cause, "role changed");
    }

    fn configuration(&self, configuration: &Configuration) {
        tracing::info!(
            service = %self.service,
            version = configuration.version,
            epoch = configuration.epoch,
            leader = configuration.leader,
            in_sync = ?configuration.in_sync,
            "the configuration of the orders group changed"
        );
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn events_become_figures() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            let sink = EventSink::new(ServiceId::orders(1), None);
            let cause = "elected";
            sink.event(WallTime(0), &Event::Role(Changed { role: Role::Leader, epoch: 4, cause }));
            sink.event(WallTime(0), &Event::Note { slug: "test", detail: "x".to_owned() });
        });
        let text = handle.render();
        for line in
            ["bazaar_role_changes_total{role=\"leader\"} 1", "bazaar_notes_total{slug=\"test\"} 1"]
        {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
