//! Values as they were typed, and what they are read as: numbers, sizes, rates, addresses.
//!
//! Owns the forms that a value can have. Knows no key, and not where a value came from, but for
//! the directory that a relative path starts from.

use crate::server::flood::Rate;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// The fastest rate that can be asked for, a second. Beyond it, `off` says what is meant.
pub const RATE_MAX: f64 = 1e6;

/// The largest burst that can be asked for.
pub const BURST_MAX: u32 = 1_000_000;

/// What would have been taken in place of a value that does not fit: half a sentence, shown to
/// the operator after "Wanted:".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted(pub(super) String);

fn wanted<T>(what: impl Into<String>) -> Result<T, Wanted> {
    Err(Wanted(what.into()))
}

/// A value as it was typed. All scalars are texts here, so that `workers = 4` in the file and
/// `--set workers=4` are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// The scalar, or the items of the list.
    pub(super) typed: Typed,
    /// Where a relative path starts, if not from the working directory.
    pub(super) base: Option<PathBuf>,
}

/// See [`Value`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Typed {
    /// One text, number or boolean.
    One(String),
    /// A list of them.
    Many(Vec<String>),
    /// A list within a list: nothing that any setting takes.
    Nested,
}

impl Value {
    fn one(&self) -> Option<&str> {
        match &self.typed {
            Typed::One(text) => Some(text.trim()),
            Typed::Many(_) | Typed::Nested => None,
        }
    }

    fn is(&self, word: &str) -> bool {
        self.one() == Some(word)
    }

    /// `auto` is `None`, everything else is read by `read`.
    pub(super) fn auto<T>(&self, read: impl FnOnce(&Self) -> Result<T, Wanted>) -> Result<Option<T>, Wanted> {
        if self.is("auto") { Ok(None) } else { read(self).map(Some).map_err(|w| Wanted(w.0 + ", or \"auto\"")) }
    }

    /// `off` is `None`, everything else is read by `read`.
    pub(super) fn off<T>(&self, read: impl FnOnce(&Self) -> Result<T, Wanted>) -> Result<Option<T>, Wanted> {
        if self.is("off") || self.is("false") {
            return Ok(None);
        }
        read(self).map(Some).map_err(|w| Wanted(w.0 + ", or \"off\""))
    }

    /// `on` or `off`; TOML's own `true` and `false` are these too.
    pub(super) fn switch(&self) -> Result<bool, Wanted> {
        match self.one() {
            Some("on" | "true") => Ok(true),
            Some("off" | "false") => Ok(false),
            _ => wanted("\"on\" or \"off\""),
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Wanted> {
        let found = words.iter().find(|(word, _)| self.is(word));
        found.map(|(_, meant)| *meant).ok_or_else(|| {
            let words: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            Wanted(words.join(" or "))
        })
    }

    /// A whole number within bounds.
    pub(super) fn number(&self, bounds: RangeInclusive<u32>) -> Result<u32, Wanted> {
        let number = self.one().and_then(|text| text.parse().ok()).filter(|number| bounds.contains(number));
        number.ok_or_else(|| Wanted(format!("a whole number from {} to {}", bounds.start(), bounds.end())))
    }

    /// A number of bytes within bounds: `262144`, `"256 KiB"`.
    pub(super) fn size(&self, bounds: RangeInclusive<usize>) -> Result<usize, Wanted> {
        let size = self.one().and_then(bytes).filter(|size| bounds.contains(size));
        size.ok_or_else(|| {
            let (least, most) = (shown_size(*bounds.start()), shown_size(*bounds.end()));
            Wanted(format!("a size from {least} to {most}, as a number of bytes or such as \"256 KiB\""))
        })
    }

    /// `"10/s burst 60"`.
    pub(super) fn rate(&self) -> Result<Rate, Wanted> {
        self.one()
            .and_then(rate)
            .ok_or_else(|| Wanted("a rate such as \"10/s burst 60\" (units s, m, h, d; both above 0)".to_owned()))
    }

    /// A list of addresses with ports, or a single one, or commas between them; `off` is none.
    pub(super) fn addresses(&self) -> Result<Vec<SocketAddr>, Wanted> {
        const WANTED: &str = "an address with its port such as 127.0.0.1:2427 or [::1]:2427";
        let read = |text: &str| text.trim().parse().map_err(|_| Wanted(WANTED.to_owned()));
        let addresses = self.off(|value| match &value.typed {
            Typed::One(text) => text.split(',').map(read).collect(),
            Typed::Many(texts) => texts.iter().map(|text| read(text)).collect(),
            Typed::Nested => wanted(WANTED),
        })?;
        Ok(addresses.unwrap_or_default())
    }

    /// A path; a relative one starts from the file's directory if the value came from the file.
    pub(super) fn path(&self) -> Result<PathBuf, Wanted> {
        match self.one() {
            None | Some("") => wanted("a path"),
            Some(path) => Ok(self.base.as_deref().unwrap_or(Path::new("")).join(path)),
        }
    }

    /// A host name or an IP address.
    pub(super) fn host(&self) -> Result<String, Wanted> {
        match self.one() {
            Some(name) if is_host(name) => Ok(name.to_owned()),
            _ => wanted("a host name such as chat.example.org, or an address without a port"),
        }
    }
}

/// Whether a text can stand in a certificate and in a command to connect: an IP address, or dotted
/// labels of letters, digits and hyphens, 253 bytes at most.
pub(super) fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.parse::<std::net::IpAddr>().is_ok() || (name.len() <= 253 && name.split('.').all(is_label))
}

const UNITS: [(&str, usize); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

fn bytes(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim_start() {
        "" => 1,
        unit => UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?.1,
    };
    number.parse::<usize>().ok()?.checked_mul(unit)
}

fn shown_size(size: usize) -> String {
    // The first unit is 1, so one is always found.
    let (name, unit) = UNITS.into_iter().rev().find(|(_, unit)| size.is_multiple_of(*unit)).unwrap_or(UNITS[0]);
    format!("{} {name}", size / unit)
}

fn rate(text: &str) -> Option<Rate> {
    let (often, burst) = text.split_once(" burst ")?;
    let (number, unit) = often.trim().split_once('/')?;
    let seconds = match unit.trim() {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    // Decimal digits alone: f64 would also read "inf" and "1e9".
    if !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let per_second = number.parse::<f64>().ok()? / seconds;
    let burst = burst.trim().parse().ok()?;
    let fits = per_second > 0.0 && per_second <= RATE_MAX && (1..=BURST_MAX).contains(&burst);
    fits.then_some(Rate { per_second, burst })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(text: &str) -> Value {
        Value { typed: Typed::One(text.to_owned()), base: None }
    }

    #[test]
    fn rates_are_read() {
        let read = |text: &str| value(text).rate().ok().map(|r| (r.per_second, r.burst));
        assert_eq!(read("10/s burst 60"), Some((10.0, 60)));
        assert_eq!(read(" 30 / m  burst  1"), None);
        assert_eq!(read("30/m  burst  1"), Some((0.5, 1)));
        assert_eq!(read("0.5/s burst 5"), Some((0.5, 5)));
        assert_eq!(read("3600/h burst 5"), Some((1.0, 5)));
        for bad in ["10", "10/s", "0/s burst 1", "1/s burst 0", "inf/s burst 1", "1e3/s burst 1", "-1/s burst 1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        for bad in ["1/y burst 1", "1/s burst 1000001", "1000001/s burst 1", "/s burst 1", "./s burst 1", "1/s burst x"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(value("off").off(Value::rate), Ok(None));
        assert_eq!(value("false").off(Value::rate), Ok(None));
    }

    #[test]
    fn sizes_are_read() {
        let read = |text: &str| value(text).size(1024..=1 << 30).ok();
        assert_eq!(read("262144"), Some(262_144));
        assert_eq!(read("256 KiB"), Some(262_144));
        assert_eq!(read("256kib"), Some(262_144));
        assert_eq!(read("1 GiB"), Some(1 << 30));
        assert_eq!(read("2048 B"), Some(2048));
        for bad in ["", "KiB", "1 KB", "1023", "2 GiB", "-1", "1.5 MiB", "99999999999999999999", "99999999999 GiB"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        let Err(Wanted(what)) = value("x").size(16384..=2 << 30) else { panic!() };
        assert!(what.contains("from 16 KiB to 2 GiB"), "{what}");
    }

    #[test]
    fn addresses_are_a_list_or_one_or_off() {
        let read = |text: &str| value(text).addresses().map(|list| list.len());
        assert_eq!(read("127.0.0.1:0"), Ok(1));
        assert_eq!(read("[::]:2428, 0.0.0.0:2428"), Ok(2));
        assert_eq!(read("off"), Ok(0));
        assert!(read("2428").is_err() && read("").is_err() && read("localhost:1").is_err());
        let many = Typed::Many(vec!["[::1]:1".to_owned(), "127.0.0.1:1".to_owned()]);
        assert_eq!(Value { typed: many, base: None }.addresses().map(|l| l.len()), Ok(2));
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        for good in ["localhost", "chat.example.org", "a-1", "192.0.2.1", "2001:db8::1"] {
            assert!(value(good).host().is_ok(), "{good}");
        }
        let long = ["a"; 128].join(".");
        for bad in ["", "a b", "a..b", "-a", "a-", "a_b", "x:1", "ä.org", &"a".repeat(64), &long] {
            assert!(value(bad).host().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_relative_path_starts_from_its_files_directory() {
        let mut path = value("keys/a.pem");
        assert_eq!(path.path(), Ok(PathBuf::from("keys/a.pem")));
        path.base = Some("/etc/chitchat".into());
        assert_eq!(path.path(), Ok(PathBuf::from("/etc/chitchat/keys/a.pem")));
        path.typed = Typed::One("/a.pem".into());
        assert_eq!(path.path(), Ok(PathBuf::from("/a.pem")));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let value = value(&text);
            if let Ok(rate) = value.rate() {
                prop_assert!(rate.per_second > 0.0 && rate.per_second <= RATE_MAX && rate.burst > 0);
            }
            let _ = (value.size(0..=usize::MAX), value.addresses(), value.host(), value.switch());
        }

        #[test]
        fn a_shown_size_reads_back(size in any::<usize>()) {
            prop_assert_eq!(bytes(&shown_size(size)), Some(size));
        }
    }
}
