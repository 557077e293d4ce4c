"""moto as a stand-in for AWS, with the buckets, queues, topics and rules of template.yaml."""

import json
import subprocess
import sys
from urllib.request import ProxyHandler, Request, build_opener

import boto3
from botocore.config import Config
from function import ROOT

sys.path.insert(0, str(ROOT / "tests" / "template"))
from resolve import Template

REGION = "us-east-1"
ACCOUNT = "123456789012"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": REGION,
}


class Moto:
    """The moto server. It exits when its standard input closes, at the latest with this process."""

    def __init__(self):
        self.server = subprocess.Popen(
            [sys.executable, ROOT / "tests" / "support" / "src" / "moto_server.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self.server.stdout.readline().strip()

    def reset(self):
        self.open(Request(f"{self.url}/moto-api/reset", method="POST"))

    def data(self):
        return json.loads(self.open(f"{self.url}/moto-api/data.json"))

    def open(self, request):
        with build_opener(ProxyHandler({})).open(request, timeout=60) as response:
            return response.read()

    def client(self, name):
        return boto3.client(
            name,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(proxies={}),
        )


class Cloud:
    """An account with the template deployed with `parameters`, except the buckets in `without`.

    Existing resources that the parameters name must have been created before.
    """

    def __init__(self, moto, parameters, without=()):
        # All metrics: the test compares them with all alarms.
        parameters = {"Monitoring": "full"} | parameters
        self.moto, self.template = moto, Template(parameters, REGION, ACCOUNT)
        self.s3, self.sqs, self.sns, self.events = (
            moto.client(name) for name in ("s3", "sqs", "sns", "events")
        )
        self.queues = {name: self.create_queue(name, one) for name, one in self.queues_in_order()}
        for name in self.template.of_type("AWS::SNS::Topic"):
            self.sns.create_topic(Name=name)
        for subscription in self.template.of_type("AWS::SNS::Subscription").values():
            self.subscribe(subscription)
        for name, rule in self.template.of_type("AWS::Events::Rule").items():
            # moto does not run schedules.
            if "EventPattern" in rule:
                self.create_rule(name, rule)
        for name, bucket in self.template.of_type("AWS::S3::Bucket").items():
            if name not in without:
                self.create_bucket(self.template.physical(name), bucket)

    def queues_in_order(self):
        """The dead-letter queue before the queue that refers to it."""
        return sorted(
            self.template.of_type("AWS::SQS::Queue").items(),
            key=lambda one: "RedrivePolicy" in one[1],
        )

    def create_queue(self, name, properties):
        attributes = {
            key: str(properties[key])
            for key in ("VisibilityTimeout", "MessageRetentionPeriod")
            if key in properties
        }
        if redrive := properties.get("RedrivePolicy"):
            attributes["RedrivePolicy"] = json.dumps(redrive)
        return self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def subscribe(self, properties):
        self.sns.subscribe(
            TopicArn=properties["TopicArn"],
            Protocol=properties["Protocol"],
            Endpoint=properties["Endpoint"],
        )

    def create_rule(self, name, properties):
        self.events.put_rule(Name=name, EventPattern=json.dumps(properties["EventPattern"]))
        self.events.put_targets(Rule=name, Targets=properties["Targets"])

    def create_bucket(self, bucket, properties):
        self.s3.create_bucket(Bucket=bucket)
        notifications = properties.get("NotificationConfiguration", {}).get(
            "QueueConfigurations", []
        )
        configurations = [
            {
                "QueueArn": one["Queue"],
                "Events": [one["Event"]],
                "Filter": {"Key": {"FilterRules": one["Filter"]["S3Key"]["Rules"]}},
            }
            for one in notifications
        ]
        self.s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": configurations}
        )

    def subscribe_queue(self, output="AlertsTopicArn"):
        """Subscribes a queue to the topic of an output, and returns its URL."""
        queue = self.sqs.create_queue(QueueName=output)["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{output}"
        self.sns.subscribe(TopicArn=self.template.outputs[output], Protocol="sqs", Endpoint=arn)
        return queue

    def settings(self):
        """The function's environment in the template."""
        variables = self.template.resources["Function"]["Properties"]["Environment"]["Variables"]
        return (
            CREDENTIALS
            | {"AWS_ENDPOINT_URL": self.moto.url}
            | {name: str(value) for name, value in variables.items()}
        )

    def receive(self, queue):
        """Every visible message of a queue."""
        messages = []
        while batch := self.sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["All"]
        ).get("Messages"):
            messages += batch
        return messages

    def count(self, name):
        """The number of messages in a queue of the template, visible or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        response = self.sqs.get_queue_attributes(QueueUrl=self.queues[name], AttributeNames=names)
        return sum(int(count) for count in response["Attributes"].values())

    def mails(self):
        """Subject and text of every mail of the alerts topic. moto keeps them and sends none."""
        topics = self.moto.data()["sns"]["Topic"]
        topic = next(
            topic for topic in topics if topic["arn"] == self.template.outputs["AlertsTopicArn"]
        )
        return [
            (subject, json.loads(message)["email"])
            for _id, message, subject, *_ in topic["sent_notifications"]
        ]
