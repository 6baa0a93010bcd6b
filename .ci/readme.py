"""Holds the README's table to a real run: `python .ci/readme.py OUTPUT [--write]`.

Latencies are the machine's own and are blanked. Other CPUs may round a token differently, so counts may differ by
a few and shares by a few points; labels and layout may not differ at all.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"(<!-- table -->\n```text\n)(.*?)(```\n)", re.DOTALL)
NUMBER = re.compile(r"\d+(?:\.\d+)?")
TOLERANCE = 6.0
"""Cases, or percentage points."""


def table_of(output: str) -> str:
    """Return the report's table and the line that counts the flips, latencies blanked."""
    lines = output.splitlines()
    start = next(number for number, line in enumerate(lines) if "LLM upgrade:" in line)
    end = next(number for number, line in enumerate(lines) if " both missed" in line)
    kept = [
        re.sub(r"(latency p50 / p95).*", r"\1        ...", line).rstrip() for line in lines[start : end + 1]
    ]
    return "\n".join(kept) + "\n"


def same(told: str, found: str) -> bool:
    """Whether two tables have the same words, and numbers that are near each other."""
    if words(told) != words(found):
        return False
    pairs = zip(NUMBER.findall(told), NUMBER.findall(found), strict=True)
    return all(abs(float(a) - float(b)) <= max(TOLERANCE, 0.1 * float(b)) for a, b in pairs)


def words(table: str) -> list[str]:
    """Return a table's lines without numbers and without the spaces that align them."""
    return [re.sub(r"[\s\[]+", " ", NUMBER.sub("#", line)) for line in table.splitlines()]


def main(arguments: list[str]) -> int:
    """Check the README, or write the table into it."""
    found = table_of(Path(arguments[0]).read_text(encoding="utf-8"))
    readme = README.read_text(encoding="utf-8")
    if "--write" in arguments:
        README.write_text(BLOCK.sub(lambda match: match[1] + found + match[3], readme), encoding="utf-8")
        return 0
    told = BLOCK.search(readme)
    if told is None or not same(told[2], found):
        sys.stderr.write(
            f"README.md shows another table than this run; python .ci/readme.py OUTPUT --write\n{found}"
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
