//! A bucket's notification configuration, read and written as a whole: that is all S3 offers, and a
//! write has no condition.
//!
//! Source:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html>

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, BuildError};
use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput;
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
        match head.send().await {
            Ok(head) => Ok(head.bucket_region().map(str::to_owned)),
            Err(error) => {
                let error = self.error(error, LIST);
                // The answer to HEAD has no body that could name what is missing.
                Err(match error.kind {
                    AwsErrorKind::NotFound => {
                        AwsError::new(AwsErrorKind::NoSuchBucket, "no such bucket")
                    }
                    _ => error,
                })
            }
        }
    }

    /// A bucket's notification configuration. With an `owner` (an account id), only where the
    /// bucket is that account's.
    pub async fn notifications(
        &self,
        bucket: &str,
        owner: Option<&str>,
    ) -> Result<Notifications, AwsError> {
        let listener = BodyListener::default();
        let get = self.client.get_bucket_notification_configuration().bucket(bucket);
        let get = get
            .set_expected_bucket_owner(owner.map(str::to_owned))
            .customize()
            .interceptor(listener.clone());
        let got = get.send().await.map_err(|error| self.error(error, READ))?;
        let mut read = notifications(&got);
        // What the client's model does not know it drops, and would then be written away.
        read.unknown.extend(unmodelled::elements(&listener.body()).map_err(unreadable)?);
        Ok(read)
    }

    /// Replaces a bucket's notification configuration, all of it.
    pub async fn put_notifications(
        &self,
        bucket: &str,
        owner: Option<&str>,
        wanted: &Notifications,
    ) -> Result<(), AwsError> {
        let wanted = configuration(wanted).map_err(|error| unreadable(error.to_string()))?;
        let put = self.client.put_bucket_notification_configuration().bucket(bucket);
        let put = put
            .set_expected_bucket_owner(owner.map(str::to_owned))
            .notification_configuration(wanted);
        put.send().await.map(|_| ()).map_err(|error| self.error(error, WRITE))
    }
}

fn unreadable(why: String) -> AwsError {
    let message = format!("the notification configuration cannot be understood: {why}");
    AwsError::new(AwsErrorKind::Other, message)
}

fn notifications(got: &GetBucketNotificationConfigurationOutput) -> Notifications {
    let mut read = Notifications {
        eventbridge: got.event_bridge_configuration().is_some(),
        ..Default::default()
    };
    for queue in got.queue_configurations() {
        read.take(
            queue.id(),
            Target::Queue(queue.queue_arn().to_owned()),
            queue.events(),
            queue.filter(),
        );
    }
    for topic in got.topic_configurations() {
        read.take(
            topic.id(),
            Target::Topic(topic.topic_arn().to_owned()),
            topic.events(),
            topic.filter(),
        );
    }
    for function in got.lambda_function_configurations() {
        let target = Target::Function(function.lambda_function_arn().to_owned());
        read.take(function.id(), target, function.events(), function.filter());
    }
    read
}

impl Notifications {
    fn take(
        &mut self,
        id: Option<&str>,
        target: Target,
        events: &[Event],
        filter: Option<&NotificationConfigurationFilter>,
    ) {
        let events: BTreeSet<String> =
            events.iter().map(|event| event.as_str().to_owned()).collect();
        let rules = filter
            .and_then(|filter| filter.key())
            .map(S3KeyFilter::filter_rules)
            .unwrap_or_default();
        let filter = self.filter(rules);
        self.routes.insert(Route { id: id.map(str::to_owned), target, events, filter });
    }

    fn filter(&mut self, rules: &[FilterRule]) -> Filter {
        let mut filter = Filter::default();
        for rule in rules {
            let (name, value) =
                (rule.name().map(FilterRuleName::as_str).unwrap_or_default(), rule.value());
            // S3 answers `Prefix` as often as `prefix`.
            let place = match name.to_ascii_lowercase().as_str() {
                "prefix" => &mut filter.prefix,
                "suffix" => &mut filter.suffix,
                _ => {
                    self.unknown.push(format!("FilterRule/Name {name:?}"));
                    continue;
                }
            };
            *place = value.filter(|value| !value.is_empty()).map(str::to_owned);
        }
        filter
    }
}

fn configuration(wanted: &Notifications) -> Result<NotificationConfiguration, BuildError> {
    let mut configuration = NotificationConfiguration::builder();
    for route in &wanted.routes {
        let (id, filter) = (route.id.clone(), key_filter(&route.filter));
        let events = Some(route.events.iter().map(|event| Event::from(event.as_str())).collect());
        configuration = match &route.target {
            Target::Queue(arn) => {
                let queue =
                    QueueConfiguration::builder().set_id(id).queue_arn(arn).set_events(events);
                configuration.queue_configurations(queue.set_filter(filter).build()?)
            }
            Target::Topic(arn) => {
                let topic =
                    TopicConfiguration::builder().set_id(id).topic_arn(arn).set_events(events);
                configuration.topic_configurations(topic.set_filter(filter).build()?)
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
    let rules = [
        rule(FilterRuleName::Prefix, &filter.prefix),
        rule(FilterRuleName::Suffix, &filter.suffix),
    ];
    let rules: Vec<FilterRule> = rules.into_iter().flatten().collect();
    let key = (!rules.is_empty())
        .then(|| S3KeyFilter::builder().set_filter_rules(Some(rules)).build())?;
    Some(NotificationConfigurationFilter::builder().key(key).build())
}

/// Keeps the text of an answer: the client's output has only what its model knows.
#[derive(Debug, Clone, Default)]
struct BodyListener {
    // A std mutex: nothing awaits under it.
    heard: Arc<Mutex<Vec<u8>>>,
}

impl BodyListener {
    fn body(&self) -> String {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&heard).into_owned()
    }
}

impl Intercept for BodyListener {
    fn name(&self) -> &'static str {
        "BodyListener"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default().to_vec();
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = body;
        Ok(())
    }
}
