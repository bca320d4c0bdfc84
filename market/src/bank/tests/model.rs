//! The bank as plainly as it can be said: a list of everything that was ever accepted, read from the beginning for each answer.

use super::*;

/// Something that was accepted under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Approved { card: String, minor: u64 },
    Declined { card: String, minor: u64, reason: DeclineReason },
    Captured,
    Voided,
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) facts: Vec<(String, Fact)>,
}

impl Model {
    pub(super) fn of(&self, key: &str) -> Vec<Fact> {
        self.facts.iter().filter(|(of, _)| of == key).map(|(_, fact)| fact.clone()).collect()
    }

    /// How often money moved under a key.
    pub(super) fn captures(&self, key: &str) -> usize {
        self.of(key).iter().filter(|fact| **fact == Fact::Captured).count()
    }

    fn note(&mut self, key: &str, fact: Fact) {
        self.facts.push((key.to_owned(), fact));
    }

    fn standing(&self, key: &str) -> Standing {
        let facts = self.of(key);
        if facts.contains(&Fact::Voided) {
            return Standing::Voided;
        }
        if facts.contains(&Fact::Captured) {
            return Standing::Captured;
        }
        match facts.first() {
            None => Standing::Unknown,
            Some(Fact::Declined { reason, .. }) => Standing::Declined(*reason),
            Some(_) => Standing::Authorized,
        }
    }

    fn receipt(&self, key: &str) -> Receipt {
        let minor = self.of(key).iter().find_map(|fact| match fact {
            Fact::Approved { minor, .. } | Fact::Declined { minor, .. } => Some(*minor),
            _ => None,
        });
        Receipt { standing: self.standing(key), amount: minor.map(amount) }
    }

    /// `valid`: the card is one; `draw`: what the bank would think of this key.
    pub(super) fn authorize(
        &mut self,
        key: &str,
        (card, minor): (&str, u64),
        valid: Result<(), CardError>,
        draw: Result<(), DeclineReason>,
    ) -> Result<Receipt, Refusal> {
        for fact in self.of(key) {
            if let Fact::Approved { card: of, minor: before }
            | Fact::Declined { card: of, minor: before, .. } = fact
                && (of != card || before != minor)
            {
                return Err(Refusal::KeyReused);
            }
        }
        if self.of(key).contains(&Fact::Voided) {
            return Err(Refusal::Voided);
        }
        if self.of(key).is_empty() {
            valid.map_err(Refusal::InvalidCard)?;
            let card = card.to_owned();
            self.note(
                key,
                match draw {
                    Ok(()) => Fact::Approved { card, minor },
                    Err(reason) => Fact::Declined { card, minor, reason },
                },
            );
        }
        Ok(self.receipt(key))
    }

    pub(super) fn capture(&mut self, key: &str) -> Result<Receipt, Refusal> {
        match self.standing(key) {
            Standing::Unknown => return Err(Refusal::UnknownKey),
            Standing::Voided => return Err(Refusal::Voided),
            Standing::Declined(_) => return Err(Refusal::Declined),
            Standing::Captured => {}
            Standing::Authorized => self.note(key, Fact::Captured),
        }
        Ok(self.receipt(key))
    }

    pub(super) fn void(&mut self, key: &str) -> Result<Receipt, Refusal> {
        match self.standing(key) {
            Standing::Captured => return Err(Refusal::Captured),
            Standing::Voided | Standing::Declined(_) => {}
            Standing::Unknown | Standing::Authorized => self.note(key, Fact::Voided),
        }
        Ok(self.receipt(key))
    }

    pub(super) fn lookup(&self, key: &str) -> Result<Receipt, Refusal> {
        Ok(self.receipt(key))
    }
}
