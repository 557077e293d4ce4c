"""The whole way, with moto in the place of AWS: an object put into S3, the notification in SQS, the function, the
alerts in SNS, and what the subscribers get.

Needs the packages of tests/tools/requirements.txt.
"""

import json
import subprocess
import sys
import tempfile
from urllib.request import ProxyHandler, build_opener

import boto3
from botocore.config import Config
from function import ROOT, Failure, Function

BUCKET = "example-trail-logs"
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": REGION}
# Rule, the call that it found, and how the subject of its mail begins.
EXPECTED = {
    "AWS IAM Group Creation": ("CreateGroup", "[low] IAM group billing-admins created by alice"),
    "AWS IAM User Addition to Group": ("AddUserToGroup", "[low] bob added to IAM group billing-admins by alice"),
    "AWS IAM Group Change Denied": ("AddUserToGroup", "[low] denied: AddUserToGroup on billing-admins by bob"),
}


class Cloud:
    """Bucket, queues and topic as the template sets them up."""

    def __init__(self, url):
        self.url = url
        self.s3, self.sqs, self.sns = (self.client(name) for name in ("s3", "sqs", "sns"))
        self.s3.create_bucket(Bucket=BUCKET)
        self.notifications = self.queue("notifications")
        self.alerts = self.queue("alerts")
        self.topic = self.sns.create_topic(Name="alerts")["TopicArn"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self.arn(self.alerts))
        self.sns.subscribe(TopicArn=self.topic, Protocol="email", Endpoint="security@example.com")
        self.notify()

    def client(self, name):
        return boto3.client(
            name,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(proxies={}),
        )

    def queue(self, name):
        return self.sqs.create_queue(QueueName=name)["QueueUrl"]

    def arn(self, queue):
        return self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def notify(self):
        rules = [{"Name": "prefix", "Value": "AWSLogs/"}, {"Name": "suffix", "Value": ".json.gz"}]
        configuration = {
            "QueueArn": self.arn(self.notifications),
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": rules}},
        }
        self.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [configuration]}
        )

    def receive(self, queue):
        """Every message of a queue."""
        messages = []
        while batch := self.sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["All"], WaitTimeSeconds=1
        ).get("Messages"):
            messages += batch
        return messages

    def published(self):
        """What was published to the topic, as moto keeps it: message and subject. It sends no mail."""
        data = json.load(build_opener(ProxyHandler({})).open(f"{self.url}/moto-api/data.json", timeout=60))
        topic = next(topic for topic in data["sns"]["Topic"] if topic["arn"] == self.topic)
        return [(message, subject) for _id, message, subject, *_ in topic["sent_notifications"]]


def lambda_event(messages, arn):
    """The messages of a queue as Lambda hands them to a function."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": arn,
                "awsRegion": REGION,
            }
            for message in messages
        ]
    }


def expect(what, found, expected):
    if found != expected:
        raise Failure(f"{what}: {found!r} instead of {expected!r}")
    print(f"as expected: {what}")


def put_log_object(cloud):
    """Puts the object of events/s3-put.json into the bucket, and gives the notification that moto makes of it."""
    sample = json.loads((ROOT / "events" / "s3-put.json").read_text())
    key = sample["Records"][0]["s3"]["object"]["key"]
    cloud.s3.put_object(Bucket=BUCKET, Key=key, Body=(ROOT / "events" / "store" / BUCKET / key).read_bytes())
    messages = cloud.receive(cloud.notifications)
    if not any("ObjectCreated:Put" in message["Body"] for message in messages):
        raise Failure(f"moto sent no notification of the object: {messages}")
    return lambda_event(messages, cloud.arn(cloud.notifications))


def check_machines(cloud):
    """The subscribed queue gets the document, with attributes to filter on."""
    found = {}
    for message in cloud.receive(cloud.alerts):
        notification = json.loads(message["Body"])
        document = json.loads(notification["Message"])
        attributes = {name: value["Value"] for name, value in notification["MessageAttributes"].items()}
        action = attributes["action"]
        expect(f"{action}: action of the document", document["event"]["action"], action)
        expect(f"{action}: severity", attributes["severity"], "low")
        expect(f"{action}: account", attributes["account"], "111122223333")
        found[attributes["rule_name"]] = action
    expect("alerts in the queue", found, {rule: action for rule, (action, _) in EXPECTED.items()})


def check_people(cloud):
    """The mail has a subject that says what happened, and text instead of JSON."""
    published = cloud.published()
    expect("number of mails", len(published), len(EXPECTED))
    for rule, (_, start) in EXPECTED.items():
        mails = [json.loads(message)["email"] for message, subject in published if (subject or "").startswith(start)]
        expect(f"{rule}: mails with the subject {start!r}", len(mails), 1)
        expect(f"{rule}: group named in the mail", "billing-admins" in mails[0], True)
        expect(f"{rule}: mail is text", mails[0].lstrip().startswith("{"), False)


def run(url):
    cloud = Cloud(url)
    settings = CREDENTIALS | {
        "AWS_ENDPOINT_URL": url,
        "TRAILBELL_STORE": "s3",
        "TRAILBELL_ALERTS": cloud.topic,
        "TRAILBELL_LEDGER": "none",
    }
    with Function(settings) as function, tempfile.NamedTemporaryFile("w", suffix=".json") as payload:
        json.dump(put_log_object(cloud), payload)
        payload.flush()
        expect("messages to be tried again", function.invoke(payload.name).get("batchItemFailures"), [])
        check_machines(cloud)
        check_people(cloud)


def main():
    # It ends when its standard input does: with this process.
    server = subprocess.Popen(
        [sys.executable, ROOT / "tests" / "support" / "moto_server.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    run(server.stdout.readline().strip())


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"failed: {failure}")
