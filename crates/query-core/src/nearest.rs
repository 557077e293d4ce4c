//! What was probably meant by a name that is not known.

/// The candidate with the smallest Levenshtein distance to `word`. Returns `None` if that is more
/// than a quarter of the word, or than three.
pub fn nearest_name<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (word.chars().count() / 4).clamp(1, 3);
    let distances =
        candidates.into_iter().map(|candidate| (strsim::levenshtein(word, candidate), candidate));
    let near = distances.filter(|(distance, _)| *distance <= limit);
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_name_is_suggested() {
        let known = ["severity", "risk_score", "interval"];
        for (word, expected) in [
            ("serverity", Some("severity")),
            ("risk-score", Some("risk_score")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest_name(word, known), expected, "{word:?}");
        }
        assert_eq!(nearest_name("\u{e9}", ["e"]), Some("e"), "counts characters, not bytes");
    }
}
