"""The flags of rollout files, read once into a frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutOptions:
    """What the command line and the ini file say of rollouts."""

    files: tuple[str, ...] = ()
    """Globs of the names of rollout files."""
    base: str | None = None
    """The revision that the pull request started from; None: as the CI says; '': none."""
    records: tuple[str, ...] = ()
    """Folders of records, copied from production, or URLs."""


def add_rollout_options(group: pytest.OptionGroup, parser: pytest.Parser) -> None:
    """Declare the flags."""
    group.addoption(
        "--llm-base",
        dest="llm_base",
        metavar="REV",
        default=None,
        help="the revision with which rollout.yaml is compared: raising its percentage passes only on the evidence "
        "(default: what the CI says of a pull request; empty: compare with nothing)",
    )
    group.addoption(
        "--llm-rollout-records",
        dest="llm_rollout_records",
        metavar="FOLDER|URL",
        action="append",
        default=[],
        help="a rollout's records of other hosts, with all folders in it, read beside the sink's; may be repeated",
    )
    parser.addini(
        "llm_rollout_files",
        type="args",
        default=["rollout.yaml", "rollout.yml", "*.rollout.yaml", "*.rollout.yml"],
        help="globs of the names of rollout files",
    )


def read_rollout_options(config: pytest.Config) -> RolloutOptions:
    """Return the frozen options."""
    return RolloutOptions(
        files=tuple(config.getini("llm_rollout_files")),
        base=config.getoption("llm_base"),
        records=tuple(config.getoption("llm_rollout_records")),
    )
