//! Times as people read them. Wall-clock time is only ever shown or stored; nothing waits by it.

use jiff::Timestamp;

/// A time in milliseconds of Unix time as RFC 3339 in UTC with milliseconds:
/// `2026-11-22T17:58:01.123Z`. What lies beyond the year 9999 is shown as that year's end.
#[must_use]
pub fn rfc3339(milliseconds: u64) -> String {
    let moment = i64::try_from(milliseconds).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", moment.unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_the_page_says() {
        assert_eq!(rfc3339(1_795_370_281_123), "2026-11-22T17:58:01.123Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert!(rfc3339(u64::MAX).starts_with("9999-12-30") || rfc3339(u64::MAX).starts_with("9999-12-31"));
    }
}
