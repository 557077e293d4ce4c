#!/usr/bin/env python3
"""sbom.py PACKAGE BINARY: prints a software bill of materials (CycloneDX 1.5, JSON).

It lists the crates that a package links on the targets that are released, with their versions,
licences and checksums: what Cargo.lock says, without what only builds or tests use. The serial
number follows from that, so the same sources have the same document.
"""

import json
import subprocess
import sys
import tomllib
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


def metadata():
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def linked(graph, root):
    """The ids of the packages that a package links, itself included."""
    nodes = {node["id"]: node for node in graph["resolve"]["nodes"]}
    found, new = set(), [root]
    while new:
        package = new.pop()
        if package not in found:
            found.add(package)
            new += [
                one["pkg"]
                for one in nodes[package]["deps"]
                if any(kind["kind"] is None for kind in one["dep_kinds"])
            ]
    return found


def checksums():
    packages = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    return {(one["name"], one["version"]): one.get("checksum") for one in packages}


def component(package, hashes):
    name, version = package["name"], package["version"]
    purl = f"pkg:cargo/{name}@{version}"
    one = {"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl}
    if package["license"]:
        one["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if checksum := hashes[name, version]:
        one["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return one


def bill(package_name, binary):
    graph = metadata()
    packages = {package["id"]: package for package in graph["packages"]}
    (root,) = (one["id"] for one in packages.values() if one["name"] == package_name)
    hashes = checksums()
    parts = [component(packages[one], hashes) for one in linked(graph, root) - {root}]
    parts.sort(key=lambda one: (one["name"], one["version"]))
    subject = component(packages[root], hashes) | {"type": "application", "name": binary}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, json.dumps([subject, parts]))}",
        "version": 1,
        "metadata": {"component": subject},
        "components": parts,
    }


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(json.dumps(bill(*sys.argv[1:]), indent=1))


if __name__ == "__main__":
    main()
