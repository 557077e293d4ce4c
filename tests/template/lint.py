"""sam validate, sam validate --lint and cfn-lint over template.yaml with the parameters of each mode.

The linters look at defaults, not at parameters: so each mode is a copy of the template with its parameters as defaults.
That also checks them against what the parameters allow. Needs sam and cfn-lint on the PATH.
"""

import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from parameters import MODES
from resolve import FILE

# One of each partition that can be had, and one where IAM is not recorded.
REGIONS = ["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1"]


def with_defaults(text, parameters):
    """The template with other defaults."""
    for name, value in parameters.items():
        text, count = re.subn(
            rf"(?m)^(  {name}:\n    Type: \w+\n    Default: ).*$", lambda found: f'{found[1]}"{value}"', text
        )
        if count != 1:
            raise ValueError(f"template.yaml: parameter {name} has {count} defaults where one was expected")
    return text


def run(command):
    """What a linter complains of; none where it is content."""
    ran = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return None if ran.returncode == 0 else f"{' '.join(map(str, command))}:\n{ran.stdout}{ran.stderr}"


def main():
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for mode, parameters in MODES.items():
            file = Path(folder, mode.split(":")[0]).with_suffix(".yaml")
            file.write_text(with_defaults(FILE.read_text(), parameters))
            files.append(file)
        commands = [["cfn-lint", "--regions", *REGIONS, "--", *files]]
        commands += [["sam", "validate", *lint, "--template", file] for file in files for lint in ([], ["--lint"])]
        with ThreadPoolExecutor(2) as pool:
            complaints = [complaint for complaint in pool.map(run, commands) if complaint]
    if complaints:
        sys.exit("\n".join(complaints))
    print(f"{len(commands)} runs of the linters over {len(files)} modes, all content")


if __name__ == "__main__":
    main()
