//! Characters that a terminal would obey or hide instead of showing.

/// Whether the character moves the cursor, reorders its neighbours or shows nothing: controls, line
/// separators, zero-width and bidirectional marks, tags.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{feff}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The character, or one that stands for it, one column wide. A tab is a space.
fn shown(c: char) -> char {
    match c {
        '\t' => ' ',
        _ if is_hidden(c) => char::REPLACEMENT_CHARACTER,
        _ => c,
    }
}

/// At most `limit` characters of `text`, all of them safe to print, with an ellipsis where some
/// were left off.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    let mut chars = text.chars();
    let mut short: String = chars.by_ref().take(limit).map(shown).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}
