//! The mail for an incident: its events in order, by whom, why it is alerted, and what to do.

use std::collections::BTreeMap;

use detect::finding::{Call, Finding};
use detect::text::{clean, wrap};

use super::IncidentParts;
use crate::call::AlertCall;
use crate::mail::{self, Item, Mail, rank};
use crate::power::policy_in_words;
use crate::{identifiers, investigation, reasons, subject};

const MAX_TEXT_CHARS: usize = 200;
const MAX_NAME_CHARS: usize = 64;
const MAX_PRINCIPALS: usize = 4;
const MAX_ADDRESSES: usize = 3;
/// Events that are shown before all else, and those of one kind.
const FIRST_EVENTS: usize = 8;
/// A line that says how many more there are is not worth it for one or two.
const MAX_OF_A_KIND: usize = FIRST_EVENTS + 2;

/// Who made some of the calls, and from where.
#[derive(Default)]
struct Caller<'a> {
    name: String,
    calls: usize,
    /// Each once, as recorded.
    addresses: Vec<Option<&'a str>>,
}

impl<'a> Caller<'a> {
    fn add(&mut self, address: Option<&'a str>) {
        self.calls += 1;
        if !self.addresses.contains(&address) {
            self.addresses.push(address);
        }
    }

    fn describe(&self) -> String {
        let name = |address: &Option<&str>| match address {
            Some(address) => clean::value(address, MAX_NAME_CHARS),
            None => "an unknown address".to_owned(),
        };
        let (last, others) = match &self.addresses[..] {
            [first, others @ ..] if others.len() >= MAX_ADDRESSES => {
                (format!("{} other addresses", others.len()), vec![name(first)])
            }
            [others @ .., last] => (name(last), others.iter().map(name).collect()),
            [] => return self.name.clone(),
        };
        let and = if others.is_empty() { "" } else { " and " };
        format!("{}, from {}{and}{last}", self.name, others.join(", "))
    }
}

/// The indexes of the findings to show. Of many calls that only differ in time and object, the
/// first few are enough, unless a later one is more severe.
fn shown_of_each_kind(findings: &[Finding]) -> Vec<usize> {
    let mut kinds: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, finding) in findings.iter().enumerate() {
        let call = Call::new(finding);
        let kind = (&finding.rule.id, call.action(), call.failed(), finding.severity());
        kinds.entry(kind).or_default().push(index);
    }
    for indexes in kinds.values_mut().filter(|indexes| indexes.len() > MAX_OF_A_KIND) {
        indexes.truncate(FIRST_EVENTS);
    }
    let mut shown: Vec<usize> = kinds.into_values().flatten().collect();
    shown.sort_unstable();
    shown
}

fn capitalized(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(rest).collect()
}

impl IncidentParts<'_> {
    pub(super) fn mail(&self) -> Mail {
        Mail::new(&self.introduction())
            .section("WHY IT MATTERS", self.reasons())
            .section("WHAT HAPPENED", self.event_items())
            .section("FACTS", self.facts())
            .section("BY", self.principal_items())
            .section("CHECK", mail::check_items(&self.check))
            .section("UNDO", mail::undo_items(&self.undo))
            .section("REFERENCE", self.reference_items())
    }

    fn introduction(&self) -> String {
        let rule = clean::text(&self.data.rule.name, MAX_TEXT_CHARS);
        let period = mail::period(self.data.start, self.data.end);
        let story = self.story();
        if self.briefs.is_empty() {
            return format!("{rule}: {}, {period}.", story.events());
        }
        if story.is_of_one_kind() {
            return format!("{}, {period}: {rule}.", capitalized(&story.describe()));
        }
        let name = |name: &str| clean::short_name(name, MAX_NAME_CHARS);
        let topics = self.topics().into_iter().map(|topic| format!(", {}", name(topic)));
        let topics: String = topics.collect();
        let by = story.by(&name);
        let account = story.in_account(&|id| self.accounts.label(id));
        format!("{rule}{topics}: {} {by} {account}, {period}.", story.events())
    }

    fn reasons(&self) -> Vec<Item> {
        let data = self.data;
        let severity = mail::severity_reason(&data.rating(), data.base_severity);
        let mut condition = clean::text(&data.condition, MAX_TEXT_CHARS);
        if !data.group_by.is_empty() {
            condition += &format!(", with the same {}", data.group_by.join(" and "));
        }
        let mut reasons: Vec<Item> = Vec::new();
        reasons.extend(severity.map(|text| Item::new(rank::REASON, mail::bullet(&text))));
        let members = self.members.members.iter();
        reasons.extend(reasons::items_of_members(
            members.map(|finding| AlertCall::new(finding, self.accounts)),
        ));
        let condition = format!("The rule requires {condition}.");
        // What steps of several rules mean together, the name says; why so many calls that one rule
        // finds are too many, only its description and condition do.
        let rank = if self.is_of_one_rule() { rank::REASON } else { rank::DETAIL };
        reasons.extend(reasons::about_rule_item(&data.rule, rank));
        reasons.push(Item::new(rank, mail::long_bullet(&condition)).silent());
        let repeats = data.rule.alert_suppression.as_ref().map(|it| it.describe());
        let repeats = repeats.map(|text| clean::text(&text, MAX_TEXT_CHARS));
        reasons.extend(repeats.map(|text| {
            Item::new(rank::DETAIL, mail::bullet(&format!("Repeats: {text}."))).silent()
        }));
        reasons
    }

    /// Returns true for thresholds and sequences.
    fn is_of_one_rule(&self) -> bool {
        self.data.rule.threshold.is_some() || self.data.rule.sequence
    }

    /// The events by time, of many that look alike the first few. All others are counted.
    fn event_items(&self) -> Vec<Item> {
        let members = &self.members.members;
        let shown = shown_of_each_kind(members);
        let rank = |nth| if nth < FIRST_EVENTS { rank::near_event(1) } else { rank::FAR_EVENT };
        let mut items: Vec<Item> = Vec::new();
        let mut next = 0;
        for (nth, index) in shown.into_iter().enumerate() {
            items.push(Item::left_out(index - next));
            items.push(Item::new(rank(nth), self.event_lines(&members[index])));
            next = index + 1;
        }
        let unread = self.unread_with_reason();
        let unread_count = unread.map_or(0, |(count, _)| count);
        items.push(Item::left_out(self.data.events.saturating_sub(next + unread_count)));
        items.extend(unread.map(|(count, reason)| {
            let are = if count == 1 { "1 event is" } else { &format!("{count} events are") };
            let reason = clean::text(reason, MAX_TEXT_CHARS);
            let lines = wrap::hanging("    ", &format!("… {are} not shown: {reason}."));
            Item::new(rank::REASON, mail::cap(lines, 3))
        }));
        items
    }

    /// How many events could not be read, and why.
    fn unread_with_reason(&self) -> Option<(usize, &str)> {
        let reason = self.members.read_error.as_deref()?;
        let count = match self.members.members.len() {
            0 => self.data.events,
            read => self.data.members.len().saturating_sub(read),
        };
        (count > 0).then_some((count, reason))
    }

    fn event_lines(&self, finding: &Finding) -> Vec<String> {
        let call = AlertCall::new(finding, self.accounts);
        let power = call.policy_power().filter(|_| !call.failed());
        let power = power.as_ref().and_then(policy_in_words).map(|power| format!(" ({power})"));
        let text = format!(
            "{} by {}{}",
            subject::summary_line(&call.brief(), subject::MAX_NAME_CHARS),
            clean::name(call.principal().subject_name()),
            power.unwrap_or_default(),
        );
        let prefix = mail::event_prefix(finding.time, &finding.id);
        mail::cap(wrap::hanging(&prefix, &clean::value(&text, 2 * MAX_TEXT_CHARS)), 2)
    }

    /// What the rule says to look at first.
    fn facts(&self) -> Vec<Item> {
        let fields = &self.data.rule.investigation_fields;
        let rows = investigation::rows_of_several(fields, &self.members.members).into_iter();
        rows.map(|(label, value)| Item::new(rank::FACT, mail::row(&label, &value)).silent())
            .collect()
    }

    fn principal_items(&self) -> Vec<Item> {
        let mut callers: BTreeMap<&str, Caller<'_>> = BTreeMap::new();
        for finding in &self.members.members {
            let call = AlertCall::new(finding, self.accounts);
            let caller = callers.entry(&finding.principal.key).or_insert_with(|| Caller {
                name: call.principal().describe(),
                ..Caller::default()
            });
            caller.add(call.source_address());
        }
        let counts = callers.values().map(|caller| (caller.calls, caller.describe())).collect();
        let mut items = mail::items(rank::FACT, mail::counts(counts, MAX_PRINCIPALS));
        let read = self.members.members.len();
        if read < self.data.events && !items.is_empty() {
            let text = format!("Of the {read} events that were read:");
            items.insert(0, Item::new(rank::FACT, mail::indented(&text)).silent());
        }
        items
    }

    fn reference_items(&self) -> Vec<Item> {
        let data = self.data;
        let id = mail::reference_row("Alert", data.id.as_str());
        let mut items = mail::items(rank::IDENTIFIER, [id]);
        items.extend(identifiers::rule_items(&data.rule));
        items
    }
}
