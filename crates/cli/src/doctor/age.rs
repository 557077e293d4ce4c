//! Lengths of time for people.

use jiff::{SignedDuration, Timestamp};

/// How long ago, in the largest unit of which there are two.
pub fn format_age(time: Timestamp, now: Timestamp) -> String {
    let age = now.duration_since(time).max(SignedDuration::ZERO);
    match (age.as_mins(), age.as_hours()) {
        (0..120, _) => format!("{} min ago", age.as_mins()),
        (_, 0..48) => format!("{} hours ago", age.as_hours()),
        (_, hours) => format!("{} days ago", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_units_that_fit() {
        let now: Timestamp = "2026-03-12T12:00:00Z".parse().unwrap();
        for (time, told) in [
            ("2026-03-12T11:59:30Z", "0 min ago"),
            ("2026-03-12T10:01:00Z", "119 min ago"),
            ("2026-03-12T10:00:00Z", "2 hours ago"),
            ("2026-03-10T12:00:01Z", "47 hours ago"),
            ("2026-03-10T12:00:00Z", "2 days ago"),
            ("2026-03-12T13:00:00Z", "0 min ago"),
        ] {
            assert_eq!(format_age(time.parse().unwrap(), now), told, "{time}");
        }
    }
}
