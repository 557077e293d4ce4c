#!/usr/bin/env python3
"""Writes the sample log objects and payloads of this folder.

    python3 events/make.py            writes files that are missing or differ
    python3 events/make.py --check    writes nothing, and fails if a file differs

Edit the records of a log object in records/NAME.json. This script writes the object as CloudTrail
does, to store/BUCKET/KEY, the digests that list it, and the payloads that announce it.
"""

import base64
import gzip
import hashlib
import json
import sys
import zlib
from pathlib import Path

import digests
import envelopes
from envelopes import ACCOUNT, BUCKET, REGION, LogObject, one_line

HERE = Path(__file__).resolve().parent


def log_key(time, unique, prefix="", region=REGION):
    """The key of a CloudTrail log object that was delivered at `time` (HH:MM) on 12 March 2026."""
    name = f"{ACCOUNT}_CloudTrail_{region}_20260312T{time.replace(':', '')}Z_{unique}.json.gz"
    return f"{prefix}AWSLogs/{ACCOUNT}/CloudTrail/{region}/2026/03/12/{name}"


# The keys of the objects in the store, by the name of their records.
KEYS = {
    "billing-admins": log_key("09:30", "Qm3xT7vLk2PzR8aD"),
    "deploy": log_key("10:05", "b7VnY4cHs9JwE1uG"),
    # The folder is "audit logs+2026". A notification encodes the space as + and the plus as %2B.
    "stack": log_key("10:25", "Zk5fW8rNq0XtM3oB", prefix="audit logs+2026/"),
    "onboarding": log_key("10:45", "h2CgP6yUd4SvL9iA"),
    "two-members": log_key("10:55", "T8jRe1KmF5wQb7nX"),
    "quiet": log_key("11:00", "v4HsD9zGy6LcJ2pU"),
}

# Objects that are never read: the first three because of their names, the last because it is gone.
NOT_STORED = {
    "insight": f"AWSLogs/{ACCOUNT}/CloudTrail-Insight/{REGION}/2026/03/12/"
    f"{ACCOUNT}_CloudTrail-Insight_{REGION}_20260312T1105Z_N3qWc8FzT5xKv1mR.json.gz",
    "foreign": f"AWSLogs/{ACCOUNT}/Config/{REGION}/2026/3/12/ConfigSnapshot/"
    f"{ACCOUNT}_Config_{REGION}_ConfigSnapshot_20260312T110700Z_0b1e5d6c-3a77-4f0e-9a51-6a2f0f1c9d42.json.gz",
    "other-region": log_key("11:10", "G5uBx0YtA7sMk3eV", region="eu-central-1"),
    "gone": log_key("11:15", "c9LwJ2hNf6RpZ8dQ"),
}


# The objects.


def records(name):
    """The records of an object, from records/NAME.json."""
    return json.loads((HERE / "records" / f"{name}.json").read_text())


def inflate(data):
    """The inflated data, or None if it is damaged."""
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return None


def deflate(text, before, members=1):
    """`text` as gzip, or `before` if it inflates to that: zlib versions deflate differently."""
    data = text.encode()
    if before and inflate(before) == data:
        return before
    size = -(-len(data) // members)
    return b"".join(
        gzip.compress(data[at : at + size], mtime=0) for at in range(0, len(data), size)
    )


def stored_object(name):
    """The path of an object in the store, and its bytes."""
    path = HERE / "store" / BUCKET / KEYS[name]
    before = path.read_bytes() if path.exists() else None
    members = 2 if name == "two-members" else 1
    return path, deflate(one_line({"Records": records(name)}), before, members)


def log_file(name):
    """The log file as a digest lists it."""
    return digests.Log(KEYS[name], one_line({"Records": records(name)}), records(name))


def trails():
    """The digests of two trails: one at the top of the bucket, one below a prefix."""
    own = [[], ["billing-admins"], ["deploy", "onboarding", "two-members", "quiet"]]
    own = [[log_file(name) for name in hour] for hour in own]
    audit = [[], [log_file("stack")]]
    return [
        *digests.chain("", "trailbell", "2026-03-12T09:00:12", own),
        *digests.chain("audit logs+2026/", "audit", "2026-03-12T10:00:41", audit),
    ]


def stored_digest(digest):
    """The path of a digest in the store, and its bytes."""
    path = HERE / "store" / BUCKET / digest.key
    before = path.read_bytes() if path.exists() else None
    return path, deflate(digest.text, before)


def newest_digest():
    """The properties of a digest that notifications contain."""
    digest = trails()[2]
    body = stored_digest(digest)[1]
    return LogObject(digest.key, len(body), hashlib.md5(body).hexdigest())


def log_object(name):
    """The properties of an object that notifications contain."""
    if name in NOT_STORED:
        return LogObject(NOT_STORED[name], 1824, hashlib.md5(name.encode()).hexdigest())
    body = stored_object(name)[1]
    return LogObject(KEYS[name], len(body), hashlib.md5(body).hexdigest())


# The payloads. README.md describes the result of each.


def from_s3():
    """Direct notifications of S3."""
    version = "3HL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH"
    return {
        "s3-put.json": envelopes.s3_event(log_object("billing-admins")),
        "s3-put-versioned.json": envelopes.s3_event(log_object("deploy"), version),
        "s3-key-encoded.json": envelopes.s3_event(log_object("stack")),
        "s3-test-event.json": envelopes.s3_test_event(),
        "s3-quiet.json": envelopes.s3_event(log_object("quiet")),
        "s3-digest.json": envelopes.s3_event(newest_digest()),
        **{f"s3-{name}.json": envelopes.s3_event(log_object(name)) for name in NOT_STORED},
    }


def from_topics_and_queues():
    """Notifications through SNS, SQS or both."""
    sns, sqs, sns_body = envelopes.sns, envelopes.sqs, envelopes.sns_body
    subject = "Amazon S3 Notification"
    onboarding, quiet, raw = (
        one_line(envelopes.s3_event(log_object(name)))
        for name in ("onboarding", "quiet", "two-members")
    )
    test = one_line(envelopes.s3_test_event())
    trail = one_line(
        envelopes.cloudtrail_message(*map(log_object, ("onboarding", "stack", "quiet")))
    )
    return {
        "sns-s3.json": sns(onboarding, subject),
        "sns-cloudtrail.json": sns(trail),
        "sns-cloudtrail-validation.json": sns("CloudTrail validation message."),
        "sqs-s3.json": sqs(onboarding, quiet),
        "sqs-s3-test-event.json": sqs(test),
        "sqs-sns-s3.json": sqs(sns_body(onboarding, subject)),
        "sqs-sns-s3-raw.json": sqs(raw),
        "sqs-sns-s3-test-event.json": sqs(sns_body(test, subject)),
        "sqs-sns-cloudtrail.json": sqs(sns_body(trail)),
        "sqs-sns-cloudtrail-raw.json": sqs(trail),
    }


def from_other_services():
    """Events of EventBridge, on-failure destinations and CloudWatch Logs."""
    created = envelopes.eventbridge_object(log_object("stack"))
    call = envelopes.eventbridge(
        "AWS API Call via CloudTrail", "aws.iam", [], records("api-call")[0]
    )
    failed = envelopes.on_failure(envelopes.s3_event(log_object("deploy")))
    return {
        "eventbridge-object-created.json": created,
        "sqs-eventbridge-object-created.json": envelopes.sqs(one_line(created)),
        "eventbridge-api-call.json": call,
        "on-failure-destination.json": failed,
        "sqs-on-failure-destination.json": envelopes.sqs(one_line(failed)),
        "cloudwatch-logs.json": log_payload(
            "cloudwatch-logs.json", envelopes.log_events(records("log-stream"))
        ),
        "cloudwatch-logs-control.json": log_payload(
            "cloudwatch-logs-control.json", envelopes.log_control()
        ),
    }


def log_payload(file, message):
    """A payload of CloudWatch Logs. Like an object, it is kept if it inflates to the same text."""
    path = HERE / file
    before = (
        base64.b64decode(json.loads(path.read_text())["awslogs"]["data"]) if path.exists() else None
    )
    return envelopes.cloudwatch_logs(deflate(one_line(message), before))


# The files.


def files():
    """Path and bytes of every file that this script writes."""
    for name in KEYS:
        yield stored_object(name)
    for digest in trails():
        path, body = stored_digest(digest)
        yield path, body
        # A file system keeps no metadata: this is what `aws s3api get-object` prints.
        metadata = path.with_name(f"{path.name}.metadata.json")
        yield metadata, pretty({"Metadata": digest.metadata})
    yield HERE / "keys" / "public-keys.json", pretty(digests.public_keys())
    for file, payload in (from_s3() | from_topics_and_queues() | from_other_services()).items():
        yield HERE / file, pretty(payload)


def pretty(value):
    """JSON for people."""
    return (json.dumps(value, indent=2) + "\n").encode()


def unknown_files(made):
    """Files among those of this script that it does not write."""
    existing = [*HERE.glob("*.json"), *(it for it in (HERE / "store").rglob("*") if it.is_file())]
    return sorted(set(existing) - made)


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    made = dict(files())
    differ = [path for path, data in made.items() if not path.exists() or path.read_bytes() != data]
    if check:
        problems = [f"differs: {path.relative_to(HERE)}" for path in differ]
        problems += [
            f"not written by make.py: {path.relative_to(HERE)}" for path in unknown_files(set(made))
        ]
        sys.exit("\n".join([*problems, "run: python3 events/make.py"]) if problems else 0)
    for path in differ:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made[path])
        print(f"wrote {path.relative_to(HERE)}")


if __name__ == "__main__":
    main()
