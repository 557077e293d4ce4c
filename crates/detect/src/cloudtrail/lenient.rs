//! A second chance for a record that is nearly JSON. What a caller of AWS wrote into it (a user
//! agent, a name) must not keep the whole record from being read.

use std::fmt::Write;

/// The record with what a strict parser refuses in strings replaced: bytes that are not UTF-8 and
/// halves of surrogate pairs become U+FFFD, raw control characters become escapes. Whether that is
/// enough is for the parser to say.
pub(super) fn repaired(record: &[u8]) -> String {
    let text = String::from_utf8_lossy(record);
    let mut repaired = String::with_capacity(text.len() + 16);
    let (mut rest, mut quoted) = (&*text, false);
    while let Some(character) = rest.chars().next() {
        let taken = match character {
            '\\' if quoted => escape(rest, &mut repaired),
            '\0'..='\u{1f}' if quoted => {
                let _infallible = write!(repaired, "\\u{:04x}", u32::from(character));
                1
            }
            _ => {
                quoted ^= character == '"';
                repaired.push(character);
                character.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    repaired
}

/// Copies the escape at the start of `rest`, and says how many bytes it has.
fn escape(rest: &str, into: &mut String) -> usize {
    let (first, second) = (unit(rest), unit(rest.get(6..).unwrap_or_default()));
    let (taken, shown) = match (first, second) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, &rest[..12]),
        (Some(0xd800..=0xdfff), _) => (6, "\\ufffd"),
        // The character behind a backslash can be a quote.
        _ => {
            let end = rest.char_indices().nth(2).map_or(rest.len(), |(end, _)| end);
            (end, &rest[..end])
        }
    };
    into.push_str(shown);
    taken
}

/// The UTF-16 unit of a `\uXXXX` at the start of a text.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_a_strict_parser_refuses_is_replaced() {
        let cases: [(&[u8], &str); 6] = [
            (br#"{"a":"x\ud83dy"}"#, "x\u{fffd}y"),
            (br#"{"a":"\ude00"}"#, "\u{fffd}"),
            (br#"{"a":"\ud83d\ude00"}"#, "\u{1f600}"),
            (b"{\"a\":\"tab\there\"}", "tab\there"),
            (b"{\"a\":\"\xff\"}", "\u{fffd}"),
            (br#"{"a":"\\ud83d\""}"#, "\\ud83d\""),
        ];
        for (record, expected) in cases {
            let value: Value = serde_json::from_str(&repaired(record)).unwrap();
            assert_eq!(value["a"], expected, "{}", String::from_utf8_lossy(record));
        }
    }

    proptest! {
        #[test]
        fn json_stays_what_it_is(text in "\\PC{0,40}", escaped in any::<bool>()) {
            let value = serde_json::json!({"a": text, "b": [1, text]});
            let mut json = value.to_string();
            if escaped { json = json.replace("\\\\", "\\u005c"); }
            prop_assert_eq!(serde_json::from_str::<Value>(&repaired(json.as_bytes())).unwrap(), value);
        }

        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            repaired(&bytes);
        }
    }
}
