//! The journal that `record.c` writes: what the server did to its files, in order.

use std::ops::Range;

/// One call of the server's.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// The journal's length after it: whoever was told something at this length or more was told it after.
    pub end: u64,
    /// The file's name in the data directory; `.` is the directory.
    pub name: String,
    pub event: Event,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    Created,
    /// At an offset of the file, this part of the journal.
    Written(u64, Range<usize>),
    Truncated(u64),
    Synced,
    Unlinked,
}

const HEAD: usize = 18;

/// All whole records. The last may be cut off: the server was killed while it was written.
pub(super) fn parse(journal: &[u8]) -> Vec<Record> {
    let (mut records, mut at) = (Vec::new(), 0);
    while let Some(head) = journal.get(at..at + HEAD) {
        let number = |from: usize| u64::from_le_bytes(head[from..from + 8].try_into().expect("eight bytes"));
        let (offset, length) = (number(2), number(10) as usize);
        let name_end = at + HEAD + usize::from(head[1]);
        let end = name_end + length;
        if journal.len() < end {
            break;
        }
        let name = String::from_utf8(journal[at + HEAD..name_end].to_vec()).expect("names are UTF-8");
        let event = match head[0] {
            b'C' => Event::Created,
            b'W' => Event::Written(offset, name_end..end),
            b'T' => Event::Truncated(offset),
            b'S' => Event::Synced,
            b'U' => Event::Unlinked,
            other => panic!("the journal has a record of the kind {other} at {at}"),
        };
        records.push(Record { end: end as u64, name, event });
        at = end;
    }
    records
}
