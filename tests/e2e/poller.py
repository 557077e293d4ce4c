"""Lambda's event source mapping: delivers messages, returns failed ones, and deletes the others."""

import json
import tempfile

from cloud import REGION


class Poller:
    """The event source mapping of the template: passes batches of the queue to the function."""

    def __init__(self, cloud, function):
        self.cloud, self.function = cloud, function
        mapping = cloud.template.resources["NotificationMapping"]["Properties"]
        self.arn, self.size = mapping["EventSourceArn"], mapping["BatchSize"]
        self.queue = cloud.queues["NotificationQueue"]

    def poll(self):
        """Delivers one batch, and returns how many messages it had and how many of them failed."""
        response = self.cloud.sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=self.size, AttributeNames=["All"]
        )
        messages = response.get("Messages", [])
        if not messages:
            return 0, 0
        failures = self.invoke(lambda_event(messages, self.arn))["batchItemFailures"]
        failed = {one["itemIdentifier"] for one in failures}
        for message in messages:
            self.settle(message, retry=message["MessageId"] in failed)
        return len(messages), len(failed)

    def settle(self, message, retry):
        handle = {"QueueUrl": self.queue, "ReceiptHandle": message["ReceiptHandle"]}
        if retry:
            # Instead of waiting for the visibility timeout.
            self.cloud.sqs.change_message_visibility(**handle, VisibilityTimeout=0)
        else:
            self.cloud.sqs.delete_message(**handle)

    def invoke(self, payload):
        """The function's response."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(payload, file)
            file.flush()
            return self.function.invoke(file.name)


def lambda_event(messages, arn):
    """The event in which Lambda passes a queue's messages to a function."""
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
