//! Whether the topic exists, and whether anybody receives its alerts.

use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use trailbell::app::config::AlertsPlace;
use trailbell::aws_error::{AwsError, AwsErrorKind};
use trailbell::sink::{Subscription, SubscriptionState, TopicAttributes};

use super::{Check, Deployment, fixes};

pub(super) async fn check(deployment: &Deployment) -> Vec<Check> {
    let Some(topic) = &deployment.topic else { return vec![no_topic(&deployment.config.alerts)] };
    let arn = topic.arn();
    let attributes = match topic.attributes().await {
        Ok(attributes) => attributes,
        Err(error) => return vec![refused("topic", arn, &error)],
    };
    let mut checks = vec![evaluate_topic(arn, &attributes)];
    match topic.subscriptions().await {
        Ok(subscriptions) => checks.extend(evaluate_subscriptions(arn, &subscriptions)),
        Err(error) => checks.push(refused("subscribers", arn, &error)),
    }
    checks
}

fn no_topic(alerts: &AlertsPlace) -> Check {
    let place = match alerts {
        AlertsPlace::Dir(path) => format!("the folder {}", path.display()),
        _ => "standard output".to_owned(),
    };
    let fix = ShellCommand::new("export TRAILBELL_ALERTS=TOPIC_ARN");
    Check::warn("topic", format!("alerts are written to {place}: nobody is notified"), fix)
}

fn evaluate_topic(arn: &str, attributes: &TopicAttributes) -> Check {
    let mut message = arn.to_owned();
    if let Some(owner) = &attributes.owner {
        message.push_str(&format!(" of account {owner}"));
    }
    if let Some(key) = &attributes.key {
        message.push_str(&format!(", encrypted with {key}"));
    }
    Check::ok("topic", message)
}

fn refused(name: &'static str, arn: &str, error: &AwsError) -> Check {
    let actions =
        ["sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:GetSubscriptionAttributes"];
    let fix = match error.kind {
        AwsErrorKind::NotFound => {
            let topic_name = arn.rsplit(':').next().unwrap_or_default();
            ShellCommand::new("aws sns create-topic")
                .option("--name", topic_name)
                .optional("--region", region(arn))
        }
        AwsErrorKind::Denied => fixes::allow(&actions, arn),
        AwsErrorKind::Credentials => fixes::sign_in(),
        _ => topic_command("aws sns get-topic-attributes", arn),
    };
    Check::fail(name, format!("{arn}: {}", error_chain(error)), fix)
}

fn topic_command(words: &str, arn: &str) -> ShellCommand {
    ShellCommand::new(words).option("--topic-arn", arn).optional("--region", region(arn))
}

fn region(arn: &str) -> Option<&str> {
    arn.split(':').nth(3)
}

/// Whether anybody receives alerts, who does not yet, and who can be unsubscribed by others.
fn evaluate_subscriptions(topic: &str, subscriptions: &[Subscription]) -> Vec<Check> {
    let is_pending = |it: &&Subscription| it.state == SubscriptionState::Pending;
    let (pending, confirmed): (Vec<_>, Vec<_>) = subscriptions.iter().partition(is_pending);
    let mut checks = vec![evaluate_receivers(topic, &confirmed, &pending)];
    if !confirmed.is_empty() {
        checks.extend(pending.iter().map(|subscription| {
            let message = format!("{} is not confirmed, and receives nothing", name(subscription));
            Check::warn("subscribers", message, confirm(topic))
        }));
    }
    checks.extend(confirmed.iter().filter(|it| can_be_ended_by_link(it)).map(|subscription| {
        let message = format!(
            "{} was confirmed by its link: anyone with one of its mails can unsubscribe it. \
             Subscribe it again, and confirm with the token (README: Subscribe)",
            name(subscription)
        );
        Check::warn("subscribers", message, subscribe_again(topic, subscription))
    }));
    checks
}

fn evaluate_receivers(
    topic: &str,
    confirmed: &[&Subscription],
    pending: &[&Subscription],
) -> Check {
    let names = |subscriptions: &[&Subscription]| {
        subscriptions.iter().map(|it| name(it)).collect::<Vec<_>>().join(", ")
    };
    if !confirmed.is_empty() {
        let message = format!("{} confirmed: {}", confirmed.len(), names(confirmed));
        return Check::ok("subscribers", message);
    }
    if !pending.is_empty() {
        let message =
            format!("no subscription is confirmed, so nobody gets alerts: {}", names(pending));
        return Check::fail("subscribers", message, confirm(topic));
    }
    let subscribe = topic_command("aws sns subscribe", topic)
        .words("--protocol=email --notification-endpoint=YOU@EXAMPLE.COM");
    Check::fail("subscribers", "there is no subscription, so nobody gets alerts", subscribe)
}

fn confirm(topic: &str) -> ShellCommand {
    topic_command("aws sns confirm-subscription", topic)
        .words("--token=TOKEN --authenticate-on-unsubscribe=true")
}

/// Subscriptions of queues and functions have no link.
fn can_be_ended_by_link(subscription: &Subscription) -> bool {
    matches!(subscription.protocol.as_str(), "email" | "email-json" | "http" | "https")
        && subscription.state == SubscriptionState::Confirmed { authenticated: Some(false) }
}

fn subscribe_again(topic: &str, subscription: &Subscription) -> ShellCommand {
    let subscribe = topic_command("aws sns subscribe", topic)
        .option("--protocol", &subscription.protocol)
        .option("--notification-endpoint", &subscription.endpoint);
    ShellCommand::new("aws sns unsubscribe")
        .option("--subscription-arn", subscription.arn.as_deref().unwrap_or_default())
        .optional("--region", region(topic))
        .words(&format!("&& {subscribe}"))
}

/// Addresses are the operator's own, and shown: it matters which one is not confirmed. A URL is cut
/// after its host: what follows is often a secret.
fn name(subscription: &Subscription) -> String {
    let Subscription { protocol, endpoint, .. } = subscription;
    match endpoint.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{protocol} {scheme}://{host}/…")
        }
        None => format!("{protocol} {endpoint}"),
    }
}

#[cfg(test)]
mod tests {
    use SubscriptionState::{Confirmed, Pending};

    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:alerts";

    fn checks(subscriptions: &[(&str, &str, SubscriptionState)]) -> String {
        let subscription =
            |(protocol, endpoint, state): &(&str, &str, SubscriptionState)| Subscription {
                protocol: (*protocol).to_owned(),
                endpoint: (*endpoint).to_owned(),
                arn: Some(format!("{TOPIC}:1")),
                state: *state,
            };
        let subscriptions: Vec<Subscription> = subscriptions.iter().map(subscription).collect();
        let checks = evaluate_subscriptions(TOPIC, &subscriptions);
        checks.iter().map(|check| format!("{check}\n")).collect()
    }

    #[test]
    fn subscriptions_that_receive_nothing_or_can_be_ended_by_others_are_reported() {
        let safe = Confirmed { authenticated: Some(true) };
        let by_link = Confirmed { authenticated: Some(false) };
        let none = checks(&[]);
        assert!(none.starts_with("fail  subscribers   there is no subscription"), "{none}");
        let alice = "alice@example.com";
        let pending = checks(&[("email", alice, Pending)]);
        assert!(pending.starts_with("fail  subscribers   no subscription is confirmed"));
        assert!(pending.contains(alice), "{pending}");
        let both = checks(&[("email", alice, safe), ("email", "bob@example.com", Pending)]);
        assert!(both.contains("ok    subscribers   1 confirmed: email alice@example.com\n"));
        assert!(both.contains("warn  subscribers   email bob@example.com is not confirmed"));
        let loose = checks(&[("email", alice, by_link), ("sqs", "arn:aws:sqs:q", by_link)]);
        assert_eq!(loose.matches("warn").count(), 1, "{loose}");
        assert!(loose.contains("&& aws sns subscribe --topic-arn"), "{loose}");
    }

    #[test]
    fn a_url_is_cut_after_its_host() {
        let safe = Confirmed { authenticated: Some(true) };
        let url = "https://user:secret@pager.example.com/hook?key=secret";
        let checks = checks(&[("https", url, safe)]);
        assert!(checks.contains("https https://pager.example.com/…"), "{checks}");
        assert!(!checks.contains("secret"), "{checks}");
    }
}
