//! Reads JSON with invalid strings. What a caller of AWS wrote into a record, such as a user agent,
//! must not keep the record from being read, whatever carried it here.

use std::fmt::Write;

use serde_json::Value;

/// Parses JSON, in whose strings anything is accepted: bytes that are not UTF-8 and unpaired
/// surrogates become U+FFFD, raw control characters are kept.
///
/// # Errors
/// Returns the error of the text as it was, if it is not JSON after that either.
pub fn parse_json(text: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(text)
        .or_else(|error| serde_json::from_str(&repair(text)).map_err(|_| error))
}

/// Replaces what a strict parser refuses in strings. The result need not be JSON.
fn repair(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut repaired = String::with_capacity(text.len() + 16);
    let mut rest = &*text;
    let mut in_string = false;
    while let Some(character) = rest.chars().next() {
        let length = match character {
            '\\' if in_string => repair_escape(rest, &mut repaired),
            '\0'..='\u{1f}' if in_string => {
                let _infallible = write!(repaired, "\\u{:04x}", u32::from(character));
                1
            }
            _ => {
                in_string ^= character == '"';
                repaired.push(character);
                character.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    repaired
}

/// Writes the escape at the start of `rest`. Returns its length in bytes.
fn repair_escape(rest: &str, repaired: &mut String) -> usize {
    let second = rest.get(6..).and_then(utf16_unit);
    let length = match (utf16_unit(rest), second) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
        (Some(0xd800..=0xdfff), _) => {
            repaired.push_str("\\ufffd");
            return 6;
        }
        // The character after the backslash, which can be a quote, belongs to the escape.
        _ => rest.char_indices().nth(2).map_or(rest.len(), |(end, _)| end),
    };
    repaired.push_str(&rest[..length]);
    length
}

/// The UTF-16 unit of a `\uXXXX` at the start of a text.
fn utf16_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn invalid_strings_are_repaired() {
        let cases: [(&[u8], &str); 6] = [
            (br#"{"a":"x\ud83dy"}"#, "x\u{fffd}y"),
            (br#"{"a":"\ude00"}"#, "\u{fffd}"),
            (br#"{"a":"\ud83d\ude00"}"#, "\u{1f600}"),
            (b"{\"a\":\"tab\there\"}", "tab\there"),
            (b"{\"a\":\"\xff\"}", "\u{fffd}"),
            (br#"{"a":"\\ud83d\""}"#, "\\ud83d\""),
        ];
        for (record, expected) in cases {
            let value = parse_json(record).unwrap();
            assert_eq!(value["a"], expected, "{}", String::from_utf8_lossy(record));
        }
    }

    #[test]
    fn the_error_is_that_of_the_text_as_it_was() {
        let text = br#"{"a":"\ud800",}"#;
        let strict = serde_json::from_slice::<Value>(text).unwrap_err();
        assert_eq!(parse_json(text).unwrap_err().to_string(), strict.to_string());
    }

    proptest! {
        #[test]
        fn valid_json_keeps_its_value(text in "\\PC{0,40}", escaped in any::<bool>()) {
            let value = serde_json::json!({"a": text, "b": [1, text]});
            let mut json = value.to_string();
            if escaped { json = json.replace("\\\\", "\\u005c"); }
            let repaired: Value = serde_json::from_str(&repair(json.as_bytes())).unwrap();
            prop_assert_eq!(repaired, value);
        }

        #[test]
        fn arbitrary_bytes_are_repaired_without_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            repair(&bytes);
        }
    }
}
