//! The event queue: by virtual time, ties by the order of scheduling, so that a run is a function of its seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Events by time.
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
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
        // Events live in slots, so that the heap only moves three small numbers.
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
        self.sequence += 1;
        self.heap.push(Reverse((at, self.sequence, slot)));
    }

    /// The next event and its time.
    pub fn pop(&mut self) -> Option<(u64, E)> {
        let Reverse((at, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        let event = self.slots[slot as usize].take().expect("a queued slot holds its event");
        Some((at, event))
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
