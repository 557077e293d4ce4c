"""The envelopes in which AWS tells of a log object, as functions: each takes what is inside and gives the payload."""

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
    """What a notification tells of an object."""

    key: str
    size: int
    etag: str


def one_line(value):
    """JSON as machines write it: no space, no line break."""
    return json.dumps(value, separators=(",", ":"))


def an_id(*about):
    """A UUID that stays the same for the same thing."""
    digest = hashlib.sha256(repr(about).encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def hexadecimal(*about):
    """16 hexadecimal digits that stay the same for the same thing."""
    return hashlib.sha256(repr(about).encode()).hexdigest()[:16].upper()


def sequencer(obj):
    """S3's order of the writes of one key."""
    return "0069B2" + hexadecimal(obj.key)[:10]


def s3_event(obj, version_id=None):
    """A notification of S3: the key is form-encoded."""
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
        "responseElements": {"x-amz-request-id": hexadecimal("request", obj.key), "x-amz-id-2": "EXAMPLE123/host+id="},
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
    """What S3 sends when a notification is set up."""
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
        "id": an_id(detail_type),
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": "2026-03-12T12:00:00Z",
        "region": REGION,
        "resources": resources,
        "detail": detail,
    }


def eventbridge_object(obj):
    """S3's event on EventBridge: the key is not encoded."""
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
    """CloudTrail's own notification: keys are not encoded, and one message can name several."""
    return {"s3Bucket": BUCKET, "s3ObjectKey": [obj.key for obj in objects]}


def sns_notification(message, subject):
    """What SNS says of a message. Lambda and SQS get it in a different spelling."""
    notification = {
        "Type": "Notification",
        "MessageId": an_id("sns", message),
        "TopicArn": TOPIC,
        "Subject": subject,
        "Message": message,
        "Timestamp": NOON,
        "SignatureVersion": "1",
        "Signature": "RVhBTVBMRQ==",
    }
    certificate = f"https://sns.{REGION}.amazonaws.com/SimpleNotificationService-EXAMPLE.pem"
    unsubscribe = f"https://sns.{REGION}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn={SUBSCRIPTION}"
    return notification, certificate, unsubscribe


def sns(message, subject=None):
    """What Lambda gets from a topic."""
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
    """What a queue gets from a topic, unless raw delivery is on."""
    notification, certificate, unsubscribe = sns_notification(message, subject)
    if subject is None:
        del notification["Subject"]
    return json.dumps(notification | {"SigningCertURL": certificate, "UnsubscribeURL": unsubscribe}, indent=2)


def sqs(*bodies):
    """What Lambda gets from a queue: one record for each body."""
    sent = str(int(datetime.fromisoformat(NOON.replace("Z", "+00:00")).timestamp() * 1000))
    return {
        "Records": [
            {
                "messageId": an_id("sqs", body),
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
    """What Lambda sends to an on-failure destination after its last attempt."""
    return {
        "version": "1.0",
        "timestamp": NOON,
        "requestContext": {
            "requestId": an_id("failed"),
            "functionArn": f"{FUNCTION}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": payload,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorType": "Sandbox.Timedout", "errorMessage": "RequestId: Error: Task timed out"},
    }


def log_events(records):
    """Records as lines of a log stream of CloudWatch Logs."""
    return {
        "messageType": "DATA_MESSAGE",
        "owner": ACCOUNT,
        "logGroup": f"aws-cloudtrail-logs-{ACCOUNT}-4d9d2b8e",
        "logStream": f"{ACCOUNT}_CloudTrail_{REGION}",
        "subscriptionFilters": ["trailbell"],
        "logEvents": [
            {"id": f"3956120{number:049d}", "timestamp": 1773313500000 + number, "message": one_line(record)}
            for number, record in enumerate(records)
        ],
    }


def log_control():
    """What CloudWatch Logs sends to see whether anybody is there."""
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
    """What Lambda gets from a subscription of CloudWatch Logs: gzip in base64."""
    return {"awslogs": {"data": base64.b64encode(deflated).decode()}}
