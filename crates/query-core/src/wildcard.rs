//! Patterns with stars and question marks.

/// Whether letters match in the other case as well. Only ASCII letters do, as in Elasticsearch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// Only the same letter matches.
    Exact,
    /// A letter matches in upper and lower case.
    Any,
}

impl Case {
    /// Returns true if the texts are equal.
    pub fn equal(self, one: &str, other: &str) -> bool {
        match self {
            Case::Exact => one == other,
            Case::Any => one.eq_ignore_ascii_case(other),
        }
    }

    /// What follows `prefix` in `text`.
    pub fn strip_prefix<'t>(self, text: &'t str, prefix: &str) -> Option<&'t str> {
        match self {
            Case::Exact => text.strip_prefix(prefix),
            Case::Any => {
                let (start, rest) = text.split_at_checked(prefix.len())?;
                start.eq_ignore_ascii_case(prefix).then_some(rest)
            }
        }
    }

    /// What precedes `suffix` in `text`.
    pub fn strip_suffix<'t>(self, text: &'t str, suffix: &str) -> Option<&'t str> {
        match self {
            Case::Exact => text.strip_suffix(suffix),
            Case::Any => {
                let at = text.len().checked_sub(suffix.len())?;
                let (rest, end) = text.split_at_checked(at)?;
                end.eq_ignore_ascii_case(suffix).then_some(rest)
            }
        }
    }

    /// The byte at which `part` first occurs in `text`.
    pub fn find(self, text: &str, part: &str) -> Option<usize> {
        match self {
            Case::Exact => text.find(part),
            Case::Any => text.char_indices().map(|(at, _)| at).chain([text.len()]).find(|at| {
                let rest = text.as_bytes().get(*at..*at + part.len());
                rest.is_some_and(|rest| rest.eq_ignore_ascii_case(part.as_bytes()))
            }),
        }
    }
}

/// A pattern in which each star stands for any number of characters, and each question mark for
/// one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wildcard {
    /// The pieces between the stars, each as its parts between the question marks. There is at
    /// least one piece, and each has at least one part.
    pieces: Vec<Vec<String>>,
}

impl Wildcard {
    /// The pattern of the text between the stars, each piece as its parts between the question
    /// marks. Without a star there is one piece; without a question mark, it has one part.
    pub fn new(pieces: impl IntoIterator<Item = Vec<String>>) -> Self {
        let mut pieces: Vec<Vec<String>> = pieces.into_iter().collect();
        for piece in &mut pieces {
            if piece.is_empty() {
                piece.push(String::new());
            }
        }
        if pieces.is_empty() {
            pieces.push(vec![String::new()]);
        }
        // Adjacent stars are one.
        let last = pieces.len() - 1;
        let mut at = 0;
        pieces.retain(|piece| {
            at += 1;
            at == 1 || at == last + 1 || *piece != [""]
        });
        Self { pieces }
    }

    /// Returns true if the pattern consists of stars only.
    pub fn is_anything(&self) -> bool {
        self.pieces.len() > 1 && self.pieces.iter().all(|piece| *piece == [""])
    }

    /// The text, if there is neither a star nor a question mark.
    pub fn literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [piece] if piece.len() == 1 => piece.first().map(String::as_str),
            _ => None,
        }
    }

    /// The text between the stars, in order, unescaped: each piece as its parts between the
    /// question marks. The first or the last is empty if the pattern starts or ends with a star.
    pub fn pieces(&self) -> impl Iterator<Item = &[String]> {
        self.pieces.iter().map(Vec::as_slice)
    }

    /// Returns true if the whole of `text` matches. Takes time linear in the text: each piece is
    /// matched at its first occurrence, because the next star can match what follows.
    pub fn matches(&self, text: &str, case: Case) -> bool {
        match self.pieces.as_slice() {
            [] => text.is_empty(),
            [only] => after_prefix(only, text, case) == Some(""),
            [prefix, middle @ .., suffix] => {
                let rest = after_prefix(prefix, text, case);
                let Some(rest) = rest.and_then(|rest| before_suffix(suffix, rest, case)) else {
                    return false;
                };
                let mut pieces = middle.iter();
                pieces.try_fold(rest, |rest, piece| after_first(piece, rest, case)).is_some()
            }
        }
    }
}

fn after_prefix<'t>(piece: &[String], text: &'t str, case: Case) -> Option<&'t str> {
    let mut parts = piece.iter();
    let rest = case.strip_prefix(text, parts.next()?)?;
    parts.try_fold(rest, |rest, part| {
        let mut chars = rest.chars();
        chars.next()?;
        case.strip_prefix(chars.as_str(), part)
    })
}

fn before_suffix<'t>(piece: &[String], text: &'t str, case: Case) -> Option<&'t str> {
    let mut parts = piece.iter().rev();
    let rest = case.strip_suffix(text, parts.next()?)?;
    parts.try_fold(rest, |rest, part| {
        let mut chars = rest.chars();
        chars.next_back()?;
        case.strip_suffix(chars.as_str(), part)
    })
}

/// What follows the first occurrence of a piece.
fn after_first<'t>(piece: &[String], text: &'t str, case: Case) -> Option<&'t str> {
    if let ([part], Case::Exact) = (piece, case) {
        return text.split_once(part.as_str()).map(|(_, rest)| rest);
    }
    let mut rest = text;
    loop {
        // Nothing can match before the first part does.
        rest = rest.get(case.find(rest, piece.first()?)?..)?;
        if let Some(after) = after_prefix(piece, rest, case) {
            return Some(after);
        }
        let mut chars = rest.chars();
        chars.next()?;
        rest = chars.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `*` and `?`.
    fn wildcard(pattern: &str) -> Wildcard {
        Wildcard::new(pattern.split('*').map(|piece| piece.split('?').map(str::to_owned).collect()))
    }

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, exact, any) in [
            ("Admins", "aDMINS", false, true),
            ("Admins", "Admin", false, false),
            ("Admins", "Admins", true, true),
            ("", "", true, true),
            ("", "a", false, false),
            ("*", "", true, true),
            ("**", "é", true, true),
            ("team-admin*", "team-Admins", false, true),
            ("*admin*", "Team-ADMIN-1", false, true),
            ("*min*mins", "admins", false, false),
            ("ad*ad", "AD", false, false),
            ("ad*ad", "ADaD", false, true),
            ("a*b*c", "AxBByC", false, true),
            ("a*b*c", "axbbyc", true, true),
            ("*é*", "É", false, false),
            ("*é*", "xéX", true, true),
            ("?", "", false, false),
            ("?", "é", true, true),
            ("?", "ab", false, false),
            ("a?c", "abc", true, true),
            ("a?c", "aBC", false, true),
            ("a?c", "ac", false, false),
            ("?*", "x", true, true),
            ("?*?", "x", false, false),
            ("?*?", "xy", true, true),
            ("*a?c*", "aac", true, true),
            ("*a?c*", "aaxbaéc!", true, true),
            ("*a?c*", "aaxb", false, false),
            ("*?b", "b", false, false),
            ("*?b", "ab", true, true),
            ("*x?*", "xx", true, true),
            ("*x?*", "x", false, false),
            ("a*?x?*z", "a12x3z", true, true),
            ("a*?x?*z", "ax3z", false, false),
        ] {
            let wildcard = wildcard(pattern);
            assert_eq!(wildcard.matches(text, Case::Exact), exact, "{pattern} {text}");
            assert_eq!(wildcard.matches(text, Case::Any), any, "{pattern} {text}");
        }
    }

    #[test]
    fn adjacent_stars_are_one() {
        assert_eq!(wildcard("a**b***"), wildcard("a*b*"));
        assert!(wildcard("***").is_anything() && !wildcard("*?*").is_anything());
        assert!(!wildcard("").is_anything());
        assert_eq!(wildcard("a").literal(), Some("a"));
        assert_eq!((wildcard("a*").literal(), wildcard("a?").literal()), (None, None));
    }
}
