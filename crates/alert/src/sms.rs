//! The form for SMS: one line that says what, who, where and when.

use detect::text::time;
use jiff::Timestamp;

use crate::subject::split_marks;

/// SNS puts the display name of the topic in front, and one SMS has 160 characters.
const MAX_CHARS: usize = 140;

/// What follows a text that is cut.
const CUT: &str = "..";

/// The subject, and the time if it fits: at most 140 characters that every telephone has.
pub(crate) fn short_text(subject: &str, time: Option<Timestamp>) -> String {
    let (marks, what) = split_marks(subject);
    // SMS has no backtick. One would make the whole message UCS-2, with 70 characters.
    let mut text = format!("{}: {}", marks.join(" "), what.replace('`', "'"));
    if count_chars(&text) > MAX_CHARS {
        while count_chars(&text) > MAX_CHARS - CUT.len() && text.pop().is_some() {}
        return text + CUT;
    }
    let with_time = time.map(|time| format!("{text} at {}", time::format_minute(time)));
    with_time.filter(|text| count_chars(text) <= MAX_CHARS).unwrap_or(text)
}

/// Characters of GSM 03.38, in which some of ASCII count twice.
fn count_chars(text: &str) -> usize {
    text.chars().map(|character| if "^{}\\[~]|".contains(character) { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_has_one_line_that_fits_into_one_message() {
        let time = Some("2026-03-01T10:00:59Z".parse().unwrap());
        let subject = "[low] bob added to IAM group Admins by alice in 111122223333 (production)";
        let rest = "bob added to IAM group Admins by alice in 111122223333 (production)";
        assert_eq!(short_text(subject, time), format!("LOW: {rest} at 2026-03-01 10:00 UTC"));
        assert_eq!(short_text(subject, None), format!("LOW: {rest}"));
        assert_eq!(short_text("[CONFLICT] [high] x", None), "CONFLICT HIGH: x");
        // A name in brackets is no mark.
        assert_eq!(short_text("[low] [high] x", None), "LOW: [high] x");
        assert_eq!(short_text("[low] `id`", None), "LOW: 'id'");
        let long = format!("[low] {}", "x".repeat(93));
        assert_eq!(count_chars(&short_text(&long, time)), 5 + 93 + 24);
        let brackets = format!("[low] {}", "[".repeat(93));
        let cut = short_text(&brackets, time);
        assert!(count_chars(&cut) <= 140 && cut.ends_with("[.."), "{cut}");
    }
}
