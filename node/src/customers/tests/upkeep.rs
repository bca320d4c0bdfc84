//! Sessions in use are touched, those that are over removed.

use market::trade::WallTime;

use super::harness::*;
use crate::customers::Law;
use crate::limits::SWEEP_LAG_MS;
use crate::message::CustomerRequest;
use crate::process::Input;

#[test]
fn a_session_in_use_is_touched_with_one_command_now_and_then() {
    let mut bench = Bench::serving();
    bench.wish(3, sign_in(2));
    bench.agree();
    bench.read(10, cart(1), false);
    assert_eq!(bench.proposed(), [], "it was used just now");
    bench.sleep(IDLE / 10);
    let read = |token| CustomerRequest::Read { question: cart(token), fresh: false };
    let inputs: Vec<Input> =
        [1, 2, 1, 2, 9].map(|token| bench.asked(GATEWAY, 11, read(token))).into();
    bench.burst(inputs);
    let touches = bench.proposed();
    let [Law::Touch { sessions, .. }] = &touches[..] else { panic!("not {touches:?}") };
    assert_eq!(sessions[..], [session(1), session(2)]);
    bench.read(12, cart(1), false);
    assert_eq!(bench.proposed().len(), 1, "it is under way");
    bench.agree();
    bench.run(1_000);
    bench.read(12, cart(1), false);
    assert_eq!(bench.proposed(), [], "and done");
    // Without that it would be over by now.
    bench.sleep(IDLE);
    assert!(bench.member.law().session(session(1), WallTime(0)).is_some());
}

#[test]
fn sessions_that_are_over_are_removed_by_the_first_member_and_by_others_only_later() {
    let lags = [1, 2, 3].map(|id| {
        let mut bench = Bench::serving_as(id);
        bench.sleep(IDLE + IDLE / 16);
        assert_eq!(bench.proposed(), []);
        let mut waited = 0;
        while bench.proposed().is_empty() {
            bench.run(100);
            waited += 100;
            assert!(waited < 10 * SWEEP_LAG_MS, "it is never removed");
        }
        assert!(matches!(bench.proposed()[..], [Law::Pass { .. }]));
        bench.agree();
        assert_eq!(bench.member.law().sessions_len(), 0);
        bench.run(1_000);
        assert_eq!(bench.proposed(), [], "nothing is left to remove");
        waited
    });
    assert!(lags[0] + 4_000 < lags[1] && lags[1] + 4_000 < lags[2], "{lags:?}");
}
