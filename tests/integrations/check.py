"""Checks the pages of docs/integrations: their JSON, fields, filter policies and templates.

Fields are those of the document (crates/alert/tests/data/document-fields.tsv). The names of
attributes are those in docs/routing.md.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "integrations"
HOSTILE = 'a"b\\c\n<$.body.x> ${y} {"z": 1}'
LARGEST_PARAMETER = 4096


def main():
    fields, attributes = known_fields(), known_attributes()
    problems, checked = [], 0
    pages = sorted(PAGES.glob("*.md"))
    for page in pages:
        text = page.read_text()
        for kind, block in re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", text):
            checked += 1
            for problem in check_block(kind, block, fields, attributes):
                problems.append(f"{page.name}: {problem}")
        for problem in check_tables(text, fields):
            problems.append(f"{page.name}: {problem}")
        if page.name != "README.md" and f"({page.name})" not in (PAGES / "README.md").read_text():
            problems.append(f"{page.name}: README.md does not list it")
    command = ["cfn-lint", "--regions", "us-east-1", "eu-central-1", "--", PAGES / "pipe.yaml"]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        problems.append(f"pipe.yaml:\n{ran.stdout}{ran.stderr}")
    print(f"{len(pages)} pages with {checked} tested pieces, and pipe.yaml")
    if problems:
        sys.exit("\n".join(["failed:", *problems]))


def known_fields():
    """The fields of the document, and the objects that they are in."""
    lines = (ROOT / "crates/alert/tests/data/document-fields.tsv").read_text().splitlines()
    names = {line.split("\t")[0].replace("[]", "") for line in lines}
    parts = (name.split(".") for name in names)
    return names | {".".join(one[:end]) for one in parts for end in range(1, len(one))}


def known_attributes():
    table = (ROOT / "docs/routing.md").read_text().split("| attribute |", 1)[1].split("\n\n")[0]
    return {
        name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }


def check_block(kind, block, fields, attributes):
    match kind:
        case "json":
            yield from check_json(block, attributes)
        case "input":
            yield from check_input(block, fields)
        case "pattern":
            detail = json.loads(block)["detail"]
            yield from unknown(list(paths(detail)), fields)
        case "kql":
            yield from unknown(re.findall(r"[a-z_]+(?:\.[a-z_]+)+(?=\s*[:<>])", block), fields)
        case "spl":
            names = set(re.findall(r"(?:by |'|, |dedup )([a-z_]+(?:\.[a-z_]+)+)", block))
            yield from unknown(sorted(names), fields)
        case "logstash":
            names = [
                ".".join(re.findall(r"\[(\w+)\]", one)) for one in re.findall(r"%\{(.*)\}", block)
            ]
            yield from unknown(names, fields)
        case _:
            yield f"a block of {kind} is not tested"


def check_json(block, attributes):
    try:
        value = json.loads(block)
    except json.JSONDecodeError as error:
        yield f"not JSON: {error}: {block}"
        return
    parameters = (PAGES / "pipe.yaml").read_text().split("Resources:")[0]
    if isinstance(value, list):
        names = [one.split("=", 1)[0] for one in value]
        yield from (
            f"pipe.yaml has no parameter {name}"
            for name in names
            if f"  {name}:\n" not in parameters
        )
        for name in ("AlertsTopicArn", "Endpoint", "HeaderValue"):
            if name not in names:
                yield f"{name} is required"
    elif "Target" not in value:
        yield from (f"no attribute is called {name}" for name in value.keys() - attributes)


def check_input(block, fields):
    """Filled in as EventBridge does: texts in quotes are escaped, objects are not quoted."""
    names = re.findall(r"<\$\.body\.?([\w.]*)>", block)
    yield from unknown([name for name in names if name], fields)
    filled = re.sub(r'"<\$\.body\.[\w.]+>"', lambda _: json.dumps(HOSTILE), block)
    filled = filled.replace("<$.body>", json.dumps({"message": HOSTILE}))
    try:
        keys = json.loads(filled).keys()
    except json.JSONDecodeError as error:
        yield f"not JSON when filled in: {error}: {filled}"
        return
    if "z" in keys:
        yield "a value adds a key"
    if len(block) > LARGEST_PARAMETER:
        yield "longer than a parameter may be"


def paths(value, prefix=""):
    for name, one in value.items():
        path = f"{prefix}{name}"
        if isinstance(one, dict):
            yield from paths(one, f"{path}.")
        else:
            yield path


def check_tables(text, fields):
    for table in re.findall(r"(?m)^\| document \|.*\n((?:\|.*\n)+)", text):
        rows = table.splitlines()[1:]
        names = [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]
        if len(names) != len(rows):
            yield f"a table with {len(rows)} rows has {len(names)} fields"
        yield from unknown(names, fields)


def unknown(names, fields):
    yield from (f"the document has no field {name}" for name in names if name not in fields)


if __name__ == "__main__":
    main()
