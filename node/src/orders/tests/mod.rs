mod batches;
mod catalogs;
mod decisions;
mod drain;
mod harness;
mod outbox;
mod reads;
mod standing;
