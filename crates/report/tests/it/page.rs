//! The page as people and browsers get it. `tests/browser/check.mjs` opens the same pages.

use crate::sample;

/// The text of a page, without tags, style and script.
fn text(page: &str) -> String {
    let (_, body) = page.split_once("</head>").unwrap();
    let (body, _) = body.split_once("<script>").unwrap_or((body, ""));
    let mut text = String::new();
    for part in body.split('<') {
        let (tag, rest) = part.split_once('>').unwrap_or(("", part));
        let is_block =
            ["p", "h1", "h2", "h3", "li", "tr", "dt", "dd", "summary", "div", "figcaption"];
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        text += if is_block.contains(&name) { "\n" } else { " " };
        text += rest;
    }
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn assert_text(name: &str, page: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text(page)));
}

#[test]
fn a_month_is_readable_from_top_to_bottom() {
    assert_text("month", &sample::month().to_html().unwrap());
}

#[test]
fn an_empty_ledger_is_a_page_that_says_so() {
    let page = text(&sample::empty().to_html().unwrap());
    for sentence in [
        "No changes to IAM groups were found",
        "The log files were not verified.",
        "The ledger was read and has no finding of this period.",
        "Not verified. Nobody checked the log files",
    ] {
        assert!(page.contains(sentence), "{sentence}: {page}");
    }
}

#[test]
fn a_damaged_entry_is_named() {
    let page = text(&sample::damaged().to_html().unwrap());
    assert!(page.contains("1 thing could not be read"), "{page}");
    assert!(page.contains("entries/1f2e3d4c"), "{page}");
    assert!(page.contains("No changes were found, and not everything could be read"), "{page}");
}

#[test]
fn what_was_stated_day_by_day_is_not_said_to_be_checked_now() {
    let page = text(&sample::stated().to_html().unwrap());
    for sentence in [
        "8,640 of 8,640 log files verified; 1 gap; the last statement is of 2026-11-30.",
        "Nobody checked the log files again for this page",
        "2 daily statements",
        "SHA-256 of 2 statements",
    ] {
        assert!(page.contains(sentence), "{sentence}: {page}");
    }
    assert!(!text(&sample::month().to_html().unwrap()).contains("day by day"));
}

#[test]
fn hostile_names_stay_text() {
    assert_inert(&sample::hostile().to_html().unwrap());
    assert_inert(&sample::alert(&sample::hostile_calls()));
}

fn assert_inert(page: &str) {
    let own_scripts = page.matches("<script>(() =>").count();
    assert_eq!(page.matches("<script").count(), own_scripts);
    assert_eq!(page.matches("<style").count(), 1);
    for tag in
        ["<img", "<iframe", "<base", "<form", "<svg onload", "<meta http-equiv=refresh", "<!--"]
    {
        assert!(!page.contains(tag), "{tag}");
    }
    let is_hidden =
        |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2066}\u{200b}\u{feff}".contains(c);
    assert_eq!(page.chars().find(|c| is_hidden(*c)), None);
}

#[test]
fn long_names_are_cut() {
    let page = text(&sample::hostile().to_html().unwrap());
    assert!(page.contains("more characters)"), "{page}");
    assert!(page.lines().all(|line| line.len() < 20_000));
}

#[test]
fn ten_thousand_findings_fit_in_two_megabytes() {
    let page = sample::many(10_000).to_html().unwrap();
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    assert_eq!(page.matches("<tr>").count() / 10_000, 1, "every event has a row");
}

#[test]
fn a_page_has_no_more_rows_than_it_can_carry() {
    let page = text(&sample::many(10_500).to_html().unwrap());
    assert!(page.contains("500 older events are left out of this page."), "{}", page.len());
}

#[test]
fn an_alert_has_its_steps_its_group_and_its_commands() {
    assert_text("alert", &sample::alert(&sample::month_calls()[16..19]));
}
