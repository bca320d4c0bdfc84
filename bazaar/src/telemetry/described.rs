//! Every metric of every service, with what it says: for `# HELP` lines, and held against the documentation by a test.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Only grows, from the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Samples in buckets.
    Histogram,
}

use Kind::{Counter, Gauge, Histogram};

/// All of them: of every service, of replicas, of the catalog, of order replicas, of gateways.
const METRICS: &[(Kind, &str, &str)] = &[
    (Gauge, "bazaar_orders_leader", "Id of the orders leader as this service knows it; 0: nobody"),
    (Gauge, "bazaar_orders_epoch", "Epoch of the orders group as this service knows it"),
    (Gauge, "bazaar_orders_in_sync", "Order replicas that hold every acknowledged order"),
    (Gauge, "bazaar_orders_configuration_version", "Version of the orders group's configuration"),
    (Gauge, "bazaar_link_up", "1 if a link to the peer stands"),
    (Counter, "bazaar_link_messages_sent_total", "Messages handed to the link, by peer"),
    (Counter, "bazaar_link_messages_received_total", "Messages taken from the link, by peer"),
    (Counter, "bazaar_link_messages_unsent_total", "Messages lost for want of a link, by peer"),
    (Counter, "bazaar_link_overflows_total", "Links dropped because the peer did not keep up"),
    (Gauge, "bazaar_pending_inputs", "Inputs that wait for the process"),
    (Counter, "bazaar_notes_total", "Things worth a line in the log, by slug"),
    (Gauge, "process_resident_memory_bytes", "Memory that is resident"),
    (Gauge, "bazaar_role", "1 for what it does: leader, follower, member, joining and so on"),
    (Counter, "bazaar_role_changes_total", "Changes of role, by the new role"),
    (Gauge, "bazaar_epoch", "Highest epoch (term, of a catalog) the replica has adopted"),
    (Gauge, "bazaar_log_end", "Last position of the log, durable or not"),
    (Gauge, "bazaar_log_durable", "Last position that is durable here"),
    (Gauge, "bazaar_log_committed", "Last position known committed"),
    (Gauge, "bazaar_log_stored", "Last position that the store holds"),
    (Gauge, "bazaar_pending_log_writes", "Writes that wait for the log"),
    (Gauge, "bazaar_pending_store_bytes", "Bytes that wait for the store"),
    (Counter, "bazaar_log_syncs_total", "Syncs of the log"),
    (Histogram, "bazaar_log_sync_seconds", "Time of one sync of the log"),
    (Histogram, "bazaar_log_sync_records", "Writes that shared one sync of the log"),
    (Histogram, "bazaar_store_commit_seconds", "Time of one commit of the store"),
    (
        Gauge,
        "bazaar_catalog_leader",
        "Id of the catalog's leader as this replica knows it; 0: nobody",
    ),
    (Gauge, "bazaar_catalog_voters", "Catalog replicas whose disks count"),
    (Gauge, "bazaar_catalog_orders", "Orders decided; the number of the next one"),
    (Gauge, "bazaar_catalog_outbox", "Orders kept until two in-sync disks hold them"),
    (Gauge, "bazaar_catalog_keys", "Idempotency keys remembered"),
    (Gauge, "bazaar_catalog_leased_gateways", "Gateways whose caches hold a lease"),
    (Gauge, "bazaar_catalog_answers_held", "Answers held until disk and caches allow them"),
    (Gauge, "bazaar_customers_accounts", "Accounts of sellers and buyers"),
    (Gauge, "bazaar_customers_sessions", "Sessions that are not over, or not removed yet"),
    (Gauge, "bazaar_customers_purchases", "Purchases recorded"),
    (Gauge, "bazaar_customers_keys", "Idempotency keys remembered"),
    (Gauge, "bazaar_customers_wishes_waiting", "Wishes proposed here and not answered yet"),
    (Gauge, "bazaar_customers_questions_waiting", "Questions that wait for a barrier"),
    (Gauge, "bazaar_customers_in_turn", "Members that take turns in numbering"),
    (Counter, "bazaar_datagrams_sent_total", "Datagrams sent, each recipient counted"),
    (Counter, "bazaar_datagram_messages_sent_total", "Messages packed into datagrams"),
    (Counter, "bazaar_datagram_send_calls_total", "System calls that sent datagrams"),
    (Counter, "bazaar_datagrams_received_total", "Datagrams that came in, good or bad"),
    (Counter, "bazaar_datagram_messages_received_total", "Messages taken from datagrams"),
    (Counter, "bazaar_datagram_receive_calls_total", "System calls that took datagrams"),
    (Counter, "bazaar_datagrams_dropped_total", "What got no further, by cause"),
    (Gauge, "bazaar_in_sync_durable", "Last position on all in-sync disks; of the leader only"),
    (Gauge, "bazaar_peer_lag", "Positions the peer is behind; of the leader only, else 0"),
    (Counter, "bazaar_http_requests_total", "Requests answered, by route and status"),
    (Histogram, "bazaar_http_request_seconds", "Time from head to answer, by route"),
    (Gauge, "bazaar_http_connections", "Connections open"),
    (Counter, "bazaar_http_connections_turned_away_total", "Connections over a limit"),
    (Counter, "bazaar_http_connections_cut_total", "Connections cut by a timer"),
    (Counter, "bazaar_http_malformed_total", "Requests that are no HTTP"),
    (Counter, "bazaar_payment_answers_total", "Wishes answered, by operation and outcome"),
    (Gauge, "bazaar_payment_open", "Authorisations neither captured nor voided"),
    (Gauge, "bazaar_payment_waiting", "Wishes that wait for the journal"),
    (Histogram, "bazaar_payment_commit_seconds", "Time of one commit of the journal"),
    (Histogram, "bazaar_payment_commit_records", "Wishes that shared one look at the journal"),
    (Gauge, "bazaar_requests_waiting", "Trades and order reads without an answer yet"),
    (Gauge, "bazaar_leader_live", "1 if the orders leader answers and is open for business"),
    (Counter, "bazaar_resends_total", "Trades and order reads sent again"),
    (Counter, "bazaar_shed_total", "Requests refused for being too many"),
    (Counter, "bazaar_elections_proposed_total", "Proposals to elect a leader"),
    (Gauge, "bazaar_cache_entries", "Listings cached"),
    (Gauge, "bazaar_cache_lease_seconds", "Time for which the cache may still answer"),
    (Gauge, "bazaar_cache_readers_waiting", "Clients that wait for a listing from the catalog"),
    (Counter, "bazaar_cache_hits_total", "Reads answered from the cache"),
    (Counter, "bazaar_cache_misses_total", "Reads that had to ask the catalog"),
    (Counter, "bazaar_cache_fills_total", "Listings put into the cache"),
    (Counter, "bazaar_cache_evictions_total", "Listings pushed out by others"),
    (Counter, "bazaar_cache_invalidations_total", "Listings dropped on somebody's word"),
    (Counter, "bazaar_cache_log_dropped_total", "Lines that the cache log could not keep up with"),
];

/// Gives every metric its help.
pub(super) fn describe() {
    for (kind, name, help) in METRICS {
        match kind {
            Counter => describe_counter!(*name, *help),
            Gauge => describe_gauge!(*name, *help),
            Histogram => describe_histogram!(*name, *help),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_documentation_names_every_metric_and_no_other() {
        let text = include_str!("../../../docs/operations.md");
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        let cells = rows.filter_map(|line| line.split('|').nth(1)).flat_map(|c| c.split('`'));
        let names =
            cells.filter(|name| name.starts_with("bazaar_") || name.starts_with("process_"));
        let documented: BTreeSet<&str> =
            names.map(|name| name.split('{').next().unwrap_or(name)).collect();
        let known: BTreeSet<&str> = METRICS.iter().map(|(_, name, _)| *name).collect();
        assert_eq!(documented, known);
        assert_eq!(known.len(), METRICS.len(), "each once");
    }

    #[test]
    fn names_say_what_kind_they_are_of() {
        for (kind, name, _) in METRICS {
            assert_eq!(*kind == Counter, name.ends_with("_total"), "{name}");
        }
    }
}
