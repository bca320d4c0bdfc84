//! The envelope around the law's commands, and messages of gateways, in bytes.

use market::trade::WallTime;
use proptest::prelude::*;

use super::harness::*;
use crate::customers::{Command, Law, Origin, UnreadableCommand};
use crate::message::{CustomerReply, CustomerRequest};

#[test]
fn a_command_comes_back_out_of_its_envelope() {
    let origin = Origin { member: 3, boot: u64::MAX - 1, number: 0x0102_0304_0506_0708 };
    let (key, at) = (market::trade::Key(5), WallTime(9));
    let law = Law::Do { key, born: at, at, action: add(1, 3) };
    let command = Command { origin, law };
    let bytes = command.encode();
    assert_eq!(Command::decode(&bytes), Ok(command));
    for cut in 0..bytes.len() {
        assert!(Command::decode(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let mut newer = bytes.to_vec();
    newer[0] = 2;
    assert_eq!(Command::decode(&newer), Err(UnreadableCommand::Version));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        if let Ok(command) = Command::decode(&bytes) {
            prop_assert_eq!(Command::decode(&command.encode()), Ok(command));
        }
        if let Ok(request) = CustomerRequest::decode(&bytes) {
            prop_assert!(request.encode().len() <= request.cost());
            prop_assert_eq!(CustomerRequest::decode(&request.encode()), Ok(request));
        }
        if let Ok(reply) = CustomerReply::decode(&bytes) {
            prop_assert!(reply.encode().len() <= reply.cost());
            prop_assert_eq!(CustomerReply::decode(&reply.encode()), Ok(reply));
        }
    }
}
