//! What happened to the services of one `bazaar up`.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;
use std::sync::Arc;

use node::service::ServiceId;
use parking_lot::Mutex;

/// What happened to one service, or to all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Deaths by a kill that was asked for.
    pub kills: u64,
    /// Ends by itself.
    pub crashes: u64,
    /// Tries to start it that failed.
    pub failed_starts: u64,
    /// Starts after the first.
    pub restarts: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.kills += other.kills;
        self.crashes += other.crashes;
        self.failed_starts += other.failed_starts;
        self.restarts += other.restarts;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { kills, crashes, failed_starts, restarts } = self;
        write!(f, "{kills} killed on purpose, {crashes} crashed, {restarts} started again")?;
        if *failed_starts > 0 {
            write!(f, ", {failed_starts} not started")?;
        }
        Ok(())
    }
}

/// What happened to each service; shared by their keepers.
#[derive(Clone, Debug, Default)]
pub(super) struct Tallies(Arc<Mutex<BTreeMap<ServiceId, Tally>>>);

impl Tallies {
    /// Notes something that happened to a service.
    pub(super) fn note(&self, service: ServiceId, what: impl FnOnce(&mut Tally)) {
        what(self.0.lock().entry(service).or_default());
    }

    /// All together.
    pub(super) fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.0.lock().values().for_each(|tally| total += *tally);
        total
    }

    /// For a person: everything together, then each service to which something happened.
    pub(super) fn summary(&self) -> String {
        let mut text = format!("services: {}", self.total());
        for (service, tally) in &*self.0.lock() {
            text.push_str(&format!("\n  {:<12}{tally}", service.to_string()));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_counts_all_and_names_those_to_whom_something_happened() {
        let tallies = Tallies::default();
        assert_eq!(tallies.summary(), "services: 0 killed on purpose, 0 crashed, 0 started again");
        for service in [ServiceId::orders(3), ServiceId::orders(3), ServiceId::catalog(1)] {
            tallies.note(service, |tally| tally.kills += 1);
            tallies.note(service, |tally| tally.restarts += 1);
        }
        tallies.note(ServiceId::catalog(1), |tally| tally.failed_starts += 1);
        assert_eq!(
            tallies.summary(),
            "services: 3 killed on purpose, 0 crashed, 3 started again, 1 not started\n  \
             catalog-1   1 killed on purpose, 0 crashed, 1 started again, 1 not started\n  \
             orders-3    2 killed on purpose, 0 crashed, 2 started again"
        );
    }
}
