//! A detail in a key: text percent-encoded, and cut where there is no room for all of it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stays as it is: what names and ARNs are made of, without `/` and `.`, which mean something
/// in paths.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b':')
    .remove(b'@')
    .remove(b'=')
    .remove(b'+')
    .remove(b',');

/// Ends what was cut; alone: nothing. Text has it as `%7E`.
const CUT: char = '~';

/// Text as one part of a key, of 1 to `most` bytes (at least 1). No text, and empty text, is `~`;
/// what is too long is cut between two characters and ends in `~`.
pub(super) fn encode(text: Option<&str>, most: usize) -> String {
    let text = text.unwrap_or_default();
    let mut encoded = String::new();
    for character in text.chars() {
        encoded.extend(utf8_percent_encode(character.encode_utf8(&mut [0; 4]), ESCAPED));
        if encoded.len() > most {
            return cut(text, most);
        }
    }
    if encoded.is_empty() { CUT.to_string() } else { encoded }
}

fn cut(text: &str, most: usize) -> String {
    let mut encoded = String::new();
    for character in text.chars() {
        let before = encoded.len();
        encoded.extend(utf8_percent_encode(character.encode_utf8(&mut [0; 4]), ESCAPED));
        if encoded.len() >= most {
            encoded.truncate(before);
            break;
        }
    }
    encoded.push(CUT);
    encoded
}

/// What [`encode`] was given: none for no text; what was cut ends in `…`.
///
/// # Errors
/// It is not what [`encode`] writes.
pub(super) fn decode(part: &str) -> Result<Option<String>, Damaged> {
    let (kept, is_cut) = part.strip_suffix(CUT).map_or((part, false), |kept| (kept, true));
    if kept.is_empty() {
        return if is_cut { Ok(None) } else { Err(Damaged) };
    }
    let mut text = percent_decode_str(kept).decode_utf8().map_err(|_| Damaged)?.into_owned();
    if is_cut {
        text.push('…');
    }
    Ok(Some(text))
}

/// Whether not all of the text is there.
pub(super) fn is_cut(part: &str) -> bool {
    part.len() > 1 && part.ends_with(CUT)
}

/// A key, or a part of one, is not as this program writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_aws_stay_readable() {
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
            assert_eq!(encode(Some(text), 100), expected, "{text:?}");
        }
        assert_eq!((encode(None, 1), decode("~")), ("~".to_owned(), Ok(None)));
    }

    #[test]
    fn a_cut_is_told_and_never_within_a_character() {
        for (text, most, shown) in [
            ("abcdef", 6, "abcdef"),
            ("abcdefg", 6, "abcde…"),
            ("ab😀", 14, "ab😀"),
            ("ab😀", 13, "ab…"),
            ("é", 5, "…"),
        ] {
            let decoded = decode(&encode(Some(text), most)).unwrap();
            // Nothing is left of the last: that is as good as no name.
            assert_eq!(
                decoded,
                Some(shown.to_owned()).filter(|shown| shown != "…"),
                "{text} in {most}"
            );
        }
    }

    #[test]
    fn what_nobody_wrote_is_damaged() {
        for part in ["", "%FF", "%FF~", "a%E2%80"] {
            assert_eq!(decode(part), Err(Damaged), "{part:?}");
        }
    }

    proptest! {
        #[test]
        fn details_come_back_or_are_cut_between_characters(text in any::<String>(), most in 1_usize..200) {
            let encoded = encode(Some(&text), most);
            prop_assert!((1..=most).contains(&encoded.len()) && !encoded.contains(['/', '.']), "{encoded}");
            match decode(&encoded).unwrap() {
                Some(decoded) if decoded != text => {
                    let kept = decoded.strip_suffix('…').expect("a mark");
                    prop_assert!(text.starts_with(kept) && kept.len() < text.len());
                    prop_assert!(!kept.is_empty());
                }
                Some(_) => {}
                None => prop_assert!(text.is_empty() || most < 14, "{text:?} in {most}"),
            }
        }

        #[test]
        fn nothing_in_a_bucket_is_more_than_damaged(part in any::<String>()) {
            let _ = decode(&part);
        }
    }
}
