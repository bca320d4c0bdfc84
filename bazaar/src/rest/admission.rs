//! Who gets in: counts with a cap, given back when the guard is dropped.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// A number of things that may be used up to a cap.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    used: Arc<AtomicUsize>,
    cap: usize,
}

/// A share of a [`Budget`].
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    amount: usize,
}

impl Budget {
    pub(crate) fn new(cap: usize) -> Self {
        Budget { used: Arc::new(AtomicUsize::new(0)), cap }
    }

    /// Takes a share, unless that would pass the cap.
    pub(crate) fn take(&self, amount: usize) -> Option<Share> {
        self.raise(amount).then(|| Share { budget: self.clone(), amount })
    }

    /// How much is used now.
    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn raise(&self, amount: usize) -> bool {
        let taken = |used: usize| used.checked_add(amount).filter(|sum| *sum <= self.cap);
        self.used.fetch_update(Ordering::AcqRel, Ordering::Relaxed, taken).is_ok()
    }
}

impl Share {
    /// Makes the share larger, unless that would pass the cap.
    pub(crate) fn grow(&mut self, amount: usize) -> bool {
        let fits = self.budget.raise(amount);
        if fits {
            self.amount += amount;
        }
        fits
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.amount, Ordering::AcqRel);
    }
}

/// Why a connection is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnedAway {
    /// The listener is full.
    Full,
    /// This address has its share.
    Address,
}

/// The door of one listener.
#[derive(Clone, Debug)]
pub(super) struct Door {
    all: Budget,
    addresses: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    per_address: usize,
}

/// A connection's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    door: Door,
    address: IpAddr,
    _share: Share,
}

impl Door {
    pub(super) fn new(all: usize, per_address: usize) -> Self {
        Door { all: Budget::new(all), addresses: Arc::default(), per_address }
    }

    /// Lets a connection in.
    pub(super) fn enter(&self, address: IpAddr) -> Result<Place, TurnedAway> {
        let share = self.all.take(1).ok_or(TurnedAway::Full)?;
        let address = household(address);
        let mut addresses = self.addresses.lock();
        let count = addresses.entry(address).or_insert(0);
        if *count >= self.per_address {
            return Err(TurnedAway::Address);
        }
        *count += 1;
        Ok(Place { door: self.clone(), address, _share: share })
    }

    /// Connections inside.
    #[cfg(test)]
    pub(super) fn inside(&self) -> usize {
        self.all.used()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut addresses = self.door.addresses.lock();
        if let Some(count) = addresses.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&self.address);
            }
        }
    }
}

/// What counts as one address: an IPv6 host owns a whole /64, so that is what is counted.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let prefix = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_given_back() {
        let budget = Budget::new(10);
        let mut share = budget.take(6).expect("there is room");
        assert!(budget.take(5).is_none());
        assert!(share.grow(4) && !share.grow(1));
        drop(share);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn one_address_cannot_take_the_whole_door() {
        let door = Door::new(3, 2);
        let near = IpAddr::from([127, 0, 0, 1]);
        let far = IpAddr::from([10, 0, 0, 1]);
        let first = door.enter(near).expect("empty");
        let _second = door.enter(near).expect("two are allowed");
        assert_eq!(door.enter(near).expect_err("a third is not"), TurnedAway::Address);
        let _other = door.enter(far).expect("another address has its own share");
        assert_eq!(door.enter(far).expect_err("the door is full"), TurnedAway::Full);
        drop(first);
        assert!(door.enter(near).is_ok());
        assert_eq!(door.inside(), 2);
    }

    #[test]
    fn an_ipv6_network_is_one_household() {
        let door = Door::new(9, 1);
        let _one = door.enter("2001:db8::1".parse().expect("address")).expect("first");
        assert!(door.enter("2001:db8::2".parse().expect("address")).is_err());
        assert!(door.enter("2001:db8:0:1::2".parse().expect("address")).is_ok());
    }
}
