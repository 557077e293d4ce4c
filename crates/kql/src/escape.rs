//! The escapes of KQL: what a backslash and the characters after it stand for.

/// Characters that end an unquoted literal unless escaped; the star ends none, but is a wildcard.
const SPECIAL: &str = "\\():<>\"*{}";

/// What the escape at the start of `text` stands for in an unquoted literal, and its length in
/// bytes. `None` if there is no such escape.
pub(super) fn unquoted(text: &str) -> Option<(char, usize)> {
    let after = text.strip_prefix('\\')?;
    let first = after.chars().next()?;
    if SPECIAL.contains(first) {
        return Some((first, 2));
    }
    if keyword_follows(after) {
        // Only a word that starts bare can be a keyword, so the first letter is all that needs the
        // escape.
        return Some((first, 2));
    }
    whitespace(first).map(|c| (c, 2)).or_else(|| unicode(text))
}

/// What the escape at the start of `text` stands for between quotes, and its length in bytes.
/// `None` if there is no such escape: the backslash is then a plain character, as in `"C:\temp"`.
pub(super) fn quoted(text: &str) -> Option<(char, usize)> {
    let first = text.strip_prefix('\\')?.chars().next()?;
    match first {
        '\\' | '"' => Some((first, 2)),
        _ => whitespace(first).map(|c| (c, 2)).or_else(|| unicode(text)),
    }
}

fn whitespace(letter: char) -> Option<char> {
    match letter {
        't' => Some('\t'),
        'r' => Some('\r'),
        'n' => Some('\n'),
        _ => None,
    }
}

/// Kibana reads `\not` as a line break and "ot", because it tries `\n` first. Nobody means that by
/// the whole word; `\nothing` does start with a line break.
fn keyword_follows(text: &str) -> bool {
    let starts = |keyword: &str| {
        text.get(..keyword.len()).is_some_and(|word| word.eq_ignore_ascii_case(keyword))
    };
    starts("and")
        || starts("or")
        || (starts("not") && text[3..].chars().next().is_none_or(ends_word))
}

/// Whether an unquoted word ends before this character.
pub(super) fn ends_word(c: char) -> bool {
    is_space(c) || matches!(c, '(' | ')' | ':' | '<' | '>' | '"' | '{' | '}')
}

/// Whether the character separates words.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\u{a0}')
}

/// Whether the character has a meaning of its own in an unquoted literal.
pub(super) fn is_special(c: char) -> bool {
    SPECIAL.contains(c)
}

/// Whether the word is one of the language, in any case.
pub(super) fn is_keyword(word: &str) -> bool {
    ["and", "or", "not"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

/// `\uXXXX`, a UTF-16 unit; two of them make a character beyond U+FFFF. Half of such a pair is no
/// escape, because no document holds one.
fn unicode(text: &str) -> Option<(char, usize)> {
    let unit = utf16_unit(text)?;
    if let Some(c) = char::from_u32(u32::from(unit)) {
        return Some((c, 6));
    }
    let low = utf16_unit(&text[6..])?;
    let c = char::decode_utf16([unit, low]).next()?.ok()?;
    Some((c, 12))
}

fn utf16_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let all_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all_hex.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}
