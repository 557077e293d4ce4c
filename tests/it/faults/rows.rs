//! The faults, one row each.

use crate::faults::world::Patience;
use support::proxy::{Act, Fault, Request};

/// One fault, and what is expected of it. The log object holds two findings.
pub struct Row {
    pub name: &'static str,
    pub faults: Vec<Fault>,
    /// How many deliveries meet the fault, before it passes.
    pub lasts: usize,
    pub patience: Patience,
    /// Deliveries until one is not to be repeated.
    pub tries: usize,
    /// Alerts of the two findings after the first try.
    pub at_first: usize,
    /// Alerts of the two findings after all tries, one more delivery and the sweeps.
    pub in_all: usize,
}

fn object(request: &Request) -> bool {
    request.method == "GET" && request.path.contains("json.gz")
}

fn publish(request: &Request) -> bool {
    request.method == "POST" && request.text().contains("Action=PublishBatch")
}

/// More than two minimal alerts take.
fn large_publish(request: &Request) -> bool {
    publish(request) && request.body.len() > 20_000
}

fn marker(request: &Request) -> bool {
    request.method == "PUT" && request.path.contains("/open/")
}

fn unmark(request: &Request) -> bool {
    request.method == "DELETE" && request.path.contains("/open/")
}

fn claim(request: &Request) -> bool {
    request.path.contains("/entries/") && request.has("if-none-match")
}

fn complete(request: &Request) -> bool {
    request.path.contains("/entries/") && request.has("if-match")
}

fn entry(request: &Request) -> bool {
    request.method == "GET" && request.path.contains("/entries/")
}

fn index(request: &Request) -> bool {
    request.method == "PUT" && request.path.contains("/by-")
}

fn count(request: &Request) -> bool {
    request.method == "GET" && request.path.contains("by-window")
}

fn ledger_write(request: &Request) -> bool {
    request.method == "PUT" && !object(request)
}

fn everything(_: &Request) -> bool {
    true
}

/// A fault that the first try gets over.
fn got_over(name: &'static str, fault: Fault) -> Row {
    let faults = vec![fault];
    Row { name, faults, lasts: 1, patience: Patience::Long, tries: 1, at_first: 2, in_all: 2 }
}

/// A fault with which the first try alerts nobody, so that it is repeated.
fn repeated(name: &'static str, fault: Fault) -> Row {
    Row { tries: 2, at_first: 0, ..got_over(name, fault) }
}

/// A fault with which the first try alerts nobody, and is not repeated.
fn left_to_the_sweep(name: &'static str, fault: Fault) -> Row {
    Row { at_first: 0, ..got_over(name, fault) }
}

fn impatient(row: Row) -> Row {
    Row { patience: Patience::Short, ..row }
}

pub fn rows() -> Vec<Row> {
    [objects(), topic(), claims(), ends()].into_iter().flatten().collect()
}

fn objects() -> Vec<Row> {
    vec![
        got_over("S3 answers 500 once", Fault::once(object, Act::Refuse(500, "InternalError"))),
        repeated(
            "S3 answers 503 to every try",
            Fault::always(object, Act::Refuse(503, "SlowDown")),
        ),
        got_over("S3 resets the connection once", Fault::once(object, Act::Reset)),
        repeated("S3 resets every connection", Fault::always(object, Act::Reset)),
        repeated("reset in the middle of the object", Fault::once(object, Act::ResetBody)),
        repeated("the object ends before its length", Fault::once(object, Act::EndBody)),
        impatient(repeated("the object stalls half-way", Fault::once(object, Act::StallBody))),
        impatient(repeated("the object dribbles", Fault::once(object, Act::DribbleBody))),
        impatient(repeated("S3 never answers", Fault::always(object, Act::Silence))),
        repeated(
            "403 AccessDenied, of S3 or of the KMS key",
            Fault::always(object, Act::Refuse(403, "AccessDenied")),
        ),
        repeated(
            "KMS key disabled",
            Fault::always(object, Act::Refuse(400, "KMS.DisabledException")),
        ),
        left_to_the_sweep(
            "404, and the object is there later",
            Fault::once(object, Act::Refuse(404, "NoSuchKey")),
        ),
        repeated("404 NoSuchBucket", Fault::once(object, Act::Refuse(404, "NoSuchBucket"))),
        repeated("everything answers 503", Fault::always(everything, Act::Refuse(503, "SlowDown"))),
    ]
}

fn topic() -> Vec<Row> {
    vec![
        got_over("SNS throttles once", Fault::once(publish, Act::Refuse(400, "Throttling"))),
        repeated("SNS throttles every try", Fault::always(publish, Act::Refuse(400, "Throttling"))),
        got_over("SNS answers 500 once", Fault::once(publish, Act::Refuse(500, "InternalError"))),
        repeated(
            "SNS answers 500 to every try",
            Fault::always(publish, Act::Refuse(500, "InternalError")),
        ),
        repeated("SNS resets every connection", Fault::always(publish, Act::Reset)),
        impatient(repeated("SNS never answers", Fault::always(publish, Act::Silence))),
        repeated(
            "the topic's KMS key is denied",
            Fault::always(publish, Act::Refuse(400, "KMSAccessDenied")),
        ),
        repeated(
            "the role may not publish",
            Fault::always(publish, Act::Refuse(403, "AuthorizationError")),
        ),
        got_over(
            "a 200 in which one alert of two failed",
            Fault::once(publish, Act::FailSecondEntry),
        ),
        Row {
            at_first: 1,
            ..repeated(
                "a 200 in which one was refused",
                Fault::once(publish, Act::RefuseSecondEntry),
            )
        },
        Row {
            lasts: 9,
            tries: 5,
            ..repeated(
                "message too large, at every try",
                Fault::always(large_publish, Act::Refuse(400, "InvalidParameter")),
            )
        },
        // What the client sends again SNS takes for new: nobody can know that it was sent already.
        Row {
            at_first: 4,
            in_all: 4,
            ..got_over(
                "SNS takes two alerts, the answer is lost",
                Fault::once(publish, Act::LoseAnswer),
            )
        },
    ]
}

fn claims() -> Vec<Row> {
    vec![
        repeated(
            "ledger: 403 to every write",
            Fault::always(ledger_write, Act::Refuse(403, "AccessDenied")),
        ),
        repeated(
            "ledger: open marker answered 503",
            Fault::always(marker, Act::Refuse(503, "SlowDown")),
        ),
        got_over("ledger: open marker's answer lost", Fault::once(marker, Act::LoseAnswer)),
        got_over(
            "ledger: claim answered 409",
            Fault::once(claim, Act::Refuse(409, "ConditionalRequestConflict")),
        ),
        got_over(
            "ledger: claim answered 412, nothing there",
            Fault::once(claim, Act::Refuse(412, "PreconditionFailed")),
        ),
        got_over(
            "ledger: claim answered 500 once",
            Fault::once(claim, Act::Refuse(500, "InternalError")),
        ),
        repeated(
            "ledger: claim answered 503 always",
            Fault::always(claim, Act::Refuse(503, "SlowDown")),
        ),
        got_over("ledger: claim written, answer lost", Fault::once(claim, Act::LoseAnswer)),
        got_over("ledger: both claims written, no answer", Fault::always(claim, Act::LoseAnswer)),
        impatient(got_over(
            "ledger: claim written, answer never comes",
            Fault::once(claim, Act::WithholdAnswer),
        )),
        got_over(
            "ledger: indexes answered 503 always",
            Fault::always(index, Act::Refuse(503, "SlowDown")),
        ),
        got_over(
            "ledger: cannot be listed",
            Fault::always(count, Act::Refuse(500, "InternalError")),
        ),
    ]
}

fn ends() -> Vec<Row> {
    let told_twice = |name, fault| Row { in_all: 4, ..got_over(name, fault) };
    vec![
        got_over(
            "ledger: completion answered 409",
            Fault::once(complete, Act::Refuse(409, "ConditionalRequestConflict")),
        ),
        got_over(
            "ledger: completion answered 412",
            Fault::once(complete, Act::Refuse(412, "PreconditionFailed")),
        ),
        got_over(
            "ledger: completion answered 500 once",
            Fault::once(complete, Act::Refuse(500, "InternalError")),
        ),
        got_over("ledger: completion written, answer lost", Fault::once(complete, Act::LoseAnswer)),
        got_over(
            "ledger: both completions written, no answer",
            Fault::always(complete, Act::LoseAnswer),
        ),
        impatient(got_over(
            "ledger: completion written, answer never comes",
            Fault::once(complete, Act::WithholdAnswer),
        )),
        // Alerted, and nothing can be written of it: as if the worker had died there.
        told_twice(
            "ledger: completion answered 503 always",
            Fault::always(complete, Act::Refuse(503, "SlowDown")),
        ),
        got_over(
            "ledger: open marker cannot be deleted",
            Fault::always(unmark, Act::Refuse(503, "SlowDown")),
        ),
        Row {
            faults: vec![
                Fault::always(publish, Act::Refuse(500, "InternalError")),
                Fault::always(complete, Act::Refuse(503, "SlowDown")),
            ],
            ..repeated(
                "SNS answers 500, and the claims cannot be given back",
                Fault::always(publish, Act::Reset),
            )
        },
        Row {
            faults: vec![
                Fault::always(claim, Act::LoseAnswer),
                Fault::once(entry, Act::Refuse(503, "SlowDown")),
            ],
            ..got_over(
                "ledger: claim's answer lost, and the first look at it",
                Fault::once(claim, Act::LoseAnswer),
            )
        },
    ]
}
