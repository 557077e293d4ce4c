#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets, fuzz/corpus/TARGET/, from this repository's samples."""

import gzip
import hashlib
import json
import os
import subprocess
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def toml_files():
    """The rules, and the example exceptions."""
    return [*(ROOT / "rules").glob("*.toml"), ROOT / "docs" / "exceptions-example.toml"]


def queries():
    """Every query of rules and exceptions."""
    for path in toml_files():
        file = tomllib.loads(path.read_text())
        for table in [file.get("rule", {}), *file.get("exception", [])]:
            if "query" in table:
                yield table["query"].encode()


def objects():
    """The log objects, compressed and inflated."""
    for path in (ROOT / "events" / "store").rglob("*.gz"):
        yield path.read_bytes()
        yield gzip.decompress(path.read_bytes())


def digests():
    """The digest files, inflated, one by one and as the chains of their trails."""
    folders = {}
    for path in sorted((ROOT / "events" / "store").rglob("*CloudTrail-Digest*.gz")):
        text = gzip.decompress(path.read_bytes())
        folders.setdefault(path.parent, []).append(text)
        yield text
    for chain in folders.values():
        yield b"[" + b",".join(chain) + b"]"


def policies():
    """A document of every way to more rights, and two with other elements."""
    table = ROOT / "crates" / "detect" / "data" / "escalation-ways.tsv"
    for line in table.read_text().splitlines():
        if not line.startswith("#"):
            statement = {
                "Effect": "Allow",
                "Action": line.split("\t")[1].split(","),
                "Resource": "*",
            }
            yield json.dumps({"Version": "2012-10-17", "Statement": [statement]}).encode()
    role = "arn:aws:iam::111122223333:role/app-*"
    mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    passed = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    for effect, condition in [("Allow", mfa), ("Deny", passed)]:
        statement = {"Effect": effect, "NotAction": "iam:G?t*", "NotResource": role}
        yield json.dumps({"Statement": statement | {"Condition": condition}}).encode()


def stored(*patterns):
    """What is in the ledger after the samples have been processed."""
    with tempfile.TemporaryDirectory() as ledger:
        env = os.environ | {"TRAILBELL_LEDGER": f"dir:{ledger}"}
        for name in ["s3-put", "sns-cloudtrail", "cloudwatch-logs", "eventbridge-api-call"]:
            command = ["cargo", "run", "--quiet", "--", "invoke", f"events/{name}.json"]
            subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
        for pattern in patterns:
            for path in filter(Path.is_file, Path(ledger).rglob(pattern)):
                yield path.read_bytes()


def models():
    """Logs of groups, policies and users, what calls say of them, and an import."""
    yield from stored("groups/*/*", "policies/*/*", "user-policies/*/*")
    document = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    inline = [{"PolicyName": "i", "PolicyDocument": document}]
    arn = "arn:aws:iam::111122223333:"
    yield json.dumps(
        {
            "GroupDetailList": [
                {"GroupName": "Ops", "Arn": arn + "group/Ops", "GroupPolicyList": inline}
            ],
            "UserDetailList": [
                {"UserName": "bob", "Arn": arn + "user/bob", "GroupList": ["Ops"]},
            ],
            "Policies": [{"PolicyName": "p", "Arn": arn + "policy/p"}],
        }
    ).encode()
    parameters = {"userName": "bob", "groupName": "Ops", "newUserName": "eve", "policyName": "i"}
    parameters |= {"policyArn": arn + "policy/p", "policyDocument": json.dumps(document)}
    for action in ["UpdateUser", "AttachUserPolicy", "PutUserPolicy", "AddUserToGroup"]:
        yield json.dumps(
            {
                "eventSource": "iam.amazonaws.com",
                "eventName": action,
                "eventTime": "2026-03-01T10:00:00Z",
                "recipientAccountId": "111122223333",
                "requestParameters": parameters,
            }
        ).encode()


def write(target, seeds):
    """Writes each seed to a file that is named after its hash."""
    corpus = ROOT / "fuzz" / "corpus" / target
    corpus.mkdir(parents=True, exist_ok=True)
    written = {hashlib.sha1(seed).hexdigest(): seed for seed in seeds}
    for name, seed in written.items():
        (corpus / name).write_bytes(seed)
    print(f"{target}: {len(written)} seeds")


write("digest", digests())
write("kql", queries())
write("ledger_entry", stored("entries/*"))
write("model", models())
write(
    "notification",
    (
        path.read_bytes()
        for path in (ROOT / "events").rglob("*.json")
        if path.parent.name != "records"
    ),
)
write("policy", policies())
write("reader", objects())
write("rule_file", (path.read_bytes() for path in toml_files()))
