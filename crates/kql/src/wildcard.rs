//! Patterns with stars.

/// A pattern in which each star stands for any number of characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wildcard {
    prefix: String,
    middle: Vec<String>,
    suffix: String,
}

impl Wildcard {
    /// The pattern of the text before the first star, between the stars, and after the last one.
    /// Adjacent stars are one.
    pub(super) fn new(
        prefix: String,
        middle: impl Iterator<Item = String>,
        suffix: String,
    ) -> Self {
        Self { prefix, middle: middle.filter(|piece| !piece.is_empty()).collect(), suffix }
    }

    /// Returns true if the pattern consists of stars only.
    pub(super) fn is_anything(&self) -> bool {
        self.pieces().all(str::is_empty)
    }

    /// The text between the stars, in order, unescaped. There are at least two pieces; the first or
    /// the last is empty if the pattern starts or ends with a star.
    pub fn pieces(&self) -> impl Iterator<Item = &str> {
        let middle = self.middle.iter().map(String::as_str);
        std::iter::once(&*self.prefix).chain(middle).chain(std::iter::once(&*self.suffix))
    }

    /// Returns true if the whole of `text` matches. Takes time linear in the text: each piece is
    /// matched at its first occurrence, because the next star can match what follows.
    pub fn matches(&self, text: &str) -> bool {
        let rest = text.strip_prefix(&*self.prefix);
        let Some(rest) = rest.and_then(|rest| rest.strip_suffix(&*self.suffix)) else {
            return false;
        };
        let mut pieces = self.middle.iter();
        pieces.try_fold(rest, |rest, piece| Some(rest.split_once(&**piece)?.1)).is_some()
    }
}
