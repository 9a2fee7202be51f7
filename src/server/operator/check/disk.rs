//! The disk below the data directory: what is free, whether it is a disk at all, and how long a sync takes.

use super::{Area, Report, Severity};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// With less than this free, in bytes, the log of a busy server has no room: a commit waits for a long read until the
/// log has 80 MiB.
const TOO_LITTLE: u64 = 128 << 20;
/// With less than this free, in bytes, it is time to make room: a backup needs two copies of the database.
const LITTLE: u64 = 1 << 30;
/// What file systems in memory call themselves (`statfs(2)`): tmpfs and ramfs.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];
/// How often a sync is measured.
const SYNCS: usize = 20;
/// No more are measured after this time.
const SYNCS_WITHIN: Duration = Duration::from_secs(2);
/// Bytes for each sync: a page of the database, which is what a lone message appends.
const SYNCED: usize = 1_024;
/// A sync that takes longer is slow. People notice a tenth of a second, and a line waits for the sync of those
/// before it and then for its own.
const SLOW: Duration = Duration::from_millis(50);

/// What the system says about a file system.
struct Room {
    free: u64,
    /// No more files can be made.
    full_of_files: bool,
    in_memory: bool,
}

pub(super) fn check(data: &Path, report: &mut Report) {
    // Before the first start it is not there.
    let Some(directory) = data.ancestors().find(|path| path.is_dir()) else { return };
    match room(directory) {
        Ok(room) => judge_room(directory, &room, report),
        Err(error) => report.warning(Area::Disk, format!("can't say how full {} is: {error}", directory.display())),
    }
    if directory == data {
        match syncs(data) {
            Ok(times) => judge_syncs(data, times, report),
            Err(error) => report.error(
                Area::Disk,
                format!(
                    "can't write a file in {}: {error}. Make room, and make it writable for the server's user",
                    data.display()
                ),
            ),
        }
    }
}

fn room(directory: &Path) -> io::Result<Room> {
    let (space, kind) = (rustix::fs::statvfs(directory)?, rustix::fs::statfs(directory)?);
    Ok(Room {
        free: space.f_bavail.saturating_mul(space.f_frsize),
        full_of_files: space.f_files > 0 && space.f_favail == 0,
        in_memory: IN_MEMORY.contains(&(kind.f_type as u64)),
    })
}

fn judge_room(directory: &Path, room: &Room, report: &mut Report) {
    let shown = directory.display();
    let free = room.free >> 20;
    let (severity, needs) = match room.free {
        ..TOO_LITTLE => {
            (Severity::Error, ", and nothing can be stored soon. Remove something, or move the data to a larger disk")
        }
        TOO_LITTLE..LITTLE => {
            (Severity::Warning, ", which is little. Make room before a backup or an upgrade needs it")
        }
        LITTLE.. => (Severity::Good, ""),
    };
    report.add(severity, Area::Disk, format!("{free} MiB are free for {shown}{needs}"));
    if room.full_of_files {
        report.error(
            Area::Disk,
            format!("the file system of {shown} can take no more files, though there may be room. Remove some"),
        );
    }
    if room.in_memory {
        report.warning(
            Area::Disk,
            format!("{shown} is in memory (tmpfs): everything is lost when this machine is restarted. Set a directory on a disk (data)"),
        );
    }
}

/// How long each of some syncs takes, in a file that has no name and goes with this process.
fn syncs(data: &Path) -> io::Result<Vec<Duration>> {
    let mut file: File = tempfile::tempfile_in(data)?;
    // The first one also makes the file.
    file.write_all(&[b'.'; SYNCED])?;
    file.sync_all()?;
    let (began, mut times) = (Instant::now(), Vec::new());
    while times.len() < SYNCS && (times.is_empty() || began.elapsed() < SYNCS_WITHIN) {
        let at = ((times.len() + 1) * SYNCED) as u64;
        file.write_all_at(&[b'.'; SYNCED], at)?;
        let began = Instant::now();
        file.sync_data()?;
        times.push(began.elapsed());
    }
    Ok(times)
}

fn judge_syncs(data: &Path, mut times: Vec<Duration>, report: &mut Report) {
    times.sort();
    let (Some(&median), Some(&longest)) = (times.get(times.len() / 2), times.last()) else { return };
    let measured = format!(
        "an fsync in {} takes {} ms, the longest of {} took {} ms",
        data.display(),
        millis(median),
        times.len(),
        millis(longest)
    );
    if median > SLOW {
        report.warning(
            Area::Disk,
            format!("{measured}: each message waits for one, so people notice. Use another disk, or see history.sync"),
        );
    } else {
        report.good(Area::Disk, measured);
    }
}

fn millis(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(judge: impl FnOnce(&mut Report)) -> Vec<(Severity, String)> {
        let mut report = Report::default();
        judge(&mut report);
        report.findings().iter().map(|finding| (finding.severity, finding.text.clone())).collect()
    }

    #[test]
    fn room_is_judged_by_what_a_server_needs() {
        let judge = |free, full_of_files, in_memory| {
            let found = said(|report| judge_room(Path::new("/data"), &Room { free, full_of_files, in_memory }, report));
            assert!(found.iter().all(|(_, text)| text.contains("/data")), "{found:?}");
            found.iter().map(|(severity, _)| *severity).collect::<Vec<_>>()
        };
        assert_eq!(judge(LITTLE, false, false), [Severity::Good]);
        assert_eq!(judge(LITTLE - 1, false, false), [Severity::Warning]);
        assert_eq!(judge(TOO_LITTLE - 1, false, false), [Severity::Error]);
        assert_eq!(judge(LITTLE, true, false), [Severity::Good, Severity::Error]);
        assert_eq!(judge(LITTLE, false, true), [Severity::Good, Severity::Warning]);
    }

    #[test]
    fn a_slow_sync_is_told_with_its_figure() {
        let judge = |ms: &[u64]| {
            let times = ms.iter().map(|&ms| Duration::from_millis(ms)).collect();
            said(|report| judge_syncs(Path::new("/data"), times, report)).remove(0)
        };
        let (severity, text) = judge(&[60, 51, 1]);
        assert!(
            severity == Severity::Warning && text.contains("takes 51.00 ms, the longest of 3 took 60.00 ms"),
            "{text}"
        );
        // One that is slow among many is no slow disk.
        assert_eq!(judge(&[1, 400, 2]).0, Severity::Good);
    }

    #[test]
    fn measuring_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(syncs(directory.path()).unwrap().len(), SYNCS);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
