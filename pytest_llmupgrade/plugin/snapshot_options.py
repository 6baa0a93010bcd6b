"""The flags of snapshots, read once into a frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotOptions:
    """What the command line asks of snapshots."""

    replay: bool = False
    update: bool = False
    """syrupy's `--snapshot-update`."""
    accept: bool = False
    """Snapshots that passed may be replaced by ones that miss."""

    @property
    def any(self) -> bool:
        """Whether snapshots are read or written at all."""
        return self.replay or self.update


def add_snapshot_options(group: pytest.OptionGroup) -> None:
    """Declare the flags."""
    group.addoption(
        "--llm-replay",
        dest="llm_replay",
        action="store_true",
        help="take every answer from the snapshots: no network, no key; what they do not have is an error",
    )
    group.addoption(
        "--llm-accept-regressions",
        dest="llm_accept",
        action="store_true",
        help="let --snapshot-update replace answers that passed by answers that miss",
    )


def read_snapshot_options(config: pytest.Config) -> SnapshotOptions:
    """Return the frozen options."""
    return SnapshotOptions(
        replay=config.getoption("llm_replay"),
        update=bool(config.getoption("update_snapshots", default=False))
        and config.pluginmanager.has_plugin("syrupy"),
        accept=config.getoption("llm_accept"),
    )
