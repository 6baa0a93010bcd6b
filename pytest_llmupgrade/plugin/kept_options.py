"""The flags of kept runs and shards, read once into frozen values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOptions:
    """What the command line asks of kept runs."""

    keep: Path | None = None
    """Where this run is kept; None: in pytest's cache folder."""
    baseline: str | None = None
    """The kept run that stands in for the incumbent: a path, or a name as `llmupgrade runs` prints it."""
    shard: tuple[int, int] | None = None
    """(number, count): which part of the cases to run."""


def add_kept_options(group: pytest.OptionGroup) -> None:
    """Declare the flags."""
    group.addoption(
        "--llm-keep",
        dest="llm_keep",
        metavar="PATH.jsonl",
        default=None,
        help="keep this run's records in PATH (default: in pytest's cache folder; see `llmupgrade runs`)",
    )
    group.addoption(
        "--llm-baseline",
        dest="llm_baseline",
        metavar="RUN",
        default=None,
        help="compare with a kept run: its incumbent's answers stand beside this run's models, and are not asked again",
    )
    group.addoption(
        "--llm-shard",
        dest="llm_shard",
        metavar="N/COUNT",
        default=None,
        help="run only the Nth of COUNT parts of the cases; `llmupgrade merge` joins what the parts kept",
    )


def read_kept_options(config: pytest.Config, models: Sequence[str]) -> KeptOptions:
    """Return the frozen options; pytest.UsageError where a value is wrong."""
    keep: str | None = config.getoption("llm_keep")
    baseline: str | None = config.getoption("llm_baseline")
    shard = _shard(config.getoption("llm_shard"))
    if keep is not None and Path(keep).suffix != ".jsonl":
        raise pytest.UsageError(
            f"--llm-keep={keep}: a run is kept as JSON lines; write --llm-keep=NAME.jsonl"
        )
    for flag, value in (("--llm-keep", keep), ("--llm-baseline", baseline), ("--llm-shard", shard)):
        if value is not None and not models:
            raise pytest.UsageError(f"{flag} needs --llm-models=MODEL[,MODEL...] beside it")
    return KeptOptions(keep=None if keep is None else Path(keep), baseline=baseline, shard=shard)


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise pytest.UsageError(
            f"--llm-shard={text}: write N/COUNT with N from 1 to COUNT, such as --llm-shard=1/4"
        )
    return int(match[1]), int(match[2])
