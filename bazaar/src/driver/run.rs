//! The driver's loop.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use node::process::{Effect, Input, Now, Process};
use replication::time::{Span, Time};
use tokio::time::{Instant, sleep};

use super::mailbox::{Burst, Item};
use super::perform::Body;
use super::{Core, Doubt, Ended, Shared, clock};

/// Time between two ticks. Processes want one at least every 10 ms, and timers are late by up to 1 ms.
const TICK: Duration = Duration::from_millis(8);
/// The same on the process's clock; a little less, so that a timer that was exact still counts.
const TICK_SPAN: Span = Span::micros(7_900);
/// Inputs in one burst: enough to share one write among hundreds of clients, few enough to hold the lock for about a
/// millisecond at most.
const BURST: usize = 1_024;

/// Runs a process until it ends, then finishes its disk and tells everybody.
pub(super) async fn run<P: Process + 'static>(shared: Arc<Shared<P>>, mut body: Body) {
    let driven = Arc::clone(&shared);
    let driving = tokio::spawn(async move {
        let ended = {
            let _doubt = Doubt(&driven.mailbox);
            drive(&driven, &mut body).await
        };
        driven.mailbox.close();
        // The threads of the disk report their own panics; there is nothing else to fail in there.
        let _ = tokio::task::spawn_blocking(move || body.finish()).await;
        ended
    });
    // After a panic nothing of the last burst was performed, so nothing in doubt was promised.
    let ended = driving.await.unwrap_or(Ended::Stopped);
    shared.mailbox.close();
    // A disk that failed while finishing, or a panic: the end was not in good order after all.
    let ended = shared.mailbox.failure().map_or(ended, Ended::Halted);
    shared.ended.send_replace(Some(ended));
}

async fn drive<P: Process>(shared: &Shared<P>, body: &mut Body) -> Ended {
    let mut effects = Vec::new();
    let mut ticked = Time(0);
    let mut timer = pin!(sleep(Duration::ZERO));
    loop {
        tokio::select! {
            biased;
            () = shared.mailbox.woken() => {}
            () = &mut timer => {}
        }
        loop {
            // Everybody who is ready on this thread goes first. The runtime would otherwise run the driver right after the
            // first input, and every input would be a burst of its own.
            tokio::task::yield_now().await;
            // A disk that is behind gets no more work, but is listened to; what waits here is shed by who brings it.
            let burst = shared.mailbox.take(if body.is_behind() { 0 } else { BURST });
            let more = burst.more && !body.is_behind();
            if let Some(ended) = verdict(&burst) {
                return ended;
            }
            if let Some(stored) = burst.stored {
                shared.stored.store(stored, Ordering::Relaxed);
                body.cut_log(stored);
            }
            if let Some(replaced) = burst.replaced {
                // The log is not cut: it does not know of this yet. It is when the store has something that came after the
                // log's reset, which is durable by then.
                shared.stored.store(replaced, Ordering::Relaxed);
            }
            let now = step(shared, body, burst, &mut ticked, timer.is_elapsed(), &mut effects);
            if ticked == now.time {
                timer.as_mut().reset(Instant::now() + TICK);
            }
            let ended = body.perform(&mut effects);
            let (log_writes, store_bytes) = body.waiting();
            shared.log_writes.store(log_writes, Ordering::Relaxed);
            shared.store_bytes.store(store_bytes, Ordering::Relaxed);
            if let Some(ended) = ended {
                return ended;
            }
            if !more {
                break;
            }
        }
    }
}

/// Reasons to end that do not come from the process.
fn verdict(burst: &Burst) -> Option<Ended> {
    if let Some(why) = &burst.failed {
        return Some(Ended::Halted(why.clone()));
    }
    burst.stop.then_some(Ended::Stopped)
}

/// Feeds one burst to the process under its lock. The effects come out in the sequence in which they were asked for,
/// those of [`super::Handle::act`] included.
fn step<P: Process>(
    shared: &Shared<P>,
    body: &mut Body,
    burst: Burst,
    ticked: &mut Time,
    elapsed: bool,
    effects: &mut Vec<Effect>,
) -> Now {
    let mut core = shared.core.lock();
    let now = clock::now();
    let Core { process, stash } = &mut *core;
    std::mem::swap(stash, effects);
    if let Some(ticket) = burst.persisted {
        process.handle(now, Input::Persisted(ticket), effects);
    }
    if let Some(position) = burst.stored {
        process.handle(now, Input::Stored(position), effects);
    }
    if let Some(position) = burst.replaced {
        process.handle(now, Input::Replaced(position), effects);
    }
    for item in burst.items {
        feed(process, body, now, item, effects);
    }
    if elapsed || now.time.since(*ticked) >= TICK_SPAN {
        process.handle(now, Input::Tick, effects);
        *ticked = now.time;
    }
    process.flush(now, effects);
    now
}

fn feed<P: Process>(
    process: &mut P,
    body: &mut Body,
    now: Now,
    item: Item,
    effects: &mut Vec<Effect>,
) {
    match item {
        Item::Input(input) => process.handle(now, input, effects),
        Item::Messages(from, messages, _) => {
            for message in messages {
                process.handle(now, Input::Received { from, message }, effects);
            }
        }
        Item::Client(id, request, reply) => {
            body.expect_reply(id, reply);
            process.handle(now, Input::Client { id, request }, effects);
        }
        Item::Gone(id) => {
            if body.forget_reply(id) {
                process.handle(now, Input::ClientGone(id), effects);
            }
        }
    }
}
