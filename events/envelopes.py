"""The envelopes in which AWS announces a log object. Each is a function from content to payload."""

import base64
import hashlib
import json
import uuid
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote_plus

ACCOUNT = "111122223333"
BUCKET = "example-trail-logs"
REGION = "us-east-1"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:trailbell-notifications"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:trail-notifications"
SUBSCRIPTION = f"{TOPIC}:6ba7b810-9dad-41d1-80b4-00c04fd430c8"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:trailbell"
NOON = "2026-03-12T12:00:00.000Z"


class LogObject(NamedTuple):
    """The properties of an object that a notification contains."""

    key: str
    size: int
    etag: str


def one_line(value):
    """Compact JSON, without spaces and line breaks."""
    return json.dumps(value, separators=(",", ":"))


def stable_id(*about):
    """A UUID that is the same for the same arguments."""
    digest = hashlib.sha256(repr(about).encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def hexadecimal(*about):
    """16 hexadecimal digits that are the same for the same arguments."""
    return hashlib.sha256(repr(about).encode()).hexdigest()[:16].upper()


def sequencer(obj):
    """S3's sequence number for the writes of a key."""
    return "0069B2" + hexadecimal(obj.key)[:10]


def s3_event(obj, version_id=None):
    """A notification of S3, with a form-encoded key."""
    key = quote_plus(obj.key, safe="/")
    facts = {"key": key, "size": obj.size, "eTag": obj.etag, "sequencer": sequencer(obj)}
    if version_id:
        facts["versionId"] = version_id
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": NOON,
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AROACLOUDTRAILEXAMPLE:regionalDeliverySession"},
        "requestParameters": {"sourceIPAddress": "192.0.2.200"},
        "responseElements": {
            "x-amz-request-id": hexadecimal("request", obj.key),
            "x-amz-id-2": "EXAMPLE123/host+id=",
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "trail-logs",
            "bucket": {
                "name": BUCKET,
                "ownerIdentity": {"principalId": "A1EXAMPLEOWNER"},
                "arn": f"arn:aws:s3:::{BUCKET}",
            },
            "object": facts,
        },
    }
    return {"Records": [record]}


def s3_test_event():
    """The test event that S3 sends when a notification is configured."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": NOON,
        "Bucket": BUCKET,
        "RequestId": hexadecimal("test"),
        "HostId": "EXAMPLE123/host+id=",
    }


def eventbridge(detail_type, source, resources, detail):
    """An event of EventBridge."""
    return {
        "version": "0",
        "id": stable_id(detail_type),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": "2026-03-12T12:00:00Z",
        "region": REGION,
        "resources": resources,
        "detail": detail,
    }


def eventbridge_object(obj):
    """S3's event on EventBridge, where the key is not encoded."""
    detail = {
        "version": "0",
        "bucket": {"name": BUCKET},
        "object": {"key": obj.key, "size": obj.size, "etag": obj.etag, "sequencer": sequencer(obj)},
        "request-id": hexadecimal("request", obj.key),
        "requester": "cloudtrail.amazonaws.com",
        "source-ip-address": "192.0.2.200",
        "reason": "PutObject",
    }
    return eventbridge("Object Created", "aws.s3", [f"arn:aws:s3:::{BUCKET}"], detail)


def cloudtrail_message(*objects):
    """CloudTrail's own notification of one or more keys, which are not encoded."""
    return {"s3Bucket": BUCKET, "s3ObjectKey": [obj.key for obj in objects]}


def sns_notification(message, subject):
    """The fields of an SNS message, and two URLs that Lambda and SQS receive under other names."""
    notification = {
        "Type": "Notification",
        "MessageId": stable_id("sns", message),
        "TopicArn": TOPIC,
        "Subject": subject,
        "Message": message,
        "Timestamp": NOON,
        "SignatureVersion": "1",
        "Signature": "RVhBTVBMRQ==",
    }
    certificate = f"https://sns.{REGION}.amazonaws.com/SimpleNotificationService-EXAMPLE.pem"
    unsubscribe = (
        f"https://sns.{REGION}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={SUBSCRIPTION}"
    )
    return notification, certificate, unsubscribe


def sns(message, subject=None):
    """The event that Lambda receives from a topic."""
    notification, certificate, unsubscribe = sns_notification(message, subject)
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": SUBSCRIPTION,
        "Sns": notification
        | {"SigningCertUrl": certificate, "UnsubscribeUrl": unsubscribe, "MessageAttributes": {}},
    }
    return {"Records": [record]}


def sns_body(message, subject=None):
    """The body that a queue receives from a topic without raw message delivery."""
    notification, certificate, unsubscribe = sns_notification(message, subject)
    if subject is None:
        del notification["Subject"]
    return json.dumps(
        notification | {"SigningCertURL": certificate, "UnsubscribeURL": unsubscribe}, indent=2
    )


def sqs(*bodies):
    """The event that Lambda receives from a queue, with one record for each body."""
    sent = str(int(datetime.fromisoformat(NOON.replace("Z", "+00:00")).timestamp() * 1000))
    return {
        "Records": [
            {
                "messageId": stable_id("sqs", body),
                "receiptHandle": "AQEBEXAMPLE" + hexadecimal("receipt", body),
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": sent,
                    "SenderId": "AIDACKCEVSQ6C2EXAMPLE",
                    "ApproximateFirstReceiveTimestamp": str(int(sent) + 7),
                },
                "messageAttributes": {},
                "md5OfBody": hashlib.md5(body.encode()).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": QUEUE,
                "awsRegion": REGION,
            }
            for body in bodies
        ]
    }


def on_failure(payload):
    """The message that Lambda sends to an on-failure destination after its last attempt."""
    return {
        "version": "1.0",
        "timestamp": NOON,
        "requestContext": {
            "requestId": stable_id("failed"),
            "functionArn": f"{FUNCTION}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": payload,
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "responsePayload": {
            "errorType": "Sandbox.Timedout",
            "errorMessage": "RequestId: Error: Task timed out",
        },
    }


def log_events(records):
    """Records as log events of CloudWatch Logs."""
    return {
        "messageType": "DATA_MESSAGE",
        "owner": ACCOUNT,
        "logGroup": f"aws-cloudtrail-logs-{ACCOUNT}-4d9d2b8e",
        "logStream": f"{ACCOUNT}_CloudTrail_{REGION}",
        "subscriptionFilters": ["trailbell"],
        "logEvents": [
            {
                "id": f"3956120{number:049d}",
                "timestamp": 1773313500000 + number,
                "message": one_line(record),
            }
            for number, record in enumerate(records)
        ],
    }


def log_control():
    """The message with which CloudWatch Logs checks the destination."""
    text = "CWL CONTROL MESSAGE: Checking health of destination Lambda."
    return {
        "messageType": "CONTROL_MESSAGE",
        "owner": "CloudwatchLogs",
        "logGroup": "",
        "logStream": "",
        "subscriptionFilters": [],
        "logEvents": [{"id": "", "timestamp": 1773313500000, "message": text}],
    }


def cloudwatch_logs(deflated):
    """The event that Lambda receives from CloudWatch Logs, with gzip data in base64."""
    return {"awslogs": {"data": base64.b64encode(deflated).decode()}}
