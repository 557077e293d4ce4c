//! What became of every call that was put: judged by the messages that the topic accepted, the
//! entries of the ledger and the journal, not by what the function says of itself.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::Value;

use super::corpus::Call;
use super::deployment::{Deployment, LOGS};
use super::journal::{Event, What};
use super::ledger::{self, LedgerEntry};
use super::sns::Accepted;

/// What became of the calls.
#[derive(Debug, Default)]
pub struct Verdict {
    /// How many calls were put.
    pub calls: usize,
    pub alerted: usize,
    pub summarised: usize,
    /// Calls that the alert of an incident named.
    pub folded: usize,
    pub suppressed: usize,
    /// Calls that are in no accepted message, and why.
    pub lost: Vec<String>,
    /// Markers of unfinished work in the ledger.
    pub unfinished: Vec<String>,
    /// Messages that were sent again since a copy died, or an answer was lost, after the topic
    /// accepted them.
    pub explained_duplicates: usize,
    /// Messages that were sent again for no such reason.
    pub duplicates: Vec<String>,
    /// Keys of the log objects whose notifications are dead letters.
    pub dead_letters: Vec<String>,
    /// Those of them whose copies died each time.
    pub dead_by_deaths: Vec<String>,
    /// What the stand-ins refused.
    pub breaches: Vec<String>,
    /// The first message about each principal.
    pub first_alerts: BTreeMap<String, FirstAlert>,
    /// The most messages that the topic accepted within a second.
    pub busiest_second: usize,
}

/// The first message about a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstAlert {
    /// Its place in the journal.
    pub place: usize,
    /// After the first delivery.
    pub elapsed: Duration,
}

/// What a call became.
enum CallOutcome {
    Alerted,
    Summarised,
    Folded,
    Suppressed,
}

/// What all is judged by.
struct Evidence<'a> {
    deployment: &'a Deployment,
    entries: BTreeMap<String, LedgerEntry>,
    /// Ids of entries by event id and group.
    by_call: HashMap<(String, String), String>,
    accepted: Vec<Accepted>,
    events: Vec<Event>,
}

impl Verdict {
    /// Judges a deployment that is quiet, of which these calls were put.
    pub fn judge(deployment: &Deployment, calls: &[Call]) -> Verdict {
        let evidence = Evidence::gather(deployment);
        let mut verdict = Verdict {
            calls: calls.len(),
            unfinished: evidence.unfinished(),
            breaches: deployment.shared.journal.breaches(),
            first_alerts: evidence.first_alerts(calls),
            busiest_second: evidence.busiest_second(),
            ..Verdict::default()
        };
        for call in calls {
            match evidence.outcome(call) {
                Ok(CallOutcome::Alerted) => verdict.alerted += 1,
                Ok(CallOutcome::Summarised) => verdict.summarised += 1,
                Ok(CallOutcome::Folded) => verdict.folded += 1,
                Ok(CallOutcome::Suppressed) => verdict.suppressed += 1,
                Err(why) => verdict.lost.push(format!("{}: {why}", call.event_id)),
            }
        }
        evidence.count_duplicates(&mut verdict);
        for message in deployment.queue.dead_letters() {
            verdict.dead_letters.push(key_of(&message.body));
            if message.deaths >= message.receives {
                verdict.dead_by_deaths.push(key_of(&message.body));
            }
        }
        verdict
    }
}

/// The share of a principal's flood, from 0 to 1, that was finished before every other principal
/// was reported.
pub fn share_before_others(deployment: &Deployment, verdict: &Verdict, flood: &Call) -> f64 {
    let evidence = Evidence::gather(deployment);
    let places = evidence.final_places(&flood.principal_arn());
    let others = verdict.first_alerts.iter().filter(|(name, _)| **name != flood.principal);
    let last = others.map(|(_, first)| first.place).max().unwrap_or(0);
    let before = places.iter().filter(|place| **place < last).count();
    before as f64 / places.len().max(1) as f64
}

impl Evidence<'_> {
    fn gather(deployment: &Deployment) -> Evidence<'_> {
        let mut entries = BTreeMap::new();
        let mut by_call = HashMap::new();
        for (key, body) in deployment.s3.objects(ledger::BUCKET, ledger::ENTRIES) {
            let entry = LedgerEntry::parse(&key[ledger::ENTRIES.len()..], &body);
            if let (Some(event_id), Some(group)) = (&entry.event_id, &entry.group) {
                by_call.insert((event_id.clone(), group.clone()), entry.id.clone());
            }
            entries.insert(entry.id.clone(), entry);
        }
        let accepted = deployment.sns.accepted();
        let events = deployment.shared.journal.events();
        Evidence { deployment, entries, by_call, accepted, events }
    }

    fn outcome(&self, call: &Call) -> Result<CallOutcome, String> {
        let id = self.by_call.get(&(call.event_id.clone(), call.group.clone()));
        let entry = id.and_then(|id| self.entries.get(id));
        let is_alert = |accepted: &&Accepted| is_alert_of(&accepted.document, call, entry);
        let alert = self.accepted.iter().find(is_alert);
        let state = entry.map_or("not in the ledger", |entry| entry.state.as_str());
        match (state, alert) {
            ("suppressed", None) => Ok(CallOutcome::Suppressed),
            ("alerted", Some(_)) => Ok(CallOutcome::Alerted),
            ("summarised", _) if self.is_in_summary(entry) => Ok(CallOutcome::Summarised),
            ("folded", _) if self.is_in_incident(entry) => Ok(CallOutcome::Folded),
            (state, Some(_)) => Err(format!("alerted, and then {state}")),
            (state, None) => Err(format!("{state}, and no message was accepted")),
        }
    }

    /// Returns true if the alert that a folded finding points to was accepted and names it.
    fn is_in_incident(&self, entry: Option<&LedgerEntry>) -> bool {
        let Some(LedgerEntry { id, incident_alert: Some(alert), .. }) = entry else { return false };
        self.accepted.iter().map(|accepted| &accepted.document["trailbell"]).any(|ours| {
            let ids = ours["member_ids"].as_array().map(Vec::as_slice).unwrap_or_default();
            ours["id"] == **alert && ids.iter().any(|member| *member == **id)
        })
    }

    fn is_in_summary(&self, entry: Option<&LedgerEntry>) -> bool {
        let Some(LedgerEntry { id, summary: Some(summary), .. }) = entry else { return false };
        self.accepted.iter().map(|accepted| &accepted.document).any(|document| {
            let ours = &document["trailbell"];
            let members = ours["members"].as_array().map(Vec::as_slice).unwrap_or_default();
            let is_member = members.iter().any(|member| member["id"] == **id);
            // The ledger has the members that a message has no room for.
            let may_be_cut = ours["members_left_out"].as_u64().unwrap_or(0) > 0;
            ours["id"] == **summary && (is_member || may_be_cut)
        })
    }

    fn unfinished(&self) -> Vec<String> {
        let objects = self.deployment.s3.objects(ledger::BUCKET, "");
        objects.into_iter().map(|(key, _)| key).filter(|key| ledger::is_unfinished(key)).collect()
    }

    fn count_duplicates(&self, verdict: &mut Verdict) {
        let mut by_id: BTreeMap<String, Vec<&Accepted>> = BTreeMap::new();
        for accepted in &self.accepted {
            by_id.entry(reported_id(&accepted.document)).or_default().push(accepted);
        }
        for (id, messages) in by_id {
            let unexplained = messages.iter().filter(|it| !self.explains(&id, it)).count();
            // One message is no duplicate.
            let duplicates = unexplained.saturating_sub(1);
            verdict.explained_duplicates += messages.len() - 1 - duplicates;
            verdict.duplicates.extend((0..duplicates).map(|_| self.history(&id)));
        }
    }

    /// What happened to a finding, a summary or a correlation, in order.
    fn history(&self, id: &str) -> String {
        let messages: Vec<&Accepted> =
            self.accepted.iter().filter(|it| reported_id(&it.document) == id).collect();
        let copies: Vec<&str> = messages.iter().map(|message| message.copy.as_str()).collect();
        let mut steps = Vec::new();
        for (place, event) in self.events.iter().enumerate() {
            let is_message = messages.iter().any(|message| message.place == place);
            let step = match &event.what {
                What::Died if copies.contains(&&*event.copy) => "died".to_owned(),
                What::Request(note) if is_message => format!("published, {}", note.fate()),
                What::Request(note) if note.resource.ends_with(id) => {
                    let state = note.state.as_deref().unwrap_or_default();
                    format!("{} {state}, {}", note.method, note.fate())
                }
                _ => continue,
            };
            steps.push(format!("{} {step}", event.copy));
        }
        format!("{id}: {}", steps.join("; "))
    }

    /// Returns true if nobody could know that a message was accepted: its answer was lost, or in
    /// the same invocation its copy died, or could not write to the ledger, before it recorded the
    /// message.
    fn explains(&self, id: &str, message: &Accepted) -> bool {
        let after = &self.events[message.place..];
        let was_answered = after[0].request().is_some_and(|note| note.answered);
        let own = after.iter().filter(|event| event.copy == message.copy);
        let mut recorded = false;
        // A request can arrive after its copy died.
        let is_death = |event: &&Event| matches!(event.what, What::Died);
        let mut deaths = self.events[..message.place].iter().filter(is_death);
        let mut hindered = deaths.any(|death| death.copy == message.copy);
        for event in own {
            match &event.what {
                What::Invoked => break,
                What::Died => hindered = true,
                What::Request(note) if note.state.is_some() && note.resource.ends_with(id) => {
                    let is_final = note.state.as_deref().is_some_and(ledger::is_final);
                    recorded |= is_final && note.status == 200;
                    hindered |= note.fault.is_some();
                }
                _ => {}
            }
        }
        !was_answered || (hindered && !recorded)
    }

    fn first_alerts(&self, calls: &[Call]) -> BTreeMap<String, FirstAlert> {
        let by_event: HashMap<(&str, &str), &Call> =
            calls.iter().map(|call| ((&*call.event_id, &*call.group), call)).collect();
        let start = self.deployment.first_delivery;
        let mut first = BTreeMap::new();
        for accepted in &self.accepted {
            for (event_id, group) in reported_calls(&accepted.document) {
                let Some(call) = by_event.get(&(event_id, group)) else { continue };
                let elapsed = start.map(|start| accepted.time.duration_since(start));
                let alert =
                    FirstAlert { place: accepted.place, elapsed: elapsed.unwrap_or_default() };
                first.entry(call.principal.clone()).or_insert(alert);
            }
        }
        first
    }

    /// Where the journal has the first final state of each of a principal's findings.
    fn final_places(&self, principal: &str) -> Vec<usize> {
        let mut places = BTreeMap::new();
        for (place, event) in self.events.iter().enumerate() {
            let Some(note) = event.request() else { continue };
            let Some((_, id)) = note.resource.split_once(ledger::ENTRIES) else { continue };
            let is_own = self
                .entries
                .get(id)
                .is_some_and(|entry| entry.principal.as_deref() == Some(principal));
            let is_final = note.state.as_deref().is_some_and(ledger::is_final);
            if is_own && is_final && note.status == 200 {
                places.entry(id).or_insert(place);
            }
        }
        places.into_values().collect()
    }

    fn busiest_second(&self) -> usize {
        let times: Vec<_> = self.accepted.iter().map(|accepted| accepted.time).collect();
        let within = |start: usize| {
            let end = times[start] + Duration::from_secs(1);
            times[start..].iter().take_while(|time| **time < end).count()
        };
        (0..times.len()).map(within).max().unwrap_or(0)
    }
}

/// Returns true if a document is the alert of a call. One of bad records may not name the group.
fn is_alert_of(document: &Value, call: &Call, entry: Option<&LedgerEntry>) -> bool {
    let ours = &document["trailbell"];
    let is_group = match document["group"]["name"].as_str() {
        Some(group) => group == call.group,
        None => entry.is_some_and(|entry| ours["id"] == *entry.id),
    };
    ours["kind"] == "alert" && document["event"]["id"] == *call.event_id && is_group
}

/// What a message is about: a finding, a summary or a correlation.
fn reported_id(document: &Value) -> String {
    document["trailbell"]["id"].as_str().unwrap_or_default().to_owned()
}

/// Event id and group of every call that a message names.
fn reported_calls(document: &Value) -> Vec<(&str, &str)> {
    let ours = &document["trailbell"];
    let members = ours["members"].as_array().into_iter().flatten();
    let members = members.map(|member| (member["event_id"].as_str(), member["group"].as_str()));
    let own = (document["event"]["id"].as_str(), document["group"]["name"].as_str());
    let all = std::iter::once(own).chain(members);
    all.filter_map(|(event_id, group)| Some((event_id?, group?))).collect()
}

/// The key of the log object that a message announces.
fn key_of(body: &str) -> String {
    let event: Value = serde_json::from_str(body).unwrap_or_default();
    let key = event["Records"][0]["s3"]["object"]["key"].as_str().unwrap_or(LOGS);
    super::http::decode_form(key)
}
