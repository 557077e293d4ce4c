"""Checks that the documents refer to what exists: links between them, with their anchors, and files
of the repository that they name as code. Prints what does not exist."""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]

# A file or a folder below one of these, without placeholders such as NAME.
PATH = re.compile(
    r"(?!.*\b[A-Z]+\b(?!\.md))"
    r"(?:src|crates|docs|events|fuzz|rules|scripts|terraform|tests)/[\w./-]+"
)


def inline_tokens(text: str) -> list[Token]:
    blocks = MarkdownIt("commonmark").enable("table").parse(text)
    return [token for block in blocks for token in block.children or []]


def anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    blocks = MarkdownIt("commonmark").parse(text)
    found: set[str] = set()
    for opening, heading in pairwise(blocks):
        if opening.type != "heading_open":
            continue
        words = "".join(token.content for token in heading.children or [])
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        repeated = [f"{slug}-{n}" for n in range(1, 100)]
        found.add(next(name for name in [slug, *repeated] if name not in found))
    return found


def link_problem(document: Path, target: str) -> str | None:
    if re.match(r"[a-z]+:", target):
        return None
    path, _, anchor = target.partition("#")
    linked = (document.parent / path).resolve() if path else document
    if not linked.exists():
        return "no such file"
    if anchor and linked.suffix == ".md" and anchor not in anchors(linked.read_text()):
        return "no such heading"
    return None


def problems(document: Path) -> list[str]:
    found = []
    for token in inline_tokens(document.read_text()):
        target = token.attrGet("href") or token.attrGet("src")
        if isinstance(target, str) and (problem := link_problem(document, target)):
            found.append(f"{target}: {problem}")
        is_path = token.type == "code_inline" and PATH.fullmatch(token.content)
        # From the root, or from the document.
        if is_path and not any((it / token.content).exists() for it in (ROOT, document.parent)):
            found.append(f"`{token.content}`: no such file")
    return found


def main() -> int:
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    failed = False
    for name in listed.stdout.splitlines():
        for problem in problems(ROOT / name):
            print(f"{name}: {problem}")
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
