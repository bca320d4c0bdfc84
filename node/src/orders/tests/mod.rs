mod batches;
mod decisions;
mod drain;
mod harness;
mod outbox;
mod reads;
mod standing;
