//! What serde says of a wrong value, in the words of TOML and not of Rust.

/// The same message for people who write files.
pub(super) fn plain_words(message: &str) -> String {
    let wrong =
        ["invalid type: ", "invalid value: "].iter().find_map(|it| message.strip_prefix(it));
    if let Some((found, expected)) = wrong.and_then(|wrong| wrong.rsplit_once(", expected ")) {
        return format!("expected {}, found {}", expected_words(expected), found_words(found));
    }
    for (words, plain) in
        [("unknown field ", "unknown key "), ("unknown variant ", "unknown value ")]
    {
        if let Some(rest) = message.strip_prefix(words) {
            return format!("{plain}{rest}");
        }
    }
    match message.strip_prefix("missing field ") {
        Some(field) => format!("{field} is missing"),
        None => message.to_owned(),
    }
}

fn expected_words(expected: &str) -> String {
    let most = match expected {
        "u8" => u64::from(u8::MAX),
        "u16" => u64::from(u16::MAX),
        "u32" => u64::from(u32::MAX),
        "u64" => u64::MAX,
        "i8" | "i16" | "i32" | "i64" => return "a whole number".to_owned(),
        "a sequence" => return "a list".to_owned(),
        "a map" => return "a table".to_owned(),
        "a boolean" => return "`true` or `false`".to_owned(),
        _ if expected.starts_with("struct ") => return "a table".to_owned(),
        _ => return expected.to_owned(),
    };
    format!("a whole number from 0 to {most}")
}

fn found_words(found: &str) -> String {
    match found {
        "map" => return "a table".to_owned(),
        "sequence" => return "a list".to_owned(),
        _ => {}
    }
    let number = ["integer ", "floating point "].iter().find_map(|it| found.strip_prefix(it));
    if let Some(number) = number {
        // A large one is followed by its type: `5000000000` as i128.
        let number = number.split_once(" as ").map_or(number, |(number, _)| number);
        return format!("the number {number}");
    }
    found.strip_prefix("boolean ").unwrap_or(found).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_no_words_of_rust() {
        for (message, expected) in [
            (
                "invalid type: string \"a\", expected a sequence",
                "expected a list, found string \"a\"",
            ),
            (
                "invalid type: string \", expected a\", expected struct SuppressionTable",
                "expected a table, found string \", expected a\"",
            ),
            ("invalid type: map, expected a sequence", "expected a list, found a table"),
            ("invalid type: sequence, expected a map", "expected a table, found a list"),
            (
                "invalid type: integer `1`, expected a string",
                "expected a string, found the number `1`",
            ),
            (
                "invalid value: integer `-1`, expected u8",
                "expected a whole number from 0 to 255, found the number `-1`",
            ),
            (
                "invalid type: integer `9000000000` as i128, expected u32",
                "expected a whole number from 0 to 4294967295, found the number `9000000000`",
            ),
            (
                "invalid type: floating point `2.5`, expected i64",
                "expected a whole number, found the number `2.5`",
            ),
            ("invalid type: boolean `true`, expected a string", "expected a string, found `true`"),
            (
                "invalid type: string \"yes\", expected a boolean",
                "expected `true` or `false`, found string \"yes\"",
            ),
            ("unknown field `x`, expected `y`", "unknown key `x`, expected `y`"),
            (
                "unknown variant `x`, expected one of `s`, `m`",
                "unknown value `x`, expected one of `s`, `m`",
            ),
            ("missing field `value`", "`value` is missing"),
            ("anything else", "anything else"),
        ] {
            assert_eq!(plain_words(message), expected, "{message}");
        }
    }
}
