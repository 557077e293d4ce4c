//! Characters with a meaning in KQL, and escapes.

/// Characters that need an escape in an unquoted literal.
const SPECIAL: &str = "\\():<>\"*{}";

/// Decodes the escape at the start of `text`, a part of an unquoted literal. Returns the character
/// and the length of the escape in bytes, or `None` if the escape does not exist.
pub(super) fn unescape_unquoted(text: &str) -> Option<(char, usize)> {
    let after = text.strip_prefix('\\')?;
    let first = after.chars().next()?;
    // Only a word whose first letter is not escaped can be a keyword.
    if is_special(first) || starts_with_keyword(after) {
        return Some((first, 2));
    }
    unescape_common(text, first)
}

/// As [`unescape_unquoted`], for a quoted literal. A backslash without an escape is an ordinary
/// character there, as in `"C:\temp"`.
pub(super) fn unescape_quoted(text: &str) -> Option<(char, usize)> {
    match text.strip_prefix('\\')?.chars().next()? {
        first @ ('\\' | '"') => Some((first, 2)),
        first => unescape_common(text, first),
    }
}

fn unescape_common(text: &str, first: char) -> Option<(char, usize)> {
    match first {
        't' => Some(('\t', 2)),
        'r' => Some(('\r', 2)),
        'n' => Some(('\n', 2)),
        _ => unescape_unicode(text),
    }
}

/// Decodes `\uXXXX`, a UTF-16 unit, or two of them for a character beyond U+FFFF. An unpaired
/// surrogate is not an escape, because no document holds one.
fn unescape_unicode(text: &str) -> Option<(char, usize)> {
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
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
}

/// Returns true if an escaped keyword follows. Kibana reads `\not` as a line break and "ot",
/// because it tries `\n` first; here the whole word is the keyword, and only `\nothing` starts with
/// a line break.
fn starts_with_keyword(text: &str) -> bool {
    let starts = |keyword: &str| {
        text.get(..keyword.len()).is_some_and(|word| word.eq_ignore_ascii_case(keyword))
    };
    let is_not = || starts("not") && text[3..].chars().next().is_none_or(ends_word);
    starts("and") || starts("or") || is_not()
}

/// Returns true if an unquoted word ends before the character.
pub(super) fn ends_word(c: char) -> bool {
    is_space(c) || matches!(c, '(' | ')' | ':' | '<' | '>' | '"' | '{' | '}')
}

/// Returns true if the character separates words.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\u{a0}')
}

/// Returns true if the character needs an escape in an unquoted literal.
pub(super) fn is_special(c: char) -> bool {
    SPECIAL.contains(c)
}

/// Returns true for `and`, `or` and `not` in any case.
pub(super) fn is_keyword(word: &str) -> bool {
    ["and", "or", "not"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}
