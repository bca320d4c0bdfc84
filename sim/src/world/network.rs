//! The network: what becomes of a message, and which links stand.
//!
//! Each direction of each pair has its own fate: delay, loss, doubling, overtaking, one-way blocks. A link is what the
//! services' connection would be; it breaks with its process and sometimes under a partition, and then both ends may be told.

use crate::rng::Rng;

/// How the network treats messages.
#[derive(Clone, Debug)]
pub struct NetKnobs {
    /// Least delay, in µs.
    pub base: u64,
    /// Mean of the exponential part of the delay, in µs.
    pub jitter: u64,
    /// Share of messages that are delayed by up to `spike_max` more.
    pub spike: f64,
    /// In µs.
    pub spike_max: u64,
    /// Share of messages lost.
    pub loss: f64,
    /// Share of messages doubled.
    pub duplicate: f64,
    /// Messages of one direction keep their order, as on a real stream.
    pub fifo: bool,
    /// Share of broken links that are noticed within milliseconds; the rest only when they stand again.
    pub notice: f64,
}

impl NetKnobs {
    /// A good network: what remains after healing.
    pub fn healed(&self) -> NetKnobs {
        NetKnobs {
            base: self.base.min(500),
            jitter: self.jitter.min(500),
            spike: 0.0,
            spike_max: 0,
            loss: 0.0,
            duplicate: 0.0,
            fifo: self.fifo,
            notice: 1.0,
        }
    }
}

/// The connection of a pair.
#[derive(Clone, Copy, Debug, Default)]
struct Link {
    stands: bool,
    /// Grows whenever the link breaks.
    generation: u32,
    /// A dial is scheduled.
    dialing: bool,
}

/// All links and their present troubles.
pub struct Network {
    knobs: NetKnobs,
    size: usize,
    /// Number of blocks that lie on a direction; several faults may overlap.
    blocks: Vec<u16>,
    latest: Vec<u64>,
    links: Vec<Link>,
}

/// What becomes of one message: arrival times of no, one or two copies.
pub type Fate = [Option<u64>; 2];

impl Network {
    /// A network of so many hosts, no link standing.
    pub fn new(size: usize, knobs: NetKnobs) -> Self {
        let cells = size * size;
        Network {
            knobs,
            size,
            blocks: vec![0; cells],
            latest: vec![0; cells],
            links: vec![Link::default(); cells],
        }
    }

    /// Decides what becomes of a message sent now.
    pub fn send(&mut self, rng: &mut Rng, now: u64, from: usize, to: usize) -> Fate {
        let cell = self.cell(from, to);
        if self.blocks[cell] > 0 || rng.chance(self.knobs.loss) {
            return [None, None];
        }
        let first = self.arrival(rng, now, cell);
        let second = rng.chance(self.knobs.duplicate).then(|| self.arrival(rng, now, cell));
        [Some(first), second]
    }

    fn arrival(&mut self, rng: &mut Rng, now: u64, cell: usize) -> u64 {
        let mut delay = self.knobs.base + rng.exponential(self.knobs.jitter);
        if rng.chance(self.knobs.spike) {
            delay += rng.between_log(1_000, self.knobs.spike_max);
        }
        let mut at = now + delay;
        if self.knobs.fifo {
            at = at.max(self.latest[cell] + 1);
            self.latest[cell] = at;
        }
        at
    }

    /// Blocks one direction; blocks add up.
    pub fn block(&mut self, from: usize, to: usize) {
        let cell = self.cell(from, to);
        self.blocks[cell] += 1;
    }

    /// Takes one block away.
    pub fn unblock(&mut self, from: usize, to: usize) {
        let cell = self.cell(from, to);
        self.blocks[cell] = self.blocks[cell].saturating_sub(1);
    }

    /// Is either direction blocked?
    pub fn is_blocked(&self, a: usize, b: usize) -> bool {
        self.blocks[self.cell(a, b)] > 0 || self.blocks[self.cell(b, a)] > 0
    }

    /// Ends all troubles.
    pub fn heal(&mut self) {
        self.blocks.fill(0);
        self.knobs = self.knobs.healed();
    }

    /// Will the break of a link be noticed soon?
    pub fn noticed(&self, rng: &mut Rng) -> bool {
        rng.chance(self.knobs.notice)
    }

    /// Does the link stand?
    pub fn stands(&self, a: usize, b: usize) -> bool {
        self.links[self.pair(a, b)].stands
    }

    /// Which link this is; a message of an earlier one may be lost.
    pub fn generation(&self, a: usize, b: usize) -> u32 {
        self.links[self.pair(a, b)].generation
    }

    /// The link stands from now on.
    pub fn raise(&mut self, a: usize, b: usize) {
        let pair = self.pair(a, b);
        self.links[pair].stands = true;
        self.links[pair].dialing = false;
    }

    /// Breaks the link; says whether it stood.
    pub fn cut(&mut self, a: usize, b: usize) -> bool {
        let pair = self.pair(a, b);
        let stood = self.links[pair].stands;
        self.links[pair].stands = false;
        self.links[pair].generation += u32::from(stood);
        stood
    }

    /// Takes the right to dial this pair; false if somebody dials already or the link stands.
    pub fn start_dialing(&mut self, a: usize, b: usize) -> bool {
        let pair = self.pair(a, b);
        let free = !self.links[pair].dialing && !self.links[pair].stands;
        self.links[pair].dialing |= free;
        free
    }

    fn cell(&self, from: usize, to: usize) -> usize {
        from * self.size + to
    }

    fn pair(&self, a: usize, b: usize) -> usize {
        a.min(b) * self.size + a.max(b)
    }
}

#[cfg(test)]
mod tests {
    use super::{NetKnobs, Network};
    use crate::rng::Rng;

    fn knobs() -> NetKnobs {
        NetKnobs {
            base: 100,
            jitter: 400,
            spike: 0.05,
            spike_max: 1_000_000,
            loss: 0.2,
            duplicate: 0.3,
            fifo: false,
            notice: 0.5,
        }
    }

    #[test]
    fn loses_doubles_and_reorders() {
        let (mut net, mut rng) = (Network::new(3, knobs()), Rng::new(5, 0));
        let (mut lost, mut doubled, mut overtaken, mut last) = (0, 0, 0, 0);
        for now in 0..2_000u64 {
            let [first, second] = net.send(&mut rng, now, 0, 1);
            lost += u32::from(first.is_none());
            doubled += u32::from(second.is_some());
            if let Some(at) = first {
                assert!(at >= now + 100);
                overtaken += u32::from(at < last);
                last = at;
            }
        }
        assert!((300..500).contains(&lost), "{lost}");
        assert!((380..600).contains(&doubled), "{doubled}");
        assert!(overtaken > 300, "{overtaken}");
    }

    #[test]
    fn blocks_are_one_way_and_add_up() {
        let quiet = NetKnobs { loss: 0.0, ..knobs() };
        let (mut net, mut rng) = (Network::new(3, quiet), Rng::new(5, 0));
        net.block(0, 1);
        net.block(0, 1);
        net.unblock(0, 1);
        assert_eq!(net.send(&mut rng, 0, 0, 1)[0], None);
        assert!(net.send(&mut rng, 0, 1, 0)[0].is_some());
        assert!(net.is_blocked(1, 0));
        net.unblock(0, 1);
        assert!(net.send(&mut rng, 0, 0, 1)[0].is_some());
    }

    #[test]
    fn fifo_keeps_the_order() {
        let (mut net, mut rng) =
            (Network::new(2, NetKnobs { fifo: true, ..knobs() }), Rng::new(9, 0));
        let mut last = 0;
        for now in 0..500 {
            for at in net.send(&mut rng, now, 0, 1).into_iter().flatten() {
                assert!(at > last);
                last = at;
            }
        }
    }

    #[test]
    fn one_dial_at_a_time() {
        let mut net = Network::new(2, knobs());
        assert!(net.start_dialing(1, 0));
        assert!(!net.start_dialing(0, 1));
        net.raise(0, 1);
        assert!(net.stands(1, 0) && !net.start_dialing(0, 1));
        assert!(net.cut(0, 1) && !net.cut(0, 1));
        assert_eq!(net.generation(0, 1), 1);
        assert!(net.start_dialing(0, 1));
    }
}
