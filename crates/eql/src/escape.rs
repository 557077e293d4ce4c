//! Escapes in strings.

use std::fmt::{self, Display, Write};

use query_core::is_hidden;

/// What was expected instead of an escape, and how many bytes are wrong.
type InvalidEscape = (&'static str, usize);

const EXPECTED_ESCAPE: &str = "an escape, such as `\\\\`, `\\\"`, `\\n` or `\\u{2a}`";
const EXPECTED_HEX: &str = "`\\uXXXX`, or `\\u{…}` with 2 to 8 hexadecimal digits";
const EXPECTED_CHARACTER: &str = "the code of a character other than NUL";

/// Decodes the escape at the start of `text`. Returns the character and the length of the escape in
/// bytes.
pub(super) fn unescape(text: &str) -> Result<(char, usize), InvalidEscape> {
    let mut chars = text.chars();
    chars.next();
    let escaped = chars.next();
    let c = match escaped {
        Some('b') => '\u{8}',
        Some('t') => '\t',
        Some('n') => '\n',
        Some('f') => '\u{c}',
        Some('r') => '\r',
        Some(c @ ('"' | '\\')) => c,
        Some('u') => return unescape_unicode(chars.as_str()),
        other => return Err((EXPECTED_ESCAPE, 1 + other.map_or(0, char::len_utf8))),
    };
    Ok((c, 2))
}

/// `XXXX`, or 2 to 8 digits in braces.
fn unescape_unicode(digits: &str) -> Result<(char, usize), InvalidEscape> {
    let (digits, length) = match digits.strip_prefix('{') {
        Some(digits) => {
            let end = digits.find('}').ok_or((EXPECTED_HEX, 3))?;
            (&digits[..end], end + 4)
        }
        None => (digits.get(..4).ok_or((EXPECTED_HEX, 2))?, 6),
    };
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || !(2..=8).contains(&digits.len()) {
        return Err((EXPECTED_HEX, 2));
    }
    let code = u32::from_str_radix(digits, 16).ok();
    let c = code.and_then(char::from_u32).filter(|c| *c != '\0');
    c.map(|c| (c, length)).ok_or((EXPECTED_CHARACTER, length))
}

/// A text in double quotes, on one line that is safe on a terminal.
pub(super) struct Quoted<'t>(pub(super) &'t str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '\\' | '"' => write!(f, "\\{c}")?,
                '\t' => f.write_str("\\t")?,
                '\r' => f.write_str("\\r")?,
                '\n' => f.write_str("\\n")?,
                _ if is_hidden(c) => write!(f, "\\u{{{:02x}}}", u32::from(c))?,
                _ => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}
