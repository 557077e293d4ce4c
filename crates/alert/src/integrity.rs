//! The alert about a log file or digest that is not what CloudTrail wrote.

use detect::finding::Finding;
use detect::finding::integrity::{self, IntegrityKind};
use detect::text::clean;
use detect::text::time::format_column_time;
use jiff::Timestamp;
use serde_json::json;

use crate::builder::{AlertBuilder, AlertKind, Routing};
use crate::call::AlertCall;
use crate::commands;
use crate::document::record_fields;
use crate::identifiers;
use crate::mail::{self, Item, Mail, rank};
use crate::subject::MAX_SUBJECT;

/// Keys have at most 1,024 bytes.
const MAX_KEY_CHARS: usize = 1_024;
const MAX_REASON_CHARS: usize = 400;
const MAX_NAME_CHARS: usize = 64;

/// What kind of problem the finding is about. `None` if it is about a call.
pub(crate) fn kind_of(call: AlertCall<'_>) -> Option<IntegrityKind> {
    let action = call.action().filter(|_| integrity::is_integrity(call.finding))?;
    IntegrityKind::ALL.into_iter().find(|kind| kind.action() == action)
}

/// 1 to 99 characters of printable ASCII.
pub(crate) fn subject(call: AlertCall<'_>, kind: IntegrityKind) -> String {
    let severity = call.finding.severity().as_str();
    let account = clean::ascii(call.account().unwrap_or("unknown account"), 15);
    let region = clean::ascii(call.region().unwrap_or("unknown region"), 20);
    clean::ascii(&format!("[{severity}] {} in {account}, {region}", title(kind)), MAX_SUBJECT)
}

/// The alert.
pub(crate) fn builder<'a>(call: AlertCall<'a>, kind: IntegrityKind) -> AlertBuilder<'a> {
    let finding: &Finding = call.finding;
    let checks = commands::integrity::checks(call, kind);
    let undo = commands::integrity::undo(call, kind);
    let sentence = sentence(call, kind);
    let reason = mail::items(rank::REASON, [mail::bullet(consequence(kind))]);
    let mail = Mail::new(&sentence)
        .section("WHY IT MATTERS", reason)
        .section("FACTS", facts(call))
        .section("CHECK", mail::check_items(&checks))
        .section("UNDO", mail::undo_items(&undo))
        .section("REFERENCE", reference(call));
    AlertBuilder {
        id: &finding.id,
        kind: AlertKind::Finding,
        rule: &finding.rule,
        rule_severity: finding.rule.severity,
        rating: finding.rating(),
        subject: subject(call, kind),
        sentence: Some(sentence),
        mail,
        routing: Routing::from_call(call),
        ecs: record_fields(call),
        fields: json!({
            "account": finding.account,
            "account_name": call.account().and_then(|id| call.accounts.name(id)),
            "exception": finding.exception,
            "origin": finding.origin,
            "check": commands::to_documents(&checks),
            "undo": commands::to_documents(&undo),
        }),
    }
}

pub(crate) fn title(kind: IntegrityKind) -> &'static str {
    match kind {
        IntegrityKind::LogFileChanged => "CloudTrail log file changed",
        IntegrityKind::LogFileMissing => "CloudTrail log file missing",
        IntegrityKind::LogFileUnreadable => "CloudTrail log file damaged",
        IntegrityKind::DigestMissing => "CloudTrail digest missing",
        IntegrityKind::DigestForged => "CloudTrail digest forged",
        IntegrityKind::ChainRestarted => "CloudTrail digests restarted",
        IntegrityKind::DigestsStopped => "CloudTrail digests stopped",
    }
}

fn sentence(call: AlertCall<'_>, kind: IntegrityKind) -> String {
    let account =
        call.account().map_or("an unknown account".to_owned(), |id| call.accounts.label(id));
    let region = clean::short_name(call.region().unwrap_or("unknown"), MAX_NAME_CHARS);
    let place = format!("account {account} in {region}");
    let trail = clean::short_name(call.parameter("trailName").unwrap_or("unknown"), 128);
    let what = match kind {
        IntegrityKind::LogFileChanged => {
            format!("A log file of {place} is not what CloudTrail delivered.")
        }
        IntegrityKind::LogFileMissing => {
            format!("A log file of {place} that CloudTrail delivered is not in the bucket.")
        }
        IntegrityKind::LogFileUnreadable => {
            format!("A log file of {place} cannot be what CloudTrail delivered: it is damaged.")
        }
        IntegrityKind::DigestMissing => {
            format!("A digest of the trail {trail} for {place} is not in the bucket.")
        }
        IntegrityKind::DigestForged => {
            format!("A digest of the trail {trail} for {place} is not what CloudTrail wrote.")
        }
        IntegrityKind::ChainRestarted => {
            format!("The digests of the trail {trail} for {place} stopped and started again.")
        }
        IntegrityKind::DigestsStopped => {
            format!("The trail {trail} writes no digests for {place} any more.")
        }
    };
    format!("{what} {}", period(call))
}

/// The time that is not proven.
fn period(call: AlertCall<'_>) -> String {
    let time = |name| call.parameter(name).and_then(|time| time.parse::<Timestamp>().ok());
    match (time("from"), time("until")) {
        (Some(from), Some(until)) => {
            let [from, until] = [from, until].map(format_column_time);
            format!("What was delivered from {from} to {until} UTC is not proven.")
        }
        _ => String::new(),
    }
}

fn consequence(kind: IntegrityKind) -> &'static str {
    match kind {
        IntegrityKind::LogFileChanged => {
            "Calls may have been taken out of it, or invented. Only someone who can write to the \
             bucket can do that."
        }
        IntegrityKind::LogFileMissing => {
            "The calls in it are gone from the bucket. Findings that were alerted before are in \
             the ledger."
        }
        IntegrityKind::LogFileUnreadable => {
            "What follows the damage was not matched against the rules, or was not written by \
             CloudTrail."
        }
        IntegrityKind::DigestMissing => {
            "Without it, nobody can tell whether log files of its hour were changed or deleted."
        }
        IntegrityKind::DigestForged => {
            "A digest is forged to hide what was done to log files. Only someone who can write to \
             the bucket can do that."
        }
        IntegrityKind::ChainRestarted => {
            "Logging or validation was off, or the trail was replaced: calls of that time may not \
             be recorded."
        }
        IntegrityKind::DigestsStopped => {
            "CloudTrail writes one every hour, even without calls: logging or validation is off, \
             or digests are deleted."
        }
    }
}

fn facts(call: AlertCall<'_>) -> Vec<Item> {
    let text = |name: &str, max| call.parameter(name).map(|value| clean::value(value, max));
    let place = call.finding.origin.place();
    let digest = text("digest", MAX_KEY_CHARS);
    let mut items = Vec::new();
    let mut add = |label: &str, value: Option<String>| {
        items.extend(value.map(|value| Item::new(rank::FACT, mail::row(label, &value))));
    };
    add("Object", Some(clean::value(&place, MAX_KEY_CHARS + 100)));
    add("Reason", text("reason", MAX_REASON_CHARS));
    add("Digest", digest.map(|key| bucket_place(call, &key)));
    add("Trail", text("trailName", 128));
    items
}

fn bucket_place(call: AlertCall<'_>, key: &str) -> String {
    let bucket = clean::value(call.parameter("bucketName").unwrap_or_default(), MAX_NAME_CHARS);
    format!("s3://{bucket}/{key}")
}

fn reference(call: AlertCall<'_>) -> Vec<Item> {
    let id = mail::reference_row("Finding", call.finding.id.as_str());
    let mut items = mail::items(rank::IDENTIFIER, [id]);
    items.extend(identifiers::rule_items(&call.finding.rule));
    items
}
