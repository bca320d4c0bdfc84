//! What a process tells about itself: logs to standard error, metrics for Prometheus, the cache log.

mod cache_log;
mod described;
mod events;
mod logs;
mod metrics;
mod resident;
mod timestamp;

pub use cache_log::{CacheLog, CacheLogError};
pub use events::EventSink;
pub use logs::{LogsError, init};
pub use metrics::{LATENCY_BUCKETS, Metrics, MetricsError};
pub use resident::resident_bytes;
pub use timestamp::timestamp;
