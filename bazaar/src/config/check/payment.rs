//! What can be wrong with the payment service.

use super::Checker;
use crate::config::period::Period;
use crate::payment::MAX_DELAY_SECONDS;

impl Checker<'_> {
    pub(super) fn payment(&mut self) {
        let Some(payment) = &self.config.payment else { return };
        let most = Period::seconds(MAX_DELAY_SECONDS);
        self.period("payment.delay", payment.delay, Period::millis(0), most);
        if payment.address.is_wildcard() {
            self.error(
                "payment.address",
                format!("nobody can dial {}", payment.address),
                "name the address that others reach it by, and put this one under `listen`",
            );
        }
        // TOML has no larger numbers, so a file that is written from this configuration could not be read.
        if i64::try_from(payment.seed).is_err() {
            let greatest = i64::MAX;
            self.error("payment.seed", "it is too large", format!("choose from 0 to {greatest}"));
        }
        if payment.delay > Period::millis(0) && payment.delay <= most {
            self.warning(
                "payment.delay",
                format!("every answer of the payment service waits for {}", payment.delay),
                "take it away, unless this is a test",
            );
        }
    }
}
