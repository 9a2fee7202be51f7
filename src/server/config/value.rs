//! The forms that a value can have: numbers, sizes, rates, addresses, paths, and `auto` or `off`
//! in their place.
//!
//! A form reads texts, numbers among them, so that `workers = 4` in the file and `--set workers=4`
//! mean the same; or it says what it expected. Knows no key, and not where a value came from.

use crate::protocol::network::{BITS_MIN_V4, BITS_MIN_V6};
use crate::protocol::spans;
use crate::server::flood::Rate;
use crate::server::proxy::ProxyRange;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The fastest rate that can be set, per second. Anything faster is as good as `off`.
pub const RATE_MAX: f64 = 1e6;

/// The largest burst that can be set.
pub const BURST_MAX: u32 = 1_000_000;

/// The longest span that can be set.
const SPAN_MAX: Duration = Duration::from_hours(24 * 3650);

/// One form of value. The error is what would be valid, shown to the operator after "expected".
pub(super) trait Form {
    /// What it is read as.
    type Value;

    /// Reads the text, which is trimmed.
    fn read(text: &str) -> Result<Self::Value, String>;

    /// Reads a list.
    fn read_list(_items: &[String]) -> Result<Self::Value, String> {
        Err("one value, not a list".to_owned())
    }
}

/// Reads a value of a form; for serde's `deserialize_with`.
pub(super) fn value<'de, F: Form, D: Deserializer<'de>>(deserializer: D) -> Result<F::Value, D::Error> {
    deserializer.deserialize_any(FormVisitor::<F>(PhantomData))
}

struct FormVisitor<F>(PhantomData<F>);

impl<'de, F: Form> Visitor<'de> for FormVisitor<F> {
    type Value = F::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a whole number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<F::Value, E> {
        F::read(text.trim()).map_err(|valid| E::custom(format!("expected {valid}")))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<F::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<F::Value, E> {
        self.visit_str(&truth.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<F::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        F::read_list(&items).map_err(|valid| A::Error::custom(format!("expected {valid}")))
    }
}

/// Another form, or `auto`, which is `None`.
pub(super) struct Auto<F>(PhantomData<F>);

impl<F: Form> Form for Auto<F> {
    type Value = Option<F::Value>;

    fn read(text: &str) -> Result<Self::Value, String> {
        if text == "auto" { Ok(None) } else { F::read(text).map(Some).map_err(|valid| valid + ", or \"auto\"") }
    }
}

/// Another form, or `off`, which is `None`.
pub(super) struct Off<F>(PhantomData<F>);

impl<F: Form> Form for Off<F> {
    type Value = Option<F::Value>;

    fn read(text: &str) -> Result<Self::Value, String> {
        let off = matches!(text, "off" | "false");
        if off { Ok(None) } else { F::read(text).map(Some).map_err(|valid| valid + ", or \"off\"") }
    }
}

/// `on` or `off`; TOML's own `true` and `false` mean the same.
pub(super) struct Switch;

impl Form for Switch {
    type Value = bool;

    fn read(text: &str) -> Result<bool, String> {
        match text {
            "on" | "true" => Ok(true),
            "off" | "false" => Ok(false),
            _ => Err("\"on\" or \"off\"".to_owned()),
        }
    }
}

/// A whole number within bounds.
pub(super) struct Number<const MIN: u32, const MAX: u32>;

impl<const MIN: u32, const MAX: u32> Form for Number<MIN, MAX> {
    type Value = u32;

    fn read(text: &str) -> Result<u32, String> {
        let number = text.parse().ok().filter(|number| (MIN..=MAX).contains(number));
        number.ok_or_else(|| format!("a whole number from {MIN} to {MAX}"))
    }
}

/// A number of bytes within bounds: `262144`, `"256 KiB"`.
pub(super) struct Size<const MIN: usize, const MAX: usize>;

impl<const MIN: usize, const MAX: usize> Form for Size<MIN, MAX> {
    type Value = usize;

    fn read(text: &str) -> Result<usize, String> {
        let size = bytes(text).filter(|size| (MIN..=MAX).contains(size));
        size.ok_or_else(|| format!("a size from {} to {}, such as \"256 KiB\"", shown_size(MIN), shown_size(MAX)))
    }
}

/// A time such as `"30m"` or `"1d"`, of at least so many seconds.
pub(super) struct Span<const MIN: u64>;

impl<const MIN: u64> Form for Span<MIN> {
    type Value = Duration;

    fn read(text: &str) -> Result<Duration, String> {
        let valid = || match MIN {
            0 => "a time such as \"30m\" (the units are s, m, h and d; at most \"3650d\")".to_owned(),
            _ => {
                let least = spans::word(Duration::from_secs(MIN));
                format!("a time such as \"365d\" (the units are s, m, h and d; from \"{least}\" to \"3650d\")")
            }
        };
        let read = || {
            let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
            let digits = number.bytes().all(|b| b.is_ascii_digit());
            let number = number.parse::<u32>().ok().filter(|_| digits)?;
            Some(Duration::from_secs(u64::from(number) * unit_seconds(*unit.as_bytes().first()?)?))
        };
        read().filter(|&span| span.as_secs() >= MIN && span <= SPAN_MAX).ok_or_else(valid)
    }
}

/// `"10/s burst 60"`.
pub(super) struct RateValue;

impl Form for RateValue {
    type Value = Rate;

    fn read(text: &str) -> Result<Rate, String> {
        const VALID: &str = "a rate such as \"10/s burst 60\" (the units are s, m, h and d; both numbers above 0)";
        rate(text).ok_or_else(|| VALID.to_owned())
    }
}

/// A list of values, or a single one, or commas between them; `off` is none.
pub(super) struct List<F>(PhantomData<F>);

impl<F: Form> Form for List<F> {
    type Value = Vec<F::Value>;

    fn read(text: &str) -> Result<Self::Value, String> {
        match text {
            "off" | "false" => Ok(Vec::new()),
            text => text.split(',').map(|text| F::read(text.trim())).collect(),
        }
    }

    fn read_list(items: &[String]) -> Result<Self::Value, String> {
        items.iter().map(|text| F::read(text.trim())).collect()
    }
}

/// An address with a port, of a list.
pub(super) struct Address;

impl Form for Address {
    type Value = SocketAddr;

    fn read(text: &str) -> Result<SocketAddr, String> {
        const VALID: &str = "an address with its port such as 127.0.0.1:2427 or [::1]:2427, or \"off\"";
        text.parse().map_err(|_| VALID.to_owned())
    }
}

/// The address of a proxy, or a network of them, of a list.
pub(super) struct Proxy;

impl Form for Proxy {
    type Value = ProxyRange;

    fn read(text: &str) -> Result<ProxyRange, String> {
        let valid = || {
            format!(
                "an address or a network such as 127.0.0.2 or 10.0.0.0/8 (at least /{BITS_MIN_V4}, and /{BITS_MIN_V6} of IPv6), or \"off\""
            )
        };
        ProxyRange::parse(text).ok_or_else(valid)
    }
}

/// A path.
pub(super) struct FilePath;

impl Form for FilePath {
    type Value = PathBuf;

    fn read(text: &str) -> Result<PathBuf, String> {
        if text.is_empty() { Err("a path".to_owned()) } else { Ok(text.into()) }
    }
}

/// A host name or an IP address.
pub(super) struct Host;

impl Form for Host {
    type Value = String;

    fn read(text: &str) -> Result<String, String> {
        const VALID: &str = "a host name such as chat.example.org, or an address without a port";
        if is_host(text) { Ok(text.to_owned()) } else { Err(VALID.to_owned()) }
    }
}

/// Whether a text fits into a certificate and a command to connect: an IP address, or dotted
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

const UNITS: [(&str, usize); 5] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

fn bytes(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim_start() {
        "" => 1,
        unit => UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?.1,
    };
    number.parse::<usize>().ok()?.checked_mul(unit)
}

/// As [`Size`] reads it, in the largest unit that fits.
pub(super) fn shown_size(size: usize) -> String {
    // The first unit is 1, so one is always found.
    let (name, unit) = UNITS.into_iter().rev().find(|(_, unit)| size.is_multiple_of(*unit)).unwrap_or(UNITS[0]);
    format!("{} {name}", size / unit)
}

fn unit_seconds(unit: u8) -> Option<u64> {
    match unit {
        b's' => Some(1),
        b'm' => Some(60),
        b'h' => Some(3600),
        b'd' => Some(86_400),
        _ => None,
    }
}

/// As [`RateValue`] reads it: in the shortest unit in which its number is a whole one.
pub(super) fn shown_rate(rate: Rate) -> String {
    let Rate { per_second, burst } = rate;
    for unit in [b's', b'm', b'h', b'd'] {
        let seconds = unit_seconds(unit).unwrap_or(1) as f64;
        let number = (per_second * seconds).round();
        // Exactly the same when it is read again.
        if (number / seconds).to_bits() == per_second.to_bits() {
            return format!("{number}/{} burst {burst}", char::from(unit));
        }
    }
    format!("{per_second}/s burst {burst}")
}

fn rate(text: &str) -> Option<Rate> {
    let (often, burst) = text.split_once(" burst ")?;
    let (number, unit) = often.trim().split_once('/')?;
    let &[unit] = unit.trim().as_bytes() else { return None };
    let seconds = unit_seconds(unit)? as f64;
    // Only decimal digits: f64 would also read "inf" and "1e9".
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

    #[test]
    fn rates_are_read() {
        let read = |text: &str| RateValue::read(text).ok().map(|r| (r.per_second, r.burst));
        assert_eq!(read("10/s burst 60"), Some((10.0, 60)));
        assert_eq!(read("30 / m  burst  1"), None);
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
        assert_eq!(Off::<RateValue>::read("off"), Ok(None));
        assert_eq!(Off::<RateValue>::read("false"), Ok(None));
    }

    #[test]
    fn spans_are_read() {
        let read = |text: &str| Span::<0>::read(text).ok().map(|span| span.as_secs());
        let read_all = ["0s", "90s", "30m", "2h", "1d", "3650d"].map(read);
        assert_eq!(read_all, [0, 90, 1800, 7200, 86_400, 315_360_000].map(Some));
        for bad in ["", "d", "1", "1 d", "1w", "1.5h", "-1d", "3651d", "4294967296s", "1é"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(Span::<3600>::read("60m"), Ok(Duration::from_hours(1)));
        let expected = Span::<3600>::read("59m").unwrap_err();
        assert!(expected.contains("from \"1h\" to \"3650d\""), "{expected}");
    }

    #[test]
    fn sizes_are_read() {
        let read = |text: &str| Size::<1024, { 1 << 30 }>::read(text).ok();
        assert_eq!(read("262144"), Some(262_144));
        assert_eq!(read("256 KiB"), Some(262_144));
        assert_eq!(read("256kib"), Some(262_144));
        assert_eq!(read("1 GiB"), Some(1 << 30));
        assert_eq!(read("2048 B"), Some(2048));
        for bad in ["", "KiB", "1 KB", "1023", "2 GiB", "-1", "1.5 MiB", "99999999999999999999", "99999999999 GiB"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        let expected = Size::<16384, { 2 << 30 }>::read("x").unwrap_err();
        assert!(expected.contains("from 16 KiB to 2 GiB"), "{expected}");
    }

    #[test]
    fn addresses_are_a_list_or_one_or_off() {
        let read = |text: &str| List::<Address>::read(text).ok().map(|list| list.len());
        assert_eq!(read("127.0.0.1:0"), Some(1));
        assert_eq!(read("[::]:2428, 0.0.0.0:2428"), Some(2));
        assert_eq!(read("off"), Some(0));
        assert!(read("2428").is_none() && read("").is_none() && read("localhost:1").is_none());
        let list = ["[::1]:1", "127.0.0.1:1"].map(str::to_owned);
        assert_eq!(List::<Address>::read_list(&list).map(|list| list.len()), Ok(2));
    }

    #[test]
    fn proxies_are_a_list_or_one_or_off() {
        let read = |text: &str| List::<Proxy>::read(text).ok().map(|list| list.len());
        assert_eq!((read("127.0.0.2"), read("127.0.0.2, 10.0.0.0/8"), read("off")), (Some(1), Some(2), Some(0)));
        let expected = List::<Proxy>::read_list(&["0.0.0.0/0".to_owned()]).unwrap_err();
        assert!(
            expected.starts_with("an address or a network such as 127.0.0.2 or 10.0.0.0/8 (at least /8"),
            "{expected}"
        );
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        for good in ["localhost", "chat.example.org", "a-1", "192.0.2.1", "2001:db8::1"] {
            assert!(Host::read(good).is_ok(), "{good}");
        }
        let long = ["a"; 128].join(".");
        for bad in ["", "a b", "a..b", "-a", "a-", "a_b", "x:1", "ä.org", &"a".repeat(64), &long] {
            assert!(Host::read(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            if let Ok(rate) = RateValue::read(&text) {
                prop_assert!(rate.per_second > 0.0 && rate.per_second <= RATE_MAX && rate.burst > 0);
            }
            let _ = (Span::<0>::read(&text), Size::<0, { usize::MAX }>::read(&text), List::<Address>::read(&text), Host::read(&text), Switch::read(&text));
        }

        #[test]
        fn a_shown_rate_reads_back(number in 0.0001f64..1e6, whole in 1u32..1000, unit in "[smhd]", burst in 1u32..1000) {
            for text in [format!("{number}/{unit} burst {burst}"), format!("{whole}/{unit} burst {burst}")] {
                let Some(read) = rate(&text) else { continue };
                prop_assert_eq!(rate(&shown_rate(read)), Some(read));
            }
        }

        #[test]
        fn a_shown_size_reads_back(size in any::<usize>()) {
            prop_assert_eq!(bytes(&shown_size(size)), Some(size));
        }
    }
}
