//! The event queue: by virtual time, ties by the order of scheduling, so that a run is a function of its seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Bits of a heap's entry that name a slot; those above count the scheduling, and the upper half is the time.
const SLOT_BITS: u32 = 24;
const SLOTS: usize = 1 << SLOT_BITS;
const SEQUENCES: u64 = 1 << (64 - SLOT_BITS);

/// Events by time.
pub struct Queue<E> {
    /// One number each: time, then sequence, then slot. One comparison of numbers is what most of the heap's work is.
    heap: BinaryHeap<Reverse<u128>>,
    slots: Vec<Option<E>>,
    free: Vec<u32>,
    sequence: u64,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Queue { heap: BinaryHeap::new(), slots: Vec::new(), free: Vec::new(), sequence: 0 }
    }
}

impl<E> Queue<E> {
    /// Schedules an event.
    pub fn push(&mut self, at: u64, event: E) {
        // Events live in slots, so that the heap only moves one number.
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(event);
                slot
            }
            None => {
                self.slots.push(Some(event));
                (self.slots.len() - 1) as u32
            }
        };
        assert!((slot as usize) < SLOTS && self.sequence < SEQUENCES - 1, "a world is smaller");
        self.sequence += 1;
        let place = self.sequence << SLOT_BITS | u64::from(slot);
        self.heap.push(Reverse(u128::from(at) << 64 | u128::from(place)));
    }

    /// The next event and its time.
    pub fn pop(&mut self) -> Option<(u64, E)> {
        let Reverse(entry) = self.heap.pop()?;
        let slot = entry as usize & (SLOTS - 1);
        self.free.push(slot as u32);
        let event = self.slots[slot].take().expect("a queued slot holds its event");
        Some(((entry >> 64) as u64, event))
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;

    #[test]
    fn by_time_then_by_order_of_scheduling() {
        let mut queue = Queue::default();
        for (at, name) in [(5, "d"), (1, "a"), (5, "e"), (3, "b"), (3, "c")] {
            queue.push(at, name);
        }
        let mut seen = Vec::new();
        while let Some((_, name)) = queue.pop() {
            seen.push(name);
            if name == "a" {
                queue.push(5, "f");
            }
        }
        assert_eq!(seen, ["a", "b", "c", "d", "e", "f"]);
    }
}
