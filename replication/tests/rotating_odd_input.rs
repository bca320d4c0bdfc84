//! Messages that no member says, made of numbers at the edges: the rotating sequencer survives them, and the group goes on.

mod group;

use group::{Group, Packet, rotating_sequencer};
use replication::contract::*;
use replication::rotating_sequencer::{
    Ballot, Body, Frontier, Holds, Install, Life, Message as Said, Offer, Part, Phase, Run, State,
    View,
};
use replication::time::Span;

/// A generator whose stream is the same everywhere (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    fn number(&mut self) -> u64 {
        let edges = [0, 1, 2, 3, 5, 64, 1 << 31, 1 << 33, 1 << 55, 1 << 56, u64::MAX - 1, u64::MAX];
        edges[self.roll(edges.len() as u64) as usize]
    }

    /// Mostly as many as there are members.
    fn many<T>(&mut self, one: impl Fn(&mut Dice) -> T) -> Vec<T> {
        let count = if self.roll(4) > 0 { 3 } else { self.roll(5) };
        (0..count).map(|_| one(self)).collect()
    }

    fn life(&mut self) -> Life {
        Life { incarnation: 1 + self.roll(2), boot: self.roll(5) }
    }

    fn ballot(&mut self) -> Ballot {
        Ballot { round: self.number(), proposer: self.roll(5) as u8, incarnation: 1 }
    }

    fn run(&mut self) -> Run {
        let (member, life) = (self.roll(4) as u8, self.life());
        Run { member, life, from: self.number(), upto: self.number() }
    }

    fn runs(&mut self) -> Vec<Run> {
        self.many(Dice::run)
    }

    fn commands(&mut self) -> Vec<Command> {
        self.many(|_| Command::from_static(b"odd"))
    }

    fn state(&mut self) -> Box<State> {
        Box::new(State {
            ballot: self.ballot(),
            disks: self.many(Dice::number),
            founders: self.many(Dice::number),
            durable: self.number(),
            position: self.number(),
            frontier: Frontier(self.many(|dice| (dice.life(), dice.number()))),
            has: self.many(Dice::number),
            tail: self.many(Dice::runs),
        })
    }

    fn install(&mut self) -> Box<Install> {
        let view = View {
            ballot: self.ballot(),
            members: self.many(|dice| Some(dice.life())),
            rotation: self.many(|dice| dice.roll(4) as u8),
            base: self.number(),
            position: self.number(),
            founders: self.many(Dice::number),
        };
        Box::new(Install {
            view,
            parent: self.ballot(),
            reach: self.number(),
            tail: self.many(Dice::runs),
        })
    }

    fn body(&mut self) -> Body {
        match self.roll(14) {
            0 => Body::Request { first: self.number(), commands: self.commands() },
            1 => Body::Sequence { number: self.number(), upto: self.many(Dice::number) },
            2 => Body::Status,
            3 | 4 => Body::Nack {
                requests: self.runs(),
                numbers: Some((self.number(), self.number())),
                whole: self.roll(2) == 0,
            },
            5 | 6 => Body::Repair {
                parts: self.many(|dice| Part {
                    member: dice.roll(4) as u8,
                    life: dice.life(),
                    first: dice.number(),
                    commands: dice.commands(),
                }),
                sequences: self.many(|dice| (dice.number(), dice.runs())),
            },
            7 => Body::Gather { ballot: self.ballot() },
            8 => Body::State(self.state()),
            9 => Body::Install(self.install()),
            10 => Body::Recover,
            11 => Body::RecoverOk { life: self.life(), ballot: self.ballot() },
            12 => Body::Ask { round: self.number() },
            _ => Body::Offer(Offer {
                position: self.number(),
                hash: ChainHash::EMPTY,
                mark: Command::from_static(&[1, 2, 3]),
            }),
        }
    }

    fn message(&mut self) -> Said {
        let phases = [Phase::Member, Phase::Wedged, Phase::Blank];
        Said {
            life: self.life(),
            view: self.ballot(),
            round: self.number(),
            phase: phases[self.roll(3) as usize],
            hears: self.number(),
            holds: Holds {
                requests: self.many(Dice::number),
                sequences: self.number(),
                durable: self.number(),
                delivered: self.number(),
            },
            body: self.body(),
        }
    }
}

#[test]
fn nothing_that_is_said_makes_a_member_panic() {
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let mut group = Group::new(3, rotating_sequencer(3, seed, |_| {}));
        if seed % 4 > 0 {
            group.found();
        }
        for _ in 0..200 {
            let (from, to) = (1 + dice.roll(4) as ReplicaId, 1 + dice.roll(3) as ReplicaId);
            let message = Message::RotatingSequencer(dice.message());
            group.arrive(Packet { from, to, message });
            if dice.roll(8) == 0 {
                group.tick(Span::millis(10));
                for id in group.ids() {
                    group.persist_one(id);
                }
            }
        }
    }
}

#[test]
fn every_message_survives_its_bytes_and_no_bytes_panic() {
    let mut dice = Dice(7);
    for _ in 0..2_000 {
        let message = dice.message();
        let mut bytes = message.encode();
        assert_eq!(Said::decode(&bytes), Ok(message));
        let place = dice.roll(bytes.len() as u64) as usize;
        bytes[place] ^= 1 << dice.roll(8);
        // Another message, or none: both are fine.
        let _ = Said::decode(&bytes);
        bytes.truncate(place);
        assert!(Said::decode(&bytes).is_err());
    }
}
