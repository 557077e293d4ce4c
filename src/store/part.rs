//! Parts of keys.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Bytes of a part. A key of S3 has at most 1,024 bytes, a file name 255.
const LONGEST: usize = 120;

/// Bytes that stay of a part that is too long, before its hash.
const KEPT: usize = 55;

/// Any text as one part of a key, and as a file's name: 1 to 120 characters of `A-Z a-z 0-9 - _ %
/// ~`. Two texts never give the same part. Everything but letters, digits, `-` and `_` is
/// percent-encoded; what is then too long is cut and ends in `~` and its SHA-256; nothing at all is
/// `~`.
pub fn part(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        // `.` too: no part is ever `..`.
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    match encoded.len() {
        0 => "~".to_owned(),
        1..=LONGEST => encoded,
        _ => format!("{}~{}", &encoded[..KEPT], hash(text)),
    }
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_aws_can_be_read_and_nothing_leads_elsewhere() {
        for (text, expected) in [
            ("billing-admins", "billing-admins"),
            ("111122223333", "111122223333"),
            ("a/b", "a%2Fb"),
            ("..", "%2E%2E"),
            ("a+b @=,", "a%2Bb%20%40%3D%2C"),
            ("ü", "%C3%BC"),
            ("~", "%7E"),
            ("", "~"),
        ] {
            assert_eq!(part(text), expected, "{text}");
        }
        assert_eq!(part(&"x".repeat(120)), "x".repeat(120));
        assert_eq!(part(&"x".repeat(121)).len(), 120);
    }

    proptest! {
        #[test]
        fn different_texts_have_different_parts(a in ".{0,80}", b in ".{0,80}", tail in "[a-c/]{0,2}") {
            prop_assert_eq!(part(&a) == part(&b), a == b);
            let long = "ä".repeat(100);
            prop_assert_eq!(part(&format!("{long}{a}")) == part(&format!("{long}{a}{tail}")), tail.is_empty());
            let ok = |part: &str| !part.is_empty() && part.len() <= LONGEST && !part.contains(['/', '.']);
            prop_assert!(ok(&part(&a)) && part(&a).is_ascii());
        }
    }
}
