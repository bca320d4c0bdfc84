//! Damaging the log of a service that does not run.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Frames of a log begin at multiples of this.
const BLOCK: usize = 512;
/// How each begins.
const MAGIC: &[u8] = b"BZfr";

/// The newest segment of a log.
pub(crate) struct LogFile {
    path: PathBuf,
    frames: Vec<usize>,
    end: u64,
}

impl LogFile {
    /// Finds it in the data folder of a service.
    pub(crate) fn of(data: &Path) -> LogFile {
        let entries = fs::read_dir(data.join("log")).expect("the service has a log");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let path = paths.filter(|path| path.extension().is_some_and(|end| end == "segment")).max();
        let path = path.expect("the log has a segment");
        let bytes = fs::read(&path).expect("a segment");
        let blocks = bytes.chunks(BLOCK).enumerate();
        let frames = blocks.filter(|(_, block)| block.starts_with(MAGIC)).map(|(at, _)| at * BLOCK);
        let last = bytes.iter().rposition(|byte| *byte != 0).expect("a segment is not empty");
        let end = (last + 1).next_multiple_of(BLOCK) as u64;
        LogFile { path, frames: frames.collect(), end }
    }

    /// Flips bytes of a batch in the middle, long synced.
    pub(crate) fn rot(&self) {
        assert!(self.frames.len() > 10, "only {} batches to damage", self.frames.len());
        let at = self.frames[self.frames.len() / 2] as u64 + 40;
        let mut bytes = [0; 8];
        self.file().read_exact_at(&mut bytes, at).expect("it is inside");
        bytes.iter_mut().for_each(|byte| *byte ^= 0x55);
        self.write(&bytes, at);
    }

    /// Leaves what a write does that was under way when the power went: the beginning of the next batch.
    pub(crate) fn tear(&self) {
        let mut bytes = MAGIC.to_vec();
        bytes.resize(700, 0xA5);
        self.write(&bytes, self.end);
    }

    fn file(&self) -> File {
        File::options().read(true).write(true).open(&self.path).expect("the segment")
    }

    fn write(&self, bytes: &[u8], at: u64) {
        let file = self.file();
        file.write_all_at(bytes, at).expect("written");
        file.sync_all().expect("synced");
    }
}
