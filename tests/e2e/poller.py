"""What Lambda does between a queue and a function: messages in, failed ones back, the others gone."""

import json
import tempfile

from cloud import REGION


class Poller:
    """The event source mapping of the template: the queue's messages, in batches, to the function."""

    def __init__(self, cloud, function):
        self.cloud, self.function = cloud, function
        mapping = cloud.template.resources["NotificationMapping"]["Properties"]
        self.arn, self.size = mapping["EventSourceArn"], mapping["BatchSize"]
        self.queue = cloud.queues["NotificationQueue"]

    def poll(self):
        """One batch. How many messages it had, and how many of them go back."""
        answer = self.cloud.sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=self.size, AttributeNames=["All"]
        )
        messages = answer.get("Messages", [])
        if not messages:
            return 0, 0
        failures = self.invoke(lambda_event(messages, self.arn))["batchItemFailures"]
        failed = {one["itemIdentifier"] for one in failures}
        for message in messages:
            self.settle(message, again=message["MessageId"] in failed)
        return len(messages), len(failed)

    def settle(self, message, again):
        handle = {"QueueUrl": self.queue, "ReceiptHandle": message["ReceiptHandle"]}
        if again:
            # The visibility timeout, without waiting for it.
            self.cloud.sqs.change_message_visibility(**handle, VisibilityTimeout=0)
        else:
            self.cloud.sqs.delete_message(**handle)

    def invoke(self, payload):
        """What the function answers."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(payload, file)
            file.flush()
            return self.function.invoke(file.name)


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
