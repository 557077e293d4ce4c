//! What functions do with texts. Positions count UTF-16 units, as Java does.

use query_core::Case;

pub(super) fn utf16_length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The byte at a position; `None` if the text is shorter. A position between the two units of a
/// character is moved to its end.
fn byte_at(text: &str, position: usize) -> Option<usize> {
    let mut left = position;
    for (byte, c) in text.char_indices() {
        if left == 0 {
            return Some(byte);
        }
        left = left.saturating_sub(c.len_utf16());
    }
    (left == 0).then_some(text.len())
}

/// The bytes of the part from `start` to `end`; negative positions count from the end.
pub(super) fn slice_bytes(text: &str, start: i64, end: Option<i64>) -> (usize, usize) {
    let length = i64::try_from(utf16_length(text)).unwrap_or(i64::MAX);
    let position = |at: i64| if at < 0 { at.saturating_add(length).max(0) } else { at.min(length) };
    let byte = |at: i64| {
        let at = usize::try_from(position(at)).unwrap_or(usize::MAX);
        byte_at(text, at).unwrap_or(text.len())
    };
    let (start, end) = (byte(start), end.map_or(text.len(), byte));
    (start, end.max(start))
}

/// The position at which `part` first occurs at `start` or after it.
pub(super) fn index_of(text: &str, part: &str, start: i64, case: Case) -> Option<usize> {
    let start = usize::try_from(start).unwrap_or(0);
    let from = byte_at(text, start)?;
    let found = case.find(text.get(from..)?, part)?;
    Some(utf16_length(text.get(..from + found)?))
}

/// The bytes between the first `left` and the `right` after it, the last one if `is_greedy`. Empty
/// if there is none of them.
pub(super) fn between(
    text: &str,
    left: &str,
    right: &str,
    is_greedy: bool,
    case: Case,
) -> (usize, usize) {
    if text.is_empty() || left.is_empty() || right.is_empty() {
        return (0, text.len());
    }
    let after_left = case.find(text, left).map(|at| at + left.len());
    let Some((start, rest)) = after_left.and_then(|at| Some((at, text.get(at..)?))) else {
        return (0, 0);
    };
    let found = if is_greedy { find_last(rest, right, case) } else { case.find(rest, right) };
    found.map_or((0, 0), |at| (start, start + at))
}

fn find_last(text: &str, part: &str, case: Case) -> Option<usize> {
    let mut starts = text.char_indices().rev().map(|(at, _)| at);
    starts.find(|at| text.get(*at..).is_some_and(|rest| case.strip_prefix(rest, part).is_some()))
}

/// `number`: reads an integer of a base, or a decimal number.
pub(super) fn parse_number(text: &str, base: Option<i64>) -> Option<(f64, bool)> {
    let text = text.trim();
    let is_hex = text.starts_with("0x");
    let base = base.unwrap_or(if is_hex { 16 } else { 10 });
    let digits = text.strip_prefix("0x").filter(|_| base == 16).unwrap_or(text);
    if base != 10 {
        let base = u32::try_from(base).ok().filter(|base| (2..=36).contains(base))?;
        return i64::from_str_radix(digits, base).ok().map(|number| (number as f64, true));
    }
    if let Ok(number) = digits.parse::<i64>() {
        return Some((number as f64, true));
    }
    let is_decimal = digits.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let number: f64 = digits.parse().ok().filter(|_| is_decimal)?;
    number.is_finite().then_some((number, false))
}

/// An arithmetic operator. Integers give an integer.
pub(super) fn calculate(
    operator: char,
    one: (f64, bool),
    other: (f64, bool),
) -> Option<(f64, bool)> {
    let is_integer = one.1 && other.1;
    let (one, other) = (one.0, other.0);
    let result = match operator {
        '+' => one + other,
        '-' => one - other,
        '*' => one * other,
        '/' if is_integer => (one / other).trunc(),
        '/' => one / other,
        _ => one % other,
    };
    // Elasticsearch fails if it divides by zero.
    result.is_finite().then_some((result, is_integer))
}
