//! How numbers, times and names are written on the page.

use detect::power::PowerLevel;
use detect::text::time;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Characters of a name on the page.
const MAX_NAME_CHARS: usize = 128;

/// Characters of a text such as a reason.
const MAX_TEXT_CHARS: usize = 500;

/// A value as templates pass it: itself, or behind references.
pub trait Passed<T> {
    /// The value.
    fn value(&self) -> T;
}

impl<T, P: Passed<T>> Passed<T> for &P {
    fn value(&self) -> T {
        (**self).value()
    }
}

impl Passed<u64> for u64 {
    fn value(&self) -> u64 {
        *self
    }
}

impl Passed<u64> for usize {
    fn value(&self) -> u64 {
        *self as u64
    }
}

impl Passed<Option<Timestamp>> for Option<Timestamp> {
    fn value(&self) -> Option<Timestamp> {
        *self
    }
}

impl Passed<Option<Timestamp>> for Timestamp {
    fn value(&self) -> Option<Timestamp> {
        Some(*self)
    }
}

impl Passed<PowerLevel> for PowerLevel {
    fn value(&self) -> PowerLevel {
        *self
    }
}

/// `8,640`.
pub fn number(number: impl Passed<u64>) -> String {
    let digits = number.value().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 change`, `8,640 changes`, `1 entry`, `2 entries`.
pub fn count(count: impl Passed<u64>, noun: &str) -> String {
    let count = count.value();
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{} {stem}ies", number(count)),
        (_, None) => format!("{} {noun}s", number(count)),
    }
}

/// `2026-03-01 10:00:00`, in UTC, which the heading of the column says.
pub fn time(time: impl Passed<Option<Timestamp>>) -> String {
    time.value().map_or("not recorded".to_owned(), time::format_column_time)
}

/// `2026-03-01 10:00 UTC`.
pub fn minute(time: impl Passed<Option<Timestamp>>) -> String {
    time.value().map_or("not recorded".to_owned(), time::format_minute)
}

/// `2026-03-01`.
pub fn date(time: impl Passed<Option<Timestamp>>) -> String {
    time.value().map_or("not recorded".to_owned(), time::format_date)
}

/// `10:00:00`.
pub fn clock(time: impl Passed<Option<Timestamp>>) -> String {
    time.value().map_or("–".to_owned(), |time| time.strftime("%H:%M:%S").to_string())
}

/// `Sunday, 1 March 2026`.
pub fn day(time: impl Passed<Option<Timestamp>>) -> String {
    time.value().map_or("At a time that is not recorded".to_owned(), |time| {
        time.strftime("%A, %-d %B %Y").to_string()
    })
}

/// `1 to 30 November 2026`, or with months and years where they differ.
pub fn period(
    since: impl Passed<Option<Timestamp>>,
    until: impl Passed<Option<Timestamp>>,
) -> String {
    let date = |time: Timestamp| time.to_zoned(TimeZone::UTC).date();
    let ends = since.value().map(date).zip(until.value().map(date));
    let Some((since, until)) = ends else {
        return "no time at all".to_owned();
    };
    let end = until.strftime("%-d %B %Y");
    if since == until {
        return end.to_string();
    }
    let start = match (since.year() == until.year(), since.month() == until.month()) {
        (true, true) => since.strftime("%-d"),
        (true, false) => since.strftime("%-d %B"),
        (false, _) => since.strftime("%-d %B %Y"),
    };
    format!("{start} to {end}")
}

/// A name, cut to its first characters.
pub fn name(text: impl AsRef<str>) -> String {
    cut(text.as_ref(), MAX_NAME_CHARS)
}

/// The name of a policy without the rest of its ARN.
pub fn policy(name: impl AsRef<str>) -> String {
    let whole = name.as_ref();
    self::name(whole.rsplit('/').next().unwrap_or(whole))
}

/// A text, cut to its first characters.
pub fn text(text: impl AsRef<str>) -> String {
    cut(text.as_ref(), MAX_TEXT_CHARS)
}

/// A name that may be unknown.
pub fn optional(text: &Option<String>) -> String {
    text.as_deref().map_or("–".to_owned(), name)
}

/// The first digits of an id, by which `trailbell show` finds it.
pub fn short_id(id: &detect::finding::FindingId) -> &str {
    id.as_str().get(..8).unwrap_or_default()
}

/// What a policy can do, in words.
pub fn power(level: impl Passed<PowerLevel>) -> &'static str {
    match level.value() {
        PowerLevel::Unknown => "not known",
        PowerLevel::Limited => "limited",
        PowerLevel::Escalates => "opens ways to more rights",
        PowerLevel::Admin => "allows everything",
    }
}

/// The template escapes what is left.
fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some((end, _)) => {
            let left_out = text[end..].chars().count();
            format!("{}… ({} more characters)", &text[..end], number(left_out))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators() {
        for (value, expected) in [
            (0_u64, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (8_640, "8,640"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(number(value), expected);
        }
        assert_eq!(count(1_u64, "change"), "1 change");
        assert_eq!(count(0_u64, "entry"), "0 entries");
        assert_eq!(count(2_000_u64, "log file"), "2,000 log files");
    }

    #[test]
    fn a_period_names_month_and_year_once() {
        for (since, until, expected) in [
            ("2026-11-01T00:00:00Z", "2026-11-30T23:59:59Z", "1 to 30 November 2026"),
            ("2026-10-31T10:00:00Z", "2026-11-30T10:00:00Z", "31 October to 30 November 2026"),
            ("2025-12-31T10:00:00Z", "2026-01-01T10:00:00Z", "31 December 2025 to 1 January 2026"),
            ("2026-11-03T10:00:00Z", "2026-11-03T11:00:00Z", "3 November 2026"),
        ] {
            assert_eq!(period(since.parse().ok(), until.parse().ok()), expected);
        }
        assert_eq!(period(None::<Timestamp>, None::<Timestamp>), "no time at all");
    }

    #[test]
    fn a_long_name_says_what_is_missing() {
        assert_eq!(name("ä".repeat(129)), format!("{}… (1 more characters)", "ä".repeat(128)));
        assert_eq!(name("Admins"), "Admins");
    }
}
