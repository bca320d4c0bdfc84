//! Directed starts: prepared situations that random faults reach too seldom.
//!
//! Each is a short script of faults played against a world that trades normally; the state it leads to is then judged
//! like any other.

use crate::rng::Rng;
use crate::scenario::{Group, Scenario};
use crate::world::faults::{Action, Target};

/// A prepared situation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directed {
    /// The replica with the highest id is away while trims go on; it comes back just when the other two die.
    HighestLeftBehind,
    /// Any replica is away for long, then the leader dies, then the last one.
    OneAfterTheOther,
    /// The in-sync set has two members when its leader dies.
    SetOfTwo,
    /// The leader can still hear everybody, but not reach the catalog.
    LeaderCutFromCatalog,
    /// The catalog can not reach the leader.
    CatalogCutFromLeader,
    /// A gateway sleeps past its lease while the others trade, again and again.
    GatewayPausedPastLease,
    /// A gateway is cut off from the catalog one way, and clients go on reading through it.
    GatewayCutOneWay,
    /// The catalog is killed again and again while it decides.
    CatalogKilled,
    /// A replica comes back with an empty disk; then the leader dies.
    NewDisk,
    /// One replica alone for long; then the others come back, and it dies.
    SoleSurvivor,
    /// The leader sleeps, is replaced, and wakes up.
    LeaderSleeps,
    /// The power goes, everywhere, twice.
    PowerCuts,
    /// The leader hands over in good order, several times in a row.
    Drains,
    /// Followers' disks are very slow, then the leader dies.
    SlowFollowers,
    /// The catalog that leads sleeps past its leases and its reign, and wakes up while another one leads.
    CatalogLeaderSleeps,
    /// The catalog that leads and one gateway see each other, but not the other catalogs; all others see these alone. Often the
    /// leader sleeps meanwhile.
    CatalogLeaderLeftBehind,
    /// The catalog that leads cannot reach the others, or they cannot reach it.
    CatalogLeaderCutOneWay,
    /// A catalog was away for longer than the log goes back; while it is sent a snapshot, leaders change.
    SnapshotWhileLeadersChange,
    /// The catalog hands over in good order, under load.
    CatalogHandOvers,
    /// A catalog's disk is lost, then the leader dies.
    CatalogDiskLost,
    /// Members come and go while leaders die.
    MembersChange,
    /// Many trades of one listing are refused while a gateway hears nothing from the catalog: what a refusal tells, that
    /// gateway's cache must not contradict.
    Refusals,
}

/// All of them.
pub const ALL: [Directed; 22] = [
    Directed::HighestLeftBehind,
    Directed::OneAfterTheOther,
    Directed::SetOfTwo,
    Directed::LeaderCutFromCatalog,
    Directed::CatalogCutFromLeader,
    Directed::GatewayPausedPastLease,
    Directed::GatewayCutOneWay,
    Directed::CatalogKilled,
    Directed::NewDisk,
    Directed::SoleSurvivor,
    Directed::LeaderSleeps,
    Directed::PowerCuts,
    Directed::Drains,
    Directed::SlowFollowers,
    Directed::CatalogLeaderSleeps,
    Directed::CatalogLeaderLeftBehind,
    Directed::CatalogLeaderCutOneWay,
    Directed::SnapshotWhileLeadersChange,
    Directed::CatalogHandOvers,
    Directed::CatalogDiskLost,
    Directed::MembersChange,
    Directed::Refusals,
];

/// One step of a script.
#[derive(Clone, Debug)]
pub struct Step {
    /// When, in µs.
    pub at: u64,
    /// What.
    pub action: Action,
}

/// Turns a scenario into a directed one.
pub fn prepare(scenario: &mut Scenario, rng: &mut Rng) {
    // Stale caches show themselves only to whoever reads at the right moment: their situations come up more often.
    let directed = match rng.chance(0.25) {
        true => *rng.pick(&[Directed::GatewayCutOneWay, Directed::Refusals]),
        false => *rng.pick(&ALL),
    };
    if needs_three(directed) {
        scenario.orders = 3;
    }
    if needs_group(directed) {
        let spares = u8::from(directed == Directed::MembersChange);
        let tail = *rng.pick(&[4, 16, 60]);
        let ledger = rng.chance(0.7);
        scenario.group = Group { members: 3, spares, elects: true, tail, ledger };
    }
    if needs_two_gateways(directed) {
        scenario.gateways = 2;
        scenario.cache_size = scenario.cache_size.max(1);
        scenario.clients_knobs.trades = scenario.clients_knobs.trades.min(0.6);
    }
    if rng.chance(0.5) {
        scenario.faults.silence();
    }
    scenario.clients_knobs.trades = scenario.clients_knobs.trades.max(0.2);
    if directed == Directed::GatewayCutOneWay {
        // Grants and invalidations that come late are as telling as those that do not come.
        (scenario.net.spike, scenario.net.spike_max, scenario.net.fifo) = (0.2, 400_000, false);
    }
    if directed == Directed::Refusals {
        refuse_much(scenario, rng);
    }
    let mut script = Script { rng, at: 300_000, steps: Vec::new() };
    script.write(directed, scenario.orders);
    let end = script.at + 500_000;
    scenario.steps = script.steps;
    scenario.heal_at = scenario.heal_at.min(4_000_000).max(end);
    scenario.directed = Some(directed);
}

/// One listing that only goes down, and clients that ask for more than there is: each refusal tells exactly which state it saw.
fn refuse_much(scenario: &mut Scenario, rng: &mut Rng) {
    scenario.listings.truncate(1);
    scenario.listings[0].quantity = rng.between(10_000, 900_000);
    scenario.restock = None;
    scenario.clients_knobs.buys = 1.0;
    // Nearly all, so that whole batches are refused behind one that was not.
    scenario.clients_knobs.greedy = 0.97;
    // Enough trades at once that the orders leader has several batches under way.
    scenario.clients = 30;
    scenario.clients_knobs.trades = 0.8;
    scenario.clients_knobs.think = rng.between_log(2_000, 20_000);
}

fn needs_three(directed: Directed) -> bool {
    use Directed::*;
    matches!(directed, HighestLeftBehind | OneAfterTheOther | SetOfTwo | SoleSurvivor | NewDisk)
}

fn needs_two_gateways(directed: Directed) -> bool {
    use Directed::*;
    matches!(
        directed,
        GatewayPausedPastLease
            | GatewayCutOneWay
            | Refusals
            | CatalogLeaderSleeps
            | CatalogLeaderLeftBehind
    )
}

fn needs_group(directed: Directed) -> bool {
    use Directed::*;
    matches!(
        directed,
        CatalogLeaderSleeps
            | CatalogLeaderLeftBehind
            | CatalogLeaderCutOneWay
            | SnapshotWhileLeadersChange
            | CatalogHandOvers
            | CatalogDiskLost
            | MembersChange
    )
}

struct Script<'a> {
    rng: &'a mut Rng,
    at: u64,
    steps: Vec<Step>,
}

impl Script<'_> {
    fn act(&mut self, action: Action) {
        self.steps.push(Step { at: self.at, action });
    }

    fn wait(&mut self, low_ms: u64, high_ms: u64) {
        self.at += self.rng.between(low_ms * 1_000, high_ms * 1_000);
    }

    fn ms(&mut self, low: u64, high: u64) -> u64 {
        self.rng.between(low * 1_000, high * 1_000)
    }

    fn crash(&mut self, target: Target, low_ms: u64, high_ms: u64) {
        let down = self.ms(low_ms, high_ms);
        self.act(Action::Crash { target, down });
    }

    fn write(&mut self, directed: Directed, orders: u8) {
        use Directed::*;
        match directed {
            HighestLeftBehind => self.left_behind(Target::Orders(orders), orders),
            OneAfterTheOther => {
                let away = self.rng.between(1, u64::from(orders)) as u8;
                self.left_behind(Target::Orders(away), orders);
            }
            SetOfTwo => self.set_of_two(),
            LeaderCutFromCatalog => self.cut(Target::Leader, Target::CatalogLeader),
            CatalogCutFromLeader => self.cut(Target::CatalogLeader, Target::Leader),
            GatewayPausedPastLease => self.gateway_paused(),
            GatewayCutOneWay | Refusals => self.gateway_cut(),
            CatalogKilled => self.repeat_crash(Target::CatalogLeader, 6),
            NewDisk => self.new_disk(),
            SoleSurvivor => self.sole_survivor(),
            LeaderSleeps => self.leader_sleeps(),
            PowerCuts => self.power_cuts(),
            Drains => self.repeat_drain(Target::Leader),
            SlowFollowers => self.slow_followers(),
            CatalogLeaderSleeps => self.catalog_leader_sleeps(),
            CatalogLeaderLeftBehind => self.catalog_leader_left_behind(),
            CatalogLeaderCutOneWay => self.catalog_leader_cut(),
            SnapshotWhileLeadersChange => self.snapshot_while_leaders_change(),
            CatalogHandOvers => self.repeat_drain(Target::CatalogLeader),
            CatalogDiskLost => self.catalog_disk_lost(),
            MembersChange => self.members_change(),
        }
    }

    fn left_behind(&mut self, away: Target, orders: u8) {
        let length = self.ms(1_500, 3_000);
        self.act(Action::Crash { target: away, down: length });
        self.at += length;
        self.at -= self.rng.between(0, 200_000);
        for id in 1..=orders {
            if Target::Orders(id) != away {
                self.crash(Target::Orders(id), 500, 2_500);
                self.wait(0, 300);
            }
        }
        self.wait(1_000, 2_000);
    }

    fn set_of_two(&mut self) {
        self.crash(Target::Follower(0), 2_000, 4_000);
        self.wait(1_300, 1_800);
        self.crash(Target::Leader, 300, 2_500);
        self.wait(300, 1_200);
        self.crash(Target::Leader, 300, 1_000);
        self.wait(500, 1_500);
    }

    fn cut(&mut self, from: Target, to: Target) {
        for _ in 0..2 {
            let lasting = self.ms(400, 2_500);
            let both = self.rng.chance(0.2);
            self.act(Action::Block { from, to, both, lasting });
            self.wait(500, 2_000);
        }
    }

    fn gateway_paused(&mut self) {
        for round in 0..6 {
            let lasting = self.ms(150, 900);
            self.act(Action::Pause { target: Target::Gateway(1 + round % 2), lasting });
            self.wait(200, 900);
        }
    }

    fn gateway_cut(&mut self) {
        for round in 0..8 {
            let gateway = Target::Gateway(1 + round % 2);
            let lasting = self.ms(150, 900);
            let (from, to) = match self.rng.below(3) {
                0 => (gateway, Target::CatalogLeader),
                _ => (Target::CatalogLeader, gateway),
            };
            self.act(Action::Block { from, to, both: false, lasting });
            self.wait(200, 900);
        }
    }

    fn repeat_crash(&mut self, target: Target, times: u64) {
        for _ in 0..times {
            self.crash(target, 1, 400);
            self.wait(100, 900);
        }
    }

    fn new_disk(&mut self) {
        let down = self.ms(100, 1_500);
        self.act(Action::LoseDisk { target: Target::Follower(1), down });
        self.wait(100, 1_800);
        self.crash(Target::Leader, 300, 1_500);
        self.wait(200, 1_000);
        self.crash(Target::Follower(0), 300, 1_500);
        self.wait(500, 1_500);
    }

    fn sole_survivor(&mut self) {
        self.crash(Target::Follower(0), 2_000, 3_000);
        self.crash(Target::Follower(1), 2_000, 3_000);
        self.wait(1_800, 3_200);
        self.crash(Target::Leader, 200, 2_000);
        self.wait(500, 1_500);
    }

    fn leader_sleeps(&mut self) {
        for _ in 0..3 {
            let lasting = self.ms(300, 2_500);
            self.act(Action::Pause { target: Target::Leader, lasting });
            self.wait(400, 1_500);
        }
    }

    fn power_cuts(&mut self) {
        for _ in 0..3 {
            let down = self.ms(1, 600);
            self.act(Action::PowerCut { down });
            self.wait(400, 1_600);
        }
    }

    fn repeat_drain(&mut self, target: Target) {
        for _ in 0..4 {
            let down = self.ms(50, 1_000);
            self.act(Action::Drain { target, down });
            self.wait(300, 1_200);
        }
    }

    fn slow_followers(&mut self) {
        for index in 0..2 {
            let lasting = self.ms(800, 2_500);
            let times = self.rng.between_log(10, 1_000);
            self.act(Action::Slow { target: Target::Follower(index), times, lasting });
        }
        self.wait(300, 1_800);
        self.crash(Target::Leader, 300, 1_500);
        self.wait(500, 1_500);
    }
}

/// Scripts about the catalog's group.
impl Script<'_> {
    fn catalog_leader_sleeps(&mut self) {
        for _ in 0..4 {
            let lasting = self.ms(250, 1_800);
            self.act(Action::Pause { target: Target::CatalogLeader, lasting });
            self.wait(600, 1_500);
        }
    }

    fn catalog_leader_left_behind(&mut self) {
        for round in 0..4 {
            let from = vec![Target::CatalogLeader, Target::Gateway(1 + round % 2)];
            let to = vec![Target::CatalogFollower(0), Target::CatalogFollower(1)];
            let lasting = self.ms(600, 1_800);
            self.act(Action::Split { from, to, both: true, lasting });
            if self.rng.chance(0.7) {
                // It wakes up behind the times, with questions waiting, before it can hear of its successor.
                let lasting = lasting - self.rng.between(10_000, 200_000);
                self.act(Action::Pause { target: Target::CatalogLeader, lasting });
            }
            self.wait(900, 1_500);
        }
    }

    fn catalog_leader_cut(&mut self) {
        for _ in 0..4 {
            let leader = vec![Target::CatalogLeader];
            let others = (0..self.rng.between(1, 2) as u8).map(Target::CatalogFollower).collect();
            let (from, to) = match self.rng.chance(0.5) {
                true => (leader, others),
                false => (others, leader),
            };
            let lasting = self.ms(300, 2_000);
            self.act(Action::Split { from, to, both: false, lasting });
            self.wait(600, 1_500);
        }
    }

    fn snapshot_while_leaders_change(&mut self) {
        for _ in 0..2 {
            let away = self.ms(600, 1_800);
            self.act(Action::Crash { target: Target::CatalogFollower(0), down: away });
            self.at += away;
            self.wait(0, 150);
            match self.rng.below(3) {
                0 => self.crash(Target::CatalogLeader, 200, 900),
                1 => {
                    let lasting = self.ms(250, 900);
                    self.act(Action::Pause { target: Target::CatalogLeader, lasting });
                }
                _ => {
                    let down = self.ms(50, 600);
                    self.act(Action::Drain { target: Target::CatalogLeader, down });
                }
            }
            self.wait(0, 400);
            self.crash(Target::CatalogFollower(1), 50, 500);
            self.wait(500, 1_200);
        }
    }

    fn catalog_disk_lost(&mut self) {
        let target = match self.rng.chance(0.4) {
            true => Target::CatalogLeader,
            false => Target::CatalogFollower(self.rng.below(2) as u8),
        };
        self.wait(200, 900);
        let down = self.ms(10, 900);
        self.act(Action::LoseDisk { target, down });
        self.wait(100, 1_500);
        self.crash(Target::CatalogLeader, 100, 900);
        self.wait(600, 1_500);
        let down = self.ms(10, 900);
        self.act(Action::LoseDisk { target: Target::CatalogFollower(1), down });
        self.wait(600, 1_500);
    }

    fn members_change(&mut self) {
        self.act(Action::AddMember { target: Target::Catalog(4) });
        self.wait(100, 900);
        self.crash(Target::CatalogLeader, 100, 900);
        self.wait(400, 1_200);
        self.act(Action::RemoveMember { target: Target::CatalogLeader });
        self.wait(50, 800);
        self.crash(Target::CatalogFollower(0), 100, 600);
        self.wait(500, 1_000);
        let target = Target::Catalog(self.rng.between(1, 4) as u8);
        self.act(Action::AddMember { target });
        self.wait(300, 1_000);
        self.act(Action::RemoveMember { target: Target::CatalogFollower(1) });
        self.wait(500, 1_000);
    }
}
