//! The data of a report: sections that are computed from findings, and sections that a caller may
//! or may not know.

mod event;
mod group;
mod incident;
mod input;
mod principal;
mod proof;
mod suppression;
mod verdict;

use alert::Accounts;
use jiff::Timestamp;
use serde::Serialize;

pub use event::{Event, EventKind, RuleName};
pub use group::{Group, GroupPower, HeldPolicy, KnownMember};
pub use incident::Incident;
pub use input::{Delivery, Input, LoadedRule, Origin, ReportedFinding, Scope, Unreadable};
pub use principal::PrincipalSummary;
pub use proof::{
    AccountCalendar, HourState, ProofCounts, ProofInput, ProofSummary, Statement, TrailProof,
    VerifiedHours,
};
pub use suppression::{ExceptionInfo, Suppressed};
pub use verdict::{OpenMatter, Verdict};

/// Everything that a report says. Texts are as in the records: not safe to print.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Which findings it is about.
    pub scope: Scope,
    /// The counts of the first sentence.
    pub verdict: Verdict,
    /// What needs an answer, the most severe first.
    pub open: Vec<OpenMatter>,
    /// Incidents, the latest first.
    pub incidents: Vec<Incident>,
    /// The groups that calls were about, by what they can do.
    pub groups: Vec<Group>,
    /// Who made the calls, by the severity of these.
    pub principals: Vec<PrincipalSummary>,
    /// All events, the latest first.
    pub events: Vec<Event>,
    /// Findings that were not alerted, by exception.
    pub suppressed: Vec<Suppressed>,
    /// What is proven about the log files. `None` if nobody checked.
    pub proof: Option<ProofSummary>,
    /// What could not be seen, in words.
    pub not_seen: Vec<String>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// Where it comes from.
    pub origin: Origin,
    /// Names of accounts.
    #[serde(skip)]
    pub accounts: Accounts,
    /// When it was made.
    pub made: Timestamp,
}

impl Report {
    /// The report on what the caller has read.
    pub fn new(input: Input) -> Report {
        let Input { scope, findings, correlations, groups, exceptions, now, .. } = input;
        let mut events = event::merge(&findings);
        let groups = group::follow(&mut events, groups, &scope);
        events.retain(|event| scope.selects(event));
        let mut incidents = incident::collect(&correlations, &events, &scope);
        events.reverse();
        incidents.reverse();
        let scope = scope.with_bounds(&events, now);
        let mut report = Report {
            verdict: Verdict::default(),
            open: verdict::open_matters(&events, &incidents),
            principals: principal::summarise(&events),
            suppressed: suppression::collect(&events, &exceptions),
            proof: input.proof.map(|proof| ProofSummary::new(proof, &scope)),
            scope,
            incidents,
            groups,
            events,
            not_seen: input.not_seen,
            unreadable: input.unreadable,
            origin: input.origin,
            accounts: input.accounts,
            made: now,
        };
        report.verdict = Verdict::new(&report);
        report
    }
}
