"""The ways in which a notification reaches the queue.

Each way is a function that takes moto, creates what must exist before the template, and returns the
cloud (without the ledger bucket) and a function that puts the log object of a sample.
"""

import json

from cloud import ACCOUNT, REGION, Cloud
from function import ROOT, expect

STORE = ROOT / "events" / "store" / "example-trail-logs"
LOGS = "example-trail-logs"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:trail-logs"


class Bucket:
    """The log bucket of a mode, and the prefix in it."""

    def __init__(self, cloud, name, prefix=""):
        self.cloud, self.name, self.prefix = cloud, name, prefix

    def put(self, sample):
        """Puts the log object of a sample, as CloudTrail does."""
        key = sample_key(sample)
        self.cloud.s3.put_object(
            Bucket=self.name, Key=self.prefix + key, Body=(STORE / key).read_bytes()
        )


def sample_key(sample):
    payload = json.loads((ROOT / "events" / sample).read_text())
    return payload.get("requestPayload", payload)["Records"][0]["s3"]["object"]["key"]


def new_trail(moto):
    cloud = Cloud(moto, {}, without=["LedgerBucket"])
    return cloud, Bucket(cloud, cloud.template.physical("TrailBucket")).put


def event_bridge(moto):
    s3 = moto.client("s3")
    s3.create_bucket(Bucket=LOGS)
    s3.put_bucket_notification_configuration(
        Bucket=LOGS, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    cloud = Cloud(moto, {"LogBucketName": LOGS, "LogPrefix": "audit"}, without=["LedgerBucket"])
    # Another prefix: the rule must not match it.
    s3.put_object(Bucket=LOGS, Key="elsewhere/AWSLogs/x.json.gz", Body=b"")
    expect("other prefixes in the queue", cloud.count("NotificationQueue"), 0)
    return cloud, Bucket(cloud, LOGS, "audit/").put


def existing_topic(moto):
    moto.client("sns").create_topic(Name="trail-logs")
    s3 = moto.client("s3")
    s3.create_bucket(Bucket=LOGS)
    return Cloud(moto, {"LogBucketName": LOGS, "LogTopicArn": TOPIC}, without=["LedgerBucket"])


def topic_of_s3(moto):
    cloud = existing_topic(moto)
    configuration = {"TopicConfigurations": [{"TopicArn": TOPIC, "Events": ["s3:ObjectCreated:*"]}]}
    cloud.s3.put_bucket_notification_configuration(
        Bucket=LOGS, NotificationConfiguration=configuration
    )
    return cloud, Bucket(cloud, LOGS).put


def topic_of_cloudtrail(moto):
    cloud = existing_topic(moto)
    cloud.sns.publish(TopicArn=TOPIC, Message="CloudTrail validation message.")
    bucket = Bucket(cloud, LOGS)

    def put(sample):
        bucket.put(sample)
        message = {"s3Bucket": LOGS, "s3ObjectKey": [sample_key(sample)]}
        cloud.sns.publish(TopicArn=TOPIC, Message=json.dumps(message))

    return cloud, put


WAYS = {
    "a  S3 -> SQS": new_trail,
    "b  S3 -> EventBridge -> SQS": event_bridge,
    "c  S3 -> SNS -> SQS": topic_of_s3,
    "c  CloudTrail -> SNS -> SQS": topic_of_cloudtrail,
}
