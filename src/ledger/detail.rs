//! Text as one part of a key of the group index: percent-encoded, and cut if it is too long.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Left unescaped: what names and ARNs are made of, except `/` and `.`, which have a meaning in
/// paths.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b':')
    .remove(b'@')
    .remove(b'=')
    .remove(b'+')
    .remove(b',');

/// Ends text that was cut. Alone it stands for no text. Text itself has it as `%7E`.
const CUT: char = '~';

/// Encodes text in 1 to `max` bytes (at least 1). No text and empty text give `~`. Text that is too
/// long is cut between two characters and ends in `~`.
pub(super) fn encode_detail(text: Option<&str>, max: usize) -> String {
    let mut encoded = String::new();
    let mut cut_at = 0;
    for character in text.unwrap_or_default().chars() {
        encoded.extend(utf8_percent_encode(character.encode_utf8(&mut [0; 4]), ESCAPED));
        if encoded.len() > max {
            encoded.truncate(cut_at);
            encoded.push(CUT);
            return encoded;
        }
        if encoded.len() < max {
            cut_at = encoded.len();
        }
    }
    if encoded.is_empty() { CUT.to_string() } else { encoded }
}

/// Decodes what [`encode_detail`] wrote: `None` if there was no text. Text that was cut ends in
/// `…`. Fails if the part is of another form.
pub(super) fn decode_detail(part: &str) -> Result<Option<String>, UnreadableKey> {
    let (kept, mark) = match part.strip_suffix(CUT) {
        Some("") => return Ok(None),
        Some(kept) => (kept, "…"),
        None if part.is_empty() => return Err(UnreadableKey),
        None => (part, ""),
    };
    let text = percent_decode_str(kept).decode_utf8().map_err(|_| UnreadableKey)?;
    Ok(Some(format!("{text}{mark}")))
}

/// Returns true if the part holds only the start of its text.
pub(super) fn is_cut(part: &str) -> bool {
    part.len() > 1 && part.ends_with(CUT)
}

/// A key, or a part of one, is not as this program writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnreadableKey;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn aws_names_stay_readable() {
        for (text, expected) in [
            ("alice@example.com", "alice@example%2Ecom"),
            (
                "arn:aws:iam::aws:policy/AdministratorAccess",
                "arn:aws:iam::aws:policy%2FAdministratorAccess",
            ),
            ("..", "%2E%2E"),
            ("~", "%7E"),
            ("a\0\n\u{202e}b", "a%00%0A%E2%80%AEb"),
            ("", "~"),
        ] {
            assert_eq!(encode_detail(Some(text), 100), expected, "{text:?}");
        }
        assert_eq!((encode_detail(None, 1), decode_detail("~")), ("~".to_owned(), Ok(None)));
    }

    #[test]
    fn cut_text_is_marked_and_never_cut_within_a_character() {
        for (text, max, shown) in [
            ("abcdef", 6, Some("abcdef")),
            ("abcdefg", 6, Some("abcde…")),
            ("ab😀", 14, Some("ab😀")),
            ("ab😀", 13, Some("ab…")),
            // Nothing is left: it reads as no text.
            ("é", 5, None),
        ] {
            let decoded = decode_detail(&encode_detail(Some(text), max)).unwrap();
            assert_eq!(decoded.as_deref(), shown, "{text} in {max}");
        }
    }

    #[test]
    fn parts_of_another_form_are_unreadable() {
        for part in ["", "%FF", "%FF~", "a%E2%80"] {
            assert_eq!(decode_detail(part), Err(UnreadableKey), "{part:?}");
        }
    }

    proptest! {
        #[test]
        fn details_round_trip_or_are_cut_between_characters(
            text in any::<String>(),
            max in 1_usize..200,
        ) {
            let encoded = encode_detail(Some(&text), max);
            prop_assert!((1..=max).contains(&encoded.len()), "{encoded}");
            prop_assert!(!encoded.contains(['/', '.']), "{encoded}");
            match decode_detail(&encoded).unwrap() {
                Some(decoded) if decoded != text => {
                    let kept = decoded.strip_suffix('…').unwrap();
                    prop_assert!(text.starts_with(kept) && kept.len() < text.len());
                    prop_assert!(!kept.is_empty());
                }
                Some(_) => {}
                None => prop_assert!(text.is_empty() || max < 14, "{text:?} in {max}"),
            }
        }

        #[test]
        fn no_part_panics(part in any::<String>()) {
            let _ = decode_detail(&part);
        }
    }
}
