"""What `aws cloudtrail validate-logs` says of the tampered trails in the tests.

    pip install awscli
    TRAILBELL_TAMPERED=/tmp/tampered cargo test -p trailbell-cli --test it -- tampering
    python3 scripts/tampered_validate_logs.py /tmp/tampered [AWS]
    TRAILBELL_WRITE_GOLDEN=1 cargo test -p trailbell-cli --test it -- tampering

The test writes each tampered trail as a folder. This serves each as a bucket in memory, runs the
AWS CLI once on it, and writes what it says to crates/cli/tests/it/verify/validate-logs.json. The
last command writes the table in docs/integrity.md from that.
"""

import json
import os
import pathlib
import subprocess
import sys

from compare_validate_logs import BUCKET, ROOT, Server

SAID = ROOT / "crates/cli/tests/it/verify/validate-logs.json"
START, END = "2026-03-12T00:17:05Z", "2026-03-12T08:17:05Z"
TRAIL_ARN = "arn:aws:cloudtrail:us-east-1:111122223333:trail/trail"
SUFFIX = ".metadata.json"


def load(folder):
    """Objects by key: stored bytes and metadata."""
    objects = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.endswith(SUFFIX):
            beside = path.with_name(path.name + SUFFIX)
            metadata = json.loads(beside.read_text())["Metadata"] if beside.exists() else {}
            objects[path.relative_to(folder).as_posix()] = (path.read_bytes(), metadata)
    return objects


def validate(aws, objects):
    """The exit code, and what is printed of digests and log files."""
    server = Server(objects, 0)
    command = [aws, "cloudtrail", "validate-logs", "--trail-arn", TRAIL_ARN, "--s3-bucket", BUCKET]
    command += ["--account-id", "111122223333", "--region", "us-east-1"]
    command += ["--start-time", START, "--end-time", END]
    env = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": server.url,
    }
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    said = [line.replace("\t", " ").strip() for line in (done.stdout + done.stderr).splitlines()]
    introduction = ("Validating log files", "Results requested", "Results found")
    lines = [line for line in said if line and not line.startswith(introduction)]
    return {"exit": done.returncode, "lines": lines}


def main():
    folder = pathlib.Path(sys.argv[1])
    aws = sys.argv[2] if len(sys.argv) > 2 else "aws"
    said = {}
    for trail in sorted(folder.iterdir()):
        said[trail.name] = validate(aws, load(trail))
        print(trail.name, said[trail.name], sep="\n  ")
    SAID.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
