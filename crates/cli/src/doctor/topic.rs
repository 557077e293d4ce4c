//! Whether the topic is there, and whether anybody hears it.

use detect::text::error::error_chain;
use detect::text::shell::ShellCommand;
use trailbell::app::config::AlertsPlace;
use trailbell::aws_error::{AwsError, AwsErrorKind};
use trailbell::sink::{SnsTopic, Subscription, SubscriptionState, TopicAttributes};

use super::{Check, Deployment, bucket};

pub(super) async fn examine(deployment: &Deployment) -> Vec<Check> {
    let Some(topic) = &deployment.topic else { return vec![no_topic(&deployment.config.alerts)] };
    let attributes = match topic.attributes().await {
        Ok(attributes) => attributes,
        Err(refusal) => {
            return vec![refused("topic", topic.arn(), &refusal)];
        }
    };
    let mut checks = vec![there(topic, &attributes)];
    match topic.subscriptions().await {
        Ok(subscriptions) => checks.extend(judge(topic.arn(), &subscriptions)),
        Err(refusal) => {
            checks.push(refused("subscribers", topic.arn(), &refusal));
        }
    }
    checks
}

fn no_topic(alerts: &AlertsPlace) -> Check {
    let place = match alerts {
        AlertsPlace::Dir(path) => format!("the folder {}", path.display()),
        _ => "standard output".to_owned(),
    };
    let cure = ShellCommand::new("export TRAILBELL_ALERTS=TOPIC_ARN");
    Check::warn("topic", format!("alerts go to {place}: nobody is called"), cure)
}

fn there(topic: &SnsTopic, attributes: &TopicAttributes) -> Check {
    let key = attributes.key.as_ref().map(|key| format!(", encrypted with {key}"));
    let owner = attributes.owner.as_ref().map(|owner| format!(" of account {owner}"));
    Check::ok(
        "topic",
        format!("{}{}{}", topic.arn(), owner.unwrap_or_default(), key.unwrap_or_default()),
    )
}

fn refused(what: &'static str, arn: &str, refusal: &AwsError) -> Check {
    let told = format!("{arn}: {}", error_chain(refusal));
    let actions =
        ["sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:GetSubscriptionAttributes"];
    let cure = match refusal.kind {
        AwsErrorKind::NotFound => create(arn),
        AwsErrorKind::Denied => bucket::allow(&actions, arn),
        AwsErrorKind::Credentials => ShellCommand::new("aws sso login"),
        _ => of_topic("aws sns get-topic-attributes", arn),
    };
    Check::fail(what, told, cure)
}

fn create(arn: &str) -> ShellCommand {
    let name = arn.rsplit(':').next().unwrap_or_default();
    ShellCommand::new("aws sns create-topic")
        .option("--name", name)
        .optional("--region", region(arn))
}

fn of_topic(words: &str, arn: &str) -> ShellCommand {
    ShellCommand::new(words).option("--topic-arn", arn).optional("--region", region(arn))
}

fn region(arn: &str) -> Option<&str> {
    arn.split(':').nth(3)
}

/// Whether anybody hears the topic, who does not yet, and who can be unsubscribed by others.
fn judge(topic: &str, subscriptions: &[Subscription]) -> Vec<Check> {
    let is_pending = |one: &&Subscription| one.state == SubscriptionState::Pending;
    let (pending, confirmed): (Vec<_>, Vec<_>) = subscriptions.iter().partition(is_pending);
    let mut checks = vec![heard(topic, &confirmed, &pending)];
    if !confirmed.is_empty() {
        checks.extend(pending.iter().map(|one| {
            let told = format!("{} has not confirmed: it is told nothing", shown(one));
            Check::warn("subscribers", told, confirm(topic))
        }));
    }
    checks.extend(confirmed.iter().filter(|one| can_be_ended(one)).map(|one| {
        let told = format!(
            "{} was confirmed by its link: whoever has one of its mails can end it. Subscribe it anew, and confirm with \
             the token (README: Subscribe)",
            shown(one)
        );
        Check::warn("subscribers", told, anew(topic, one))
    }));
    checks
}

fn heard(topic: &str, confirmed: &[&Subscription], pending: &[&Subscription]) -> Check {
    let all =
        |some: &[&Subscription]| some.iter().map(|one| shown(one)).collect::<Vec<_>>().join(", ");
    match (confirmed, pending) {
        ([], []) => {
            let subscribe = of_topic("aws sns subscribe", topic);
            let cure = subscribe.words("--protocol=email --notification-endpoint=YOU@EXAMPLE.COM");
            Check::fail("subscribers", "nobody is subscribed: alerts go nowhere", cure)
        }
        ([], pending) => {
            let told = format!("nobody has confirmed, so alerts go nowhere: {}", all(pending));
            Check::fail("subscribers", told, confirm(topic))
        }
        (confirmed, _) => {
            Check::ok("subscribers", format!("{} told: {}", confirmed.len(), all(confirmed)))
        }
    }
}

fn confirm(topic: &str) -> ShellCommand {
    of_topic("aws sns confirm-subscription", topic)
        .words("--token=TOKEN --authenticate-on-unsubscribe=true")
}

/// Subscriptions of queues and functions are not ended by a link.
fn can_be_ended(one: &Subscription) -> bool {
    let by_link = matches!(one.protocol.as_str(), "email" | "email-json" | "http" | "https");
    by_link && one.state == SubscriptionState::Confirmed { authenticated: Some(false) }
}

fn anew(topic: &str, one: &Subscription) -> ShellCommand {
    let end = ShellCommand::new("aws sns unsubscribe")
        .option("--subscription-arn", one.arn.as_deref().unwrap_or_default());
    let end = end.optional("--region", region(topic));
    let again = of_topic("aws sns subscribe", topic).option("--protocol", &one.protocol);
    end.words(&format!("&& {}", again.option("--notification-endpoint", &one.endpoint)))
}

/// Addresses are the operator's own, and shown: which one has not confirmed is what she must know.
/// A URL is cut behind its host: what follows is often a secret.
fn shown(one: &Subscription) -> String {
    let endpoint = match one.endpoint.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            format!("{scheme}://{}/…", host.rsplit('@').next().unwrap_or_default())
        }
        None => one.endpoint.clone(),
    };
    format!("{} {endpoint}", one.protocol)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-west-1:111122223333:alerts";

    fn told(all: &[(&str, &str, SubscriptionState)]) -> String {
        let subscription =
            |(protocol, endpoint, state): &(&str, &str, SubscriptionState)| Subscription {
                protocol: (*protocol).to_owned(),
                endpoint: (*endpoint).to_owned(),
                arn: Some(format!("{TOPIC}:1")),
                state: *state,
            };
        let subscriptions: Vec<Subscription> = all.iter().map(subscription).collect();
        judge(TOPIC, &subscriptions).iter().map(|check| format!("{check}\n")).collect()
    }

    #[test]
    fn who_is_told_and_who_is_not() {
        use SubscriptionState::{Confirmed, Pending};
        let (held, loose) =
            (Confirmed { authenticated: Some(true) }, Confirmed { authenticated: Some(false) });
        assert!(told(&[]).starts_with("fail  subscribers   nobody is subscribed"), "{}", told(&[]));
        let pending = told(&[("email", "alice@example.com", Pending)]);
        assert!(
            pending.starts_with("fail  subscribers   nobody has confirmed")
                && pending.contains("alice@example.com")
        );
        let both =
            told(&[("email", "alice@example.com", held), ("email", "bob@example.com", Pending)]);
        assert!(both.contains("ok    subscribers   1 told: email alice@example.com\n"), "{both}");
        assert!(
            both.contains("warn  subscribers   email bob@example.com has not confirmed"),
            "{both}"
        );
        let ended = told(&[("email", "alice@example.com", loose), ("sqs", "arn:aws:sqs:q", loose)]);
        assert_eq!(ended.matches("warn").count(), 1, "{ended}");
        assert!(ended.contains("&& aws sns subscribe --topic-arn"), "{ended}");
    }

    #[test]
    fn a_url_is_cut_behind_its_host() {
        let held = SubscriptionState::Confirmed { authenticated: Some(true) };
        let told =
            told(&[("https", "https://user:secret@pager.example.com/hook?key=secret", held)]);
        assert!(
            told.contains("https https://pager.example.com/…") && !told.contains("secret"),
            "{told}"
        );
    }
}
