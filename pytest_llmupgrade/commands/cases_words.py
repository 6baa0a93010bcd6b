"""What `llmupgrade cases` says of its work."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmupgrade.logs.drafting import LLM_JUDGE
from pytest_llmupgrade.settings import load_settings
from pytest_llmupgrade.wording import plural, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_llmupgrade.commands.cases import Wanted
    from pytest_llmupgrade.logs.building import Built, Tally
    from pytest_llmupgrade.logs.drafting import Judging
    from pytest_llmupgrade.logs.redact import Redactor

_LISTED = 20


def told(wanted: Wanted, made: Built, tally: Tally, redactor: Redactor | None) -> Iterator[str]:
    """Yield what was read, dropped, redacted and written."""
    verb = "added" if wanted.update else "written"
    yield f"{wanted.output}: {plural(len(made.drafts), 'case')} {verb}, for {plural(tally.kept, 'request')}"
    yield f"  read: {plural(tally.records, 'record')} ({reasons(tally.formats)})"
    dropped = Counter(tally.skipped)
    dropped.update({f"rated below {wanted.min_rating:g}": tally.low})
    dropped.update({"near duplicates": made.near, "already in the file": made.known})
    if made.distinct_exact:
        dropped.update({"duplicates": tally.kept - made.distinct, "not drawn": made.left})
    dropped.update({"unreadable": tally.unreadable})
    yield f"  dropped: {reasons(+dropped) or 'nothing'}"
    if not made.distinct_exact:
        yield f"  drawn from about {made.distinct:,} different questions in {plural(made.groups, 'group')}"
    if redactor is not None:
        yield f"  redacted: {reasons(redactor.found) or 'nothing found'}"
    for fault in tally.faults[:_LISTED]:
        yield f"  {printable(str(fault))}"
    if tally.unreadable > _LISTED:
        yield f"  ... and {tally.unreadable - _LISTED:,} more"
    if traffic := monthly(tally):
        first, last = (datetime.fromtimestamp(at, UTC).date() for at in (tally.first, tally.last))
        yield (
            f"  traffic: {tally.answered:,} requests from {first} to {last}; where that is all of it, "
            f"monthly_requests = {traffic:_} in [tool.llmupgrade]"
        )


def monthly(tally: Tally) -> int:
    """Return the requests of a month of 30.4 days at the rate of the logs, two digits of it; 0 where they do not tell."""
    days = (tally.last - tally.first) / 86_400
    if tally.timed < tally.answered or days < 1:
        return 0
    return max(1, int(float(f"{tally.answered / days * 30.4:.1e}")))


def next_command(wanted: Wanted, judges: Judging) -> str:
    """Return the command that runs what was written."""
    models = f"{wanted.snapshot_model},CANDIDATE" if wanted.snapshot_model else "MODEL"
    asks = LLM_JUDGE in (judges.default, *judges.by_category.values())
    judge = (
        " --llm-judge-model=JUDGE" if asks and not load_settings(Path("pyproject.toml")).judge.model else ""
    )
    return f"run: pytest {wanted.output} --llm-models={models}{judge}"


def reasons(counts: Counter[str]) -> str:
    """Return counts with what they count, the largest first."""
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items(), key=_most))


def _most(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
