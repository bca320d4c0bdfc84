//! Logs of services: begun anew with each `bazaar up`, and whenever one has grown large; some old ones are kept.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Old logs that are kept per service, as `.1` (the latest) to `.3`.
const OLD_LOGS: u32 = 3;

/// Size at which a log is turned over, in bytes (16 MiB): weeks of a healthy service, an hour of one that complains a hundred
/// times a second; with the old ones 64 MiB per service at the most.
const LOG_BYTES: u64 = 16 << 20;

/// How often the size of a running service's log is looked at: one that writes 100 MB/s passes the limit by a few times.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// Puts a log that nobody writes aside; the next one begins empty.
pub(super) fn turn_over(log: &Path) -> io::Result<()> {
    if !log.exists() {
        return Ok(());
    }
    make_room(log)?;
    fs::rename(log, old(log, 1))
}

/// Puts the log of a running service aside if it is large. Blocks.
///
/// The service has the file open, so what is in it is copied, and the file emptied; the service goes on at its (new) end.
/// What it writes between the last look and the emptying, microseconds, is lost: it is a log.
pub(super) fn turn_over_if_large(log: &Path) -> io::Result<bool> {
    turn_over_above(log, LOG_BYTES)
}

fn turn_over_above(log: &Path, bytes: u64) -> io::Result<bool> {
    let length = match fs::metadata(log) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if length <= bytes {
        return Ok(false);
    }
    make_room(log)?;
    let mut from = File::options().read(true).write(true).open(log)?;
    let mut to = File::create(old(log, 1))?;
    // Reads to the end, wherever that is by then.
    io::copy(&mut from, &mut to)?;
    from.set_len(0)?;
    Ok(true)
}

/// Moves the old logs on; the oldest goes.
fn make_room(log: &Path) -> io::Result<()> {
    for number in (1..OLD_LOGS).rev() {
        if old(log, number).exists() {
            fs::rename(old(log, number), old(log, number + 1))?;
        }
    }
    Ok(())
}

fn old(log: &Path, number: u32) -> PathBuf {
    log.with_extension(format!("log.{number}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn three_old_logs_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("orders-1.log");
        for number in 0..6 {
            fs::write(&log, number.to_string()).unwrap();
            turn_over(&log).unwrap();
        }
        let read = |n: u32| fs::read_to_string(folder.path().join(format!("orders-1.log.{n}")));
        assert_eq!([1, 2, 3].map(|n| read(n).unwrap()), ["5", "4", "3"]);
        assert!(read(4).is_err() && !log.exists());
    }

    #[test]
    fn a_large_log_is_turned_over_under_the_hands_of_its_writer() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("orders-1.log");
        assert!(!turn_over_above(&log, 10).unwrap(), "there is none yet");
        let mut service = File::options().create(true).append(true).open(&log).unwrap();
        service.write_all(b"0123456789").unwrap();
        assert!(!turn_over_above(&log, 10).unwrap());
        for round in ["first\n", "second\n"] {
            service.write_all(round.as_bytes()).unwrap();
            assert!(turn_over_above(&log, 5).unwrap());
            assert_eq!(fs::metadata(&log).unwrap().len(), 0);
        }
        service.write_all(b"third\n").unwrap();
        assert_eq!(fs::read_to_string(&log).unwrap(), "third\n");
        assert_eq!(fs::read_to_string(old(&log, 1)).unwrap(), "second\n");
        assert_eq!(fs::read_to_string(old(&log, 2)).unwrap(), "0123456789first\n");
    }
}
