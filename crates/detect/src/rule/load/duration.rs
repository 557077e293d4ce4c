//! `interval = "10m"` and `from = "now-60m"`.

use std::time::Duration;

/// A whole number and a unit: `s`, `m`, `h`, `d` or `w`. Not zero.
pub(in crate::rule) fn interval(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        'w' => 7 * 24 * 60 * 60,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    let count: u64 =
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
    count.checked_mul(seconds).filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// `now-` and an interval: how far back.
pub(super) fn since(text: &str) -> Option<Duration> {
    interval(text.strip_prefix("now-")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_a_number_and_a_unit() {
        let cases = [
            ("30s", Some(30)),
            ("10m", Some(600)),
            ("1h", Some(3600)),
            ("1d", Some(86_400)),
            ("2w", Some(1_209_600)),
            ("0m", None),
            ("m", None),
            ("", None),
            ("10", None),
            ("10M", None),
            ("+1m", None),
            ("1.5h", None),
            ("1m30s", None),
            ("99999999999999999999m", None),
            ("18446744073709551615w", None),
            ("1é", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(interval(text), seconds.map(Duration::from_secs), "{text:?}");
        }
    }

    #[test]
    fn a_look_back_counts_from_now() {
        for (text, seconds) in [
            ("now-60m", Some(3600)),
            ("now-6m", Some(360)),
            ("now", None),
            ("60m", None),
            ("now+6m", None),
        ] {
            assert_eq!(since(text), seconds.map(Duration::from_secs), "{text:?}");
        }
    }
}
