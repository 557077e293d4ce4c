"""Runs sam validate and cfn-lint over template.yaml, with the parameters of each mode.

The linters look at the defaults of parameters, so each mode is a copy of the template with its
parameters as defaults. That also checks them against the allowed values. Needs sam and cfn-lint on
the PATH.
"""

import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from parameters import MODES
from resolve import FILE

# One of each public partition, and one where IAM is not recorded.
REGIONS = ["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1"]


def with_defaults(text, parameters):
    """The template with other defaults."""
    for name, value in parameters.items():
        default = rf"(?m)^(  {name}:\n    Type: \w+\n    Default: ).*$"
        text, count = re.subn(default, rf'\g<1>"{value}"', text)
        if count != 1:
            raise ValueError(f"template.yaml: parameter {name} has {count} defaults, not one")
    return text


def run_linter(command):
    """The command and its output if it fails, else None."""
    ran = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if ran.returncode == 0:
        return None
    return f"{' '.join(map(str, command))}:\n{ran.stdout}{ran.stderr}"


def main():
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for mode, parameters in MODES.items():
            file = Path(folder, mode.split(":")[0]).with_suffix(".yaml")
            file.write_text(with_defaults(FILE.read_text(), parameters))
            files.append(file)
        commands = [["cfn-lint", "--regions", *REGIONS, "--", *files]]
        commands += [
            ["sam", "validate", *lint, "--template", file]
            for file in files
            for lint in ([], ["--lint"])
        ]
        with ThreadPoolExecutor(2) as pool:
            failures = [failure for failure in pool.map(run_linter, commands) if failure]
    if failures:
        sys.exit("\n".join(failures))
    print(f"{len(commands)} linter runs over {len(files)} modes passed")


if __name__ == "__main__":
    main()
