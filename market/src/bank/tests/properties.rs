//! Random wishes, the model beside the bank, and what must hold after each of them.

use proptest::prelude::*;

use super::model::{Fact, Model};
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Authorize { at_once: bool, number: &'static str, minor: u64 },
    Capture,
    Void,
    Lookup,
}

fn a_step() -> impl Strategy<Value = Step> {
    let number = prop_oneof![6 => Just(VISA), 2 => Just(MASTER), 1 => Just("4111111111111112")];
    let minor = prop_oneof![6 => Just(500u64), 1 => Just(0), 1 => 0..1_000u64];
    prop_oneof![
        4 => (prop::bool::weighted(0.3), number, minor)
            .prop_map(|(at_once, number, minor)| Step::Authorize { at_once, number, minor }),
        2 => Just(Step::Capture),
        1 => Just(Step::Void),
        1 => Just(Step::Lookup),
    ]
}

fn of_bank(bank: &mut Bank, at: &str, step: &Step) -> Result<Receipt, Refusal> {
    let wish = match step {
        Step::Authorize { at_once: true, number, minor } => process(number, *minor),
        Step::Authorize { at_once: false, number, minor } => authorize(number, *minor),
        Step::Capture => Wish::Capture,
        Step::Void => Wish::Void,
        Step::Lookup => Wish::Lookup,
    };
    bank.ask(at, &wish)
}

fn of_model(model: &mut Model, bank: &Bank, at: &str, step: &Step) -> Result<Receipt, Refusal> {
    match step {
        Step::Authorize { at_once, number, minor } => {
            let valid = card(number).check(bank.now);
            let draw = bank.terms.odds.draw(&key(at));
            let receipt = model.authorize(at, (number, *minor), valid, draw)?;
            if *at_once && receipt.standing == Standing::Authorized {
                return model.capture(at);
            }
            Ok(receipt)
        }
        Step::Capture => model.capture(at),
        Step::Void => model.void(at),
        Step::Lookup => model.lookup(at),
    }
}

proptest! {
    #[test]
    fn the_bank_does_what_the_model_does(
        steps in prop::collection::vec((0..4u8, a_step(), 0..3u8), 1..60),
        odds in prop::sample::select(vec![0, 500_000, 1_000_000u32]),
    ) {
        let mut bank = Bank::with_odds(odds);
        let mut model = Model::default();
        for (at, step, again) in steps {
            let at = format!("key-{at}");
            let answer = of_bank(&mut bank, &at, &step);
            prop_assert_eq!(answer, of_model(&mut model, &bank, &at, &step), "{:?}", step);
            let before = bank.entries.clone();
            for _ in 0..again {
                prop_assert_eq!(of_bank(&mut bank, &at, &step), answer, "said again: {:?}", step);
                prop_assert_eq!(&bank.entries, &before, "nothing is done twice");
            }
            let facts = model.of(&at);
            prop_assert!(model.captures(&at) <= 1, "charged once at the most");
            prop_assert!(!(facts.contains(&Fact::Captured) && facts.contains(&Fact::Voided)));
        }
    }

    #[test]
    fn any_bytes_are_an_entry_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(entry) = Entry::decode(&bytes) {
            prop_assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
        }
    }

    #[test]
    fn any_text_is_an_amount_or_refused(text in "[-+0-9.e ]{0,24}|.{0,12}") {
        if let Ok(amount) = text.parse::<Amount>() {
            prop_assert_eq!(amount.to_string().parse::<Amount>(), Ok(amount));
        }
    }
}
