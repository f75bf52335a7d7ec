//! Times: as the clock of the user shows them, and as programs compare them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::text::shown;

/// `2026-11-22 07:14`, in the time zone of this machine.
pub(crate) fn local(time_ms: u64) -> String {
    let text =
        |time: Timestamp| time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string();
    stamp(time_ms).map_or_else(|| out_of_range(time_ms), text)
}

/// `07:14:09`, in the time zone of this machine.
pub(crate) fn clock(time_ms: u64) -> String {
    let text = |time: Timestamp| time.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string();
    stamp(time_ms).map_or_else(|| out_of_range(time_ms), text)
}

/// `2026-11-22T06:14:09.123Z`
pub(crate) fn utc(time_ms: u64) -> String {
    stamp(time_ms).map_or_else(|| out_of_range(time_ms), |time| format!("{time:.3}"))
}

/// The first of what was written by [`utc`]. Whoever wrote it can have written anything.
pub(crate) fn local_of(utc: &str) -> String {
    match utc.parse::<Timestamp>() {
        Ok(time) => local(u64::try_from(time.as_millisecond()).unwrap_or_default()),
        Err(_) => shown(utc),
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}

fn stamp(time_ms: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(time_ms).ok()?).ok()
}

/// Whoever wrote the store can have written any number.
fn out_of_range(time_ms: u64) -> String {
    format!("{time_ms} ms after 1970")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(utc(1_795_328_049_123), "2026-11-22T06:14:09.123Z");
        assert_eq!(local_of("2026-11-22T06:14:09.123Z"), local(1_795_328_049_123));
        assert_eq!(local_of("\u{1b}[2J"), "\\u{1b}[2J");
        assert_eq!(utc(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc(u64::MAX), "18446744073709551615 ms after 1970");
        // The zone is that of the machine; the form is not.
        let text = local(1_795_328_049_123);
        assert!(text.len() == 16 && text.starts_with("2026-11-2"), "{text}");
    }
}
