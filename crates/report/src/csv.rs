//! The events as CSV, for spreadsheets.

use detect::text::clean;

use crate::data::{Event, EventKind, Report};

const HEADER: [&str; 17] = [
    "time_utc",
    "severity",
    "kind",
    "what",
    "action",
    "account",
    "region",
    "group",
    "object",
    "principal",
    "principal_key",
    "source",
    "outcome",
    "exception",
    "rules",
    "id",
    "origin",
];

/// One line for each event, the latest first, after a header. A spreadsheet takes no field for a
/// formula: one that begins like a formula gets an apostrophe in front.
pub fn write(report: &Report) -> String {
    let mut csv = String::new();
    push_line(&mut csv, &HEADER.map(str::to_owned));
    for event in &report.events {
        push_line(&mut csv, &fields(event));
    }
    csv
}

fn fields(event: &Event) -> [String; 17] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let time = event.time.map(detect::text::time::format_column_time);
    let rules: Vec<&str> = event.rules.iter().map(|rule| rule.name.as_str()).collect();
    let kind = match event.kind {
        EventKind::Change => "change",
        EventKind::Attempt => "attempt",
        EventKind::Other => "other",
    };
    [
        time.unwrap_or_default(),
        event.severity.as_str().to_owned(),
        kind.to_owned(),
        event.sentence(),
        text(&event.action),
        text(&event.account),
        text(&event.region),
        text(&event.group),
        text(&event.object),
        event.principal.label.clone(),
        event.principal.key.clone(),
        text(&event.source),
        event.delivery.as_str().to_owned(),
        text(&event.exception),
        rules.join("; "),
        event.id.to_string(),
        event.origin.clone(),
    ]
}

fn push_line(csv: &mut String, fields: &[String]) {
    let fields: Vec<String> = fields.iter().map(|field| quote(field)).collect();
    *csv += &fields.join(",");
    *csv += "\r\n";
}

/// Quotes a field if it needs that. Line breaks and other invisible characters become escapes.
fn quote(field: &str) -> String {
    let clean = clean::text(field, usize::MAX);
    // Source: <https://owasp.org/www-community/attacks/CSV_Injection>. Full-width forms count too.
    let is_formula = clean.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    let safe = if is_formula { format!("'{clean}") } else { clean };
    match safe.contains([',', '"', '\'', ';']) || safe.starts_with(' ') {
        true => format!("\"{}\"", safe.replace('"', "\"\"")),
        false => safe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_text_to_every_spreadsheet() {
        for (raw, expected) in [
            ("Admins", "Admins"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("=1+1", "\"'=1+1\""),
            ("  @SUM(A1)", "\"'  @SUM(A1)\""),
            ("+cmd|' /C calc'!A0", "\"'+cmd|' /C calc'!A0\""),
            ("-1", "\"'-1\""),
            ("＝1", "\"'＝1\""),
            ("\t=1", "\\u{9}=1"),
            ("a\r\nb", "\\u{d}\\u{a}b".replace("\\u{d}", "a\\u{d}").as_str()),
            ("\u{202e}x\0", "\\u{202e}x\\u{0}"),
            ("", ""),
        ] {
            assert_eq!(quote(raw), expected, "{raw:?}");
        }
    }
}
