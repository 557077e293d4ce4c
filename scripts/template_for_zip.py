#!/usr/bin/env python3
"""template_for_zip.py ARCHITECTURE: prints a template.yaml that deploys a zip next to it.

The zip is trailbell-lambda-ARCHITECTURE.zip of a release; ARCHITECTURE is x86_64 or arm64. The
template builds nothing, and allows no other architecture.
"""

import re
import sys
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent.parent / "template.yaml"
ARCHITECTURES = ["x86_64", "arm64"]


def replace_once(pattern, replacement, text):
    """`text` with the only match of the pattern replaced."""
    result, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
    if count != 1:
        sys.exit(f"{TEMPLATE.name}: {pattern!r} matches {count} times, not once")
    return result


def template(text, architecture):
    """The template for the zip of an architecture."""
    text = replace_once(
        r"^( +)CodeUri: \.$", rf"\1CodeUri: trailbell-lambda-{architecture}.zip", text
    )
    # Without the instructions to build it, or `sam build` would try to build the zip.
    text = replace_once(
        r"^    Metadata:\n      BuildMethod: .*\n      BuildProperties:\n(?:        .*\n)+",
        "",
        text,
    )
    default = r"^(  Architecture:\n(?:    .*\n)*?    Default: ).+"
    parameter = default + r"(\n    AllowedValues:\n)(?:      - .+\n)+"
    return replace_once(parameter, rf"\g<1>{architecture}\g<2>      - {architecture}\n", text)


if __name__ == "__main__":
    if sys.argv[1:] not in [[architecture] for architecture in ARCHITECTURES]:
        sys.exit(__doc__)
    sys.stdout.write(template(TEMPLATE.read_text(), sys.argv[1]))
