//! The progress bar, on a terminal only.

use std::io::IsTerminal;
use std::sync::atomic::Ordering::Relaxed;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::TradeArgs;
use super::book::Book;

/// A progress bar, or nothing.
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Shows a bar if somebody sits there to see it.
    pub(super) fn start(args: &TradeArgs) -> Self {
        if args.json || !std::io::stderr().is_terminal() {
            return Progress(None);
        }
        let length = match (args.duration, args.expected_rounds()) {
            (Some(duration), _) => duration.as_secs(),
            (None, rounds) => rounds.unwrap_or(0),
        };
        let bar = ProgressBar::new(length);
        let template = "{elapsed_precise} {wide_bar} {pos}/{len} {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Progress(Some(bar))
    }

    /// Shows how far it is.
    pub(super) fn show(&self, book: &Book) {
        let Some(bar) = &self.0 else { return };
        let rounds = book.rounds.load(Relaxed);
        let elapsed = book.started.elapsed();
        bar.set_position(if book.expected.is_some() { rounds } else { elapsed.as_secs() });
        let rate = rounds as f64 / elapsed.as_secs_f64().max(1e-6);
        let orders = book.traded.load(Relaxed);
        let wrong = book.errors.load(Relaxed) + book.mismatches.load(Relaxed);
        bar.set_message(format!("{rate:.0} rounds/s, {orders} orders, {wrong} wrong"));
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
