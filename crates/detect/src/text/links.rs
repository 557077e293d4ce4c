//! Addresses that are no links: mail programs and chats make links of what looks like one, and a
//! caller of AWS must not put one into an alert.

/// Follows the scheme of an address.
const SCHEME_END: &str = "://";

/// Returns true if a part of the text could become a link.
pub(super) fn has_link(text: &str) -> bool {
    text.match_indices(SCHEME_END).any(|(at, _)| !is_of_s3(&text[..at]))
}

/// The text with `broken` in place of `://`, except in the places of S3, which are no links.
pub(super) fn break_links(text: &str, broken: &str) -> String {
    let mut parts = text.split(SCHEME_END).peekable();
    let mut whole = String::new();
    while let Some(part) = parts.next() {
        whole += part;
        if parts.peek().is_some() {
            whole += if is_of_s3(part) { SCHEME_END } else { broken };
        }
    }
    whole
}

fn is_of_s3(before: &str) -> bool {
    before.ends_with("s3")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_could_be_a_link_is_broken() {
        for (text, expected) in [
            ("https://example.net/a", "https[:]//example.net/a"),
            ("see HTTP://a and ftp://b", "see HTTP[:]//a and ftp[:]//b"),
            ("://", "[:]//"),
            ("://://", "[:]//[:]//"),
            ("s3://bucket/key", "s3://bucket/key"),
            ("s3://bucket/https://a", "s3://bucket/https[:]//a"),
            ("arn:aws:iam::1:user/a", "arn:aws:iam::1:user/a"),
            ("", ""),
        ] {
            assert_eq!(break_links(text, "[:]//"), expected);
            assert_eq!(has_link(text), text != expected, "{text}");
        }
    }
}
