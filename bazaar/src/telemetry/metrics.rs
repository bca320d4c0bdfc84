//! Metrics: counted anywhere with the `metrics` macros, read as Prometheus text by `GET /metrics`.

use std::fmt::Display;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of latency buckets, in seconds: from a cached read to the request deadline. Every histogram whose
/// name ends with `_seconds` has them.
pub const LATENCY_BUCKETS: [f64; 15] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 5.0,
];

/// Upper bounds of how many writes share one sync. Every histogram whose name ends with `_records` has them.
const RECORD_BUCKETS: [f64; 13] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0, 4_096.0, 16_384.0];

/// Samples pile up between two upkeeps, about 8 bytes each: at 50,000 requests/s this is 2 MB.
const UPKEEP: Duration = Duration::from_secs(5);

/// Why metrics cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be set up: {0}")]
pub struct MetricsError(#[from] BuildError);

/// The metrics of this process.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// Makes the `metrics` macros count here, once per process; every figure carries the service's name.
    pub fn install(service: impl Display) -> Result<Self, MetricsError> {
        let handle = builder(service)?.install_recorder()?;
        super::described::describe();
        Ok(Metrics { handle })
    }

    /// The text that `GET /metrics` answers.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Sums samples up now and then, so that memory stays bounded while nobody reads. Never returns; spawn it.
    pub async fn keep_up(self) {
        let mut tick = tokio::time::interval(UPKEEP);
        loop {
            tick.tick().await;
            self.handle.run_upkeep();
        }
    }
}

fn builder(service: impl Display) -> Result<PrometheusBuilder, BuildError> {
    let latencies = Matcher::Suffix("_seconds".to_owned());
    let records = Matcher::Suffix("_records".to_owned());
    Ok(PrometheusBuilder::new()
        .set_buckets_for_metric(latencies, &LATENCY_BUCKETS)?
        .set_buckets_for_metric(records, &RECORD_BUCKETS)?
        .add_global_label("service", service.to_string()))
}

#[cfg(test)]
mod tests {
    use node::service::ServiceId;

    use super::*;

    #[test]
    fn figures_are_rendered_with_the_service_and_latency_buckets() {
        let recorder = builder(ServiceId::gateway(2)).unwrap().build_recorder();
        let metrics = Metrics { handle: recorder.handle() };
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("bazaar_test_total").increment(3);
            metrics::histogram!("bazaar_test_seconds").record(0.003);
            metrics::histogram!("bazaar_test_records").record(3.0);
        });
        let text = metrics.render();
        assert!(text.contains("bazaar_test_total{service=\"gateway-2\"} 3"), "{text}");
        assert!(text.contains("le=\"0.005\"} 1"), "{text}");
        assert!(text.contains("le=\"4\"} 1"), "{text}");
    }
}
