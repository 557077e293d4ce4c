"""Tests every way to attach, from an object in S3 to the alerts, with moto as a stand-in for AWS.

The resources are those of template.yaml, and moto sends the notifications: S3 to SQS, S3 to SNS to
SQS, and S3 to EventBridge to SQS. moto has no CloudTrail, so this program sends CloudTrail's
message to a topic and its events to EventBridge. In each mode the first notification fails until it
is a dead letter, and is redriven as docs/operate.md describes.

Needs the packages of tests/tools/requirements.txt.
"""

import json
import sys
from datetime import UTC, datetime, timedelta

from cloud import Cloud, Moto
from function import ROOT, Failure, Function, expect
from poller import Poller
from watched import check_alarms_and_dashboard, written_metrics
from ways import LOGS, STORE, WAYS, Bucket, sample_key

# In the first sample alice creates a group and adds bob, and a call by bob is denied. In the second
# a role adds bob to a group.
PEOPLE, ROLE = "s3-put.json", "on-failure-destination.json"
ALERTS = {
    PEOPLE: {
        ("AWS IAM Group Creation", "[low] IAM group billing-admins created by alice"),
        ("AWS IAM User Addition to Group", "[low] bob added to IAM group billing-admins by alice"),
        ("AWS IAM Group Change Denied", "[low] denied: AddUserToGroup on billing-admins by bob"),
    },
    ROLE: {
        (
            "AWS IAM User Addition to Group",
            "[low] bob added to IAM group developers by Deploy/deploy-1742",
        )
    },
    "call": {
        ("AWS IAM Group Creation", "[low] IAM group break-glass created by alice@example.com")
    },
}


def api_call():
    return json.loads((ROOT / "events" / "eventbridge-api-call.json").read_text())


def test_mode(moto, mode, set_up):
    """Tests a dead letter, a notification and a sweep. Returns the written metrics."""
    moto.reset()
    cloud, put = set_up(moto)
    alerts = cloud.subscribe_queue()
    with Function(cloud.settings()) as function:
        poller = Poller(cloud, function)
        put(ROLE)
        fail_until_dead(cloud, poller)
        expect("alerts before the fix", receive_alerts(cloud, alerts), set())
        cloud.s3.create_bucket(Bucket="ledgerbucket")
        expect("redriven dead letters", redrive(cloud, cloud.queues["DeadLetterQueue"]), 1)
        drain(cloud, poller)
        expect("alerts of the dead letter", receive_alerts(cloud, alerts), ALERTS[ROLE])
        put(PEOPLE)
        drain(cloud, poller)
        expect("alerts", receive_alerts(cloud, alerts), ALERTS[PEOPLE])
        check_mails(cloud)
        put(PEOPLE)
        drain(cloud, poller)
        expect("alerts of the same object again", receive_alerts(cloud, alerts), set())
        sweep(cloud, poller)
        expect("alerts of the sweep", receive_alerts(cloud, alerts), ALERTS["call"])
    print(
        f"{mode}: 5 attempts, a dead letter and its redrive, "
        f"{len(ALERTS[PEOPLE])} alerts, and a sweep that finds a lost object"
    )
    return written_metrics(function)


def test_api_calls(moto):
    """Mode d: the event of a call is alerted, and its log object is a duplicate."""
    moto.reset()
    cloud = Cloud(moto, {"ApiCallAlerts": "on"})
    alerts = cloud.subscribe_queue()
    event = api_call()
    entry = {
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(event["detail"]),
    }
    # Of another service: the rule must not match it.
    detail = json.dumps(event["detail"] | {"eventSource": "ec2.amazonaws.com"})
    other = entry | {"Source": "aws.ec2", "Detail": detail}
    with Function(cloud.settings()) as function:
        poller = Poller(cloud, function)
        # The new bucket's s3:TestEvent.
        drain(cloud, poller)
        cloud.events.put_events(Entries=[other, entry])
        expect("calls in the queue", cloud.count("NotificationQueue"), 1)
        drain(cloud, poller)
        expect("alerts of the call", receive_alerts(cloud, alerts), ALERTS["call"])
        key = sample_key(PEOPLE)
        cloud.s3.put_object(
            Bucket=cloud.template.physical("TrailBucket"),
            Key=key,
            Body=json.dumps({"Records": [event["detail"]]}).encode(),
        )
        drain(cloud, poller)
        expect("alerts of the log object", receive_alerts(cloud, alerts), set())
    print("d  EventBridge API call -> SQS: 1 alert, and none for the log object")


def test_canary(moto):
    """The message that the weekly schedule puts into the queue."""
    moto.reset()
    cloud = Cloud(moto, {"CanarySchedule": "weekly"})
    alerts = cloud.subscribe_queue()
    (target,) = cloud.template.resources["CanaryRule"]["Properties"]["Targets"]
    with Function(cloud.settings()) as function:
        cloud.sqs.send_message(
            QueueUrl=cloud.queues["NotificationQueue"], MessageBody=target["Input"]
        )
        drain(cloud, Poller(cloud, function))
        messages = [json.loads(message["Body"]) for message in cloud.receive(alerts)]
    expect(
        "kinds of alerts",
        [one["MessageAttributes"]["kind"]["Value"] for one in messages],
        ["canary"],
    )
    print("canary  schedule -> SQS: 1 test alert")


def test_chat(moto):
    """Every alert goes to the chat topic too, there as a custom notification alone."""
    moto.reset()
    cloud = Cloud(moto, {"Chat": "topic"})
    alerts, chat = cloud.subscribe_queue(), cloud.subscribe_queue("ChatTopicArn")
    Bucket(cloud, cloud.template.physical("TrailBucket")).put(PEOPLE)
    with Function(cloud.settings()) as function:
        drain(cloud, Poller(cloud, function))
        messages = [json.loads(message["Body"]) for message in cloud.receive(chat)]
        expect("alerts", receive_alerts(cloud, alerts), ALERTS[PEOPLE])
    notifications = [json.loads(message["Message"]) for message in messages]
    for notification in notifications:
        kind = (notification["version"], notification["source"])
        expect("kind of the chat message", kind, ("1.0", "custom"))
        thread = notification["metadata"]["threadId"]
        expect("thread of the chat message", thread, "111122223333/billing-admins")
    titles = {notification["content"]["title"].split(" in 1")[0] for notification in notifications}
    subjects = {subject.replace("[low] ", "LOW `") for _rule, subject in ALERTS[PEOPLE]}
    expect("titles in the chat", titles, subjects)
    written = {name for _, name, _ in written_metrics(function)}
    expect("metrics of the chat", written >= {"ChatSent", "ChatFailed"}, True)
    print(f"chat  alerts and chat topic: {len(messages)} messages in one thread")


def test_reports(moto):
    """Alerts lead to their pages, and the schedule writes the page of the week."""
    moto.reset()
    cloud = Cloud(moto, {"Reports": "all"})
    alerts = cloud.subscribe_queue()
    Bucket(cloud, cloud.template.physical("TrailBucket")).put(PEOPLE)
    cloud.s3.create_bucket(Bucket="ledgerbucket")
    (target,) = cloud.template.resources["ReportSchedule"]["Properties"]["Targets"]
    with Function(cloud.settings()) as function:
        poller = Poller(cloud, function)
        drain(cloud, poller)
        messages = [json.loads(message["Body"]) for message in cloud.receive(alerts)]
        report = poller.invoke(json.loads(target["Input"]))["report"]
    expect("pages of the schedule", (report["pages_written"], report["pages_failed"]), (1, 0))
    pages = {json.loads(one["Message"])["trailbell"]["page"] for one in messages}
    expect("links in alerts", len(pages), len(ALERTS[PEOPLE]))
    keys = [page.partition("?prefix=")[2] for page in pages]
    keys += [
        one["Key"]
        for one in cloud.s3.list_objects_v2(Bucket="ledgerbucket", Prefix="reports/weekly/")[
            "Contents"
        ]
    ]
    for key in keys:
        page = cloud.s3.get_object(Bucket="ledgerbucket", Key=key)
        expect("type of a page", page["ContentType"], "text/html; charset=utf-8")
        expect("start of a page", page["Body"].read(15), b"<!doctype html>")
    print(f"reports  {len(pages)} alerts with pages, and the page of the week")


def test_on_failure(moto):
    """The dead letters of a direct trigger: Lambda's envelope around the notification."""
    moto.reset()
    cloud = Cloud(moto, {"LogBucketName": LOGS})
    alerts = cloud.subscribe_queue()
    dead = cloud.sqs.create_queue(QueueName="trailbell-dead")["QueueUrl"]
    cloud.s3.create_bucket(Bucket=LOGS)
    cloud.s3.put_object(
        Bucket=LOGS, Key=sample_key(ROLE), Body=(STORE / sample_key(ROLE)).read_bytes()
    )
    cloud.sqs.send_message(QueueUrl=dead, MessageBody=(ROOT / "events" / ROLE).read_text())
    with Function(cloud.settings()) as function:
        expect("redriven dead letters", redrive(cloud, dead), 1)
        drain(cloud, Poller(cloud, function))
        expect("alerts of the dead letter", receive_alerts(cloud, alerts), ALERTS[ROLE])
    print("direct  on-failure destination -> SQS: 1 alert")


def fail_until_dead(cloud, poller):
    """Without the ledger bucket every attempt fails, and the fifth makes a dead letter."""
    failures = [poller.poll()[1] for _ in range(6)]
    expect("failed messages, poll by poll", failures, [1, 1, 1, 1, 1, 0])
    expect("dead letters", cloud.count("DeadLetterQueue"), 1)
    expect("messages left in the queue", cloud.count("NotificationQueue"), 0)


def redrive(cloud, dead):
    """Moves the dead letters back (moto lacks start-message-move-task). Returns their number."""
    messages = cloud.receive(dead)
    for message in messages:
        cloud.sqs.send_message(
            QueueUrl=cloud.queues["NotificationQueue"], MessageBody=message["Body"]
        )
        cloud.sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
    return len(messages)


def drain(cloud, poller):
    """Polls until the queue is empty. No message may fail."""
    while True:
        messages, failed = poller.poll()
        expect("failed messages", failed, 0)
        if messages == 0:
            return expect("messages left in the queue", cloud.count("NotificationQueue"), 0)


def receive_alerts(cloud, alerts):
    """Rule and subject of the alerts since the last call. None may be there twice."""
    messages = cloud.receive(alerts)
    received = []
    for message in messages:
        cloud.sqs.delete_message(QueueUrl=alerts, ReceiptHandle=message["ReceiptHandle"])
        notification = json.loads(message["Body"])
        attributes = {
            name: value["Value"] for name, value in notification["MessageAttributes"].items()
        }
        document = json.loads(notification["Message"])
        expect("action of the document", document["event"]["action"], attributes["action"])
        expect("account", attributes["account"], "111122223333")
        received.append((attributes["rule_name"], notification["Subject"].split(" in 1")[0]))
    expect("duplicate alerts", len(received) - len(set(received)), 0)
    return set(received)


def check_mails(cloud):
    """Mails are text, not JSON, and name the group."""
    mails = cloud.mails()
    expect("number of mails", len(mails), len(ALERTS[ROLE] | ALERTS[PEOPLE]))
    for subject, text in mails:
        expect(f"{subject}: mail is JSON", text.lstrip().startswith("{"), False)
        expect(
            f"{subject}: mail names the group",
            "billing-admins" in text or "developers" in text,
            True,
        )


def sweep(cloud, poller):
    """Runs a sweep as the schedule does. It finds a log object whose notification was lost."""
    bucket, _, folder = cloud.settings()["TRAILBELL_TRAILS"].removeprefix("s3://").partition("/")
    old = datetime.now(UTC) - timedelta(minutes=10)
    name = f"111122223333_CloudTrail_us-east-1_{old:%Y%m%dT%H%MZ}_lost.json.gz"
    key = f"{folder}111122223333/CloudTrail/us-east-1/{old:%Y/%m/%d}/{name}"
    cloud.s3.put_object(
        Bucket=bucket, Key=key, Body=json.dumps({"Records": [api_call()["detail"]]}).encode()
    )
    cloud.sqs.purge_queue(QueueUrl=cloud.queues["NotificationQueue"])
    (target,) = cloud.template.resources["SweepSchedule"]["Properties"]["Targets"]
    report = poller.invoke(json.loads(target["Input"]))["report"]
    expect("objects that the sweep read", report["sweep"]["read"], 1)
    expect("announced objects", report["announced"], 0)


def main():
    moto = Moto()
    metrics = [test_mode(moto, mode, set_up) for mode, set_up in WAYS.items()]
    test_api_calls(moto)
    test_canary(moto)
    test_chat(moto)
    test_reports(moto)
    test_on_failure(moto)
    check_alarms_and_dashboard(set().union(*metrics))


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"failed: {failure}")
