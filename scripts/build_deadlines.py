"""Builds pytest_llmupgrade/data/deadlines.json from two files of researched facts, named as arguments.

```sh
python scripts/build_deadlines.py facts/openai_deprecations.json facts/other_providers_deprecations.json
```

One row a line, sorted, so that a review sees which date moved.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "pytest_llmupgrade" / "data" / "deadlines.json"
_EARLIEST = "earliest possible shutdown date"


def main(arguments: list[str]) -> int:
    """Read the two files and write the package's data."""
    if len(arguments) != 2:  # noqa: PLR2004  two files
        sys.stderr.write(
            "usage: build_deadlines.py OPENAI_DEPRECATIONS.json OTHER_PROVIDERS_DEPRECATIONS.json\n"
        )
        return 2
    openai, others = (json.loads(Path(path).read_text(encoding="utf-8")) for path in arguments)
    TARGET.write_text(built(openai, others), encoding="utf-8")
    return 0


def built(openai: dict[str, Any], others: dict[str, Any]) -> str:
    """Return the text of the data file."""
    rows = [_openai_row(row, openai) for row in openai["models"]]
    _inherit_replacements(rows)
    rows += [_other_row(row) for row in others["models"]]
    rows.sort(key=lambda row: (row["provider"], row["id"]))
    head = {
        "note": "built by scripts/build_deadlines.py; do not edit",
        "as_of": max(openai["as_of"], others["as_of"]),
    }
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return json.dumps(head)[:-1] + ', "models": [\n' + lines + "\n]}\n"


def _openai_row(row: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    agree = [name for name, date in row["sources"].items() if date == row["shutdown_date"]]
    other = [f"{date} ({name})" for name, date in row["sources"].items() if date != row["shutdown_date"]]
    return _kept(
        provider="openai",
        id=row["id"],
        shutdown=_date(row["shutdown_date"]),
        announced=_date(row["announced"]),
        replacement=row["replacement_at_snapshot"],
        note=f"sources disagree: {'; '.join(other)}" if other else None,
        source=facts["canonical_url"],
        via=agree,
        checked=_date(facts["as_of"]),
    )


def _inherit_replacements(rows: list[dict[str, Any]]) -> None:
    """Give an alias the replacement of its snapshots, and a snapshot that of its alias, where all that end together agree."""
    for row in rows:
        kin = [other for other in rows if _family(other["id"]) == _family(row["id"]) and other is not row]
        found = {other.get("replacement") for other in kin if other["shutdown"] == row["shutdown"]} - {None}
        if not row.get("replacement") and len(found) == 1:
            row["replacement"] = found.pop()


def _family(name: str) -> str:
    return re.sub(r"-\d{4}-\d{2}-\d{2}$", "", name)


def _other_row(row: dict[str, Any]) -> dict[str, Any]:
    note = row.get("note", "")
    return _kept(
        provider=row["provider"],
        id=row["id"],
        aliases=row.get("aliases"),
        shutdown=_date(row.get("retires_on")),
        earliest=_EARLIEST in note,
        announced=_date(row.get("deprecated_on")),
        replacement=row.get("replacement"),
        note=note,
        source=row["source"],
        checked=_date(row["checked"]),
    )


def _kept(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _date(text: str | None) -> str | None:
    """Return a day as it stands; ValueError where it is none, so that no wrong date is ever built in."""
    return text and dt.date.fromisoformat(text).isoformat()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
