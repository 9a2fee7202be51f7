//! Does much work beside a server that is to notice nothing: a little at a time, with rests. What is written in one go
//! is synced in one go, and a commit that syncs to the same disk waits for all of it; so a file goes there in small
//! pieces, each of which is synced by itself. docs/PERFORMANCE.md has what that is worth.
//!
//! Knows only the file that it is given. Runs on the thread that does the work, in a process of its own.

use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Bytes after which what was written is synced.
pub(super) const PIECE: usize = 64 << 10;

/// After this long, work that writes nothing rests as well.
const SPELL: Duration = Duration::from_micros(500);

/// How many times as long as the work took a rest is: less than one commit in a hundred is to meet a piece of work.
const REST: u32 = 40;

/// The longest rest, so that a slow disk does not make a large file take days: 10 GiB rest for two and a half hours at
/// most.
pub(super) const REST_MOST: Duration = Duration::from_millis(50);

/// Rests between pieces of work.
#[derive(Debug)]
pub(super) struct Rests {
    most: Duration,
    /// When the work at hand was begun.
    began: Instant,
}

impl Rests {
    /// Each is as long as this at most.
    pub(super) fn new(most: Duration) -> Self {
        Self { most: most.min(REST_MOST), began: Instant::now() }
    }

    /// Rests for work that is done by the clock rather than by pieces, if it is time.
    pub(super) fn rest_in_time(&mut self) {
        if self.began.elapsed() >= SPELL {
            self.rest();
        }
    }

    /// A piece is done.
    pub(super) fn rest(&mut self) {
        std::thread::sleep(rest_after(self.began.elapsed(), self.most));
        self.began = Instant::now();
    }
}

fn rest_after(took: Duration, most: Duration) -> Duration {
    took.saturating_mul(REST).min(most)
}

/// A file that is written in pieces.
#[derive(Debug)]
pub(super) struct Considerate<'a> {
    file: &'a File,
    unsynced: usize,
    rests: Rests,
}

impl<'a> Considerate<'a> {
    pub(super) fn new(file: &'a File) -> Self {
        Self { file, unsynced: 0, rests: Rests::new(REST_MOST) }
    }
}

impl Write for Considerate<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = bytes.get(..PIECE - self.unsynced).unwrap_or(bytes);
        let written = self.file.write(piece)?;
        self.unsynced += written;
        if self.unsynced == PIECE {
            self.file.sync_data()?;
            self.unsynced = 0;
            self.rests.rest();
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_rested_from_forty_times_as_long_as_it_took_and_no_longer_than_allowed() {
        let ms = Duration::from_millis;
        assert_eq!(rest_after(ms(1), REST_MOST), ms(40));
        assert_eq!(rest_after(ms(30), REST_MOST), ms(50));
        assert_eq!(rest_after(ms(30), ms(2)), ms(2));
        assert_eq!(Rests::new(ms(1000)).most, REST_MOST);
    }

    #[test]
    fn all_of_it_arrives_and_no_write_is_longer_than_what_is_left_of_a_piece() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = Considerate::new(file.as_file());
        let bytes: Vec<u8> = (0..=255).cycle().take(PIECE + 100).collect();
        assert_eq!(writer.write(&bytes[..100]).unwrap(), 100);
        assert_eq!(writer.write(&bytes[100..]).unwrap(), PIECE - 100);
        assert_eq!(writer.unsynced, 0);
        writer.write_all(&bytes[PIECE..]).unwrap();
        assert_eq!(std::fs::read(file.path()).unwrap(), bytes);
    }
}
