#!/usr/bin/env python3
"""template_for_zip.py ARCHITECTURE: prints template.yaml so that it deploys a zip of the function that lies beside it.

The zip is trailbell-lambda-ARCHITECTURE.zip, as the release has it; ARCHITECTURE is x86_64 or arm64. Nothing is built
then, and the template offers no other processor.
"""

import re
import sys
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent.parent / "template.yaml"
ARCHITECTURES = ["x86_64", "arm64"]


def replaced(pattern, replacement, text):
    """`text` with the one place that the pattern matches replaced."""
    result, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
    if count != 1:
        sys.exit(f"{TEMPLATE.name}: {count} places match {pattern!r}, there must be one")
    return result


def template(text, architecture):
    """The template for the zip of this architecture."""
    text = replaced(r"^( +)CodeUri: \.$", rf"\1CodeUri: trailbell-lambda-{architecture}.zip", text)
    # How to build it: of no use, and `sam build` would build the zip.
    text = replaced(r"^    Metadata:\n      BuildMethod: .*\n      BuildProperties:\n(?:        .*\n)+", "", text)
    parameter = r"^(  Architecture:\n(?:    .*\n)*?    Default: ).+(\n    AllowedValues:\n)(?:      - .+\n)+"
    return replaced(parameter, rf"\g<1>{architecture}\g<2>      - {architecture}\n", text)


if __name__ == "__main__":
    if sys.argv[1:] not in [[architecture] for architecture in ARCHITECTURES]:
        sys.exit(__doc__)
    sys.stdout.write(template(TEMPLATE.read_text(), sys.argv[1]))
