//! Text with stars in it.

/// A pattern in which each star stands for any run of characters, also none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wildcard {
    prefix: String,
    middle: Vec<String>,
    suffix: String,
}

impl Wildcard {
    /// The pattern of the text before the first star, between the stars and after the last one.
    /// Neighbouring stars are one.
    pub(super) fn new(
        prefix: String,
        middle: impl Iterator<Item = String>,
        suffix: String,
    ) -> Self {
        Self { prefix, middle: middle.filter(|piece| !piece.is_empty()).collect(), suffix }
    }

    /// Whether it is nothing but stars.
    pub(super) fn is_anything(&self) -> bool {
        self.pieces().all(str::is_empty)
    }

    /// The text between the stars, in order, unescaped: always two or more pieces, of which the
    /// first and the last are empty where the pattern starts or ends with a star.
    pub fn pieces(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.prefix)
            .chain(&self.middle)
            .chain(std::iter::once(&self.suffix))
            .map(String::as_str)
    }

    /// Whether the whole of `text` fits. Takes each piece at its first place, which is enough
    /// because the next star can take up the rest: linear in the text.
    pub fn matches(&self, text: &str) -> bool {
        let between =
            text.strip_prefix(&*self.prefix).and_then(|rest| rest.strip_suffix(&*self.suffix));
        between.is_some_and(|between| {
            self.middle.iter().map(String::as_str).try_fold(between, after).is_some()
        })
    }
}

fn after<'t>(text: &'t str, piece: &str) -> Option<&'t str> {
    text.split_once(piece).map(|(_, rest)| rest)
}
