//! Writing a value into a query.

/// The value between quotes, as [`Query::parse`](crate::Query::parse) reads it back. All of it is
/// printable ASCII without spaces: other characters are written as `\uXXXX`.
pub fn quote(value: &str) -> String {
    let mut quoted = String::from("\"");
    for character in value.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if character.is_ascii_graphic() => quoted.push(character),
            _ => quoted.extend(
                character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")),
            ),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::Query;

    #[test]
    fn values_are_written_in_printable_ascii() {
        assert_eq!(quote("a \"b\"\\c\u{202e}𝄞"), r#""a\u0020\"b\"\\c\u202e\ud834\udd1e""#);
    }

    proptest! {
        #[test]
        fn a_quoted_value_matches_itself(value in any::<String>()) {
            let quoted = quote(&value);
            prop_assert!(quoted.bytes().all(|byte| byte.is_ascii_graphic()));
            let query = Query::parse(&format!("f: {quoted}")).unwrap();
            let document = json!({"f": value});
            prop_assert!(query.matches(&document, Timestamp::UNIX_EPOCH) || value.is_empty());
        }
    }
}
