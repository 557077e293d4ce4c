"""Writes crates/detect/data/managed-policies.tsv: what the policies that AWS manages grant.

Takes the documents from moto, which has a copy of them (moto/iam/aws_managed_policies.py, as of
`make aws_managed_policies`), and has them judged by the same code as any other policy. Only what a
way to more rights could need is written.

    target/moto-venv/bin/python scripts/managed_policies.py

.ci/run makes this environment, and installs the moto of tests/tools/requirements.txt in it.
"""

import json
import subprocess
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from importlib.metadata import version
from pathlib import Path

from moto.iam.aws_managed_policies import aws_managed_policies_data

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "crates/detect/data/managed-policies.tsv"

HEADER = """\
# What the policies that AWS manages grant, as far as a way to more rights could need it. Made by
# scripts/managed_policies.py from the documents of {count} policies, which moto {moto} copied from
# AWS. A policy that is not here grants nothing of that. The newest document has this date.
# Date: {date}
# Columns, separated by a tab: path and name, grants (a serialised `Grants`).
"""


def read_documents() -> dict:
    """The documents by path and name: `job-function/Billing`."""
    return {
        policy["Path"].removeprefix("/") + name: policy["Document"]
        for name, policy in json.loads(aws_managed_policies_data).items()
    }


def make_table(documents: dict) -> str:
    command = "cargo run --quiet --package trailbell-detect --example managed_policies"
    rows = subprocess.run(
        command.split(),
        cwd=ROOT,
        input=json.dumps(documents),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    policies = json.loads(aws_managed_policies_data).values()
    date = max(policy["UpdateDate"] for policy in policies)[:10]
    return HEADER.format(count=len(documents), moto=version("moto"), date=date) + rows


def main() -> None:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only check the table")
    parser.add_argument("--documents", action="store_true", help="only print the documents")
    arguments = parser.parse_args()
    documents = read_documents()
    if arguments.documents:
        print(json.dumps(documents))
        return
    table = make_table(documents)
    if not arguments.check:
        TABLE.write_text(table)
    elif TABLE.read_text() != table:
        sys.exit(f"{TABLE.name} is not up to date: run scripts/managed_policies.py")


if __name__ == "__main__":
    main()
