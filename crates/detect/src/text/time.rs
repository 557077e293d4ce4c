//! Formats of times. All are in UTC, to the second or coarser.

use jiff::{SignedDuration, Timestamp};

/// For a sentence: `2026-03-01 at 10:00:00 UTC`.
pub fn format_sentence_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d at %H:%M:%S UTC").to_string()
}

/// For a list of facts: `2026-03-01 10:00:00 UTC`.
pub fn format_table_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// For a column whose heading names the time zone: `2026-03-01 10:00:00`.
pub fn format_column_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// To the minute: `2026-03-01 10:00 UTC`.
pub fn format_minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `2026-03-01`.
pub fn format_date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

/// RFC 3339, as CloudTrail writes `eventTime`: `2026-03-01T10:00:00Z`.
pub fn format_rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// ISO 8601 without separators, for names and keys that sort by time: `20260301T100000Z`.
pub fn format_compact_time(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// RFC 3339, for a command: `hours` later, or earlier if negative. Returns the time itself if the
/// result would be out of range.
pub fn format_command_time(time: Timestamp, hours: i64) -> String {
    format_rfc3339(time.checked_add(SignedDuration::from_hours(hours)).unwrap_or(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_formatted_in_utc() {
        let time = "2026-03-01T10:05:07.9Z".parse().unwrap();
        assert_eq!(format_sentence_time(time), "2026-03-01 at 10:05:07 UTC");
        assert_eq!(format_table_time(time), "2026-03-01 10:05:07 UTC");
        assert_eq!(format_column_time(time), "2026-03-01 10:05:07");
        assert_eq!(format_minute(time), "2026-03-01 10:05 UTC");
        assert_eq!(format_date(time), "2026-03-01");
        assert_eq!(format_rfc3339(time), "2026-03-01T10:05:07Z");
        assert_eq!(format_compact_time(time), "20260301T100507Z");
        assert_eq!(format_command_time(time, -24), "2026-02-28T10:05:07Z");
        assert_eq!(format_command_time(Timestamp::MAX, 1), format_rfc3339(Timestamp::MAX));
    }
}
