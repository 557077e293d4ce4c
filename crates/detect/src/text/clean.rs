//! Makes text safe that a caller of AWS may have written: it cannot hide, reorder or forge other
//! text. All such text goes through here.

use unicode_width::UnicodeWidthChar;

use super::links::{break_links, has_link};

/// IAM's limit in characters for the name of a group, user, role or policy.
const MAX_NAME: usize = 128;

/// Text for a line of a mail or a terminal. Invisible characters, and those that change how others
/// are displayed, become escapes such as `\u{202e}`. After `max` characters the text is cut, and
/// says how many characters are missing.
pub fn text(raw: &str, max: usize) -> String {
    // Nearly all text is printable ASCII, and an alert is mostly text.
    if raw.len() <= max && raw.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return raw.to_owned();
    }
    let mut clean = String::new();
    let mut rest = raw.chars();
    for character in rest.by_ref().take(max) {
        if is_visible(character) {
            clean.push(character);
        } else {
            clean.extend(character.escape_unicode());
        }
    }
    match rest.count() {
        0 => clean,
        cut => format!("{clean}… ({cut} characters cut)"),
    }
}

/// JSON for a mail or a terminal. The characters that [`text`] escapes become escapes of JSON, so
/// the value stays the same. Line breaks of the layout stay.
pub fn json(raw: &str) -> String {
    let mut clean = String::with_capacity(raw.len());
    for character in raw.chars() {
        if character == '\n' || is_visible(character) {
            clean.push(character);
        } else {
            let mut buffer = [0; 2];
            let units = character.encode_utf16(&mut buffer);
            clean.extend(units.iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    clean
}

/// A name in a sentence. It is quoted if it holds characters that names in AWS cannot have, so that
/// it cannot pass for a part of the sentence.
pub fn name(raw: &str) -> String {
    short_name(raw, MAX_NAME)
}

/// As [`name`], cut to `max` characters.
pub fn short_name(raw: &str, max: usize) -> String {
    let clean = value(raw, max);
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "+=,.@-_/:".contains(character);
    if !raw.is_empty() && raw.chars().all(is_plain) && !has_link(raw) {
        clean
    } else {
        format!("\"{}\"", clean.replace('"', "\\\""))
    }
}

/// What a caller can have written, as [`text`], in an alert: an address is no link there, since
/// mail programs and chats make links of what looks like one. Security people write `https[:]//`.
pub fn value(raw: &str, max: usize) -> String {
    break_links(&text(raw, max), "[:]//")
}

/// Printable ASCII of at most `max` (2 or more) characters, for a subject. Other characters become
/// `?`, and a text that is cut ends with `..`.
pub fn ascii(raw: &str, max: usize) -> String {
    let is_printable = |character: &char| *character == ' ' || character.is_ascii_graphic();
    let printable = |character| Some(character).filter(is_printable).unwrap_or('?');
    if raw.chars().nth(max).is_none() {
        return raw.chars().map(printable).collect();
    }
    let kept: String = raw.chars().take(max.saturating_sub(2)).map(printable).collect();
    format!("{kept}..")
}

/// Returns true if the character is visible and takes a place of its own. Characters without a
/// width (controls, joiners, bidirectional marks, tags, combining marks) are not: names in AWS
/// hardly ever need them, but forgeries do.
fn is_visible(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    character.width().is_some_and(|columns| columns > 0) && !is_deceptive(character)
}

/// Returns true for characters that have a width and still deceive: blanks that are no space, line
/// breaks, marks that some programs do not draw, private use and noncharacters.
fn is_deceptive(character: char) -> bool {
    let is_blank = character.is_whitespace() || matches!(character, '\u{2800}' | '\u{3164}');
    let is_mark =
        matches!(character, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{fff9}'..='\u{fffd}');
    let is_private = matches!(character, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    let is_noncharacter =
        matches!(character, '\u{fdd0}'..='\u{fdef}') || u32::from(character) & 0xfffe == 0xfffe;
    is_blank || is_mark || is_private || is_noncharacter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_hide_or_reorder_are_escaped() {
        for character in [
            '\0',
            '\n',
            '\r',
            '\t',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{a0}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{200b}',
            '\u{200d}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{2066}',
            '\u{2800}',
            '\u{3000}',
            '\u{3164}',
            '\u{feff}',
            '\u{fffd}',
            '\u{fe0f}',
            '\u{e000}',
            '\u{e0041}',
            '\u{10fffd}',
            '\u{ffff}',
            '\u{301}',
        ] {
            let expected = format!("a{}b", character.escape_unicode());
            assert_eq!(
                text(&format!("a{character}b"), 99),
                expected,
                "U+{:04X}",
                u32::from(character)
            );
        }
    }

    #[test]
    fn ordinary_text_stays() {
        for plain in ["Admins", "a b", "Größe", "管理者", "😀", "x \\ \" ' $(y)"] {
            assert_eq!(text(plain, 99), plain);
        }
    }

    #[test]
    fn json_keeps_its_value_without_hidden_characters() {
        let value = serde_json::json!({"a\u{202e}": ["x\u{9b}2J", "\u{e0041}", "\n", "ü"]});
        let raw = serde_json::to_string_pretty(&value).unwrap();
        let clean = json(&raw);
        assert!(
            clean.chars().all(|character| character == '\n' || is_visible(character)),
            "{clean}"
        );
        assert_eq!(clean.lines().count(), raw.lines().count());
        assert_eq!(serde_json::from_str::<serde_json::Value>(&clean).unwrap(), value);
    }

    #[test]
    fn a_cut_text_says_so() {
        assert_eq!(text("abcdef", 4), "abcd… (2 characters cut)");
        assert_eq!(text("abcd", 4), "abcd");
        assert_eq!(ascii("abcdef", 5), "abc..");
        assert_eq!(ascii("abcde", 5), "abcde");
    }

    #[test]
    fn a_name_that_could_pass_for_a_sentence_is_quoted() {
        for (raw, expected) in [
            ("Admins", "Admins"),
            ("alice@example.com", "alice@example.com"),
            ("x and all is well", "\"x and all is well\""),
            ("a\"b", "\"a\\\"b\""),
            ("", "\"\""),
            ("http://example.net/login", "\"http[:]//example.net/login\""),
        ] {
            assert_eq!(name(raw), expected);
        }
    }

    #[test]
    fn a_subject_is_ascii() {
        assert_eq!(ascii("Grö\r\nße", 99), "Gr????e");
    }
}
