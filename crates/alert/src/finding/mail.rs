//! The mail about a finding.

use detect::text::clean;

use super::{FindingParts, MAX_VALUE_CHARS};
use crate::mail::{self, Item, Mail, rank};
use crate::{console, facts, identifiers, reasons};

impl FindingParts<'_> {
    pub(super) fn mail(&self, sentence: &str) -> Mail {
        Mail::new(sentence)
            .section("WHY IT MATTERS", reasons::items(self.call, self.context))
            .section("THE LAST 48 HOURS", self.timeline.items())
            .section("FACTS", facts::items(self.call))
            .section("CHECK", mail::check_items(&self.check))
            .section("UNDO", mail::undo_items(&self.undo))
            .section("EXCEPTION", self.exception_items())
            .section("REFERENCE", self.reference_items())
    }

    fn exception_items(&self) -> Vec<Item> {
        let item = match &self.exception {
            Err(reason) => {
                Item::new(rank::NONE, mail::indented(&format!("None is suggested: {reason}.")))
            }
            Ok(exception) => {
                let lines = exception.iter().map(|line| format!("  {line}")).collect();
                Item::new(rank::EXCEPTION, lines)
            }
        };
        vec![item]
    }

    fn reference_items(&self) -> Vec<Item> {
        let finding = self.call.finding;
        let place = clean::value(&finding.origin.place(), MAX_VALUE_CHARS);
        let event = self.call.event_id().unwrap_or("not recorded");
        let event = format!(
            "{}, record {} of",
            clean::value(event, MAX_VALUE_CHARS),
            finding.origin.record()
        );
        let mut event = mail::reference_row("Event", &event);
        event.extend(mail::place_lines(&place));
        let page = console::event_page(self.call).map(|url| mail::place_lines(&url));
        event.extend(page.unwrap_or_default());
        let id = mail::reference_row("Finding", finding.id.as_str());
        let mut items = mail::items(rank::IDENTIFIER, [id, event]);
        items.extend(identifiers::rule_items(&finding.rule));
        items
    }
}
