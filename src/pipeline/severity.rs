//! How severe an alert is, once its context is known.

use std::sync::Arc;

use detect::correlation::CorrelationAlertData;
use detect::finding::{Context, Finding, Summary};
use detect::rule::{Rating, SeverityRules};

use super::context::{AlertContext, sample_context};
use super::delivery::Delivery;
use super::invocation::Invocation;
use crate::ledger::Content;

/// The delivery with the severity that its rule gives it in this context. What is recorded of it
/// later has that severity too.
pub(crate) fn rate(
    invocation: &Invocation,
    delivery: &Delivery,
    context: &AlertContext,
) -> Delivery {
    match (delivery.content(), context) {
        (Content::Finding(finding), AlertContext::Finding(context)) => {
            let rated = rate_finding(invocation, finding, context);
            rated.map_or(delivery.clone(), |it| delivery.with(Content::Finding(Arc::new(it))))
        }
        (Content::Summary(summary), AlertContext::Summary(samples)) => {
            let rated = rate_summary(invocation, summary, samples);
            rated.map_or(delivery.clone(), |it| delivery.with(Content::Summary(Arc::new(it))))
        }
        (Content::Correlation(data), AlertContext::Members(members, samples)) => {
            let rated = rate_incident(invocation, data, &members.members, samples);
            rated.map_or(delivery.clone(), |it| delivery.with(Content::Correlation(Arc::new(it))))
        }
        _ => delivery.clone(),
    }
}

/// Returns `None` if the severity does not change, or the rule does not exist any more.
fn rate_finding(invocation: &Invocation, finding: &Finding, context: &Context) -> Option<Finding> {
    let rules = severity_rules(invocation, &finding.rule.id)?;
    let mut rated = finding.clone();
    rated.rate(rules, Some(context), invocation.now());
    (rated.rating != finding.rating).then_some(rated)
}

/// The summary with the severity of its most severe sample. Returns `None` if it does not change.
fn rate_summary(
    invocation: &Invocation,
    summary: &Summary,
    samples: &[(Finding, Context)],
) -> Option<Summary> {
    let highest = highest_rating(invocation, samples)?;
    let is_higher = highest.severity > summary.rating().severity;
    is_higher.then(|| Summary { rating: Some(highest), ..summary.clone() })
}

/// An incident is as severe as the most severe of its findings: it takes the place of their own
/// alerts. Returns `None` if that does not change it.
fn rate_incident(
    invocation: &Invocation,
    data: &CorrelationAlertData,
    members: &[Finding],
    samples: &[(Finding, Context)],
) -> Option<CorrelationAlertData> {
    let ratings = members.iter().filter_map(|finding| {
        let rated = rate_finding(invocation, finding, sample_context(samples, finding)?);
        Some(rated.map_or_else(|| finding.rating(), |rated| rated.rating()))
    });
    let highest = ratings.max_by_key(|rating| (rating.severity, rating.risk_score))?;
    (highest.severity > data.rule.severity).then(|| data.clone().raised(highest))
}

/// The highest rating that is not the rule's own.
fn highest_rating(invocation: &Invocation, samples: &[(Finding, Context)]) -> Option<Rating> {
    let rated = samples.iter().filter_map(|(finding, context)| {
        let rated = rate_finding(invocation, finding, context);
        rated.map_or(finding.rating.clone(), |rated| rated.rating)
    });
    rated.max_by_key(|rating| (rating.severity, rating.risk_score))
}

fn severity_rules<'i>(invocation: &'i Invocation, rule_id: &str) -> Option<&'i SeverityRules> {
    let rule = invocation.pipeline.rule(rule_id)?;
    Some(&rule.severity_rules).filter(|rules| !rules.is_empty())
}
