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

    /// The same in any ASCII case.
    pub fn matches_in_any_case(&self, text: &str) -> bool {
        let Some((prefix, rest)) = text.as_bytes().split_at_checked(self.prefix.len()) else {
            return false;
        };
        let Some(middle) = rest.len().checked_sub(self.suffix.len()) else { return false };
        let (rest, suffix) = rest.split_at(middle);
        let mut pieces = self.middle.iter().map(String::as_bytes);
        prefix.eq_ignore_ascii_case(self.prefix.as_bytes())
            && suffix.eq_ignore_ascii_case(self.suffix.as_bytes())
            && pieces.try_fold(rest, after_in_any_case).is_some()
    }
}

/// What follows the first occurrence of `piece`, which is not empty.
fn after_in_any_case<'t>(text: &'t [u8], piece: &[u8]) -> Option<&'t [u8]> {
    let at = text.windows(piece.len()).position(|part| part.eq_ignore_ascii_case(piece))?;
    text.get(at + piece.len()..)
}

#[cfg(test)]
mod tests {
    use crate::{Document, Query, Value};
    use jiff::Timestamp;

    /// A document with one field, a name.
    struct Named(&'static str);

    impl Document for Named {
        fn any_value(&self, _: &str, on_value: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
            on_value(Value::Name(self.0))
        }

        fn any_leaf(&self, on_leaf: &mut dyn FnMut(&str, Value<'_>) -> bool) -> bool {
            on_leaf("name", Value::Name(self.0))
        }

        fn any_object(&self, _: &str, _: &mut dyn FnMut(&dyn Document) -> bool) -> bool {
            false
        }
    }

    #[test]
    fn names_match_in_any_ascii_case() {
        for (query, name, expected) in [
            ("name: Admins", "aDMINS", true),
            ("name: Admins", "Admin", false),
            ("name: team-admin*", "team-Admins", true),
            ("name: *admin*", "Team-ADMIN-1", true),
            ("name: *min*mins", "admins", false),
            ("name: ad*ad", "AD", false),
            ("name: ad*ad", "ADaD", true),
            ("name: a*b*c", "AxBByC", true),
            ("name: *é*", "É", false),
            ("name: *é*", "xéX", true),
            ("name: *", "", true),
            ("*: ADMINS", "admins", true),
        ] {
            let query_matches = Query::parse(query).unwrap().matches(&Named(name), Timestamp::MIN);
            assert_eq!(query_matches, expected, "{query} {name}");
        }
    }
}
