//! Rules that are valid for Elastic, and cannot run here.

use super::{load, to_strings};

const SEQUENCE: &str =
    "sequence by user.name [any where event.action == \"A\"] [any where event.action == \"B\"]";

fn rule(rule_type: &str, lines: &str) -> String {
    let query = if rule_type == "eql" { SEQUENCE } else { "event.provider: iam.amazonaws.com" };
    format!(
        "[rule]\nname = \"A rule\"\nrule_id = \"r-1\"\ndescription = \"Detects.\"\ntype = \
         \"{rule_type}\"\nseverity = \"low\"\nrisk_score = 21\nquery = '{query}'\n{lines}\n"
    )
}

#[test]
fn what_cannot_run_here_is_refused_with_its_place_and_reason() {
    let new_terms =
        |start: &str| format!("new_terms_fields = ['user.name']\nhistory_window_start = '{start}'");
    let suppressed = |duration: &str| {
        format!("alert_suppression = {{group_by = ['user.name'], duration = {duration}}}")
    };
    let plain = |lines: &str| lines.to_owned();
    let varying = "months, years and rounding (`/d`) cannot run";
    let days = "values are known for at most 30 days";
    let long = "8:1: its `alert_suppression.duration` is longer than 30 days";
    for (rule_type, lines, expected) in [
        ("esql", plain(""), plain("its type is `esql`, which cannot run here")),
        (
            "threshold",
            plain("threshold = {field = ['source.as.number'], value = 2}"),
            plain("9:23: it counts by `source.as.number`, which no record has"),
        ),
        (
            "threshold",
            plain("threshold = {field = ['source.ip', 'user.nam'], value = 2}"),
            plain("9:36: it counts by `user.nam`, which no record has; did you mean `user.name`?"),
        ),
        (
            "threshold",
            plain("threshold = {value = 1, cardinality = [{field = 'x.y', value = 2}]}"),
            plain("9:49: it counts by `x.y`, which no record has"),
        ),
        (
            "threshold",
            plain(
                "threshold = {value = 1, cardinality = [{field = 'user.name', value = 2}, {field = \
                 'user.id', value = 2}]}",
            ),
            plain("9:39: it counts the values of several fields (`cardinality`)"),
        ),
        (
            "threshold",
            plain("threshold = {value = 1001}"),
            plain("9:22: its `threshold.value` is 1001, and at most 1000 matches are counted"),
        ),
        (
            "threshold",
            plain("threshold = {value = 9223372036854775807}"),
            plain(
                "9:22: its `threshold.value` is 9223372036854775807, and at most 1000 matches are \
                 counted",
            ),
        ),
        (
            "threshold",
            plain("threshold = {value = 1, cardinality = [{field = 'user.name', value = 2000}]}"),
            plain(
                "9:70: its `threshold.cardinality.value` is 2000, and at most 1000 values are \
                 counted",
            ),
        ),
        (
            "threshold",
            plain("from = 'now-49h'\nthreshold = {value = 1}"),
            plain("9:8: its `from` is `now-49h`, and a threshold counts over at most 48 hours"),
        ),
        (
            "threshold",
            plain("building_block_type = 'default'\nthreshold = {value = 2}"),
            plain(
                "9:1: it is a building block (`building_block_type`), which a threshold cannot be \
                 here",
            ),
        ),
        (
            "threshold",
            plain(
                "alert_suppression = {duration = {value = 721, unit = 'h'}}\n\
                 threshold = {value = 2}",
            ),
            long.replace('8', "9"),
        ),
        (
            "eql",
            plain("building_block_type = 'default'"),
            plain(
                "9:1: it is a building block (`building_block_type`), which a sequence cannot be \
                 here",
            ),
        ),
        (
            "eql",
            plain("event_category_override = 'event.tpye'"),
            plain(
                "9:27: its category is in `event.tpye`, which no record has; did you mean \
                 `event.type`?",
            ),
        ),
        (
            "eql",
            plain("from = 'now-7d'"),
            plain("9:8: its sequence has no `maxspan`, and it looks back for more than 48 hours"),
        ),
        (
            "new_terms",
            plain("new_terms_fields = ['source.as.number']\nhistory_window_start = 'now-7d'"),
            plain("9:21: its new terms are of `source.as.number`, which no record has"),
        ),
        (
            "new_terms",
            plain("new_terms_fields = ['user.name', 'user.ids']\nhistory_window_start = 'now-7d'"),
            plain(
                "9:34: its new terms are of `user.ids`, which no record has; did you mean \
                 `user.id`?",
            ),
        ),
        (
            "new_terms",
            new_terms("now-90d"),
            format!("10:24: its `history_window_start` is `now-90d`, and {days}"),
        ),
        (
            "new_terms",
            new_terms("now-721h"),
            format!("10:24: its `history_window_start` is `now-721h`, and {days}"),
        ),
        (
            "new_terms",
            new_terms("now-7d/d"),
            format!("10:24: its `history_window_start` is `now-7d/d`: {varying}"),
        ),
        (
            "new_terms",
            new_terms("now-1M"),
            format!("10:24: its `history_window_start` is `now-1M`: {varying}"),
        ),
        ("query", plain("from = 'now-1M'"), format!("9:8: its `from` is `now-1M`: {varying}")),
        ("query", plain("from = 'now-1y/y'"), format!("9:8: its `from` is `now-1y/y`: {varying}")),
        ("eql", plain("from = 'now-1d/d'"), format!("9:8: its `from` is `now-1d/d`: {varying}")),
        ("query", suppressed("{value = 721, unit = 'h'}"), long.replace('8', "9")),
        // A year, and more than fits.
        ("query", suppressed("{value = 525600, unit = 'm'}"), long.replace('8', "9")),
        ("query", suppressed("{value = 9223372036854775807, unit = 'm'}"), long.replace('8', "9")),
    ] {
        let language = if rule_type == "eql" { "language = 'eql'" } else { "" };
        let loaded = load(&rule(rule_type, &format!("{lines}\n{language}")));
        assert_eq!(to_strings(&loaded.problems), [""; 0], "{lines}");
        let (place, reason) = match expected.split_once(": ") {
            Some((place, reason)) if place.starts_with(|c: char| c.is_ascii_digit()) => {
                (format!(":{place}"), reason)
            }
            _ => (String::new(), expected.as_str()),
        };
        let expected = format!("a.toml{place}: unsupported rule \"A rule\": {reason}");
        assert_eq!(to_strings(&loaded.unsupported), [expected], "{lines}");
        assert!(loaded.rules.is_empty() && loaded.warnings.is_empty(), "{lines}");
    }
}

#[test]
fn the_longest_that_runs_is_not_refused() {
    for (rule_type, lines) in [
        ("threshold", "from = 'now-48h'\nthreshold = {value = 1000}"),
        ("threshold", "from = 'now-2d'\nthreshold = {value = 1}"),
        ("new_terms", "new_terms_fields = ['user.name']\nhistory_window_start = 'now-30d'"),
        ("query", "from = 'now-1H'"),
        ("query", "from = 'now-365d'"),
        (
            "query",
            "alert_suppression = {group_by = ['user.name'], duration = {value = 720, unit = 'h'}}",
        ),
    ] {
        let loaded = load(&rule(rule_type, lines));
        let all = [loaded.problems, loaded.unsupported, loaded.warnings].concat();
        assert_eq!(to_strings(&all), [""; 0], "{lines}");
        assert_eq!(loaded.rules.len(), 1, "{lines}");
    }
}
