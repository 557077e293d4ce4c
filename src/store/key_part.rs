//! Parts of keys.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Bytes of a part. A key of S3 has at most 1,024 bytes, a file name 255.
const MAX_BYTES: usize = 120;

/// Bytes kept of a part that is too long, before its hash.
const KEPT_BYTES: usize = 55;

/// Encodes any text as one part of a key, and as a file name: 1 to 120 characters of
/// `A-Z a-z 0-9 - _ % ~`, different for every text. Everything but letters, digits, `-` and `_` is
/// percent-encoded. What is then too long is cut and ends in `~` and its SHA-256. Nothing is `~`.
pub fn encode_key_part(text: &str) -> String {
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
        1..=MAX_BYTES => encoded,
        _ => {
            let hash = Sha256::digest(text.as_bytes());
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{}~{hash}", &encoded[..KEPT_BYTES])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_stay_readable_and_nothing_leads_elsewhere() {
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
            assert_eq!(encode_key_part(text), expected, "{text}");
        }
        assert_eq!(encode_key_part(&"x".repeat(120)), "x".repeat(120));
        assert_eq!(encode_key_part(&"x".repeat(121)).len(), 120);
    }

    proptest! {
        #[test]
        fn different_texts_have_different_parts(
            a in ".{0,80}",
            b in ".{0,80}",
            tail in "[a-c/]{0,2}",
        ) {
            prop_assert_eq!(encode_key_part(&a) == encode_key_part(&b), a == b);
            let long = format!("{}{a}", "ä".repeat(100));
            let longer = format!("{long}{tail}");
            let same = encode_key_part(&long) == encode_key_part(&longer);
            prop_assert_eq!(same, tail.is_empty());
            let part = encode_key_part(&a);
            prop_assert!(!part.is_empty() && part.len() <= MAX_BYTES && part.is_ascii());
            prop_assert!(!part.contains(['/', '.']));
        }
    }
}
