//! Lines of at most 100 columns, counted as a terminal with a fixed-width font shows them.

use unicode_width::UnicodeWidthChar;

/// No line of a mail is wider.
pub const COLUMNS: usize = 100;

/// The columns that text takes, character by character.
pub fn width(text: &str) -> usize {
    // Most text is, and most of an alert's time goes into wrapping.
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.len();
    }
    text.chars().map(columns).sum()
}

/// Text behind a prefix, wrapped at spaces. Further lines are indented as wide as the prefix, runs
/// of spaces become one, and a word too long for a line is cut, after a `/` where there is one late
/// enough.
pub fn hanging(prefix: &str, text: &str) -> Vec<String> {
    let room = COLUMNS.saturating_sub(width(prefix)).max(2);
    let indent = " ".repeat(width(prefix));
    let mut lines: Vec<String> = Vec::new();
    let mut used = room;
    for piece in text.split(' ').filter(|word| !word.is_empty()).flat_map(|word| pieces(word, room))
    {
        let needed = width(piece);
        match lines.last_mut() {
            Some(line) if used + 1 + needed <= room => {
                line.push(' ');
                line.push_str(piece);
                used += 1 + needed;
            }
            _ => {
                let start = if lines.is_empty() { prefix } else { &indent };
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

/// A word cut into pieces of at most `room` columns.
fn pieces(word: &str, room: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(word);
    std::iter::from_fn(move || {
        let now = rest.take()?;
        if width(now) <= room {
            return Some(now);
        }
        let (piece, after) = now.split_at(cut(now, room));
        rest = Some(after);
        Some(piece)
    })
}

/// Where to cut a word that is wider than `room` (2 or more): a byte offset past at least one
/// character.
fn cut(word: &str, room: usize) -> usize {
    let mut used = 0;
    let hard = word
        .char_indices()
        .find(|(_, character)| {
            used += columns(*character);
            used > room
        })
        .map_or(word.len(), |(offset, _)| offset);
    match word[..hard].rfind('/') {
        Some(slash) if slash >= hard / 3 => slash + 1,
        _ => hard,
    }
}

fn columns(character: char) -> usize {
    character.width().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_hang() {
        let text = format!("{} {} end", "a".repeat(60), "b".repeat(60));
        let lines = hanging("- ", &text);
        assert_eq!(lines, [format!("- {}", "a".repeat(60)), format!("  {} end", "b".repeat(60))]);
        assert!(hanging("- ", "  ").is_empty());
    }

    #[test]
    fn a_line_may_be_exactly_full() {
        assert_eq!(hanging("", &"x".repeat(COLUMNS)).len(), 1);
        assert_eq!(hanging("", &format!("x {}", "y".repeat(COLUMNS - 2))).len(), 1);
        assert_eq!(hanging("", &format!("x {}", "y".repeat(COLUMNS - 1))).len(), 2);
    }

    #[test]
    fn a_long_word_is_cut_and_nothing_of_it_is_lost() {
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
