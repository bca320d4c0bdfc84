//! What a process tells about itself: logs to standard error, metrics for Prometheus, the cache log.

mod cache_log;
mod events;
mod logs;
mod metrics;
mod timestamp;

pub use cache_log::{CacheLog, CacheLogError};
pub use events::EventSink;
pub use logs::{LogsError, init};
pub use metrics::{LATENCY_BUCKETS, Metrics, MetricsError};
pub use timestamp::timestamp;
