//! Date math of Elasticsearch, of which a time back can run.
//!
//! Source: <https://www.elastic.co/docs/reference/elasticsearch/rest-apis/common-options#date-math>

use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use crate::rule::toml_file::reader::TomlReader;

const DAY: i64 = 24 * 60 * 60;

/// A time before now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LookBack {
    /// It is always as long.
    Fixed(Duration),
    /// Its length depends on the time: it is rounded, or counts months or years.
    Varying,
}

/// Reads a time back such as `now-60m`, which is also the `example` in messages. What Elasticsearch
/// accepts, but cannot run here, is noted in the reader.
pub(super) fn read_look_back(
    reader: &mut TomlReader<'_>,
    key: &str,
    value: &Spanned<DeValue<'_>>,
    example: &str,
) -> Option<Duration> {
    let expected = format!("a time back such as `{example}`");
    let Some(text) = value.get_ref().as_str() else {
        reader.wrong_type(key, value, &expected);
        return None;
    };
    match parse(text) {
        Some(LookBack::Fixed(duration)) => Some(duration),
        Some(LookBack::Varying) => {
            let text = text.escape_debug();
            let reason =
                format!("its `{key}` is `{text}`: months, years and rounding (`/d`) cannot run");
            reader.add_unsupported(value.span(), reason, "");
            None
        }
        None => {
            let message = format!("`{key}` must be {expected}, found `{}`", text.escape_debug());
            reader.add_problem(value.span(), message);
            None
        }
    }
}

/// Reads `now`, and what is added, subtracted and rounded, in any order. Returns `None` if that is
/// not date math, or not before now.
fn parse(text: &str) -> Option<LookBack> {
    let mut rest = text.strip_prefix("now")?;
    let mut back: i64 = 0;
    let mut is_rounded = false;
    let mut is_varying = false;
    while let Some(operator) = rest.chars().next() {
        rest = &rest[operator.len_utf8()..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        // Without a number it is one.
        let number = if digits == 0 { 1 } else { i64::from(rest[..digits].parse::<i32>().ok()?) };
        let unit = rest[digits..].chars().next()?;
        let seconds = seconds_of(unit)?;
        is_varying |= matches!(unit, 'M' | 'y');
        match operator {
            '-' => back = back.checked_add(number * seconds)?,
            '+' => back = back.checked_sub(number * seconds)?,
            '/' if digits == 0 => is_rounded = true,
            _ => return None,
        }
        rest = &rest[digits + unit.len_utf8()..];
    }
    match back {
        ..0 => None,
        _ if is_rounded => Some(LookBack::Varying),
        0 => None,
        _ if is_varying => Some(LookBack::Varying),
        _ => Some(LookBack::Fixed(Duration::from_secs(back.unsigned_abs()))),
    }
}

/// The length of a unit, about that for a month and a year.
fn seconds_of(unit: char) -> Option<i64> {
    Some(match unit {
        's' => 1,
        'm' => 60,
        'h' | 'H' => 60 * 60,
        'd' => DAY,
        'w' => 7 * DAY,
        'M' => 30 * DAY,
        'y' => 365 * DAY,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_back_counts_from_now() {
        let fixed = |seconds| Some(LookBack::Fixed(Duration::from_secs(seconds)));
        let varying = Some(LookBack::Varying);
        for (text, expected) in [
            ("now-60m", fixed(3600)),
            ("now-6m", fixed(360)),
            ("now-30s", fixed(30)),
            ("now-2h", fixed(7200)),
            ("now-2H", fixed(7200)),
            ("now-1d", fixed(86_400)),
            ("now-2w", fixed(1_209_600)),
            ("now-d", fixed(86_400)),
            ("now-1d-6h", fixed(108_000)),
            ("now-1d+6h", fixed(64_800)),
            ("now-1M", varying),
            ("now-1y", varying),
            ("now-1d/d", varying),
            ("now/d", varying),
            ("now/w-1d", varying),
            ("now", None),
            ("now-0m", None),
            ("now+6m", None),
            ("now-1d+5d", None),
            ("now+1M/d", None),
            ("60m", None),
            ("now-", None),
            ("now-5", None),
            ("now-m5", None),
            ("now-1m30s", None),
            ("now-1D", None),
            ("now-1d/", None),
            ("now/2d", None),
            ("now*2d", None),
            ("now-1.5h", None),
            ("now - 1d", None),
            ("now-1d ", None),
            ("now-1é", None),
            ("nowé", None),
            ("now-99999999999999999999m", None),
            ("now-2147483648m", None),
            ("", None),
        ] {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }
}
