"""What a pull request may do to a rollout."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmupgrade.errors import FaultyFiles
from pytest_llmupgrade.rollout.change import Change, step_fault
from pytest_llmupgrade.rollout.checks import RESERVED
from pytest_llmupgrade.rollout.recognising import has_rollout
from tests.rollout.making import FILE, changed, rollout

PERCENTS = (0, 5, 25, 50, 100)
NEW_ID = ("id: gpt-4o-2026-11", "id: gpt-4o-2026-12")


def at(percent: float, *changes: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Return changes of the file with another percentage."""
    return (("percent: 5\n", f"percent: {percent:g}\n"), *changes)


def change(
    before: tuple[tuple[str, str], ...] | None, after: tuple[tuple[str, str], ...], *, compared: bool = True
) -> Change:
    """Return the change from one version of the file to another; None: the base has no such file."""
    return Change(
        after=rollout(*after), before=None if before is None else rollout(*before), compared=compared
    )


OLD_ARM = ("old: {model: gpt-3.5-turbo", "old: {model: gpt-4")
NEW_ARM = ("new: {model: gpt-4o,", "new: {model: gpt-5,")
NEW_PROMPT = ("new: {model: gpt-4o, prompt: support}", "new: {model: gpt-4o, prompt: terse}")
SINK = ("./pilot", "./elsewhere")
CUT = ("  - {percent: 5,  min_duration: 24h, max_ratio: 3}\n", "")

# before, after, kind, label, what the fault says ('' : none)
TABLE = [
    (at(5), at(0), "lower", "5->0", ""),
    (at(100), at(5), "lower", "100->5", ""),
    (at(25), at(5, ("max_ratio: 3}", "max_ratio: 2}")), "lower", "25->5", ""),
    (at(25), at(5, NEW_ARM), "lower", "25->5", "another arm is another rollout; give it a new rollout.id"),
    (at(25), at(0, OLD_ARM), "lower", "25->0", "another arm is another rollout; give it a new rollout.id"),
    (at(5), at(5), "present", "5", ""),
    (at(0), at(0, NEW_ARM), "present", "0", ""),
    (at(5), at(5, ("max_ratio: 3}", "max_ratio: 2}")), "present", "5", ""),
    (None, at(0), "present", "0", ""),
    (None, at(5), "start", "0->5", ""),
    (at(0), at(5), "start", "0->5", ""),
    (at(25), at(5, NEW_ID, NEW_ARM), "start", "0->5", ""),
    (at(25), at(25, NEW_ID), "start", "0->25", "a rollout starts at its first step; write percent: 5"),
    (None, at(25), "start", "0->25", "write percent: 5"),
    (at(0), at(100), "start", "0->100", "write percent: 5"),
    (at(0), at(25, CUT), "start", "0->25", "the first step becomes 25 where it was 5"),
    (at(5), at(25, CUT, NEW_ID), "start", "0->25", "the first step becomes 25 where it was 5"),
    (at(5), at(25), "raise", "5->25", ""),
    (at(50), at(100), "raise", "50->100", ""),
    (at(5), at(50), "raise", "5->50", "no step may be skipped; write percent: 25"),
    (at(5), at(100), "raise", "5->100", "write percent: 25"),
    (at(5), at(25, ("max_ratio: 3}", "max_ratio: 9}")), "raise", "5->25", "steps changes, too"),
    (at(5), at(25, ("slow:  {", "slower:  {")), "raise", "5->25", "metrics changes, too"),
    (at(5), at(25, ("role: signal", "role: guardrail")), "raise", "5->25", "metrics changes, too"),
    (
        at(5),
        at(25, ("max_age: 1h", "max_age: 9d"), ("on_inconclusive: hold", "on_inconclusive: extend")),
        "raise",
        "5->25",
        "max_age and on_inconclusive change, too",
    ),
    (at(5), at(25, ("5xx]", "5xx, other]")), "raise", "5->25", "fallback changes, too"),
    (at(5), at(25, ("{path: ./pilot}", "{path: ./pilot, keep: 3}")), "raise", "5->25", ""),
    (at(5), at(25, SINK), "raise", "5->25", "sink ./pilot becomes ./elsewhere, where no rollback"),
    (at(5), at(5, SINK), "present", "5", "give it a new rollout.id"),
    (at(25), at(0, SINK), "lower", "25->0", "give it a new rollout.id"),
    (at(5), at(5, SINK, NEW_ID), "start", "0->5", ""),
    (at(5), at(25, ("./pilot", "pilot/")), "raise", "5->25", ""),
    (at(5), at(25, NEW_ARM), "raise", "5->25", "arms.new becomes gpt-5 with prompt support where gpt-4o"),
    (at(5), at(5, NEW_ARM), "present", "5", "another arm is another rollout; give it a new rollout.id"),
    (at(5), at(5, OLD_ARM), "present", "5", "arms.old becomes gpt-4 with prompt support where gpt-3.5-turbo"),
    (at(5), at(5, NEW_PROMPT), "present", "5", "becomes gpt-4o with prompt terse where gpt-4o with prompt"),
    (at(5), at(5, ("unit: conversation", "unit: user")), "present", "5", "deals everybody anew"),
    (at(5), at(5, ("2400", "9000")), "present", "5", "metrics.slow counts something else now"),
    (at(0), at(0, ("2400", "9000")), "present", "0", ""),
]


@pytest.mark.parametrize(("before", "after", "kind", "label", "words"), TABLE)
def test_table(
    before: tuple[tuple[str, str], ...] | None,
    after: tuple[tuple[str, str], ...],
    kind: str,
    label: str,
    words: str,
) -> None:
    """Each change is of its kind, has its label, and is refused in words that say what to write instead."""
    found = change(before, after)
    assert (found.kind, found.label) == (kind, label)
    fault = step_fault(found)
    assert (fault is None) == (words == "")
    assert words in (fault or "")


def test_without_a_base_nothing_is_raised() -> None:
    """Where no base is known, the step in force is looked at, whatever it is."""
    found = change(None, at(50), compared=False)
    assert (found.kind, found.label, step_fault(found)) == ("present", "50", None)


def test_item_names() -> None:
    """A raise has an item for each of the gate's checks and each metric of the step left; a lowering has one."""
    offline = ("evidence", "fingerprint", "deadline")
    gate = ("records", "duration", "traffic")
    metrics = ("error", "slow", "bad", "cost_usd")
    assert change(at(5), at(25)).item_names == ("step", *gate, *metrics, *offline)
    assert change(at(5), at(5)).item_names == ("step", *gate, *metrics, *offline)
    assert change(at(0), at(5)).item_names == ("step", *offline)
    assert change(None, at(0)).item_names == ("step", *offline)
    assert change(at(25), at(5)).item_names == ("step",)
    assert change(at(100), at(100)).item_names == ("step", *gate[:2], *metrics[:3], *offline)


def test_names_are_unique() -> None:
    """No metric may have the name of another item."""
    for name in RESERVED:
        with pytest.raises(FaultyFiles, match="the gate has a check of that name"):
            rollout(("error: {type: event}", f"{name}: {{type: event, source: error}}"))


@given(st.sampled_from(PERCENTS), st.sampled_from(PERCENTS), st.booleans(), st.booleans())
def test_any_change(before: float, after: float, same: bool, compared: bool) -> None:  # noqa: FBT001  drawn
    """Only one step up is ever allowed beside lowering, and a new id never inherits what another has earned."""
    found = change(at(before), at(after, *(() if same else (NEW_ID,))), compared=compared)
    allowed = step_fault(found) is None
    left = PERCENTS.index(before) if same else 0
    if not compared:
        assert (allowed, found.kind) == (True, "present")
    elif PERCENTS.index(after) <= left:
        assert allowed
        assert found.kind in ("lower", "present")
    else:
        assert allowed == (PERCENTS.index(after) == left + 1)
        assert found.kind == ("raise" if left else "start")
        assert {"evidence", "fingerprint"} <= set(found.item_names)
    assert len(set(found.item_names)) == len(found.item_names)


@given(st.sampled_from(PERCENTS[1:4]))
def test_a_raise_reads_the_step_that_is_left(percent: float) -> None:
    """The records of a raise are judged by the file that was in force when they were written."""
    following = PERCENTS[PERCENTS.index(percent) + 1]
    found = change(at(percent, ("max_ratio: 3}", "max_ratio: 2}")), at(following))
    assert found.judged is found.before
    assert found.left == percent
    present = replace(found, after=replace(found.after, percent=percent))
    assert present.judged is present.after


FOREIGN = [
    b"apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec:\n  strategy: {canary: {steps: []}}\n",
    b"rollout:\n  strategy: canary\n  steps: [10, 50]\n",
    b"rollout: {percent: 5}\nsteps: none\n",
    b"",
    b"\xff\xfe\x00",
    b"# rollout: arms: percent: steps:\n",
    b"steps: []\nmetrics: {}\nsink: {}\narms: {}\n",
]


@pytest.mark.parametrize("data", FOREIGN)
def test_foreign_files(data: bytes) -> None:
    """A rollout.yaml of another tool is none of ours."""
    assert not has_rollout(data)


@pytest.mark.parametrize(
    "text",
    [FILE, changed(("arms:", "arm:")), changed(("percent: 5\n", "percent: [\n")), FILE.replace("\n", "\r\n")],
)
def test_our_files(text: str) -> None:
    """Ours is known by its top-level keys, also where one has a slip, or where it is no YAML any more."""
    assert has_rollout(text.encode())
