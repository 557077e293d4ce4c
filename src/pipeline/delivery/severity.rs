//! How severe an alert is, once it is known what is around it.

use std::sync::Arc;

use detect::correlation::{CorrelationAlertData, MemberFindings};
use detect::finding::{Context, Facts, Finding, Summary, canary};
use detect::rule::{Rating, Rule, SeverityRules};

use super::Delivery;
use super::context::{AlertContext, Samples, sample_context};
use super::facts::{self, KnownFacts};
use crate::ledger::Content;
use crate::pipeline::invocation::Invocation;
use crate::pipeline::problem::Problem;

/// A claimed finding with its severity, and the facts that it follows from.
pub(crate) struct RatedFinding {
    pub(crate) delivery: Delivery,
    pub(crate) facts: Facts,
}

/// Rates claimed findings by what the ledger knows of their groups and principals. Limits count
/// them at this severity, and it is recorded with them.
pub(crate) async fn rate_all(
    invocation: &Invocation,
    deliveries: Vec<Delivery>,
) -> (Vec<RatedFinding>, Option<Problem>) {
    let (known, problem) = facts::read_all(invocation, &deliveries).await;
    let rate = |(delivery, KnownFacts { facts, is_whole }): (Delivery, KnownFacts)| {
        let rated = match delivery.content() {
            Content::Finding(finding) => rate_finding(invocation, finding, &facts, is_whole),
            Content::Summary(_) | Content::Correlation(_) => None,
        };
        let delivery = match rated {
            Some(rated) => delivery.with(Content::Finding(Arc::new(rated))),
            None => delivery,
        };
        let delivery = decide_alert(invocation, delivery, &facts, is_whole);
        RatedFinding { delivery, facts }
    };
    (deliveries.into_iter().zip(known).map(rate).collect(), problem)
}

/// Whether the finding is alerted can depend on what the ledger knows. If that could not be read,
/// it is: nobody could tell later what was missed.
fn decide_alert(
    invocation: &Invocation,
    delivery: Delivery,
    facts: &Facts,
    is_whole: bool,
) -> Delivery {
    let Content::Finding(finding) = delivery.content() else { return delivery };
    let rule = invocation.pipeline.rule(&finding.rule.id);
    let rule = rule.filter(|_| !canary::is_canary(finding));
    let is_alerted = |rule: &Rule| !is_whole || rule.is_alerted(finding, facts, invocation.now());
    let unmet = rule.map_or(finding.unmet, |rule| !is_alerted(rule));
    match unmet == finding.unmet {
        true => delivery,
        false => {
            let finding = Finding { unmet, ..Finding::clone(finding) };
            delivery.with(Content::Finding(Arc::new(finding)))
        }
    }
}

/// The delivery with a higher severity, if what is around it shows one by now: a group can become
/// powerful after its members were found. What is recorded of it later has that severity too.
pub(crate) fn raise(
    invocation: &Invocation,
    delivery: &Delivery,
    context: &AlertContext,
) -> Delivery {
    match (delivery.content(), context) {
        (Content::Finding(finding), AlertContext::Finding(context)) => {
            let facts = Facts::new(finding, Some(context));
            let rated = rate_finding(invocation, finding, &facts, false);
            rated.map_or(delivery.clone(), |it| delivery.with(Content::Finding(Arc::new(it))))
        }
        (Content::Summary(summary), AlertContext::Summary(samples)) => {
            let raised = raise_summary(invocation, summary, samples);
            raised.map_or(delivery.clone(), |it| delivery.with(Content::Summary(Arc::new(it))))
        }
        (Content::Correlation(data), AlertContext::Members(members, samples)) => {
            let raised = raise_incident(invocation, data, members, samples);
            raised.map_or(delivery.clone(), |it| delivery.with(Content::Correlation(Arc::new(it))))
        }
        _ => delivery.clone(),
    }
}

/// Returns `None` if the severity stays, or the rule does not exist any more. Facts that are not
/// whole only raise it.
fn rate_finding(
    invocation: &Invocation,
    finding: &Finding,
    facts: &Facts,
    is_whole: bool,
) -> Option<Finding> {
    let rules = severity_rules(invocation, &finding.rule.id)?;
    let rating = finding.rate_by(rules, facts, invocation.now());
    let severity = rating.as_ref().map_or(finding.rule.severity, |rating| rating.severity);
    let is_new = severity > finding.severity() || (is_whole && rating != finding.rating);
    is_new.then(|| Finding { rating, ..finding.clone() })
}

/// The summary with the severity of its most severe sample. Returns `None` if it does not change.
fn raise_summary(invocation: &Invocation, summary: &Summary, samples: &Samples) -> Option<Summary> {
    let findings = samples.iter().map(|(finding, context)| (finding, Some(context)));
    let highest = highest_rating(invocation, findings)?;
    let is_higher = highest.severity > summary.rating().severity;
    is_higher.then(|| Summary { rating: Some(highest), ..summary.clone() })
}

/// An incident is as severe as the most severe of its findings: it takes the place of their own
/// alerts. Returns `None` if that does not change it.
fn raise_incident(
    invocation: &Invocation,
    data: &CorrelationAlertData,
    members: &MemberFindings,
    samples: &Samples,
) -> Option<CorrelationAlertData> {
    let ratings = members.members.iter().map(|finding| {
        let facts = Facts::new(finding, sample_context(samples, finding));
        let rated = rate_finding(invocation, finding, &facts, false);
        rated.map_or_else(|| finding.rating(), |rated| rated.rating())
    });
    let highest = ratings.max_by_key(|rating| (rating.severity, rating.risk_score))?;
    (highest.severity > data.rule.severity).then(|| data.clone().raised(highest))
}

/// The highest rating that is not the rule's own.
fn highest_rating<'f>(
    invocation: &Invocation,
    findings: impl Iterator<Item = (&'f Finding, Option<&'f Context>)>,
) -> Option<Rating> {
    let rated = findings.filter_map(|(finding, context)| {
        let facts = Facts::new(finding, context);
        let rated = rate_finding(invocation, finding, &facts, false);
        rated.map_or(finding.rating.clone(), |rated| rated.rating)
    });
    rated.max_by_key(|rating| (rating.severity, rating.risk_score))
}

fn severity_rules<'i>(invocation: &'i Invocation, rule_id: &str) -> Option<&'i SeverityRules> {
    let rule = invocation.pipeline.rule(rule_id)?;
    Some(&rule.severity_rules).filter(|rules| !rules.is_empty())
}
