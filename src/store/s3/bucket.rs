//! A bucket itself: its region, and its notification configuration, which S3 reads and writes only
//! as a whole and without a condition. Only the command line uses this.
//!
//! Source:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html>

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, BuildError};
use aws_sdk_s3::operation::get_bucket_notification_configuration as get_configuration;
use aws_sdk_s3::types::{
    Event, EventBridgeConfiguration, FilterRule, FilterRuleName, LambdaFunctionConfiguration,
    NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter,
    TopicConfiguration,
};

use super::{LIST, S3Store, unmodelled};
use crate::aws_error::{AwsError, AwsErrorKind};
use crate::store::{Filter, Notifications, Route, Target};

const READ: &str = "s3:GetBucketNotification";

const WRITE: &str = "s3:PutBucketNotification";

impl S3Store {
    /// Returns the region of a bucket that can be listed from here, if S3 names it. With an `owner`
    /// (an account id), fails if the bucket is another account's.
    pub async fn bucket_region(
        &self,
        bucket: &str,
        owner: Option<&str>,
    ) -> Result<Option<String>, AwsError> {
        let owner = owner.map(str::to_owned);
        let head = self.client.head_bucket().bucket(bucket).set_expected_bucket_owner(owner);
        match head.send().await.map_err(|error| self.error(error, LIST)) {
            Ok(head) => Ok(head.bucket_region().map(str::to_owned)),
            // The answer to HEAD has no body that could name what is missing.
            Err(error) if error.kind == AwsErrorKind::NotFound => {
                Err(AwsError::new(AwsErrorKind::NoSuchBucket, "no such bucket"))
            }
            Err(error) => Err(error),
        }
    }

    /// Reads a bucket's notification configuration. With an `owner` (an account id), fails if the
    /// bucket is another account's.
    pub async fn notifications(
        &self,
        bucket: &str,
        owner: Option<&str>,
    ) -> Result<Notifications, AwsError> {
        let answer = AnswerBody::default();
        let owner = owner.map(str::to_owned);
        let get = self.client.get_bucket_notification_configuration().bucket(bucket);
        let get = get.set_expected_bucket_owner(owner).customize().interceptor(answer.clone());
        let got = get.send().await.map_err(|error| self.error(error, READ))?;
        let mut notifications = read_configuration(&got);
        // The client drops what its model lacks, and a write would then delete it.
        let unmodelled = unmodelled::elements(&answer.text()).map_err(unreadable)?;
        notifications.unknown.extend(unmodelled);
        Ok(notifications)
    }

    /// Replaces a bucket's notification configuration.
    pub async fn put_notifications(
        &self,
        bucket: &str,
        owner: Option<&str>,
        wanted: &Notifications,
    ) -> Result<(), AwsError> {
        let wanted = configuration(wanted).map_err(|error| unreadable(error.to_string()))?;
        let put = self.client.put_bucket_notification_configuration().bucket(bucket);
        let put = put.set_expected_bucket_owner(owner.map(str::to_owned));
        let put = put.notification_configuration(wanted).send().await;
        put.map(|_| ()).map_err(|error| self.error(error, WRITE))
    }
}

fn unreadable(why: String) -> AwsError {
    let message = format!("the notification configuration cannot be understood: {why}");
    AwsError::new(AwsErrorKind::Other, message)
}

fn read_configuration(
    got: &get_configuration::GetBucketNotificationConfigurationOutput,
) -> Notifications {
    let eventbridge = got.event_bridge_configuration().is_some();
    let mut notifications = Notifications { eventbridge, ..Notifications::default() };
    for queue in got.queue_configurations() {
        let target = Target::Queue(queue.queue_arn().to_owned());
        notifications.add(queue.id(), target, queue.events(), queue.filter());
    }
    for topic in got.topic_configurations() {
        let target = Target::Topic(topic.topic_arn().to_owned());
        notifications.add(topic.id(), target, topic.events(), topic.filter());
    }
    for function in got.lambda_function_configurations() {
        let target = Target::Function(function.lambda_function_arn().to_owned());
        notifications.add(function.id(), target, function.events(), function.filter());
    }
    notifications
}

impl Notifications {
    fn add(
        &mut self,
        id: Option<&str>,
        target: Target,
        events: &[Event],
        filter: Option<&NotificationConfigurationFilter>,
    ) {
        let rules = filter.and_then(|filter| filter.key()).map(S3KeyFilter::filter_rules);
        let filter = self.read_filter(rules.unwrap_or_default());
        let events = events.iter().map(|event| event.as_str().to_owned()).collect();
        self.routes.insert(Route { id: id.map(str::to_owned), target, events, filter });
    }

    fn read_filter(&mut self, rules: &[FilterRule]) -> Filter {
        let mut filter = Filter::default();
        for rule in rules {
            let name = rule.name().map(FilterRuleName::as_str).unwrap_or_default();
            let value = rule.value().filter(|value| !value.is_empty()).map(str::to_owned);
            // S3 answers `Prefix` as often as `prefix`.
            match name.to_ascii_lowercase().as_str() {
                "prefix" => filter.prefix = value,
                "suffix" => filter.suffix = value,
                _ => self.unknown.push(format!("FilterRule/Name {name:?}")),
            }
        }
        filter
    }
}

fn configuration(wanted: &Notifications) -> Result<NotificationConfiguration, BuildError> {
    let mut configuration = NotificationConfiguration::builder();
    for Route { id, target, events, filter } in &wanted.routes {
        let id = id.clone();
        let events = Some(events.iter().map(|event| Event::from(event.as_str())).collect());
        let filter = key_filter(filter);
        configuration = match target {
            Target::Queue(arn) => {
                let queue = QueueConfiguration::builder().set_id(id).queue_arn(arn);
                let queue = queue.set_events(events).set_filter(filter).build()?;
                configuration.queue_configurations(queue)
            }
            Target::Topic(arn) => {
                let topic = TopicConfiguration::builder().set_id(id).topic_arn(arn);
                let topic = topic.set_events(events).set_filter(filter).build()?;
                configuration.topic_configurations(topic)
            }
            Target::Function(arn) => {
                let function =
                    LambdaFunctionConfiguration::builder().set_id(id).lambda_function_arn(arn);
                let function = function.set_events(events).set_filter(filter).build()?;
                configuration.lambda_function_configurations(function)
            }
        };
    }
    let eventbridge = wanted.eventbridge.then(|| EventBridgeConfiguration::builder().build());
    Ok(configuration.set_event_bridge_configuration(eventbridge).build())
}

fn key_filter(filter: &Filter) -> Option<NotificationConfigurationFilter> {
    let rule = |name: FilterRuleName, value: &Option<String>| {
        value.as_ref().map(|value| FilterRule::builder().name(name).value(value).build())
    };
    let prefix = rule(FilterRuleName::Prefix, &filter.prefix);
    let suffix = rule(FilterRuleName::Suffix, &filter.suffix);
    let rules: Vec<FilterRule> = prefix.into_iter().chain(suffix).collect();
    if rules.is_empty() {
        return None;
    }
    let key = S3KeyFilter::builder().set_filter_rules(Some(rules)).build();
    Some(NotificationConfigurationFilter::builder().key(key).build())
}

/// Keeps the body of an answer: the client's output has only what its model has.
#[derive(Debug, Clone, Default)]
struct AnswerBody {
    // A std mutex: nothing awaits under it.
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl AnswerBody {
    fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Intercept for AnswerBody {
    fn name(&self) -> &'static str {
        "AnswerBody"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default().to_vec();
        *self.bytes.lock().unwrap_or_else(PoisonError::into_inner) = body;
        Ok(())
    }
}
