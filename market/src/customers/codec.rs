//! Bytes of commands (postcard). Decoding is total and bounded.

use super::command::Command;
use crate::codec::{CodecError, decode, encode};
use crate::limits::MAX_CUSTOMER_COMMAND_BYTES;

/// The bytes of a command.
pub fn encode_command(command: &Command) -> Vec<u8> {
    encode(command, 0)
}

/// Reads a command back.
pub fn decode_command(bytes: &[u8]) -> Result<Command, CodecError> {
    decode(bytes, MAX_CUSTOMER_COMMAND_BYTES)
}
