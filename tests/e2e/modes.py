"""Every way to attach, from an object put into S3 to the alerts, with moto in the place of AWS.

What is there comes from template.yaml, and the notifications from moto: S3 to SQS, S3 to SNS to SQS, S3 to EventBridge to
SQS. moto has no CloudTrail: its message to a topic, and its calls in EventBridge, are sent by this program. In each mode the
first notification fails until it is a dead letter, and is sent down the way again as docs/operate.md says.

Needs the packages of tests/tools/requirements.txt.
"""

import json
import sys
from datetime import datetime, timedelta, timezone

from cloud import Cloud, Moto
from function import ROOT, Failure, Function, expect
from poller import Poller
from watched import check_watched, measured
from ways import LOGS, STORE, WAYS, sample_key

# The sample in which alice makes a group and adds bob, and bob is denied; the one in which a role adds bob.
PEOPLE, ROLE = "s3-put.json", "on-failure-destination.json"
ALERTS = {
    PEOPLE: {
        ("AWS IAM Group Creation", "[low] IAM group billing-admins created by alice"),
        ("AWS IAM User Addition to Group", "[low] bob added to IAM group billing-admins by alice"),
        ("AWS IAM Group Change Denied", "[low] denied: AddUserToGroup on billing-admins by bob"),
    },
    ROLE: {("AWS IAM User Addition to Group", "[low] bob added to IAM group developers by Deploy/deploy-1742")},
    "call": {("AWS IAM Group Creation", "[low] IAM group break-glass created by alice@example.com")},
}


def api_call():
    return json.loads((ROOT / "events" / "eventbridge-api-call.json").read_text())


def through(moto, mode, set_up):
    """One mode: dead letters and back, then the everyday, then a sweep. What the function measured."""
    moto.reset()
    cloud, put = set_up(moto)
    alerts = cloud.create_queue_of_alerts()
    with Function(cloud.settings()) as function:
        poller = Poller(cloud, function)
        put(ROLE)
        fail_until_dead(cloud, poller)
        expect("alerts before the cause is mended", told(cloud, alerts), set())
        cloud.s3.create_bucket(Bucket="ledgerbucket")
        expect("dead letters sent down the way again", redrive(cloud, cloud.queues["DeadLetterQueue"]), 1)
        drain(cloud, poller)
        expect("alerts of the dead letter", told(cloud, alerts), ALERTS[ROLE])
        put(PEOPLE)
        drain(cloud, poller)
        expect("alerts", told(cloud, alerts), ALERTS[PEOPLE])
        check_mails(cloud)
        put(PEOPLE)
        drain(cloud, poller)
        expect("alerts of the same once more", told(cloud, alerts), set())
        sweep(cloud, poller)
        expect("alerts of the sweep", told(cloud, alerts), ALERTS["call"])
    print(f"{mode}: 5 tries, a dead letter and its redrive, {len(ALERTS[PEOPLE])} alerts, a sweep that finds what was lost")
    return measured(function)


def api_calls(moto):
    """Mode d: the call comes at once, and its log object is a duplicate."""
    moto.reset()
    cloud = Cloud(moto, {"ApiCallAlerts": "on"})
    alerts = cloud.create_queue_of_alerts()
    event = api_call()
    entry = {"Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"])}
    # Of another service: the rule must not let it through.
    elsewhere = json.dumps(event["detail"] | {"eventSource": "ec2.amazonaws.com"})
    other = entry | {"Source": "aws.ec2", "Detail": elsewhere}
    with Function(cloud.settings()) as function:
        poller = Poller(cloud, function)
        # S3's test event, of the new bucket.
        drain(cloud, poller)
        cloud.events.put_events(Entries=[other, entry])
        expect("calls in the queue", cloud.count("NotificationQueue"), 1)
        drain(cloud, poller)
        expect("alerts of the call", told(cloud, alerts), ALERTS["call"])
        key = sample_key(PEOPLE)
        cloud.s3.put_object(Bucket="trailbucket", Key=key, Body=json.dumps({"Records": [event["detail"]]}).encode())
        drain(cloud, poller)
        expect("alerts of its log object", told(cloud, alerts), set())
    print("d  EventBridge API call -> SQS: 1 alert, and none of its log object")


def canary(moto):
    """What the weekly schedule puts into the queue."""
    moto.reset()
    cloud = Cloud(moto, {"CanarySchedule": "weekly"})
    alerts = cloud.create_queue_of_alerts()
    (target,) = cloud.template.resources["CanaryRule"]["Properties"]["Targets"]
    with Function(cloud.settings()) as function:
        cloud.sqs.send_message(QueueUrl=cloud.queues["NotificationQueue"], MessageBody=target["Input"])
        drain(cloud, Poller(cloud, function))
        messages = [json.loads(message["Body"]) for message in cloud.receive(alerts)]
    expect("kinds of alerts", [one["MessageAttributes"]["kind"]["Value"] for one in messages], ["canary"])
    print("canary  schedule -> SQS: 1 test alert")


def on_failure(moto):
    """The dead letters of who attached the function directly: Lambda's envelope around the notification."""
    moto.reset()
    cloud = Cloud(moto, {})
    alerts = cloud.create_queue_of_alerts()
    dead = cloud.sqs.create_queue(QueueName="trailbell-dead")["QueueUrl"]
    cloud.s3.create_bucket(Bucket=LOGS)
    cloud.s3.put_object(Bucket=LOGS, Key=sample_key(ROLE), Body=(STORE / sample_key(ROLE)).read_bytes())
    cloud.sqs.send_message(QueueUrl=dead, MessageBody=(ROOT / "events" / ROLE).read_text())
    with Function(cloud.settings()) as function:
        expect("dead letters sent down the way again", redrive(cloud, dead), 1)
        drain(cloud, Poller(cloud, function))
        expect("alerts of the dead letter", told(cloud, alerts), ALERTS[ROLE])
    print("direct  on-failure destination -> SQS: 1 alert")


def fail_until_dead(cloud, poller):
    """The ledger's bucket is missing, so that every try fails. After the fifth the message is a dead letter."""
    expect("messages that fail, poll by poll", [poller.poll()[1] for _ in range(6)], [1, 1, 1, 1, 1, 0])
    expect("dead letters", cloud.count("DeadLetterQueue"), 1)
    expect("messages left in the queue", cloud.count("NotificationQueue"), 0)


def redrive(cloud, dead):
    """As docs/operate.md has it, since moto cannot start-message-move-task. How many messages it were."""
    messages = cloud.receive(dead)
    for message in messages:
        cloud.sqs.send_message(QueueUrl=cloud.queues["NotificationQueue"], MessageBody=message["Body"])
        cloud.sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
    return len(messages)


def drain(cloud, poller):
    """Polls until the queue is empty; nothing may go back."""
    while True:
        messages, failed = poller.poll()
        expect("messages to be tried again", failed, 0)
        if messages == 0:
            return expect("messages left in the queue", cloud.count("NotificationQueue"), 0)


def told(cloud, alerts):
    """What the subscribed queue got since: rule and subject, each once."""
    messages = cloud.receive(alerts)
    found = []
    for message in messages:
        cloud.sqs.delete_message(QueueUrl=alerts, ReceiptHandle=message["ReceiptHandle"])
        notification = json.loads(message["Body"])
        attributes = {name: value["Value"] for name, value in notification["MessageAttributes"].items()}
        document = json.loads(notification["Message"])
        expect("action of the document", document["event"]["action"], attributes["action"])
        expect("account", attributes["account"], "111122223333")
        found.append((attributes["rule_name"], notification["Subject"].split(" in 1")[0]))
    expect("alerts told twice", len(found) - len(set(found)), 0)
    return set(found)


def check_mails(cloud):
    """People get text, not JSON, and it names the group."""
    mails = cloud.mails()
    expect("number of mails", len(mails), len(ALERTS[ROLE] | ALERTS[PEOPLE]))
    for subject, text in mails:
        expect(f"{subject}: mail is text", text.lstrip().startswith("{"), False)
        expect(f"{subject}: group named in the mail", "billing-admins" in text or "developers" in text, True)


def sweep(cloud, poller):
    """What the schedule sends, past the queue: it finds a log object whose notification was lost."""
    bucket, _, folder = cloud.settings()["TRAILBELL_TRAILS"].removeprefix("s3://").partition("/")
    old = datetime.now(timezone.utc) - timedelta(minutes=10)
    name = f"111122223333_CloudTrail_us-east-1_{old:%Y%m%dT%H%MZ}_lost.json.gz"
    key = f"{folder}111122223333/CloudTrail/us-east-1/{old:%Y/%m/%d}/{name}"
    cloud.s3.put_object(Bucket=bucket, Key=key, Body=json.dumps({"Records": [api_call()["detail"]]}).encode())
    cloud.sqs.purge_queue(QueueUrl=cloud.queues["NotificationQueue"])
    (target,) = cloud.template.resources["SweepSchedule"]["Properties"]["Targets"]
    report = poller.invoke(json.loads(target["Input"]))["report"]
    expect("objects that the sweep read, and messages announced", (report["sweep"]["read"], report["announced"]), (1, 0))


def main():
    moto = Moto()
    metrics = [through(moto, mode, set_up) for mode, set_up in WAYS.items()]
    api_calls(moto)
    canary(moto)
    on_failure(moto)
    print(check_watched(metrics))


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"failed: {failure}")
