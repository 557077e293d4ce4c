//! The one way in for text that a caller of AWS may have written: what comes out cannot hide,
//! reorder or forge.

use unicode_width::UnicodeWidthChar;

/// IAM allows at most 128 characters in the name of a group, user, role or policy.
const LONGEST_NAME: usize = 128;

/// Text for one place in a mail or a terminal: every character that cannot be seen, or that changes
/// how others are seen, becomes an escape such as `\u{202e}`. Text of more than `most` characters
/// is cut there, and says so.
pub fn text(raw: &str, most: usize) -> String {
    // Nearly all text is so, and an alert is mostly text.
    if raw.len() <= most && raw.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return raw.to_owned();
    }
    let mut clean = String::new();
    let mut rest = raw.chars();
    for character in rest.by_ref().take(most) {
        push(&mut clean, character);
    }
    match rest.count() {
        0 => clean,
        cut => format!("{clean}… ({cut} characters cut)"),
    }
}

/// JSON whose strings may hold such text: characters that cannot be seen, or that change how others
/// are seen, become JSON's own escapes, so that it still says the same. The layout's line breaks
/// stay.
pub fn json(raw: &str) -> String {
    let mut clean = String::with_capacity(raw.len());
    for character in raw.chars() {
        if character == '\n' || is_visible(character) {
            clean.push(character);
        } else {
            let units = character
                .encode_utf16(&mut [0; 2])
                .iter()
                .map(|unit| format!("\\u{unit:04x}"))
                .collect::<String>();
            clean.push_str(&units);
        }
    }
    clean
}

/// A name in a sentence. Quoted where it holds anything that names in AWS cannot hold, so that it
/// cannot pass for more of the sentence.
pub fn name(raw: &str) -> String {
    short_name(raw, LONGEST_NAME)
}

/// The same, cut to `most` characters.
pub fn short_name(raw: &str, most: usize) -> String {
    let clean = text(raw, most);
    if !raw.is_empty() && raw.chars().all(is_plain) {
        clean
    } else {
        format!("\"{}\"", clean.replace('"', "\\\""))
    }
}

/// Printable ASCII of at most `most` characters (2 or more), for a subject: everything else becomes
/// `?`, and what was cut ends with `..`.
pub fn ascii(raw: &str, most: usize) -> String {
    let shown = |character: char| {
        if character == ' ' || character.is_ascii_graphic() { character } else { '?' }
    };
    if raw.chars().nth(most).is_none() {
        return raw.chars().map(shown).collect();
    }
    let mut cut: String = raw.chars().take(most.saturating_sub(2)).map(shown).collect();
    cut.push_str("..");
    cut
}

fn push(clean: &mut String, character: char) {
    if is_visible(character) {
        clean.push(character);
    } else {
        clean.extend(character.escape_unicode());
    }
}

/// Visible, and alone in its place. Characters without a width (controls, joiners, bidi marks,
/// tags, combining marks) are not: names in AWS hardly ever need them, and forgers do.
fn is_visible(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    character.width().is_some_and(|columns| columns > 0) && !is_deceptive(character)
}

/// Characters that have a width and still deceive: blanks that are no space, line breaks, marks
/// some readers do not draw, and those that mean nothing outside a private agreement.
fn is_deceptive(character: char) -> bool {
    let blank = character != ' '
        && (character.is_whitespace() || matches!(character, '\u{2800}' | '\u{3164}'));
    let mark =
        matches!(character, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{fff9}'..='\u{fffd}');
    let private = matches!(character, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    let noncharacter =
        matches!(character, '\u{fdd0}'..='\u{fdef}') || u32::from(character) & 0xfffe == 0xfffe;
    blank || mark || private || noncharacter
}

/// What names, ARNs and e-mail addresses in AWS are made of.
fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "+=,.@-_/:".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_reorders_is_shown_as_an_escape() {
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
    fn what_people_write_stays() {
        for plain in ["Admins", "a b", "Größe", "管理者", "😀", "x \\ \" ' $(y)"] {
            assert_eq!(text(plain, 99), plain);
        }
    }

    #[test]
    fn json_says_the_same_without_what_hides() {
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
    fn a_cut_is_told() {
        assert_eq!(text("abcdef", 4), "abcd… (2 characters cut)");
        assert_eq!(text("abcd", 4), "abcd");
        assert_eq!(ascii("abcdef", 5), "abc..");
        assert_eq!(ascii("abcde", 5), "abcde");
    }

    #[test]
    fn a_name_that_could_pass_for_a_sentence_is_quoted() {
        for (raw, shown) in [
            ("Admins", "Admins"),
            ("alice@example.com", "alice@example.com"),
            ("x and all is well", "\"x and all is well\""),
            ("a\"b", "\"a\\\"b\""),
            ("", "\"\""),
        ] {
            assert_eq!(name(raw), shown);
        }
    }

    #[test]
    fn a_subject_is_ascii() {
        assert_eq!(ascii("Grö\r\nße", 99), "Gr???e".replace("???", "????"));
    }
}
