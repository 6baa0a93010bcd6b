"""Whether a rollout can end before one of its models does; pure."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pytest_llmupgrade.deadlines import when
from pytest_llmupgrade.rollout.ruling import PASSED, Ruling
from pytest_llmupgrade.wording import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_llmupgrade.deadlines import Notice
    from pytest_llmupgrade.rollout.change import Change
    from pytest_llmupgrade.rollout.config import ArmName, Rollout


_ALL = 100.0
"""Where nobody is left to the old arm, its end stops nobody."""
_REMEDY = (
    ". Both arms must answer until then; where a server of yours keeps a model, "
    "write its own retires = DATE, or base_url, in [tool.llmupgrade.models]"
)


def last_day(rollout: Rollout, today: dt.date) -> dt.date:
    """Return the earliest day on which the steps that are left can be over."""
    left = sum(step.min_duration_s for step in rollout.steps if step.percent >= rollout.percent)
    return today + dt.timedelta(seconds=left)


def deadline_ruling(change: Change, notices: Mapping[ArmName, Notice], *, today: dt.date) -> Ruling:
    """Return whether either arm's model is shut down before the rollout could end.

    A start needs both models; later the old one's end is no reason to go slower, so it is only noted.
    """
    end = last_day(change.after, today)
    told = [
        (name, f"arms.{name}: {notice.match.name} {when(notice)}{_left(notice, end)}")
        for name, notice in notices.items()
        if notice.match.deadline.shutdown is not None and notice.match.deadline.shutdown <= end
    ]
    if not told:
        return _soon(notices)
    fails = any(_stops(change, name, notices[name]) for name, _ in told)
    words = "; ".join(words for _, words in sorted(told)) + (_REMEDY if fails else "")
    return Ruling(result="fail" if fails else "noted", words=f"deadline: {words}")


def _stops(change: Change, name: ArmName, notice: Notice) -> bool:
    if notice.match.deadline.earliest or change.kind == "present":
        return False
    return name == "new" or (change.kind == "start" and change.after.percent < _ALL)


def _left(notice: Notice, end: dt.date) -> str:
    days = (end - notice.today).days
    if not days or notice.stage == "gone":
        return ""
    return f", before the steps that are left can be over ({plural(days, 'day')}: {end})"


def _soon(notices: Mapping[ArmName, Notice]) -> Ruling:
    """Note a new model that ends soon after the rollout: the next upgrade is near."""
    notice = notices.get("new")
    if notice is None or notice.stage not in ("loud", "near"):
        return PASSED
    return Ruling(
        result="noted",
        words=f"deadline: arms.new: {notice.match.name} {when(notice)}: soon after the rollout",
    )
