//! Lines of at most 76 columns, counted as a terminal with a fixed-width font shows them.

use unicode_width::UnicodeWidthChar;

/// The widest line of a mail.
pub const COLUMNS: usize = 76;

/// The indentation of commands. Wrapped text never continues at it, so that no name in it can pass
/// for a command.
pub const COMMAND_INDENT: usize = 4;

/// What a line begins with that is no command, at [`COMMAND_INDENT`].
pub const MARK: &str = "  | ";

/// The number of columns that a text takes.
pub fn width(text: &str) -> usize {
    // Most text is ASCII, and most of the time for an alert goes into wrapping.
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.len();
    }
    text.chars().map(char_width).sum()
}

/// Text after a prefix, wrapped at spaces to [`COLUMNS`].
///
/// Further lines are indented by the width of the prefix, and begin with [`MARK`] where they would
/// have the indentation of commands. Runs of spaces become one. A word that is too long for a line
/// is cut, after a `/` if one stands late enough. There is no line if there is no word.
pub fn hanging(prefix: &str, text: &str) -> Vec<String> {
    match width(prefix) {
        COMMAND_INDENT => wrap(prefix, MARK, text),
        columns => wrap(prefix, &" ".repeat(columns), text),
    }
}

/// Text that is not ours, wrapped as by [`hanging`] after [`MARK`] and some more columns. Every
/// line begins with the mark.
pub fn quoted(indent: usize, text: &str) -> Vec<String> {
    let prefix = format!("{MARK}{}", " ".repeat(indent));
    wrap(&prefix, &prefix, text)
}

/// `indent` is what further lines begin with, as wide as the prefix.
fn wrap(prefix: &str, indent: &str, text: &str) -> Vec<String> {
    let room = COLUMNS.saturating_sub(width(indent)).max(2);
    let words = text.split(' ').filter(|word| !word.is_empty());
    let mut lines: Vec<String> = Vec::new();
    let mut used = room;
    for piece in words.flat_map(|word| cut_into_pieces(word, room)) {
        let needed = width(piece);
        match lines.last_mut() {
            Some(line) if used + 1 + needed <= room => {
                line.push(' ');
                line.push_str(piece);
                used += 1 + needed;
            }
            last => {
                let start = if last.is_none() { prefix } else { indent };
                let mut line = String::with_capacity(COLUMNS);
                line.push_str(start);
                line.push_str(piece);
                lines.push(line);
                used = needed;
            }
        }
    }
    lines
}

/// Pieces of a word, each of at most `room` (2 or more) columns.
fn cut_into_pieces(word: &str, room: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(word);
    std::iter::from_fn(move || {
        let word = rest.take()?;
        if width(word) <= room {
            return Some(word);
        }
        let (piece, after) = word.split_at(cut_position(word, room));
        rest = Some(after);
        Some(piece)
    })
}

/// The byte offset at which to cut a word that is wider than `room`, after one character or more.
fn cut_position(word: &str, room: usize) -> usize {
    let mut used = 0;
    let too_wide = word.char_indices().find(|(_, character)| {
        used += char_width(*character);
        used > room
    });
    let end = too_wide.map_or(word.len(), |(offset, _)| offset);
    match word[..end].rfind('/') {
        Some(slash) if slash >= end / 3 => slash + 1,
        _ => end,
    }
}

fn char_width(character: char) -> usize {
    character.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_further_lines_are_indented() {
        let text = format!("{} {} end", "a".repeat(60), "b".repeat(60));
        let lines = hanging("- ", &text);
        assert_eq!(lines, [format!("- {}", "a".repeat(60)), format!("  {} end", "b".repeat(60))]);
        assert!(hanging("- ", "  ").is_empty());
    }

    #[test]
    fn text_that_continues_has_never_the_indentation_of_a_command() {
        for prefix in ["", "  ", "  - ", "    ", "  … ", "    - ", "  label  "] {
            for lines in [hanging(prefix, &"word ".repeat(60)), hanging(prefix, &"x".repeat(300))] {
                for line in &lines[1..] {
                    let indent = line.len() - line.trim_start().len();
                    assert_ne!(indent, COMMAND_INDENT, "{prefix:?}: {line:?}");
                    assert_eq!(width(prefix) == COMMAND_INDENT, line.starts_with(MARK), "{line:?}");
                }
            }
        }
        for indent in 0..9 {
            let lines = quoted(indent, &"word ".repeat(60));
            assert!(lines.len() > 2 && lines.iter().all(|line| line.starts_with(MARK)));
        }
    }

    #[test]
    fn a_line_can_be_exactly_full() {
        assert_eq!(hanging("", &"x".repeat(COLUMNS)).len(), 1);
        assert_eq!(hanging("", &format!("x {}", "y".repeat(COLUMNS - 2))).len(), 1);
        assert_eq!(hanging("", &format!("x {}", "y".repeat(COLUMNS - 1))).len(), 2);
    }

    #[test]
    fn a_long_word_is_cut_without_loss() {
        for word in [
            "x".repeat(450),
            "管".repeat(150),
            format!("s3://bucket/{}/{}", "k".repeat(60), "l".repeat(60)),
        ] {
            let lines = hanging("  ", &word);
            assert!(lines.iter().all(|line| width(line) <= COLUMNS), "{lines:?}");
            assert_eq!(lines.iter().map(|line| line.trim_start()).collect::<String>(), word);
        }
    }

    #[test]
    fn a_path_is_cut_after_a_slash() {
        let lines = hanging("", &format!("{}/{}", "k".repeat(60), "l".repeat(60)));
        assert_eq!(lines[0], format!("{}/", "k".repeat(60)));
    }
}
